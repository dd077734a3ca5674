"""Where the posterior is known, what `watch` trains has its mean and standard deviation."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceMeanField_ELBO
from torch.distributions import constraints

from rugged_widget import watch

pytestmark = pytest.mark.slow
Z = 0.6744897501960817
"""The upper quartile of a standard normal."""


def trained(model: object, guide: object, *args: torch.Tensor, **settings: object) -> dict[str, np.ndarray]:
    """Return the quartiles of the latents, with the mean of the last iterates in place of the last.

    The noise of the last iterates moves a quartile by up to a quarter of the sd.
    """
    settings = {"num_steps": 1500, "learning_rate": 0.03, "seed": 1, **settings}
    with closing(watch(model, guide, *args, **settings)) as monitor:
        monitor.advance(int(str(settings["num_steps"])))
        assert monitor.error == ""
        monitor.average_iterates()
        return monitor.quantiles([0.25, 0.5, 0.75])


def normal_of(quartiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of what is normal."""
    return quartiles[1], (quartiles[2] - quartiles[0]) / (2 * Z)


def test_normal_mean_of_normal_data() -> None:
    data = torch.tensor([1.2, 0.3, 2.1, 1.7, 0.9])

    def model(x: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 2.0))
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(mean, 1.0), obs=x)

    precision = 1 / 4 + len(data)
    mean, sd = normal_of(trained(model, None, data)["mean"])
    exact = float(data.sum()) / precision
    assert mean == pytest.approx(exact, abs=0.1 * precision**-0.5)
    assert sd == pytest.approx(precision**-0.5, rel=0.1)


def test_gamma_rate_of_poisson_counts() -> None:
    counts = torch.tensor([3.0, 5.0, 2.0, 4.0])

    def model(x: torch.Tensor) -> None:
        rate = pyro.sample("rate", dist.Gamma(2.0, 1.0))
        with pyro.plate("days", len(x)):
            pyro.sample("x", dist.Poisson(rate), obs=x)

    def guide(x: torch.Tensor) -> None:
        del x
        shape = pyro.param("shape", torch.tensor(5.0), constraint=constraints.positive)
        pyro.sample(
            "rate", dist.Gamma(shape, pyro.param("inverse", torch.tensor(2.0), constraint=constraints.positive))
        )

    exact = (
        dist.Gamma(2.0 + counts.sum(), 1.0 + len(counts)).sample((200_000,)).quantile(torch.tensor([0.25, 0.5, 0.75]))
    )
    # A gamma's two parameters make up for each other, so that it takes long, and the mean of iterates is still moving.
    found = trained(model, guide, counts, num_steps=6000, learning_rate=0.02)["rate"]
    np.testing.assert_allclose(found, exact, atol=0.27 * 0.75)


def test_beta_fairness_of_a_coin() -> None:
    flips = torch.tensor([1.0] * 13 + [0.0] * 7)

    def model(x: torch.Tensor) -> None:
        fairness = pyro.sample("fairness", dist.Beta(10.0, 10.0))
        with pyro.plate("flips", len(x)):
            pyro.sample("x", dist.Bernoulli(fairness), obs=x)

    def guide(x: torch.Tensor) -> None:
        del x
        heads = pyro.param("heads", torch.tensor(15.0), constraint=constraints.positive)
        tails = pyro.param("tails", torch.tensor(15.0), constraint=constraints.positive)
        pyro.sample("fairness", dist.Beta(heads, tails))

    exact = dist.Beta(23.0, 17.0).sample((200_000,)).quantile(torch.tensor([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(
        trained(model, guide, flips, loss=TraceMeanField_ELBO())["fairness"], exact, atol=0.27 * 0.077
    )


def test_weights_of_a_linear_regression() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(40, 2, generator=generator) @ torch.tensor([[1.0, 0.7], [0.0, 0.7]])
    y = x @ torch.tensor([1.0, -0.5]) + 0.5 * torch.randn(40, generator=generator)

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        weight = pyro.sample("weight", dist.Normal(torch.zeros(2), 3.0).to_event(1))
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Normal(x @ weight, 0.5), obs=y)

    covariance = torch.linalg.inv(x.T @ x / 0.25 + torch.eye(2) / 9)
    exact_sd = covariance.diagonal().sqrt().numpy()
    exact = (covariance @ x.T @ y / 0.25).numpy()
    mean, sd = normal_of(trained(model, "multivariate", x, y)["weight"])
    np.testing.assert_allclose(mean, exact, atol=0.15 * exact_sd.min())
    np.testing.assert_allclose(sd, exact_sd, rtol=0.1)
