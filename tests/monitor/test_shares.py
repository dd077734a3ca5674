"""Quantiles of shares, whose elements depend on one another."""

from __future__ import annotations

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro.infer.autoguide import AutoNormal

from rugged_widget import watch


def model(counts: torch.Tensor) -> None:
    shares = pyro.sample("shares", dist.Dirichlet(torch.ones(3)))
    pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.sample("counts", dist.Multinomial(probs=shares), obs=counts)


def test_quantiles_of_each_share_ascend_as_those_of_its_draws_do() -> None:
    monitor = watch(model, AutoNormal, torch.tensor([5.0, 2.0, 1.0]), seed=1)
    monitor.advance(20)
    quantiles = monitor.snapshot.quantiles
    assert (np.diff(quantiles["shares"], axis=0) > 0).all()
    assert np.diff(quantiles["mean"], axis=0).shape == (4,)
    monitor.close()
