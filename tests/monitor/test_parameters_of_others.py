"""The store may hold parameters of other models: they are neither shown nor do they stop the training."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from rugged_widget import ModelWidget, watch

DATA = torch.tensor([0.3, -1.2, 0.8])


def model(data: torch.Tensor) -> None:
    mean = pyro.param("mean", lambda: torch.tensor(0.0))
    level = pyro.sample("level", dist.Normal(mean, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("x", dist.Normal(level, 1.0), obs=data)


def guide(_data: torch.Tensor) -> None:
    pyro.sample("level", dist.Normal(pyro.param("loc", lambda: torch.tensor(0.5)), 1.0))


def opened(given: Any = guide) -> ModelWidget:
    return watch(model, given, DATA, engine="plain", num_steps=20)


def shown(monitor: ModelWidget) -> set[str]:
    """Return the parameters that the Parameters page lists, the same as those that are asked for."""
    monitor._dashboard._tabs.widget.selected_index = 1
    table = monitor.snapshot.parameter_table
    names = {row.name for row in table.rows}
    assert table.num_parameters == len(names)
    assert names == {*monitor.param_store()}
    return names


@pytest.fixture(autouse=True)
def _others() -> None:
    pyro.param("loc", torch.tensor(0.25))
    pyro.param("another", torch.tensor(math.nan))
    pyro.module("network", nn.Linear(2, 3))


def test_the_parameters_are_those_of_model_and_guide() -> None:
    with closing(opened()) as monitor:
        monitor.advance(3)
        assert monitor.error == ""
        assert shown(monitor) == {"loc", "mean"}
        assert monitor.snapshot.hints == ()
        monitor.reset()
        assert shown(monitor) == {"loc"}
        monitor.guide = "normal"
        monitor.advance(1)
        assert shown(monitor) == {"mean", "AutoNormal.locs.level", "AutoNormal.scales.level"}


def test_a_parameter_of_another_model_that_the_model_turns_to_later_is_its_own_then() -> None:
    turned: list[bool] = []

    def turning(data: torch.Tensor) -> None:
        model(data)
        if turned:
            pyro.param("network$$$bias")

    with closing(watch(turning, guide, DATA, engine="plain", num_steps=50)) as monitor:
        monitor.advance(2)
        assert shown(monitor) == {"loc", "mean"}
        turned.append(True)
        monitor.advance(1)
        assert shown(monitor) == {"loc", "mean", "network$$$bias"}
