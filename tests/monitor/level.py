"""A level that three numbers lie about."""

import pyro
import pyro.distributions as dist
import torch

DATA = torch.tensor([0.3, -1.2, 0.8])


def model(data: torch.Tensor) -> None:
    level = pyro.sample("level", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("x", dist.Normal(level, 1.0), obs=data)
