"""A model in half precision trains as in a loop of one's own, and its latents are drawn."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import watch
from rugged_widget.snapshot.request import SnapshotRequest

NUM_STEPS = 10


def model(y: torch.Tensor) -> None:
    level = pyro.sample("level", dist.Normal(y.new_zeros(()), y.new_ones(())))
    with pyro.plate("rows", len(y)):
        pyro.sample("y", dist.Normal(level, y.new_ones(())), obs=y)


def trainer() -> SVI:
    pyro.clear_param_store()
    pyro.set_rng_seed(3)
    return SVI(model, AutoNormal(model), Adam({"lr": 0.05}), loss=Trace_ELBO())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_it_trains_and_is_looked_at(dtype: torch.dtype) -> None:
    y = torch.linspace(0.0, 2.0, 12).to(dtype)
    svi = trainer()
    wanted = [float(svi.step(y)) for _ in range(NUM_STEPS)]
    with closing(watch(trainer(), y, seed=3, num_steps=NUM_STEPS, engine="plain", heldout=(y,))) as monitor:
        monitor.advance(NUM_STEPS)
        assert (-monitor.history()["elbo"]).tolist() == wanted
        assert monitor.error == ""
        fit = monitor._session.training.fit
        fit.request = SnapshotRequest(draws=True, parameters=True, parameter_table=True, densities=(("level", ()),))
        snapshot = fit.snapshot()
        assert np.isfinite(snapshot.quantiles["level"]).all()
        assert snapshot.densities
        (loc, _) = monitor.param_store().values()
        assert loc.item() == svi.guide.locs.level.item()
