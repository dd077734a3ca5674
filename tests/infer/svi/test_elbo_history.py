"""The ELBO of every step is kept in little memory, smoothed and thinned, however many steps come at once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rugged_widget.infer.svi.elbo_history import History


def smoothed(elbos: np.ndarray) -> np.ndarray:
    """The exponential mean over 20 steps, one by one as the definition says."""
    mean, found = 0.0, []
    for step, elbo in enumerate(elbos, start=1):
        mean = 0.95 * mean + 0.05 * elbo
        found.append(mean / (1 - 0.95**step))
    return np.array(found)


def check(history: History, elbos: np.ndarray) -> None:
    curve = history.curve()
    assert len(curve.step) <= 400
    assert curve.step[-1] == len(elbos) == len(history)
    assert np.array_equal(curve.elbo, elbos[curve.step.astype(int) - 1])
    np.testing.assert_allclose(curve.smoothed, smoothed(elbos)[curve.step.astype(int) - 1], rtol=1e-9, atol=1e-9)
    assert len(set(np.diff(curve.step)[:-1])) <= 1  # evenly spread, the last step aside


@pytest.mark.parametrize("at_once", [1, 7, 128, 2000])
def test_the_history_is_smoothed_and_thinned_to_400_points_with_the_last_step(at_once: int) -> None:
    history, elbos = History(), np.random.default_rng(0).normal(size=5003)
    for start in range(0, len(elbos), at_once):
        part = elbos[start : start + at_once]
        history.extend(part.tolist(), [0.01] * len(part))
        if start % 700 < at_once:
            check(history, elbos[: len(history)])
    check(history, elbos)
    assert len(history.curve().step) >= 200


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 1), st.sampled_from([0.1, 0.2])), max_size=8))
def test_steps_that_are_taken_back_leave_no_trace(parts: list[tuple[int, float, float]]) -> None:
    random, history = np.random.default_rng(1), History()
    elbos, rates = np.empty(0), np.empty(0)
    for count, kept, rate in parts:
        more = random.normal(size=count)
        history.extend(more.tolist(), [rate] * count)
        keep = int(kept * (len(elbos) + count))
        elbos, rates = np.append(elbos, more)[:keep], np.append(rates, np.full(count, rate))[:keep]
        history.truncate(keep)
        assert history.frame()["elbo"].tolist() == elbos.tolist()
        assert history.frame()["learning_rate"].tolist() == rates.tolist()
        if keep:
            check(history, elbos)


def test_200_000_steps_are_remembered_in_less_than_2_mb() -> None:
    tracemalloc.start()
    try:
        history = History()
        before, _ = tracemalloc.get_traced_memory()
        for step in range(0, 200_000, 100):
            history.extend([float(step)] * 100, [0.03] * 100)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2e6
    assert len(history.frame()) == 200_000
