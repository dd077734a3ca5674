"""Models that use a device in less usual ways train as in a loop of one's own, and what cannot be shown says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes() -> Any:
    command = [sys.executable, "-m", "tests.on_unusual_devices"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["moving", "without_latents", "two_devices", "refused_draws", "without_double"])
def test_losses_are_those_of_a_loop(way: str, outcomes: Any) -> None:
    assert outcomes[way]["watched"] == outcomes[way]["loop"]
    assert outcomes[way]["error"] == ""


@pytest.mark.parametrize("way", ["moving", "without_latents", "without_double"])
def test_predictions_are_computed_on_the_device_of_the_site(way: str, outcomes: Any) -> None:
    assert outcomes[way]["predictions"] == [""]
    assert outcomes[way]["mixed"] == []


def test_latents_on_two_devices_are_drawn_by_a_guide_of_ones_own_alone(outcomes: Any) -> None:
    assert outcomes["two_devices"]["drawn"] == ["level", "slope"]
    assert outcomes["refused_draws"]["drawn"] == []
    assert "its latents are on cpu and pretended:0" in outcomes["refused_draws"]["refusal"]


def test_the_networks_of_a_flow_that_is_picked_follow_the_model(outcomes: Any) -> None:
    assert outcomes["families"] == {"iaf": "", "low_rank": "", "laplace": ""}


def test_nothing_is_asked_of_a_device_in_double_precision_that_has_none(outcomes: Any) -> None:
    found = outcomes["without_double"]
    assert found["densities"] == 1
    assert found["heldout"] == ""
    assert found["judged"] in {"good", "borderline", "poor", "slow"}
