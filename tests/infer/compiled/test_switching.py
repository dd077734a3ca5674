"""One trajectory, whatever takes the steps: rates change, slices end, engines come and go, failures are mended."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro.infer import Predictive

from rugged_widget.infer.svi.fit import Fit
from tests.infer.compiled.case import Case, Problem
from tests.infer.compiled.cases import ALL
from tests.infer.compiled.fits import fit_of, losses, numbers_of, ready
from tests.infer.compiled.loop import Loop, numbers
from tests.infer.compiled.test_cases import assert_close, assert_same_numbers
from tests.waits import LIMIT_SECONDS

SLOW = pytest.mark.slow

ENGINES = ["graph", pytest.param("jax", marks=SLOW)]

BY_NAME = {case.name: case for case in ALL}

RATES = st.sampled_from([0.003, 0.01, 0.05])
SLICES = st.tuples(st.integers(1, 24), st.sampled_from([1e-9, 1e-3, math.inf]))


def actions(*engines: str) -> st.SearchStrategy[list[Any]]:
    turn = st.one_of(
        st.tuples(st.just("advance"), SLICES),
        st.tuples(st.just("rate"), RATES),
        st.tuples(st.just("engine"), st.sampled_from(engines)),
        st.tuples(st.just("look"), st.none()),
    )
    return st.lists(turn, min_size=4, max_size=10)


def play(fit: Fit, loop: Loop, turns: list[Any]) -> None:
    """Let both go the same way; the loop knows no slices and no engines."""
    for what, value in turns:
        if what == "advance":
            fit.advance(value[0], seconds=value[1])
            loop.step(fit.step - len(loop.losses))
        elif what == "rate" and fit.step:
            fit.learning_rate = value
            loop.set_learning_rate(value)
        elif what == "engine":
            fit.use_engine(value)
        elif what == "look" and fit.step:
            fit.param_store()
            assert_same_numbers(numbers_of(fit), numbers(loop.optim), 1e-2)


def assert_on_one_way(fit: Fit, loop: Loop) -> None:
    """Steps of Pyro's own come last: they show whether parameters and moments are those of the loop."""
    fit.use_engine("plain")
    fit.advance(5)
    loop.step(5)
    assert fit.engine.name == "plain"
    assert_close(losses(fit), loop.losses, 1e-4)
    assert_same_numbers(numbers_of(fit), numbers(loop.optim), 1e-2)


@SLOW
@settings(max_examples=8, deadline=None, derandomize=True)
@given(actions("plain", "graph", "auto"))
def test_rates_pauses_and_engines_change_and_the_trajectory_goes_on(turns: list[Any]) -> None:
    fit, loop = fit_of(BY_NAME["diagonal"], "auto"), Loop(BY_NAME["diagonal"])
    play(fit, loop, turns)
    assert_on_one_way(fit, loop)


@pytest.mark.slow
def test_a_trajectory_goes_on_over_a_change_of_rate_of_slices_and_of_engines() -> None:
    """One example of what follows, in the round of all day."""
    fit, loop = fit_of(BY_NAME["clipped Adam"], "auto"), Loop(BY_NAME["clipped Adam"])
    slices = [("advance", (count, math.inf)) for count in (25, 7, 1, 12)]
    turns = [("engine", "plain"), ("rate", 0.01), ("engine", "graph"), ("look", None)]
    play(fit, loop, [turn for pair in zip(slices, turns, strict=True) for turn in pair])
    assert fit.engine.name == "graph"
    play(fit, loop, [("advance", (30, 1e-3)), ("advance", (25, math.inf))])
    assert_on_one_way(fit, loop)


@SLOW
@pytest.mark.parametrize("name", ["clipped Adam", "SGD with momentum", "guide by hand"])
@settings(max_examples=5, deadline=None, derandomize=True)
@given(turns=actions("plain", "graph", "auto"))
def test_rates_pauses_and_engines_change_for_other_guides_and_optimizers_too(name: str, turns: list[Any]) -> None:
    fit, loop = fit_of(BY_NAME[name], "auto"), Loop(BY_NAME[name])
    play(
        fit,
        loop,
        [(what, value * 1e-3) if "SGD" in name and what == "rate" else (what, value) for what, value in turns],
    )
    assert_on_one_way(fit, loop)


@SLOW
@settings(max_examples=3, deadline=None, derandomize=True)
@given(actions("plain", "graph", "jax"), st.booleans())
def test_jax_comes_and_goes_and_the_trajectory_goes_on(turns: list[Any], wait: bool) -> None:
    pytest.importorskip("jax")
    fit, loop = fit_of(BY_NAME["diagonal"], "jax"), Loop(BY_NAME["diagonal"])
    if wait:
        ready(fit).wait_for_engine(LIMIT_SECONDS)
    play(fit, loop, turns)
    fit.use_engine("jax")
    ready(fit).wait_for_engine(LIMIT_SECONDS)
    play(fit, loop, [("advance", (30, math.inf)), ("rate", 0.02), ("advance", (7, math.inf))])
    assert fit.engine.name == "jax"
    assert_on_one_way(fit, loop)


def seen_of(guide: Any, problem: Problem) -> tuple[Any, Any]:
    """Quantiles, and predictions of some rows."""
    torch.manual_seed(3)
    predictive = Predictive(problem.model, guide=guide, num_samples=20)
    return guide.quantiles([0.1, 0.9]), predictive(problem.args[0])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_quantiles_and_predictive_see_the_parameters_of_captured_steps(engine: str) -> None:
    fit, loop = ready(fit_of(BY_NAME["diagonal"], engine)), Loop(BY_NAME["diagonal"])
    fit.wait_for_engine(LIMIT_SECONDS)
    fit.advance(150)
    loop.step(150)
    assert fit.engine.name == engine, fit.engine.reason
    with torch.random.fork_rng(devices=[]):
        expected = seen_of(loop.guide, loop.problem)
    with fit.inspecting():
        found = seen_of(fit.guide, loop.problem)
    for ours, theirs in zip(found, expected, strict=True):
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name], value.detach(), rtol=1e-3, atol=1e-4)
    for name, param in fit.param_store().items():
        np.testing.assert_allclose(param, pyro.param(name).detach(), rtol=1e-3, atol=1e-4)
    fit.advance(5)
    loop.step(5)
    assert_close(losses(fit), loop.losses, 1e-4)  # looking has used up no random numbers


def test_an_engine_is_chosen_by_a_call_and_an_unknown_one_is_refused() -> None:
    fit = fit_of(BY_NAME["diagonal"], "plain")
    with pytest.raises(AttributeError):
        fit.engine = "graph"  # type: ignore[assignment,misc]
    with pytest.raises(ValueError, match="'auto', 'plain', 'graph', 'jax', got 'numpyro'"):
        fit.use_engine("numpyro")
    with pytest.raises(TypeError, match="engine must be a text"):
        fit_of(BY_NAME["diagonal"], None)


@SLOW
@pytest.mark.parametrize("engine", ["graph", "jax"])
@pytest.mark.parametrize("which", [pytest.param(0, id="predictors"), pytest.param(1, id="response")])
def test_data_that_the_user_writes_to_in_mid_run_is_seen(engine: str, which: int) -> None:
    """By the captured step, or by the check beside it, which then gives it up."""
    loop = Loop(BY_NAME["diagonal"])
    problem = BY_NAME["diagonal"].make()
    fit = ready(fit_of(Case("own data", lambda: problem), engine))
    fit.wait_for_engine(LIMIT_SECONDS)
    for _ in range(2):
        fit.advance(50)
        loop.step(50)
        assert_close(losses(fit), loop.losses, 1e-4)
        problem.args[which].mul_(1.2)
        loop.problem.args[which].mul_(1.2)


def test_a_fit_that_was_released_goes_on_on_the_same_trajectory() -> None:
    fit, loop = fit_of(BY_NAME["diagonal"], "graph"), Loop(BY_NAME["diagonal"])
    play(fit, loop, [("advance", (40, math.inf))])
    assert fit.engine.name == "graph"
    fit.release()
    fit.release()
    assert fit.prepare()  # there is no captured step any more
    fit.release()
    play(fit, loop, [("look", None), ("advance", (30, math.inf)), ("rate", 0.01), ("advance", (20, math.inf))])
    assert fit.engine.name == "graph"
    assert_on_one_way(fit, loop)
