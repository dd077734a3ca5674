"""The learning rate that falls by itself: its steps, whoever takes them, and who ends it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.rate_decay import BETAS, CAUTIOUS, RATES, RateDecay
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.infer.run_spec import recipe_of
from tests.real_tables import real_tables

CHANGES = {rate: steps + 1 for steps, rate in RATES}


def fit(**settings: Any) -> RegressionFit:
    table = real_tables()["students"].data()
    return RegressionFit(table, comparison=comparison_of(table, None, standardize=True), **settings)


def first_steps(trained: RegressionFit) -> dict[float, int]:
    """Return the first step of each learning rate."""
    steps: dict[float, int] = trained.history().groupby("learning_rate", sort=False)["step"].min().to_dict()
    return steps


def test_rates_by_the_number_of_steps() -> None:
    decay = RateDecay()
    assert [decay.rate(step) for step in (0, 399, 400, 899, 900, 10**9)] == [0.1, 0.1, 0.05, 0.002, 0.001, 0.001]
    assert [decay.next_change(step) for step in (0, 399, 400, 899, 900)] == [400, 400, 500, 900, math.inf]
    assert [RateDecay.of("iaf").rate(step) for step in (0, 400, 500)] == [CAUTIOUS, CAUTIOUS, 0.02]


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_every_step_has_its_rate_however_the_run_is_sliced(engine: str) -> None:
    whole, sliced = (fit(learning_rate=None, engine=engine) for _ in range(2))
    assert whole.advance(1000) == 1000
    while sliced.step < 1000:
        assert sliced.advance(min(83, 1000 - sliced.step)) > 0
    assert first_steps(whole) == first_steps(sliced) == CHANGES
    assert whole.history().equals(sliced.history())


def test_a_slice_that_is_out_of_time_ends_at_a_change_and_goes_on_with_the_next_rate() -> None:
    trained, times = fit(learning_rate=None, engine="graph"), iter(range(10**6))
    trained.advance(390)
    taken = trained.advance(100, seconds=1.5, clock=lambda: float(next(times)))
    assert 1 <= taken < 100
    trained.advance(20)
    assert first_steps(trained)[0.05] == 401


def test_a_run_that_stops_when_converged_stops_at_a_change_too() -> None:
    trained = fit(learning_rate=None, engine="graph")
    trained.stops_when_converged = True
    trained.advance(1500)
    assert trained.converged_at is not None
    assert trained.step < 1500
    assert 1 <= trained.advance(100) < 100


def test_a_rate_that_is_set_stays_and_can_be_let_fall_again() -> None:
    trained = fit(learning_rate=None, engine="graph")
    trained.advance(450)
    trained.learning_rate = 0.03
    trained.advance(100)
    assert not trained.decays
    assert trained.learning_rate == 0.03
    trained.let_decay(True)
    assert trained.learning_rate == 0.02
    trained.advance(100)
    trained.let_decay(False)
    trained.advance(200)
    assert trained.learning_rate == 0.01
    assert first_steps(trained) == {0.1: 1, 0.05: 401, 0.03: 451, 0.02: 551, 0.01: 601}


def test_no_higher_rate_is_advised_while_it_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = fit(learning_rate=None, engine="graph")
    trained.advance(300)
    found = replace(trained.convergence(), state="drifting", advice="raise")
    monkeypatch.setattr(Fit, "convergence", lambda _fit: found)
    assert trained.snapshot().convergence == replace(found, advice="more_steps")
    trained.learning_rate = 0.001
    assert trained.snapshot().convergence == found


def test_betas_are_those_of_the_run_and_in_its_recipe() -> None:
    falling, fixed = recipe_of(fit(learning_rate=None)), recipe_of(fit(learning_rate=0.1))
    assert (falling.betas, fixed.betas) == (BETAS, None)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, "fast"])
def test_a_rate_that_cannot_be_is_refused_and_the_fall_goes_on(value: Any) -> None:
    trained = fit(learning_rate=None)
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        trained.learning_rate = value
    assert trained.decays
