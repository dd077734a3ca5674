"""Latents that a model draws in a loop over a plate have an automatic guide, though Pyro's own refuse them."""

from __future__ import annotations

import math
from contextlib import closing
from functools import partial
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal, AutoStructured

from rugged_widget import ModelWidget, watch
from tests.monitor.watched import losses

DATA = torch.tensor([[0.3, -1.2, 0.8], [1.0, 0.4, 2.0]])


def looping(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    for group in pyro.plate("groups", len(data)):
        level = pyro.sample(f"level_{group}", dist.Normal(mean, 1.0))
        with pyro.plate(f"rows_{group}", data.shape[1]):
            pyro.sample(f"x_{group}", dist.Normal(level, 1.0), obs=data[group])


def unrolled(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    for group in range(len(data)):
        level = pyro.sample(f"level_{group}", dist.Normal(mean, 1.0))
        with pyro.plate(f"rows_{group}", data.shape[1]):
            pyro.sample(f"x_{group}", dist.Normal(level, 1.0), obs=data[group])


def mixed(data: torch.Tensor) -> None:
    share = pyro.sample("share", dist.Beta(2.0, 2.0))
    for group in pyro.plate("groups", len(data)):
        high = pyro.sample(f"high_{group}", dist.Bernoulli(share))
        level = pyro.sample(f"level_{group}", dist.Normal(2 * high, 1.0))
        pyro.sample(f"x_{group}", dist.Normal(level, 1.0).expand([3]).to_event(1), obs=data[group])


def subsampling(data: torch.Tensor) -> None:
    for group in pyro.plate("groups", len(data), subsample_size=1):
        level = pyro.sample(f"level_{group}", dist.Normal(0.0, 1.0))
        pyro.sample(f"x_{group}", dist.Normal(level, 1.0).expand([3]).to_event(1), obs=data[group])


def opened(model: Any, guide: Any = None) -> ModelWidget:
    return watch(model, guide, DATA, engine="plain", num_steps=10, seed=1)


@pytest.mark.parametrize(
    "guide", [None, "multivariate", "delta", AutoNormal, AutoStructured, partial(AutoNormal, init_scale=0.3)], ids=str
)
def test_a_loop_over_a_plate_trains_as_a_loop_over_numbers(guide: Any) -> None:
    with closing(opened(unrolled, guide)) as monitor:
        monitor.advance(4)
        wanted, quantiles = losses(monitor), monitor.quantiles()
    pyro.clear_param_store()
    with closing(opened(looping, guide)) as monitor:
        monitor.advance(4)
        assert losses(monitor) == wanted
        assert monitor.quantiles().keys() == quantiles.keys() >= {"mean", "level_0", "level_1"}
        assert math.isfinite(monitor.snapshot.elbo_terms[0].mean)
        assert monitor.snapshot.guide_warnings == ()


def test_discrete_latents_beside_them_are_summed_over() -> None:
    with closing(opened(mixed)) as monitor:
        monitor.advance(3)
        assert monitor.error == ""
        assert monitor.quantiles().keys() == {"share", "level_0", "level_1"}


@pytest.mark.parametrize("guide", [None, "normal", AutoNormal])
def test_a_loop_over_a_part_of_a_plate_is_refused_by_the_name_of_the_plate(guide: Any) -> None:
    with pytest.raises(ValueError, match=r"'groups' goes through 1 of its 2 elements.*a function with a loop"):
        opened(subsampling, guide)


def test_a_guide_that_was_made_of_such_a_model_is_refused_with_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"give the class, guide=AutoNormal, instead of AutoNormal\(model\)"):
        opened(looping, AutoNormal(looping))


def test_the_script_takes_the_same_steps() -> None:
    with closing(opened(looping)) as monitor:
        monitor.advance(5)
        script, wanted = monitor.script(), losses(monitor)
    assert "AutoNormal(WithoutLoops()(model))" in script
    told: list[float] = []
    program = script.replace("    loss = svi.step(data)", "    loss = svi.step(data); told.append(loss)")
    exec(compile(program, "script", "exec"), {"data": DATA, "told": told})
    assert told == wanted
