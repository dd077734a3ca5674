"""A reset begins with what was captured before it, and captures anew where the model computes something else now."""

from __future__ import annotations

from contextlib import closing

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import watch
from tests.models import CASES
from tests.monitor.watched import losses, watched

DATA = torch.tensor([1.0, 2.0, 3.0])
BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize("name", ["eight schools", "autoencoder"])
def test_a_reset_captures_nothing_again_and_takes_the_same_steps(name: str) -> None:
    with closing(watched(BY_NAME[name], engine="graph", num_steps=100)) as monitor:
        monitor.advance(12)
        captures = monitor._session.training.fit.problem.captures
        before, step = losses(monitor), captures.step
        assert step is not None
        monitor.reset()
        monitor.advance(12)
        assert losses(monitor) == before
        assert captures.step is step
        assert monitor.engine_info.name == "graph"


def test_a_number_that_was_changed_before_a_reset_counts() -> None:
    number = {"scale": 1.0}

    def model(x: torch.Tensor) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(x)):
            pyro.sample("x", dist.Normal(z, number["scale"]), obs=x)

    settings = {"num_steps": 100, "seed": 3}
    with closing(watch(model, None, DATA, engine="graph", **settings)) as monitor:
        monitor.advance(12)
        number["scale"] = 3.0
        monitor.reset()
        monitor.advance(12)
        engine, found = monitor.engine_info.name, losses(monitor)
    pyro.clear_param_store()
    with closing(watch(model, None, DATA, engine="plain", **settings)) as monitor:
        monitor.advance(12)
        assert found == pytest.approx(losses(monitor), rel=1e-5)
    assert engine == "graph"
