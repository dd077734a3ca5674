"""A reset gives the parameter store, guide and optimizer back as they were; clearing the store does no harm."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDelta, AutoGuideList, AutoNormal
from pyro.optim import Adam, PyroOptim
from torch.distributions import constraints

from rugged_widget import ModelWidget, watch
from tests.monitor.level import DATA, model
from tests.monitor.watched import losses


def guide(_data: torch.Tensor) -> None:
    loc = pyro.param("loc", lambda: torch.tensor(0.5))
    scale = pyro.param("scale", lambda: torch.tensor(0.5), constraint=constraints.positive)
    pyro.sample("level", dist.Normal(loc, scale))


@pytest.fixture(autouse=True)
def _a_parameter_of_ones_own() -> None:
    pyro.param("mine", torch.tensor(2.0), constraint=constraints.positive)


def store() -> dict[str, tuple[float, Any]]:
    """Return values and constraints of the present store."""
    present: Any = pyro.get_param_store()
    assert present._constraints.keys() == {*present.keys()} == {*present._param_to_name.values()}
    return {name: (value.item(), present._constraints[name]) for name, value in present.items()}


def opened(given: Any = guide, **settings: Any) -> ModelWidget:
    return watch(model, given, DATA, **{"engine": "plain", "num_steps": 20, "seed": 1, **settings})


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_a_reset_leaves_in_the_store_what_was_there_at_first(engine: str) -> None:
    before = store()
    with closing(opened(engine=engine)) as monitor:
        for given in (guide, "multivariate", guide):
            monitor.guide = given
            assert store() == before
            monitor.advance(3)
            assert {"mine"} < store().keys()
            assert before.items() <= store().items()
        monitor.reset()
        assert store() == before
        monitor.advance(3)
        assert store().keys() == {"mine", "loc", "scale"}
    assert store().keys() == {"mine", "loc", "scale"}


def test_a_reset_leaves_an_automatic_guide_as_it_was_given() -> None:
    automatic, before = AutoNormal(model), store()
    with closing(opened(automatic)) as monitor:
        monitor.advance(3)
        assert automatic.prototype_trace is not None
        monitor.reset()
        assert automatic.prototype_trace is None
        assert store() == before
        monitor.advance(3)
        assert dict(automatic.named_parameters()).keys() == {"locs.level_unconstrained", "scales.level_unconstrained"}


def stepped(num_steps: int, optimizer: PyroOptim) -> list[float]:
    """Take steps as a loop of one's own does, from the same random numbers."""
    svi = SVI(model, guide, optimizer, loss=Trace_ELBO())
    pyro.set_rng_seed(1)
    return [svi.step(DATA) for _ in range(num_steps)]


@pytest.mark.parametrize("num_steps", [0, 4])
def test_a_loop_after_a_reset_steps_as_it_would_have_without_the_window(num_steps: int) -> None:
    optimizer = Adam({"lr": 0.1})
    stepped(num_steps, optimizer)
    wanted = stepped(4, optimizer)
    pyro.clear_param_store()
    optimizer = Adam({"lr": 0.1})
    stepped(num_steps, optimizer)
    with closing(watch(SVI(model, guide, optimizer, loss=Trace_ELBO()), DATA, engine="plain")) as monitor:
        monitor.advance(5)
        monitor.reset()
    assert stepped(4, optimizer) == wanted


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_a_part_that_is_added_to_a_list_of_guides_counts_from_the_next_reset_on(engine: str) -> None:
    def two(data: torch.Tensor) -> None:
        level = pyro.sample("level", dist.Normal(0.0, 1.0))
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("x", dist.Normal(level, scale), obs=data)

    parts = AutoGuideList(two)
    parts.append(AutoDelta(poutine.block(two, expose=["level"])))
    with closing(watch(two, parts, DATA, engine=engine, num_steps=20, seed=1)) as monitor:
        monitor.advance(2)
        assert [note.key for note in monitor.snapshot.guide_warnings] == ["missing"]
        parts.append(AutoNormal(poutine.block(two, expose=["scale"])))
        monitor.advance(2)
        assert monitor.quantiles().keys() == {"level"}
        for _ in range(2):
            monitor.reset()
            assert monitor.snapshot.guide_warnings == ()
            monitor.advance(3)
            assert monitor.quantiles().keys() == {"level", "scale"}
            assert monitor.param_store().keys() == store().keys() - {"mine"}
        wanted = losses(monitor)
        monitor.reset()
    with closing(watch(two, parts, DATA, engine=engine, num_steps=20, seed=1)) as monitor:
        monitor.advance(3)
        assert losses(monitor) == wanted


def test_a_store_that_is_cleared_between_two_steps_changes_nothing_for_the_run() -> None:
    with closing(opened()) as alone:
        alone.advance(6)
        wanted = losses(alone), store()
        alone.reset()
    with closing(opened()) as monitor:
        monitor.advance(3)
        pyro.clear_param_store()
        monitor.advance(3)
        del wanted[1]["mine"]
        assert (losses(monitor), store()) == wanted


def test_two_windows_take_back_what_is_theirs() -> None:
    before = store()
    with closing(opened("normal")) as one, closing(opened()) as other:
        one.advance(2)
        other.advance(2)
        one.reset()
        assert store().keys() == {"mine", "loc", "scale"}
        other.reset()
        assert store() == before
