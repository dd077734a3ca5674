"""What `watch` cannot take is refused at once, in a sentence that says what to give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.contrib.epidemiology.models import SimpleSIRModel
from pyro.contrib.forecast import Forecaster
from pyro.infer import CSIS, HMC, MCMC, NUTS, SVGD, SVI, Predictive, RBFSteinKernel, SMCFilter, Trace_ELBO
from pyro.nn import PyroModule
from pyro.optim import Adam
from torch import nn

from rugged_widget import watch

DATA = torch.tensor([0.3, -1.2, 0.8])


def model(data: torch.Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("x", dist.Normal(z, 1.0), obs=data)


def guide(_data: torch.Tensor) -> None:
    loc = pyro.param("loc", lambda: torch.tensor(0.0))
    pyro.sample("z", dist.Normal(loc, 1.0))


class Module(PyroModule):
    def forward(self, data: torch.Tensor) -> None:
        model(data)


class Autoencoder(nn.Module):
    def model(self, data: torch.Tensor) -> None:
        model(data)

    def guide(self, data: torch.Tensor) -> None:
        guide(data)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Module, "the class Module: make an object of it first, Module(...)"),
        (SVI, "SVI(model, guide, optim, loss)"),
        (MCMC(NUTS(model), 10), "no guide to train"),
        (NUTS(model), "no guide to train"),
        (NUTS, "no guide to train"),
        (HMC(model), "no guide to train"),
        (torch.optim.SGD([torch.zeros(1)], lr=0.1), "an object of type SGD"),
        (3, "got 3"),
        (SVGD(model, RBFSteinKernel(), Adam({"lr": 0.1}), 2, 0), "no guide to train"),
        (Predictive(model, num_samples=2), "give its model and its guide"),
        (SMCFilter(model, guide, 3, 3), "no guide to train"),
        (CSIS(model, guide, Adam({"lr": 0.1})), "no ELBO of the model"),
        (Forecaster, "give the ForecastingModel and its guide"),
        (SimpleSIRModel(10, 7.0, DATA), "trains by its own fit_svi"),
        (Trace_ELBO()(model, guide), "the ELBO as loss="),
        (type("LightningModule", (nn.Module,), {})(), "give the model and the guide in it"),
        (Autoencoder(), "model and guide are methods"),
        (SimpleNamespace(model=model, guide=guide), "model and guide are methods"),
        ("model", "got 'model'"),
        (None, "got None"),
        (DATA, "a tensor of shape (3,)"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_model_is_named_with_what_to_give(given: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match="watch takes a Pyro model") as refused:
        watch(given, None, DATA)
    assert sentence in str(refused.value)


def test_a_guide_that_was_forgotten_is_asked_for() -> None:
    with pytest.raises(TypeError, match=r"a tensor of shape \(3,\): write watch\(model, None"):
        watch(model, DATA)


def test_a_misspelt_setting_is_no_argument_of_the_model() -> None:
    with pytest.raises(TypeError, match="takes num_step=: is num_steps= meant"):
        watch(model, guide, DATA, num_step=10)


def test_a_function_that_makes_an_optimizer_is_to_be_called_first() -> None:
    with pytest.raises(TypeError, match="call it with its options"):
        watch(model, guide, DATA, optimizer=Adam)


@pytest.mark.parametrize(("name", "value"), [("title", 3), ("kwargs", [1])])
def test_other_arguments_are_checked_too(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name} must be"):
        watch(model, guide, DATA, **{name: value})  # type: ignore[arg-type]


def test_a_loss_that_is_a_function_keeps_its_own_arguments_to_itself() -> None:
    """Of the arguments of a step, the model is looked at with those that it takes."""

    def weighted(model: Any, guide: Any, *args: Any, weight: float) -> Any:
        return weight * Trace_ELBO().differentiable_loss(model, guide, *args)

    def svi() -> SVI:
        pyro.clear_param_store()
        return SVI(model, guide, Adam({"lr": 0.01}), loss=weighted)

    monitor = watch(svi(), DATA, weight=2.0, seed=3, engine="plain")
    try:
        monitor.advance(3)
        assert not monitor.error
        ours = [-value for value in monitor.history()["elbo"]]
    finally:
        monitor.close()
    bare = svi()
    pyro.set_rng_seed(3)
    assert ours == [float(bare.step(DATA, weight=2.0)) for _ in range(3)]
