"""A graph whose shapes follow the numbers of a batch is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from rugged_widget.infer.compiled.capture.shapes_by_value import refuse_shapes_by_value
from rugged_widget.infer.compiled.program import UnsupportedError

STATE, BATCH, LENGTHS = torch.ones(3, 2), torch.tensor([1.0, -1.0, 2.0]), torch.tensor([2, 1])


def refuse(compute: Callable[..., Any], *batch: torch.Tensor) -> None:
    graph = make_fx(compute)(STATE, *batch)
    refuse_shapes_by_value(graph, (STATE, *batch), 1)


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (lambda state, x: state[x > 0].sum(), "index"),
        (lambda _, x: x.nonzero().sum(), "nonzero"),
        (lambda _, x: torch.unique(x + 1).sum(), "unique"),
        (lambda state, x: state.masked_select(x[:, None] > 0), "masked_select"),
    ],
)
def test_shapes_that_follow_a_batch_are_refused(compute: Any, name: str) -> None:
    with pytest.raises(UnsupportedError, match=f"the numbers of a batch decide the shape of a tensor .*{name}"):
        refuse(compute, BATCH)


def test_lengths_of_sequences_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="pack_padded_sequence"):
        refuse(lambda state, n: torch._VF._pack_padded_sequence(state[:2], n, True)[0].sum(), LENGTHS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "compute",
    [
        lambda state, x: (state * x[:, None]).sum(),
        lambda state, x: state[(x > 0).long()].sum(),
        lambda state, x: state[STATE[:, 0] > 0].sum() + x.sum(),
        lambda state, x: state.masked_select(x[:, None] < 9).sum(),
        lambda state, x: torch.where(x[:, None] > 0, state, 0.0).sum(),
    ],
    ids=["values", "places", "a mask that stays", "a mask that leaves out nothing", "where"],
)
def test_values_that_follow_a_batch_are_not(compute: Any) -> None:
    refuse(compute, BATCH)
