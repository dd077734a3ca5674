"""Values that are known while a program is translated for JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from rugged_widget.infer.compiled.jax.jax_program import Result, Slot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rugged_widget.infer.compiled.jax.jax_program import Dtype

Tree: TypeAlias = Any  # values, alone or in lists, tuples and dicts
_Value = TypeVar("_Value")

DTYPES: dict[torch.dtype, Dtype] = {
    torch.bool: np.dtype(np.bool_),
    torch.uint8: np.dtype(np.uint8),
    torch.int8: np.dtype(np.int8),
    torch.int16: np.dtype(np.int16),
    torch.int32: np.dtype(np.int32),
    torch.int64: np.dtype(np.int64),
    torch.float16: np.dtype(np.float16),
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
"""Types that JAX computes in as torch does."""

PLACES_AT = {
    "aten._unsafe_index.Tensor": 1,
    "aten._unsafe_index_put.default": 1,
    "aten.embedding.default": 1,
    "aten.gather.default": 2,
    "aten.index.Tensor": 1,
    "aten.index_add.default": 2,
    "aten.index_put.default": 1,
    "aten.index_select.default": 2,
    "aten.masked_select.default": 1,
    "aten.scatter.src": 2,
    "aten.scatter.value": 2,
    "aten.scatter_add.default": 2,
}
"""Operations and the argument that says where: where it never changes, JAX need not look at it in every step."""

_WRITES = frozenset({"aten.index_put.default", "aten._unsafe_index_put.default"})


class RefusedError(Exception):
    """An operation cannot be translated; the text is its name and what is special about it."""


@dataclass(frozen=True, eq=False)
class Known:
    """A value of the example.

    Attributes
    ----------
    value
        Itself.
    slot
        Where a step keeps it.
    fixed
        Itself as an array, where it is the same in all steps.
    """

    value: Tensor
    slot: Slot
    fixed: NDArray[Any] | None = None


def mapped(kind: type[Any], function: Callable[[Any], Tree], tree: Tree) -> Tree:
    """Replace all values of a kind in lists, tuples and dicts."""
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: mapped(kind, function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [mapped(kind, function, value) for value in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    return tree


def gathered(kind: type[_Value], tree: Tree) -> list[_Value]:
    """Return all values of a kind in lists, tuples and dicts, in order."""
    found: list[_Value] = []
    mapped(kind, found.append, tree)
    return found


def result_of(value: Tensor, name: str) -> Result:
    """Return what a value looks like, of the operation with this name."""
    if value.dtype not in DTYPES or value.device.type != "cpu":
        raise RefusedError(f"{name} (of {value.dtype} on {value.device})")
    return Result(tuple(value.shape), DTYPES[value.dtype])


def argument(name: str, value: Tree, *, as_array: bool = False) -> Tree:
    """Return an argument without torch: values as slots, or as arrays where that is asked and they never change."""
    if isinstance(value, Known):
        return value.fixed if as_array and value.fixed is not None else value.slot
    if isinstance(value, (list, tuple)):
        return [argument(name, part, as_array=as_array) for part in value]
    if isinstance(value, torch.dtype) and value in DTYPES:
        return DTYPES[value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise RefusedError(f"{name} (with {value!r})")


def check(name: str, args: Sequence[Tree]) -> None:
    """Refuse what a counterpart could compute for the example only."""
    if name.startswith("aten.as_strided"):
        shape, strides, *offset = (part for part in args if not isinstance(part, Known))
        _check_strides(name, args[0].value, shape, strides, offset[0] if offset else None)
    elif PLACES_AT.get(name) == 1:
        for mask in gathered(Known, args[1]):
            _check_mask(name, mask, args)


def _check_strides(name: str, values: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int | None) -> None:
    """Refuse strides through memory that is not just the values, in order."""
    last = (offset or 0) + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if not values.is_contiguous() or values.storage_offset() or last >= values.numel():
        raise RefusedError(f"{name} (of a view)")


def _check_mask(name: str, mask: Known, args: Sequence[Tree]) -> None:
    """Refuse masks of which only the example says how many elements they take."""
    if mask.value.dtype == torch.uint8:
        raise RefusedError(f"{name} (with a mask of {mask.value.dtype})")
    if mask.value.dtype != torch.bool or (name == "aten.masked_select.default" and mask.fixed is not None):
        return
    fills = name in _WRITES and len(args[1]) == 1 and args[2].value.numel() == 1
    if mask.fixed is None and not fills:
        raise RefusedError(f"{name} (with a mask that steps change)")
    if not mask.value.ndim:
        raise RefusedError(f"{name} (with a mask of no dimension)")
