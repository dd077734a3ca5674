"""A held-out ELBO that falls while training rises is told from one that only moves about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.overfitting import LEAST, fall_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rugged_widget.snapshot.heldout import HeldoutFall
    from rugged_widget.snapshot.values import Array

POINTS = 300
STRIDE = 5
TIME = np.arange(1, POINTS + 1) / POINTS
RUNS = 40


def correlated(rng: np.random.Generator, correlation: float) -> Array:
    """Return noise of standard deviation 1 whose neighbours have a correlation."""
    noise = rng.standard_normal(POINTS)
    for place in range(1, POINTS):
        noise[place] = correlation * noise[place - 1] + np.sqrt(1 - correlation**2) * noise[place]
    return noise


def found(heldout: Array, training: Array, count: int = POINTS) -> HeldoutFall | None:
    steps = STRIDE * np.arange(1.0, count + 1)
    return fall_of(steps, heldout[:count], lambda first, last: training[first:last])


def training_of(rng: np.random.Generator, mean: Callable[[Array], Array]) -> Array:
    """Return the ELBO of each step of training, with the noise of single draws."""
    time = np.arange(1, POINTS * STRIDE + 1) / (POINTS * STRIDE)
    return mean(time) + 2.0 * rng.standard_normal(POINTS * STRIDE)


def flat(time: Array) -> Array:
    return np.zeros_like(time)


def rising(time: Array) -> Array:
    return -50 * np.exp(-20 * time)


def still_rising(time: Array) -> Array:
    return -8 * np.exp(-2 * time)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("mean", [flat, rising, still_rising])
def test_noise_is_hardly_ever_taken_for_a_fall(correlation: float, mean: Callable[[Array], Array]) -> None:
    """In 40 runs, each judged at 100 moments, at most one has an alarm at any time, and none at its end."""
    rng = np.random.default_rng(1)
    alarms = at_end = 0
    for _ in range(RUNS):
        heldout, training = 3 * (mean(TIME) + correlated(rng, correlation)), training_of(rng, mean)
        at_end += found(heldout, training) is not None
        alarms += any(found(heldout, training, count) is not None for count in range(3, POINTS + 1, 3))
    assert alarms <= 1
    assert at_end == 0


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_a_fall_is_found_with_its_numbers(correlation: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        mean = np.where(TIME < 0.3, rising(TIME), rising(np.array(0.3)) - 30 * (TIME - 0.3))
        fall = found(mean + correlated(rng, correlation), training_of(rng, lambda time: rising(time) + 20 * time))
        assert fall is not None
        assert 0.15 * POINTS * STRIDE < fall.since < 0.45 * POINTS * STRIDE
        assert fall.nats == pytest.approx(21, abs=3)
        assert fall.rise == pytest.approx(11, abs=3)


def test_it_goes_on_being_told_where_the_fall_levels_off() -> None:
    rng = np.random.default_rng(3)
    mean = np.where(TIME < 0.3, rising(TIME), np.maximum(-30 * (TIME - 0.3), -9.0))
    assert found(mean + correlated(rng, 0.5), training_of(rng, lambda time: rising(time) + 20 * time)) is not None


def test_a_run_that_falls_apart_in_training_too_does_not_overfit() -> None:
    rng = np.random.default_rng(4)
    mean = np.where(TIME < 0.3, rising(TIME), -30 * (TIME - 0.3))
    assert found(mean + correlated(rng, 0.5), training_of(rng, lambda time: -20 * time)) is None


def test_it_is_too_early_with_few_points_and_a_fraction_of_a_nat_does_not_count() -> None:
    rng = np.random.default_rng(5)
    falling = 100 - 30.0 * np.arange(POINTS)
    training = training_of(rng, lambda time: 1000 * time)
    assert found(falling, training, 17) is None
    assert found(falling, training, 18) is not None
    slightly = -0.8 * LEAST * TIME
    assert found(slightly, training) is None
    assert found(2 * slightly, training) is not None


def test_points_that_are_not_finite_are_left_out() -> None:
    training = training_of(np.random.default_rng(6), lambda time: 1000 * time)
    falling = 100 - 30.0 * np.arange(POINTS)
    falling[::7] = np.nan
    assert found(falling, training) is not None
    assert found(np.full(POINTS, np.nan), training) is None
