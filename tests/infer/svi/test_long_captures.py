"""A step that takes long to capture is left to Pyro, unless a compiled engine is asked for."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.compiled.capture.feasibility import TOO_LONG
from rugged_widget.infer.svi import engine_selection
from rugged_widget.infer.svi.fit import Fit


def model(seen: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.sample("seen", dist.Normal(mean, 1.0), obs=seen)


def test_it_is_captured_once_it_is_asked_for_and_goes_on_from_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_selection, "MAX_OPERATIONS", 10)
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
