"""A number that changes from step to step is an input of the captured step, or a reason not to capture it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro
import pytest
import torch

from tests.infer.batch_problems import Parts, bare_loop, line, regression
from tests.infer.svi.test_batches import PIECES, assert_like, fit_of, losses, num_programs


def heat_of(step: int) -> float:
    return min(1.0, (step + 1) / 20)


def tempered(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    with pyro.poutine.scale(scale=heat):
        line(x, y)


def assert_tempered(model: Any, number: Callable[[int], Any], engine: str, reason: str) -> None:
    """Train with a number that changes, and compare."""
    parts = Parts(model, regression().make_guide)

    def call(step: int) -> tuple[Any, ...]:
        return (*PIECES[step % 3], number(step))

    fit = fit_of(parts, call)
    fit.advance(3)
    for _ in range(4):
        fit.advance(4)
    assert fit.engine.name == engine, fit.engine.reason
    assert reason in fit.engine.reason
    fit.advance(21)
    assert_like(fit, bare_loop(parts, lambda: (call(step) for step in range(40)), 40))


def test_a_number_that_changes_with_the_step_is_an_input() -> None:
    assert_tempered(tempered, heat_of, "graph", "captured")


def test_a_number_that_begins_to_change_is_an_input_from_then_on() -> None:
    parts = Parts(tempered, regression().make_guide)

    def call(step: int) -> tuple[Any, ...]:
        return (*PIECES[step % 3], 0.1 if step < 10 else heat_of(step))

    fit = fit_of(parts, call)
    fit.advance(40)
    assert num_programs(fit) == 2
    assert_like(fit, bare_loop(parts, lambda: (call(step) for step in range(40)), 40))


def counted(x: torch.Tensor, y: torch.Tensor, step: int) -> None:
    with pyro.poutine.scale(scale=1.0 - 0.5**step):
        line(x, y)


def test_a_counter_is_an_input_too() -> None:
    assert_tempered(counted, lambda step: step + 1, "graph", "captured")


def by_name(x: torch.Tensor, y: torch.Tensor, options: dict[str, Any]) -> None:
    assert options["name"] == "heat"
    tempered(x, y, options["heats"][1])


def test_a_number_inside_of_other_things_is_found() -> None:
    assert_tempered(by_name, lambda step: {"name": "heat", "heats": [0.5, heat_of(step)]}, "graph", "captured")


def copied(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    tempered(x, y, torch.tensor(heat) * 0.5)  # type: ignore[arg-type] # a tensor will do


def test_a_number_that_becomes_a_tensor_is_an_input_and_nothing_warns() -> None:
    assert_tempered(copied, heat_of, "graph", "captured")


def branching(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    tempered(x, y, 0.5 if heat > 0.5 else 2.0 * heat)


def in_mathematics(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    tempered(x, y, math.exp(-heat))


def sliced(x: torch.Tensor, y: torch.Tensor, count: int) -> None:
    line(x[:count], y[:count])


def named(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    pyro.deterministic(f"heat {heat:.2f}", torch.tensor(heat))
    tempered(x, y, heat)


def in_a_list(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    tempered(x, y, torch.tensor([heat, 1.0]).prod())  # type: ignore[arg-type] # as above


def filled(x: torch.Tensor, y: torch.Tensor, heat: float) -> None:
    tempered(x, y, torch.full((), heat))  # type: ignore[arg-type] # as above


@pytest.mark.parametrize("model", [branching, in_mathematics, named, in_a_list, filled])
def test_a_number_that_python_looks_at_is_left_to_pyro(model: Any) -> None:
    assert_tempered(model, lambda step: 0.01 * (step + 1), "plain", "a number in the batches changes from step to step")


def test_a_number_that_changes_a_shape_is_left_to_pyro() -> None:
    assert_tempered(sliced, lambda step: step + 1, "plain", "a number in the batches changes from step to step")


def test_once_a_number_that_python_looks_at_stays_as_it_is_steps_are_captured() -> None:
    parts = Parts(branching, regression().make_guide)

    def call(step: int) -> tuple[Any, ...]:
        return (*PIECES[step % 3], heat_of(step))

    fit = fit_of(parts, call)
    fit.advance(15)
    assert fit.engine.name == "plain"
    fit.advance(25)
    assert fit.engine.name == "graph"  # the number is 1 from step 20 on
    assert_like(fit, bare_loop(parts, lambda: (call(step) for step in range(40)), 40))


def by_kind(x: torch.Tensor, y: torch.Tensor, heat: Any) -> None:
    tempered(x, y, heat if isinstance(heat, float) else 0.5)


@pytest.mark.parametrize("every", [1, 15])
def test_a_model_that_treats_a_tensor_in_another_way_than_a_number_is_caught(every: int) -> None:
    """The number of the captured step makes both alike; the next one is checked before it is believed."""
    parts = Parts(by_kind, regression().make_guide)

    def call(step: int) -> tuple[Any, ...]:
        return (*PIECES[step % 3], 0.2 if step == 0 else 0.5 + 0.1 * ((step - 1) // every))

    fit = fit_of(parts, call)
    fit.advance(60)
    assert fit.engine.name == "plain"
    assert "disagree" in fit.engine.reason
    loop = bare_loop(parts, lambda: (call(step) for step in range(60)), 60)
    np.testing.assert_allclose(losses(fit), loop.losses, rtol=1e-5, atol=1e-5)
