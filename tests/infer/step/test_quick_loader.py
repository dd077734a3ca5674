"""What is picked at once is what the loader gives, and draws what the loader draws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler

from rugged_widget.infer.step.quick_loader import batches_of

X = torch.arange(33.0).reshape(11, 3)
ROWS = TensorDataset(X, X.T.contiguous().T[:, 0], torch.arange(11), X[:, :2] > 4)


def doubled(rows: Any) -> Any:
    return [2 * torch.stack(column) for column in zip(*rows, strict=True)]


class Named(TensorDataset):
    def __getitem__(self, index: int) -> Any:
        return {"x": self.tensors[0][index]}


@pytest.mark.parametrize(
    ("loader", "quick"),
    [
        (DataLoader(ROWS, batch_size=4), True),
        (DataLoader(ROWS, batch_size=4, shuffle=True), True),
        (DataLoader(ROWS, batch_size=4, shuffle=True, drop_last=True), True),
        (DataLoader(ROWS, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(1)), True),
        (DataLoader(ROWS, batch_size=4, sampler=RandomSampler(ROWS, replacement=True, num_samples=40)), True),
        (DataLoader(ROWS, batch_size=4, sampler=WeightedRandomSampler([1.0] * 11, 9)), True),
        (DataLoader(ROWS, batch_size=None, shuffle=True), False),
        (DataLoader(ROWS, batch_size=4, collate_fn=doubled), False),
        (DataLoader(Named(X), batch_size=4, shuffle=True), False),
        (DataLoader(TensorDataset(X.to_sparse()), batch_size=None), False),
    ],
)
def test_batches_and_random_numbers_are_the_loaders_own(loader: Any, quick: bool) -> None:
    outcomes = []
    for begin in (iter, batches_of):
        torch.manual_seed(2)
        if loader.generator is not None:
            loader.generator.manual_seed(3)
        iterator = begin(loader)
        first = next(iterator)
        between = torch.rand(())  # of a step
        outcomes.append(([first, *iterator], between, torch.get_rng_state()))
    torch.testing.assert_close(outcomes[1], outcomes[0], rtol=0, atol=0)
    assert (type(batches_of(loader)).__name__ == "generator") == quick
    layouts = [[[tensor.stride() for tensor in batch] for batch in batches] for batches, *_ in outcomes if quick]
    assert not quick or layouts[0] == layouts[1]
