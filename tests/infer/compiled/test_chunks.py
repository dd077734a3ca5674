"""A graph that is cut into chunks computes the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rugged_widget.infer.compiled import torchscript_engine
from rugged_widget.infer.compiled.chunks import chunks
from rugged_widget.infer.compiled.program import Program
from rugged_widget.infer.compiled.torchscript_engine import GraphEngine
from tests.infer.compiled.graphs import traced, without_writes

X, WEIGHTS = torch.linspace(-1.0, 1.0, 6).reshape(2, 3), torch.arange(3.0)


def compute(x: Tensor, unused: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
    first = x.exp() * WEIGHTS
    values, places = first.sort(1)
    for _ in range(3):
        first = first.tanh() + shift
    return (values.sum() + first.sum(), places + 1, first * WEIGHTS, WEIGHTS)


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_chunks_compute_in_turn_what_the_graph_does(size: int) -> None:
    example = X, torch.zeros(2), torch.tensor(0.5)
    parts = chunks(traced(compute, *example), size)
    assert (len(parts) == 1) == (size == 100)
    values = X + 1, torch.zeros(2), torch.tensor(-1.0)
    expected = compute(*values)
    for part in parts:
        values = part(*values)
    assert len(values) == len(expected)
    assert all(map(torch.equal, values, expected))


def test_a_graph_without_operations_is_one_chunk() -> None:
    (part,) = chunks(traced(lambda x: (x, WEIGHTS), X))
    x, weights = part(X)
    assert x is X
    assert torch.equal(weights, WEIGHTS)


@pytest.mark.parametrize("size", [2, 7])
def test_torch_script_runs_the_chunks_as_it_runs_the_whole(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(params: Tensor, rate: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        drawn = (params + noise * WEIGHTS).tanh().exp()
        return (drawn * drawn).sum(), params - rate * drawn.cos()

    example = (torch.zeros(3), torch.tensor(0.1), torch.ones(3))
    program = Program(without_writes(step, *example), example[:1], example[1:])
    rows = [torch.tensor([0.1, 0.2, 0.3]), torch.eye(3)]
    whole = GraphEngine.of(program)
    monkeypatch.setattr(torchscript_engine, "MAX_NODES", size)
    cut = GraphEngine.of(program)
    assert cut.how == whole.how == "by TorchScript"
    (state,), losses = cut.run(example[:1], rows)
    (expected,), expected_losses = whole.run(example[:1], rows)
    assert torch.equal(state, expected)
    assert torch.equal(losses, expected_losses)
