"""What a fit owns beside modules: objects, global variables, and what the user sets on a module between steps."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer import autoguide
from torch import nn

from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.svi.fit import Fit
from tests.infer.step.brought import ROWS, SEED, VAE, Brought, equal, look, losses

STEPS = 12


def test_a_number_that_the_user_sets_on_a_module_counts() -> None:
    vae = VAE()
    fit = Fit(
        vae.model,
        lambda _: vae.guide,
        (ROWS,),
        learning_rate=0.01,
        seed=1,
        engine="plain",
        ownership=Ownership(vae.model, vae.guide),
    )
    fit.advance(2)
    vae.noise = 1000.0
    vae.eval()
    fit.advance(1)
    assert fit.elbo < -7.0 * ROWS.numel()
    fit.hand_over()
    assert not vae.training


class Annealed:
    """A model that counts its calls, and makes its network in the first."""

    def __init__(self) -> None:
        self.calls, self.network = 0, None

    def model(self, rows: torch.Tensor) -> None:
        self.calls += 1
        self.network = self.network or nn.Linear(1, 3)
        network = pyro.module("network", self.network)
        with poutine.scale(scale=self.calls / 100), pyro.plate("rows", len(rows)):
            code = pyro.sample("code", dist.Normal(torch.zeros(len(rows), 1), 1.0).to_event(1))
            pyro.sample("row", dist.Normal(network(code), 1.0).to_event(1), obs=rows)

    def guide(self, rows: torch.Tensor) -> None:
        with pyro.plate("rows", len(rows)):
            pyro.sample("code", dist.Normal(pyro.param("loc", torch.zeros(1)), 1.0).to_event(1))


def test_an_object_with_a_model_as_a_method_is_owned_too() -> None:
    def annealed() -> tuple[Annealed, Brought]:
        pyro.clear_param_store()
        pyro.set_rng_seed(5)
        thing = Annealed()
        return thing, Brought(poutine.scale(thing.model, 0.5), thing.guide, (ROWS,), nn.Module())

    thing, brought = annealed()
    expected, end = brought.losses(6), brought.state()

    thing, brought = annealed()
    ownership = brought.owned()
    for _ in range(2):
        fit = brought.fit(ownership)
        for _ in range(3):
            fit.advance(2)
            look(fit, brought)
        assert losses(fit) == expected
        fit.hand_over()
        assert equal(brought.state(), end)
        assert thing.calls == 6
        assert thing.network is not None


calls = 0
late: nn.Module | None = None


def counted(rows: torch.Tensor) -> None:
    """Make a network in the first call, and count calls, in global variables."""
    global calls, late
    calls, late = calls + 1, late or nn.Linear(1, 3)
    network = pyro.module("network", late)
    with poutine.scale(scale=calls / 100), pyro.plate("rows", len(rows)):
        pyro.sample("row", dist.Normal(network(torch.ones(len(rows), 1)), 1.0).to_event(1), obs=rows)


def test_global_variables_that_a_model_assigns_are_owned_too() -> None:
    def begun() -> Brought:
        global calls, late
        calls, late = 0, None
        pyro.clear_param_store()
        pyro.set_rng_seed(SEED)
        return Brought(counted, lambda *_: None, (ROWS,), nn.Module())

    brought = begun()
    expected, end = brought.losses(6), brought.state()

    brought = begun()
    ownership = brought.owned()
    for number in range(2):
        fit = brought.fit(ownership)
        for _ in range(3):
            fit.advance(2)
            look(fit, brought)
            assert calls == 6 * number
        assert losses(fit) == expected
        fit.hand_over()
        assert equal(brought.state(), end)
        assert calls == 6
        assert late is not None


def test_calls_that_set_up_a_guide_do_not_count() -> None:
    thing = Annealed()

    def make(_: Any) -> Any:
        thing.model(ROWS)
        return autoguide.AutoNormal(poutine.block(thing.model, hide=["row"]))

    fit = Fit(thing.model, make, (ROWS,), learning_rate=0.1, seed=1, engine="plain", ownership=Ownership(thing.model))
    fit.advance(3)
    fit.hand_over()
    assert thing.calls == 4  # the guide calls it in its first step too
