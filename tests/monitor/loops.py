"""A loop of one's own over four numbers, and what is read off its window."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

DATA = torch.tensor([0.5, 1.5, 1.0, 0.7])


def model(x: torch.Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(z, 0.5), obs=x)


def hand_written(x: torch.Tensor) -> None:
    """Guide the model by two parameters."""
    del x
    pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), pyro.param("scale", torch.tensor(1.0))))


def svi(guide: Any = None, of: Any = model, loss: Any = None) -> SVI:
    return SVI(of, guide or AutoNormal(of), Adam({"lr": 0.02}), loss or Trace_ELBO())
