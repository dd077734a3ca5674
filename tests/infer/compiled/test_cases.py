"""Every case by every engine: the losses, parameters and moments of Pyro's own loop, or plain steps and a reason."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from rugged_widget.infer.svi.fit import Fit
from rugged_widget.snapshot.snapshot import EngineInfo
from tests.infer.compiled.case import Case
from tests.infer.compiled.cases import CAPTURED, CAUGHT, PLAIN, REFUSED
from tests.infer.compiled.fits import fit_of, losses, numbers_of, ready
from tests.infer.compiled.loop import Arrays, Trajectory, reference
from tests.waits import LIMIT_SECONDS

BY_GRAPH, STEPS = 80, 110
"""Steps of a trajectory: the graph engine takes the first, and JAX takes over."""

SLICES = (1, 2, 7, 3, 30, 67)
"""Of uneven size, 110 steps together."""

SLOW = pytest.mark.slow


def advance(fit: Fit, num_steps: int) -> None:
    for count in SLICES:
        fit.advance(min(count, num_steps - fit.step))


def assert_close(found: list[float], expected: list[float], tolerance: float) -> None:
    __tracebackhide__ = True
    assert len(found) == len(expected)
    difference = np.abs(np.subtract(found, expected)) / np.maximum(1.0, np.abs(expected))
    worst = int(difference.argmax())
    assert difference.max() <= tolerance, f"step {worst + 1}: {found[worst]} instead of {expected[worst]}"


def assert_same_numbers(found: Arrays, expected: Arrays, tolerance: float) -> None:
    """Relative to the largest of each parameter or moment: of a small one beside it, rounding may be all there is."""
    __tracebackhide__ = True
    for name, values in expected.items():
        allowed = tolerance * max(1e-3, float(np.abs(values).max(initial=0.0)))
        assert np.abs(found[name] - values).max(initial=0.0) <= allowed, name


def params(cases: tuple[Case, ...]) -> list[Any]:
    return [pytest.param(case, id=case.name, marks=() if case.quick else SLOW) for case in cases]


class Captured(NamedTuple):
    """A fit that the graph engine has begun, what was found then, and Pyro's own loop."""

    case: Case
    fit: Fit
    engine: EngineInfo
    losses: list[float]
    numbers: Arrays
    expected: Trajectory


@pytest.fixture(scope="module")
def captured(request: pytest.FixtureRequest) -> Captured:
    """One of each case: to capture a step takes longer than hundreds of them."""
    case: Case = request.param
    fit = ready(fit_of(case, "graph"))
    advance(fit, BY_GRAPH)
    return Captured(case, fit, fit.engine, losses(fit), numbers_of(fit), reference(case, BY_GRAPH, STEPS))


@pytest.mark.parametrize("case", params(PLAIN))
def test_plain_steps_are_those_of_the_plain_loop_bit_for_bit(case: Case) -> None:
    fit = fit_of(case, "plain")
    advance(fit, 25)
    assert losses(fit) == reference(case, BY_GRAPH, STEPS).losses[:25]
    assert fit.engine.name == "plain"


@pytest.mark.parametrize("captured", params(CAPTURED), indirect=True)
def test_captured_steps_are_those_of_the_plain_loop(captured: Captured) -> None:
    case, expected = captured.case, captured.expected
    assert captured.engine.name == "graph", captured.engine.reason
    assert_close(captured.losses, expected.losses[:BY_GRAPH], case.tolerance)
    assert_same_numbers(captured.numbers, expected.numbers[BY_GRAPH], 100 * case.tolerance)


@pytest.mark.parametrize("case", params(REFUSED))
def test_what_no_graph_can_stand_for_is_refused_before_a_step_of_it_with_a_reason(case: Case) -> None:
    fit = ready(fit_of(case, "auto"))
    fit.advance(2)  # a guide by hand makes its parameters in the first
    assert fit.engine.name == "plain"
    assert re.search(case.refused, fit.engine.reason), fit.engine.reason
    advance(fit, 60)
    assert len(fit.history()) == fit.step == 60
    assert np.isfinite(losses(fit)).all()
    if case.exact:
        assert losses(fit) == reference(case, 60).losses
        assert numbers_of(fit).keys() == reference(case, 60).numbers[60].keys()


@pytest.mark.parametrize("case", params(CAUGHT))
def test_a_graph_that_is_wrong_is_caught_and_plain_steps_go_on_from_where_it_agreed(case: Case) -> None:
    fit = ready(fit_of(case, "graph"))
    while fit.engine.name == "graph" and fit.step < 3000:
        fit.advance(min(50, 3000 - fit.step))
    assert fit.engine.name == "plain"
    assert re.search(case.refused, fit.engine.reason), fit.engine.reason
    num_steps = fit.step
    fit.advance(60)
    assert len(fit.history()) == fit.step == num_steps + 60
    assert np.isfinite(losses(fit)).all()
    if case.exact:
        assert_close(losses(fit), reference(case, fit.step).losses, case.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("captured", params(CAPTURED), indirect=True)
def test_jax_takes_over_in_mid_run_on_the_same_trajectory_or_says_why_not(captured: Captured) -> None:
    pytest.importorskip("jax")
    case, fit, expected = captured.case, captured.fit, captured.expected
    fit.use_engine("jax")
    fit.advance(10)
    fit.wait_for_engine(LIMIT_SECONDS)
    advance(fit, STEPS)
    if case.no_jax:
        assert fit.engine.name == "graph"
        assert re.search(case.no_jax, fit.engine.reason), fit.engine.reason
    else:
        assert fit.engine.name == "jax", fit.engine.reason
    assert_close(losses(fit), expected.losses, case.tolerance)
    assert_same_numbers(numbers_of(fit), expected.numbers[STEPS], 100 * case.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("case", params((REFUSED[0], CAUGHT[1])))
def test_what_the_graph_engine_gives_up_jax_does_not_try(case: Case) -> None:
    pytest.importorskip("jax")
    fit = ready(fit_of(case, "jax"))
    fit.wait_for_engine(LIMIT_SECONDS)
    advance(fit, 60)
    assert fit.engine.name == "plain"
    assert re.search(case.refused, fit.engine.reason), fit.engine.reason
    assert_close(losses(fit), reference(case, 60).losses, case.tolerance)
