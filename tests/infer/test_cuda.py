"""Models on a GPU, where there is one: a fit of them is a loop of one's own."""

from __future__ import annotations

import numpy as np
import pyro
import pytest
import torch

from rugged_widget import watch
from tests.crossings import DECIDES, REQUESTS, crossings_beside_loop, crossings_of
from tests.device_models import MODELS, losses_of, losses_of_loop, made, watched

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that CUDA can use")

STEPS = 20
CUDA = torch.device("cuda:0")


@pytest.mark.parametrize("name", MODELS)
def test_losses_are_those_of_a_loop_and_come_again_after_a_reset(name: str) -> None:
    expected = losses_of_loop(name, CUDA, STEPS)
    dashboard = watched(name, CUDA, num_steps=STEPS)
    dashboard.advance(STEPS)
    assert losses_of(dashboard) == expected
    dashboard.reset()
    dashboard.advance(STEPS)
    assert losses_of(dashboard) == expected
    dashboard.close()


@pytest.mark.parametrize("name", MODELS)
def test_the_generators_of_the_user_are_untouched(name: str) -> None:
    dashboard = watched(name, CUDA, num_steps=STEPS)
    pyro.set_rng_seed(5)
    expected = torch.rand(4), torch.rand(4, device=CUDA)
    pyro.set_rng_seed(5)
    dashboard.advance(STEPS)
    found = torch.rand(4), torch.rand(4, device=CUDA)
    assert all(torch.equal(one, two) for one, two in zip(expected, found, strict=True))
    dashboard.close()


@pytest.mark.parametrize("name", MODELS)
def test_a_snapshot_holds_arrays_and_the_graph_engine_stays_with_pyro(name: str) -> None:
    dashboard = watched(name, CUDA, num_steps=STEPS, engine="graph")
    dashboard.advance(STEPS)
    quantiles = dashboard.snapshot.quantiles
    assert quantiles
    assert all(type(value) is np.ndarray for value in quantiles.values())
    assert dashboard.error == ""
    assert "only steps on the CPU are captured" in dashboard._session.training.fit.engine.reason
    dashboard.close()


@pytest.mark.parametrize("name", MODELS)
def test_a_step_hardly_crosses_more_often_than_a_bare_one_and_a_snapshot_once(name: str) -> None:
    found = crossings_of(name, CUDA)
    assert found["step"] <= found["bare step"] + 2  # whether parameters are finite, and an iterate that is kept
    once = (REQUESTS.keys() | found.keys() & {"heldout"}) - DECIDES.get(name, set())
    assert {kind: found[kind] for kind in once} == dict.fromkeys(once, 1)


def test_a_snapshot_beside_a_loop_of_ones_own_crosses_once() -> None:
    assert crossings_beside_loop(CUDA) == 1


def test_the_networks_of_a_flow_that_is_picked_follow_the_model() -> None:
    setup = made("schools", CUDA)
    dashboard = watch(setup.model, "iaf", *setup.args, num_steps=STEPS, engine="plain")
    dashboard.advance(STEPS)
    assert dashboard.error == ""
    assert dashboard.snapshot.quantiles
    dashboard.close()
