"""Whether an optimizer has converged is judged at fixed steps, and neither noise nor a slow drift passes for rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import optim
from pyro.infer.autoguide import AutoDiagonalNormal

from rugged_widget.infer.diagnostics.convergence import (
    FIRST_ASSESSMENT,
    MAX_CELLS,
    SLOW_STEPS,
    Assessment,
    Cells,
    ConvergenceMonitor,
    advice_for,
    next_assessment,
    state_of,
)
from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DATA = torch.linspace(-1.0, 1.0, 20)


def judged(elbos: NDArray[np.float64], nats: float | None = 1.0) -> Assessment:
    assessment = ConvergenceMonitor(lambda first, last: elbos[first:last], nats=nats).catch_up(len(elbos))
    assert assessment is not None
    return assessment


def curve(num_steps: int, lasts: float, *, noise: float = 1.0, height: float = 100.0, seed: int = 0) -> np.ndarray:
    """An ELBO that rises by `height` nats, of which a part of 1 / e is left after `lasts` steps."""
    steps = np.arange(num_steps)
    return -height * np.exp(-steps / lasts) + noise * np.random.default_rng(seed).normal(size=num_steps)


def test_before_the_first_look_it_is_early() -> None:
    assert ConvergenceMonitor(lambda first, last: np.zeros(last - first)).catch_up(FIRST_ASSESSMENT - 1) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_curve_is_converged_once_it_is_within_half_a_nat_and_stays_so(seed: int) -> None:
    elbos = curve(3000, 100, seed=seed)
    found = judged(elbos)
    assert state_of(found) == "converged"
    assert found.since is not None
    assert 100 * math.log(200) <= found.since <= 900


@pytest.mark.parametrize("seed", range(10))
def test_a_slow_drift_is_no_rest_though_a_step_is_noisier_than_it(seed: int) -> None:
    found = judged(curve(1000, 1500, noise=5.0, height=30.0, seed=seed))
    assert state_of(found) == "drifting"


def test_where_what_wanders_slowly_hides_everything_nothing_is_called_converged() -> None:
    wanders = np.convolve(np.random.default_rng(0).normal(size=700), 0.98 ** np.arange(300))[300:700]
    found = judged(wanders)
    assert state_of(found) == "drifting"
    assert found.noisy


@pytest.mark.parametrize("seed", range(10))
def test_a_rise_that_would_gain_less_than_a_tenth_of_a_nat_is_no_reason_to_go_on(seed: int) -> None:
    """The last quarter still rises by some 0.02 nats in 100 steps, after a long way: 0.004 are left."""
    found = judged(curve(3000, 250, noise=0.85, height=600.0, seed=seed))
    assert state_of(found) == "converged"
    assert found.most < 0.35


@pytest.mark.parametrize("seed", range(10))
def test_slow_decay_and_steady_rise_are_not_taken_for_rest(seed: int) -> None:
    steps = np.arange(1, 4001)
    noise = np.random.default_rng(seed).normal(size=4000)
    for rise in (3 * np.log(steps), 0.002 * steps, -8000 / steps):  # as many steps again gain 2.1, 8 and 1 nats
        assert state_of(judged(rise + noise)) == "drifting"


@pytest.mark.parametrize("left", [lambda t: 3000 / t, lambda t: 40 * np.exp(-t / 1000)])
def test_the_expected_gain_is_what_as_many_steps_again_gain(left: Callable[[Any], Any]) -> None:
    found = judged(-left(np.arange(1, 2049)) + 0.1 * np.random.default_rng(0).normal(size=2048))
    assert found.gain == pytest.approx(left(2048) - left(4096), rel=0.25)
    assert found.gain <= found.most < 1.5 * found.gain


SHAPES = {
    "rest": curve(1500, 100),
    "slow": curve(1000, 1500, noise=5.0, height=30.0),
    "late": curve(3000, 250, noise=0.85, height=600.0),
    "noisy": curve(250, 10, noise=20.0),
    "fallen": curve(2000, 20) - np.maximum(0.0, np.arange(2000) - 1700) / 5,
    "exact": curve(1500, 50, noise=0.0),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1 / 170, 1e-6, 3.7, 1e5])
def test_a_loss_on_another_scale_is_judged_alike(shape: str, scale: float) -> None:
    elbos = SHAPES[shape]
    for nats in (None, 1.0):
        one, other = judged(elbos, nats), judged(scale * elbos, None if nats is None else scale)
        assert (state_of(one), one.since, one.noisy) == (state_of(other), other.since, other.noisy)
        np.testing.assert_allclose(scale * one.gain, other.gain, rtol=1e-6, atol=1e-12 * scale)
        for cost in (0.1, 1.0, 10.0):
            scaled = advice_for(other, scale * cost, 0.0, nats=None if nats is None else scale)
            assert advice_for(one, cost, 0.0, nats=nats) == scaled


def test_noise_does_not_leave_a_run_undecided_for_ever() -> None:
    for seed in range(10):
        found = judged(curve(2000, 50, noise=30.0, seed=seed), nats=None)
        assert state_of(found) == "converged"


def test_noise_that_no_length_of_run_would_beat_is_measured_by_itself() -> None:
    assert state_of(judged(curve(6000, 10, noise=400.0))) == "converged"


def test_a_fall_is_unstable_and_ends_rest() -> None:
    elbos = curve(2000, 20)
    elbos[1700:] -= np.linspace(0, 60, 300)
    found = judged(elbos)
    assert (state_of(found), found.since) == ("unstable", None)
    assert advice_for(found, 0.0, 0.0) == "lower"


def test_a_new_rise_ends_rest_and_chance_does_not() -> None:
    elbos = curve(2000, 20)
    since = judged(elbos).since
    assert since is not None
    assert judged(np.concatenate([elbos, curve(2000, 20, seed=1)[500:]])).since == since
    risen = np.concatenate([elbos, 5 + curve(800, 20, seed=1, height=0.0)])
    assert judged(risen).since != since


def test_drift_and_noise_are_those_of_the_end_of_the_run() -> None:
    elbos = 0.02 * np.arange(2048) + 3 * np.random.default_rng(0).normal(size=2048)
    found = judged(elbos)
    assert found.drift == pytest.approx(0.02, rel=0.1)
    assert found.noise == pytest.approx(3.0, rel=0.1)


def test_the_error_of_a_rise_holds_for_steps_that_move_together() -> None:
    random = np.random.default_rng(0)
    rises = []
    for _ in range(300):
        noise = random.normal(size=2000)
        series = np.convolve(noise, 0.9 ** np.arange(60))[:2000]
        cells = Cells()
        cells.extend(series[200:])
        rises.append(cells.rise(1800))
    spread = np.std([found.nats for found in rises])
    assert 0.7 < np.mean([found.error for found in rises]) / spread < 1.3


def test_a_long_run_is_judged_from_few_means_as_if_from_every_step() -> None:
    elbos = 0.001 * np.arange(40_960) + 3 * np.random.default_rng(0).normal(size=40_960)
    cells = Cells()
    for part in np.split(elbos, 10):
        cells.extend(part)
    assert len(cells) == 40_960
    assert len(cells) // cells.size <= MAX_CELLS
    found = cells.rise(20_480)
    half = elbos[20_480:]
    assert found.nats == pytest.approx(half[10_240:].mean() - half[:10_240].mean())
    assert found.level == pytest.approx(half[10_240:].mean())
    assert found.noise == pytest.approx(np.sqrt(np.mean(half.reshape(16, -1).var(axis=1, ddof=1))))


@given(step=st.integers(0, 10**7))
@settings(max_examples=200)
def test_looks_are_rare_and_at_the_same_steps_from_wherever_one_asks(step: int) -> None:
    following = next_assessment(step)
    assert step < following <= max(FIRST_ASSESSMENT, step + max(16, 0.05 * step))
    assert next_assessment(following - 1) == following


@pytest.mark.parametrize("num_steps", [2000, 6000, 100_000])
def test_what_was_judged_after_steps_that_are_taken_back_is_forgotten(num_steps: int) -> None:
    elbos = curve(num_steps, 60)
    monitor = ConvergenceMonitor(lambda first, last: elbos[first:last], nats=1.0)
    monitor.catch_up(num_steps)
    monitor.truncate(700)
    last = monitor.catch_up(700)
    assert last is not None
    assert last.step <= 700
    expected = judged(elbos[:700])
    assert (last.step, last.since) == (expected.step, expected.since)
    np.testing.assert_allclose(last.drift, expected.drift, atol=1e-9)
    assert monitor.catch_up(num_steps) is not None


@pytest.mark.parametrize(
    ("cost", "steadiness", "changes", "advice"),
    [
        (0.1, 0.0, {"since": 500}, ""),
        (math.nan, 0.0, {"since": 500}, ""),
        (1.0, 0.0, {"since": 500}, "average"),
        (3.0, 0.0, {"since": 500}, "lower"),
        (0.0, 0.9, {}, "raise"),
        (0.0, 0.9, {"step": SLOW_STEPS - 1}, "more_steps"),
        (0.0, 0.1, {}, "more_steps"),
        (9.0, 0.1, {"noisy": True}, "lower"),
    ],
)
def test_advice_is_by_what_keeps_the_run_from_its_end(
    cost: float, steadiness: float, changes: dict[str, object], advice: str
) -> None:
    usual = Assessment(SLOW_STEPS, None, 0.0, 1.0, -10.0, 0.1, unstable=False, noisy=False, gain=1.0, most=2.0)
    found = usual._replace(**changes)  # type: ignore[arg-type]
    assert advice_for(found, cost, steadiness, nats=1.0) == advice


def model(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


def fitted(engine: str = "plain", optimizer: optim.PyroOptim | None = None) -> Fit:
    rate = 0.05 if optimizer is None else None
    return Fit(model, AutoDiagonalNormal, (DATA,), learning_rate=rate, seed=1, engine=engine, optimizer=optimizer)


@pytest.mark.slow
def test_a_fit_is_judged_the_same_however_it_is_sliced_and_by_whatever_engine() -> None:
    whole, sliced = fitted("graph"), fitted("plain")
    whole.advance(225)
    assert fitted().convergence().state == "early"
    for size in (1, 198, 1, 25):
        sliced.advance(size)
        sliced.convergence()
    one, other = whole.convergence(), sliced.convergence()
    assert (one.state, one.since, one.advice) == (other.state, other.since, other.advice)
    assert one.state == "converged"
    np.testing.assert_allclose([one.drift, one.noise], [other.drift, other.noise], rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(600,), (7, 13, 300, 280), (201, 399)])
def test_a_fit_that_stops_when_it_converges_stops_at_the_same_step_however_it_is_sliced(sizes: tuple[int, ...]) -> None:
    free, fit = fitted("graph"), fitted("graph")
    free.advance(600)
    fit.stops_when_converged = True
    for size in sizes:
        if fit.converged_at is None:
            fit.advance(size)
    assert fit.step == fit.converged_at == free.converged_at


@pytest.mark.slow  # trains for seconds
def test_the_noise_of_adam_costs_a_quarter_of_its_rate_for_each_unit_of_gradient_noise() -> None:
    """Here the gradient noise is known: of loc it is the precision times the scale, of the scale's own parameter 2."""
    fit = fitted("graph")
    fit.advance(2000)
    (scale,) = fit.param_store()["AutoDiagonalNormal.scale"]
    precision = 1 + len(DATA)
    slope = 1 - math.exp(-scale)  # of softplus, at the unconstrained scale
    of_loc = precision * scale
    of_scale = slope * math.sqrt(2) * precision * scale
    assert fit.convergence().noise_cost == pytest.approx(0.05 / 4 * (of_loc + of_scale), rel=0.35)


@pytest.mark.slow  # trains or integrates for seconds
def test_an_optimizer_without_a_mean_square_costs_nobody_knows_what() -> None:
    fit = fitted("graph", optimizer=optim.SGD({"lr": 0.001}))  # type: ignore[attr-defined]
    fit.advance(400)
    assert math.isnan(fit.convergence().noise_cost)
