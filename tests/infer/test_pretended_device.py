"""A model with all its tensors on another device trains there, and nothing of ours is made elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crossings import DECIDES, REQUESTS
from tests.device_models import MODELS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes() -> Any:
    command = [sys.executable, "-m", "tests.on_pretended_device"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_on_another_device_trains_as_in_a_loop_of_its_own(name: str, outcomes: Any) -> None:
    found = outcomes[name]
    assert found["watched"] == found["again"] == found["graph"] == found["loop"]
    assert found["error"] == ""


@pytest.mark.parametrize("name", MODELS)
def test_no_tensor_of_ours_is_on_the_cpu_beside_those_of_the_device(name: str, outcomes: Any) -> None:
    found = outcomes[name]
    assert found["mixed"] == []
    assert found["arrays"]
    assert found["terms"] > 1
    assert found["drawn"]
    assert found["densities"] == len(found["drawn"])


def test_a_prediction_and_heldout_data_are_computed_there(outcomes: Any) -> None:
    assert outcomes["schools"]["predictions"] == 1
    assert outcomes["autoencoder"]["heldout"] == ""


@pytest.mark.parametrize("way", ["by_batches", "in_own_loop", "by_default_device"])
def test_other_ways_to_train_there_are_loops_of_ones_own_too(way: str, outcomes: Any) -> None:
    assert outcomes[way]["watched"] == outcomes[way]["loop"]
    assert outcomes[way]["mixed"] == []


def test_a_loop_of_ones_own_shows_the_latents(outcomes: Any) -> None:
    assert outcomes["in_own_loop"]["drawn"] == ["effect", "mean", "spread"]


def test_a_step_elsewhere_stays_with_pyro_and_says_why(outcomes: Any) -> None:
    assert "on pretended:0, and only steps on the CPU are captured" in outcomes["schools"]["engine"]


@pytest.mark.parametrize("name", MODELS)
def test_a_step_hardly_crosses_more_often_than_a_bare_one_and_a_snapshot_once(name: str, outcomes: Any) -> None:
    found = outcomes["crossings"][name]
    assert found["step"] <= found["bare step"] + 2  # whether parameters are finite, and an iterate that is kept
    once = (REQUESTS.keys() | found.keys() & {"heldout"}) - DECIDES.get(name, set())
    assert {kind: found[kind] for kind in once} == dict.fromkeys(once, 1)


def test_a_snapshot_beside_a_loop_of_ones_own_crosses_once(outcomes: Any) -> None:
    assert outcomes["beside_loop"] == 1


def test_the_cost_of_noise_crosses_once_where_the_optimizer_counts_its_steps_there(outcomes: Any) -> None:
    found = outcomes["noise_cost"]
    assert found["crossings"] == 1
    assert found["cost"] == found["counted on the host"] > 0
