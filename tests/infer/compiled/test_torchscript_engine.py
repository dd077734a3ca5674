"""TorchScript and Python run a program alike; where the one cannot, the other does and says why."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rugged_widget.infer.compiled import torchscript_engine as graph_engine
from rugged_widget.infer.compiled.program import Program
from rugged_widget.infer.compiled.torchscript_engine import GraphEngine, scripted
from tests.infer.compiled.graphs import without_writes

STATE = (torch.tensor([1.0, -2.0, 3.0]), torch.zeros(3))
INPUTS = (torch.tensor(0.5), torch.tensor([0.1, 0.2, -0.3]), torch.zeros(2, 2))
SCALE = torch.tensor([1.0, 2.0, 3.0])


def one_step(params: Tensor, moment: Tensor, rate: Tensor, noise: Tensor, matrix: Tensor) -> tuple[Tensor, ...]:
    drawn = params + noise * SCALE
    moment = 0.9 * moment + drawn.tanh()
    return (drawn * drawn).sum() + matrix.exp().sum(), params - rate * moment, moment


def rows(num_steps: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(num_steps)
    return [torch.randn((num_steps, *value.shape), generator=generator) for value in INPUTS]


def by_hand(state: tuple[Tensor, ...], inputs: list[Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
    losses = []
    for row in zip(*inputs, strict=True):
        loss, *rest = one_step(*state, *row)
        state = tuple(rest)
        losses.append(loss)
    return state, torch.stack(losses)


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(without_writes(one_step, *STATE, *INPUTS), STATE, INPUTS)


@pytest.fixture(scope="module")
def by_torch_script(program: Program) -> GraphEngine:
    return GraphEngine.of(program)


@pytest.fixture
def by_python(program: Program, monkeypatch: pytest.MonkeyPatch) -> GraphEngine:
    monkeypatch.setattr(graph_engine, "SCRIPTABLE", False)
    return GraphEngine.of(program)


@pytest.mark.parametrize("num_steps", [1, 2, 5, 64])
def test_both_take_the_steps_one_after_the_other(
    by_torch_script: GraphEngine, by_python: GraphEngine, num_steps: int
) -> None:
    expected, losses = by_hand(STATE, rows(num_steps))
    for engine in (by_torch_script, by_python):
        found, found_losses = engine.run(STATE, rows(num_steps))
        assert found_losses.shape == (num_steps,)
        torch.testing.assert_close((found, found_losses), (expected, losses), rtol=1e-5, atol=1e-6)
    assert by_torch_script.how == "by TorchScript"
    assert by_python.how == "by Python, node by node"


def test_a_run_changes_neither_the_state_nor_the_inputs_that_it_is_given(
    by_torch_script: GraphEngine, by_python: GraphEngine
) -> None:
    for engine in (by_torch_script, by_python):
        given = [value.clone() for value in STATE], rows(3)
        after, _ = engine.run(tuple(given[0]), given[1])
        for vector in after:
            vector.zero_()
        assert all(torch.equal(value, kept) for value, kept in zip(given[0], STATE, strict=True))
        assert all(torch.equal(value, kept) for value, kept in zip(given[1], rows(3), strict=True))


def test_a_run_follows_no_gradients(by_torch_script: GraphEngine, by_python: GraphEngine) -> None:
    leaf = STATE[0].clone().requires_grad_()
    for engine in (by_torch_script, by_python):
        with torch.enable_grad():
            state, losses = engine.run((leaf, STATE[1]), rows(2))
        assert not losses.requires_grad
        assert not any(vector.requires_grad for vector in state)


def failing(text: str) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(text)

    return fail


@pytest.mark.parametrize("where", ["_traced", "_looped"])
def test_where_torch_script_fails_python_runs_the_same_and_says_why(
    program: Program, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(graph_engine, where, failing("no such operator\nand much more"))
    engine = GraphEngine.of(program)
    assert engine.how == "by Python, node by node, because torch.jit said: no such operator"
    torch.testing.assert_close(engine.run(STATE, rows(3)), by_hand(STATE, rows(3)), rtol=1e-5, atol=1e-6)


def test_a_failure_without_words_is_a_failure_too(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_engine, "_traced", failing(""))
    assert "torch.jit said" in GraphEngine.of(program).how


def test_what_fails_only_when_it_is_run_is_found_before_the_first_step(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_engine, "_looped", lambda _: failing("cannot run"))
    engine = GraphEngine.of(program)
    assert "cannot run" in engine.how
    engine.run(STATE, rows(1))


def double(value: Tensor) -> Tensor:
    return value * 2


def test_the_users_own_use_of_torch_script_still_warns(program: Program) -> None:
    with warnings.catch_warnings(record=True) as before:
        warnings.simplefilter("always")
        torch.jit.trace(double, (torch.zeros(1),))
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        GraphEngine.of(program)
    with warnings.catch_warnings(record=True) as after:
        warnings.simplefilter("always")
        torch.jit.trace(double, (torch.zeros(1),))
    assert [str(warning.message) for warning in ours] == []
    assert [str(warning.message) for warning in after] == [str(warning.message) for warning in before]


def test_nothing_is_left_in_torchs_own_list_of_what_it_traced(program: Program) -> None:
    """Classes and functions that are listed there are kept, with their graphs, until the process ends."""
    before = len(torch.jit._state._python_cu.get_functions())
    engine = GraphEngine.of(program)
    scripted(without_writes(lambda a: (a.sin() * SCALE, a + 1), SCALE), (SCALE,))
    assert engine.how == "by TorchScript"
    assert len(torch.jit._state._python_cu.get_functions()) == before


def test_a_graph_of_one_call_is_scripted_or_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = without_writes(lambda a: (a.sin() * SCALE, a + 1), SCALE)
    run = scripted(graph, (SCALE,))
    assert run is not graph
    torch.testing.assert_close(tuple(run(-SCALE)), tuple(graph(-SCALE)))
    monkeypatch.setattr(graph_engine, "_traced", failing("no"))
    assert scripted(graph, (SCALE,)) is graph
    monkeypatch.setattr(graph_engine, "SCRIPTABLE", False)
    assert scripted(graph, (SCALE,)) is graph


def test_a_program_without_random_numbers_and_moments_is_run_too() -> None:
    def descend(params: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        return (params**2).sum(), params - rate * 2 * params

    start = torch.tensor([1.0, 2.0])
    graph = without_writes(descend, start, torch.tensor(0.1))
    engine = GraphEngine.of(Program(graph, (start,), (torch.tensor(0.1),)))
    (params,), losses = engine.run((start,), [torch.tensor([0.1, 0.25])])
    torch.testing.assert_close(params, start * 0.8 * 0.5)
    torch.testing.assert_close(losses, torch.tensor([5.0, 3.2]))
