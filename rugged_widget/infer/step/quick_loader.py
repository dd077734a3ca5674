"""Iterate over a DataLoader of tensors by picking all rows of a batch at once."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, TensorDataset, default_collate


def batches_of(loader: DataLoader[Any]) -> Iterator[Any]:
    """Return an iterator over the loader's batches: the same ones, after the same random numbers.

    Over a TensorDataset the loader itself picks rows one by one and stacks them, some 5 us a row: more than a captured
    step takes. What is anything else, or does not stack rows in the way that loaders do by themselves, is left to it.
    """
    iterator = iter(loader)  # it draws a seed, whether there are workers who need it or not
    places = getattr(iterator, "_sampler_iter", None)
    if places is None or not _is_plain(loader):
        return iterator
    return _picked(loader.dataset.tensors, places)  # type: ignore[attr-defined] # a TensorDataset


def _picked(tensors: tuple[torch.Tensor, ...], places: Iterator[list[int]]) -> Iterator[list[torch.Tensor]]:
    for rows in places:
        index = torch.tensor(rows, dtype=torch.int64, device="cpu")
        yield [tensor.index_select(0, index) for tensor in tensors]


def _is_plain(loader: DataLoader[Any]) -> bool:
    if type(loader) is not DataLoader or type(loader.dataset) is not TensorDataset:
        return False
    stacks = type(loader.batch_sampler) is BatchSampler and loader.collate_fn is default_collate
    alone = loader.num_workers == 0 and not loader.pin_memory
    tensors = loader.dataset.tensors
    return stacks and alone and all(_is_data(tensor) for tensor in tensors)


def _is_data(tensor: torch.Tensor) -> bool:
    on_cpu = type(tensor) is torch.Tensor and tensor.device.type == "cpu" and tensor.layout is torch.strided
    return on_cpu and not tensor.requires_grad
