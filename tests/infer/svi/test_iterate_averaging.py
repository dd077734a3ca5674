"""Past parameters are kept at steps that anybody can work out, and their mean takes the place of the present ones."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoDiagonalNormal

from rugged_widget.errors import FitError
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.infer.svi.iterate_averaging import (
    FIRST_STRIDE,
    MAX_KEPT,
    MAX_NUMBERS,
    MIN_AVERAGED,
    MIN_KEPT,
    Iterates,
)
from rugged_widget.snapshot.values import Averaged
from tests.waits import LIMIT_SECONDS

DATA = torch.linspace(-1.0, 1.0, 20)


def model(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, spread), obs=data)


def fitted(engine: str = "plain", *, guide: Any = AutoDiagonalNormal, seed: int = 3) -> Fit:
    return Fit(model, guide, (DATA,), learning_rate=0.02, seed=seed, engine=engine)


def unconstrained(fit: Fit) -> np.ndarray:
    with fit.inspecting():
        store = pyro.get_param_store()
        return np.concatenate([value.numpy().ravel().copy() for _, value in store.named_parameters()])


def recorded(num_steps: int, size: int = 1) -> Iterates:
    """Record the number of the step itself as a parameter."""
    iterates, step = Iterates(), 0
    while (step := step + iterates.until_next(step)) <= num_steps:
        iterates.record(step, np.full(size, step, dtype=np.float32))
    return iterates


def num_kept(iterates: Iterates) -> int:
    """Return how many iterates are kept, as their repr says."""
    found = re.match(r"Iterates\((\d+),", repr(iterates))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("num_steps", [128, 1500, 2047, 2048, 100_000])
def test_the_steps_of_a_mean_follow_from_the_number_of_steps(num_steps: int) -> None:
    mean = recorded(num_steps).mean(num_steps // 2)
    assert mean is not None
    stride = FIRST_STRIDE
    while num_steps // stride >= MAX_KEPT:
        stride *= 2
    first = -(-(num_steps // 2) // stride) * stride
    last = num_steps // stride * stride
    assert mean.averaged == Averaged(first, last, stride)
    np.testing.assert_allclose(mean.values, np.mean(np.arange(first, last + 1, stride)))


def test_memory_is_bounded_whatever_the_number_of_steps_and_of_parameters() -> None:
    assert num_kept(recorded(300_000)) < MAX_KEPT
    many = recorded(FIRST_STRIDE * 100, size=MAX_NUMBERS // 32)
    assert num_kept(many) < 32
    assert num_kept(recorded(FIRST_STRIDE * 10, size=MAX_NUMBERS // MIN_KEPT + 1)) == 0


def test_what_is_taken_back_is_forgotten_and_recorded_anew() -> None:
    iterates = recorded(1000)
    iterates.truncate(500)
    assert iterates.until_next(500) == 504 - 500
    iterates.record(504, np.zeros(1))
    mean = iterates.mean(400)
    assert mean is not None
    assert mean.averaged == Averaged(400, 504, 8)
    np.testing.assert_allclose(mean.values, np.mean([*range(400, 500, 8), 0]))


def test_a_gap_or_another_number_of_parameters_ends_what_a_mean_may_reach_back_to() -> None:
    iterates = recorded(320)
    iterates.record(336, np.zeros(1))
    assert num_kept(iterates) == 1
    iterates = recorded(320)
    iterates.record(328, np.zeros(2))
    assert num_kept(iterates) == 1


def test_a_mean_of_few_iterates_is_none() -> None:
    enough = FIRST_STRIDE * MIN_AVERAGED
    assert recorded(enough - 1).mean(0) is None
    assert recorded(enough).mean(FIRST_STRIDE) is not None


def test_the_way_of_the_parameter_that_moves_most_is_told_for_each_step() -> None:
    assert recorded(1000).way(500) == pytest.approx(1.0)
    assert recorded(60).way(10) is None


@pytest.fixture(scope="module")
def every_step() -> np.ndarray:
    """The parameters before the first step and after each of 200."""
    fit = fitted("graph")
    found = [unconstrained(fit)]
    for _ in range(200):
        fit.advance(1)
        found.append(unconstrained(fit))
    return np.array(found)


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("engine", ["plain", "graph", "jax"])
def test_the_mean_is_that_of_the_parameters_at_these_steps_and_goes_with_the_next_step(
    engine: str, every_step: np.ndarray
) -> None:
    if engine == "jax":
        pytest.importorskip("jax")
    fit = fitted(engine)
    fit.advance(30)
    fit.wait_for_engine(LIMIT_SECONDS)
    for size in (1, 7, 50, 112):
        fit.advance(size)
    assert fit.averaged is None
    averaged = fit.average_iterates()
    assert fit.averaged == averaged
    expected = every_step[averaged.first : averaged.last + 1 : averaged.stride].mean(axis=0)
    np.testing.assert_allclose(unconstrained(fit), expected, rtol=1e-4, atol=1e-5)
    fit.use_engine("plain")
    fit.advance(0)
    np.testing.assert_allclose(unconstrained(fit), expected, rtol=1e-4, atol=1e-5)
    fit.advance(1)
    assert fit.averaged is None
    assert np.abs(unconstrained(fit) - expected).max() < 0.05


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_steps_go_on_from_the_mean(engine: str) -> None:
    fit = fitted(engine)
    fit.advance(160)
    fit.average_iterates()
    before = unconstrained(fit)
    fit.advance(1)
    assert 0 < np.abs(unconstrained(fit) - before).max() < 0.05


def test_a_failure_leaves_no_gap_among_the_iterates(every_step: np.ndarray) -> None:
    calls = iter(range(10_000))

    def failing(data: torch.Tensor) -> None:
        model(data)
        if next(calls) == 160:
            raise ZeroDivisionError("once")

    fit = Fit(failing, AutoDiagonalNormal, (DATA,), learning_rate=0.02, seed=3, engine="plain")
    with pytest.raises(FitError, match="ZeroDivisionError"):
        fit.advance(200)
    assert 140 <= fit.step < 160
    fit.advance(200 - fit.step)
    averaged = fit.average_iterates()
    expected = every_step[averaged.first : averaged.last + 1 : averaged.stride].mean(axis=0)
    np.testing.assert_allclose(unconstrained(fit), expected, rtol=1e-4, atol=1e-5)
    assert averaged.first == 104


@pytest.mark.slow
def test_averaging_twice_changes_nothing_more() -> None:
    fit = fitted("graph")
    fit.advance(160)
    first, there = fit.average_iterates(), unconstrained(fit)
    assert fit.average_iterates() == first
    assert np.array_equal(unconstrained(fit), there)


@pytest.mark.slow
def test_all_means_that_were_taken_are_told_so_that_a_script_can_do_the_same() -> None:
    fit = fitted("graph")
    fit.advance(160)
    first = fit.average_iterates()
    fit.average_iterates()
    fit.advance(40)
    second = fit.average_iterates()
    fit.advance(3)
    assert fit.means == ((160, first), (200, second))
    assert fit.averaged is None


def test_too_few_iterates_are_refused_in_words_and_nothing_changes() -> None:
    fit = fitted()
    fit.advance(40)
    before = unconstrained(fit)
    with pytest.raises(FitError, match=r"At step 40 there are too few steps .* to average its iterates. Train"):
        fit.average_iterates()
    assert np.array_equal(unconstrained(fit), before)
    assert fit.averaged is None


@pytest.mark.slow
def test_diagnostics_change_no_step() -> None:
    asked, left_alone = fitted("graph"), fitted("graph")
    for size in (1, 120, 3, 90):
        asked.advance(size)
        asked.convergence()
    left_alone.advance(214)
    assert asked.history().equals(left_alone.history())


def test_the_time_of_the_steps_adds_up_and_that_of_looking_does_not_count() -> None:
    fit = fitted()
    assert fit.seconds == 0.0
    fit.advance(20)
    after = fit.seconds
    assert after > 0.0
    fit.convergence()
    fit.param_store()
    assert fit.seconds == after
