"""A step that takes long to capture is left to Pyro, unless a compiled engine is asked for."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.compiled.capture import budget
from rugged_widget.infer.compiled.capture.feasibility import TOO_LONG
from rugged_widget.infer.svi import engine_selection
from rugged_widget.infer.svi.fit import Fit


def model(seen: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.sample("seen", dist.Normal(mean, 1.0), obs=seen)


def test_it_is_captured_once_it_is_asked_for_and_goes_on_from_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_selection, "max_operations", lambda: 10)
    fits = [Fit(model, AutoNormal, (torch.tensor(1.0),), learning_rate=0.01, seed=1) for _ in range(2)]
    for fit in fits:
        fit.advance(3)
        assert (fit.engine.name, fit.engine.reason) == ("plain", TOO_LONG)
    fits[0].use_engine("graph")
    for fit in fits:
        fit.advance(5)
    assert [fit.engine.name for fit in fits] == ["graph", "plain"]
    captured, plain = (fit.history()["elbo"].to_numpy() for fit in fits)
    assert captured == pytest.approx(plain, rel=1e-5)


def test_a_step_of_few_operations_is_captured() -> None:
    fit = Fit(model, AutoNormal, (torch.tensor(1.0),), learning_rate=0.01, seed=1)
    fit.advance(2)
    assert fit.engine.name == "graph"


def many(seen: torch.Tensor) -> None:
    total = torch.zeros(())
    for i in range(25):
        total = total + pyro.sample(f"part_{i}", dist.Normal(0.0, 1.0))
    pyro.sample("seen", dist.Normal(total, 1.0), obs=seen)


@pytest.mark.slow  # a second
def test_a_long_step_is_captured_in_many_pieces_and_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_selection, "PIECE_SECONDS", 0.0)
    fits = [
        Fit(many, AutoNormal, (torch.tensor(1.0),), learning_rate=0.01, seed=1, engine=e) for e in ("graph", "plain")
    ]
    pieces = 1
    while fits[0].prepare():
        pieces += 1
    assert pieces > 15
    for fit in fits:
        fit.advance(30)
    assert [fit.engine.name for fit in fits] == ["graph", "plain"]
    captured, plain = (fit.history()["elbo"].to_numpy() for fit in fits)
    assert captured == pytest.approx(plain, rel=1e-5)


def test_a_slow_machine_captures_fewer_operations_but_never_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, most in ((1e-5, 15_000), (5e-5, 3_000), (1.0, budget.MIN_OPERATIONS)):
        monkeypatch.setattr(budget, "_seconds_per_operation", lambda seconds=seconds: seconds)
        assert budget.max_operations() == pytest.approx(most, abs=1)
