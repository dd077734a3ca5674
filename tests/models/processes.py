"""Gaussian processes, stick breaking and factors."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro.contrib import gp
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import AdagradRMSProp
from torch.distributions import constraints

from tests.models.case import Setup, case, counts, numbers

X = torch.linspace(0.0, 5.0, 15)


@case("Gaussian process")
def process() -> Setup:
    model = gp.models.GPRegression(X, torch.sin(X), gp.kernels.RBF(1), noise=torch.tensor(0.1))
    return Setup(model.model, model.guide)


@case("Gaussian process, priors on the kernel", "kernel.lengthscale")
def with_priors() -> Setup:
    model = gp.models.GPRegression(X, torch.sin(X), gp.kernels.RBF(1), noise=torch.tensor(0.1))
    model.kernel.lengthscale = pyro.nn.PyroSample(dist.LogNormal(0.0, 1.0))
    model.kernel.autoguide("lengthscale", dist.Normal)
    return Setup(model.model, model.guide)


@case("sparse variational Gaussian process")
def sparse() -> Setup:
    likelihood = gp.likelihoods.Gaussian()
    model = gp.models.VariationalSparseGP(X, torch.sin(X), gp.kernels.RBF(1), X[::5].clone(), likelihood, whiten=True)
    return Setup(model.model, model.guide, loss=TraceMeanField_ELBO())


@case("Gaussian process of latent inputs", "X")
def latent_inputs() -> Setup:
    base = gp.models.SparseGPRegression(
        numbers(12, 2), numbers(3, 12, seed=7), gp.kernels.RBF(2), numbers(4, 2, seed=8), noise=torch.tensor(0.1)
    )
    model = gp.models.GPLVM(base)
    return Setup(model.model, model.guide)


@case("stick breaking", "beta", "lambda")
def sticks() -> Setup:
    most = 4

    def weights(beta: torch.Tensor) -> torch.Tensor:
        left = (1 - beta).cumprod(-1)
        return torch.nn.functional.pad(beta, (0, 1), value=1.0) * torch.nn.functional.pad(left, (1, 0), value=1.0)

    def model(data: torch.Tensor) -> None:
        with pyro.plate("beta_plate", most - 1):
            beta = pyro.sample("beta", dist.Beta(1.0, 0.5))
        with pyro.plate("lambda_plate", most):
            rate = pyro.sample("lambda", dist.Gamma(3.0, 0.5))
        with pyro.plate("data", len(data)):
            component = pyro.sample("component", dist.Categorical(weights(beta)))
            pyro.sample("obs", dist.Poisson(rate[component]), obs=data)

    def guide(data: torch.Tensor) -> None:
        positive = constraints.positive
        kappa = pyro.param("kappa", torch.ones(most - 1), constraint=positive)
        tau = pyro.param("tau", torch.ones(2, most), constraint=positive)
        phi = pyro.param("phi", torch.ones(len(data), most) / most, constraint=constraints.simplex)
        with pyro.plate("beta_plate", most - 1):
            pyro.sample("beta", dist.Beta(torch.ones(most - 1), kappa))
        with pyro.plate("lambda_plate", most):
            pyro.sample("lambda", dist.Gamma(tau[0], tau[1]))
        with pyro.plate("data", len(data)):
            pyro.sample("component", dist.Categorical(phi))

    return Setup(model, guide, (counts(9, 25).float(),), loss=Trace_ELBO(num_particles=2))


@case("deep exponential family", "z_top", "z_bottom", "w")
def family() -> Setup:
    def model(x: torch.Tensor) -> None:
        w = pyro.sample("w", dist.Gamma(0.1 * torch.ones(2, 6), 0.3).to_event(2))
        with pyro.plate("data", len(x)):
            top = pyro.sample("z_top", dist.Gamma(0.3 * torch.ones(2), 0.3).to_event(1))
            bottom = pyro.sample("z_bottom", dist.Gamma(0.3 * torch.ones(2), 0.3 / top).to_event(1))
            pyro.sample("obs", dist.Poisson(bottom @ w + 1e-3).to_event(1), obs=x)

    return Setup(model, AutoNormal(model), (counts(5, 8, 6).float(),), optimizer=AdagradRMSProp({"eta": 0.5, "t": 0.1}))


@case("factors", "loadings", "scores")
def factors() -> Setup:
    def model(x: torch.Tensor) -> None:
        loadings = pyro.sample("loadings", dist.Normal(torch.zeros(2, x.shape[1]), 1.0).to_event(2))
        with pyro.plate("rows", len(x)):
            scores = pyro.sample("scores", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(scores @ loadings, 0.5).to_event(1), obs=x)

    return Setup(model, AutoNormal(model), (numbers(12, 5),))


CASES = (process, with_priors, sparse, latent_inputs, sticks, family, factors)
