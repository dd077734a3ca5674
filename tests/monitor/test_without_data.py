"""A model without data opens, and its page says in a sentence that there is nothing to fit."""

from __future__ import annotations

from html import unescape
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import ModelWidget, watch

DATA = torch.tensor([0.3, -1.2, 0.8])


def only_parameters(data: torch.Tensor) -> torch.Tensor:
    return pyro.param("weight", lambda: torch.tensor(0.5)) * data


def nothing(_data: torch.Tensor) -> None:
    pass


def computed(data: torch.Tensor) -> None:
    pyro.deterministic("twice", 2 * data)


def prior(data: torch.Tensor) -> None:
    level = pyro.sample("level", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("x", dist.Normal(level, 1.0))


def factor(data: torch.Tensor) -> None:
    pyro.factor("squares", -(pyro.param("weight", lambda: torch.tensor(0.5)) - data).square().sum())


def factor_of_a_latent(data: torch.Tensor) -> None:
    pyro.factor("squares", -(pyro.sample("level", dist.Normal(0.0, 1.0)) - data).square().sum())


def observed(data: torch.Tensor) -> None:
    with pyro.plate("rows", len(data)):
        pyro.sample("x", dist.Normal(pyro.param("mean", lambda: torch.tensor(0.0)), 1.0), obs=data)


def opened(model: Any, **settings: Any) -> ModelWidget:
    return watch(model, None, DATA, engine="plain", num_steps=2, **settings)


def said(monitor: ModelWidget) -> str:
    page = monitor._dashboard._tabs.visible
    return unescape(" ".join(str(getattr(target, "value", "")) for target in page.targets))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("model", "words"),
    [(only_parameters, "pyro.factor"), (nothing, "pyro.factor"), (computed, "pyro.factor"), (prior, "obs=")],
)
def test_the_page_says_that_a_model_has_no_data_before_and_after_the_first_step(
    model: Any, words: str, language: str
) -> None:
    monitor = opened(model, language=language)
    try:
        assert words in said(monitor)
        monitor.advance(2)
        assert monitor.error == ""
        assert words in said(monitor)
    finally:
        monitor.close()


@pytest.mark.parametrize("model", [factor, factor_of_a_latent, observed])
def test_nothing_is_said_of_a_model_with_data_or_a_factor(model: Any) -> None:
    monitor = opened(model)
    try:
        monitor.advance(1)
        assert not any(hint.key.startswith("nothing_") for hint in monitor.snapshot.hints)
    finally:
        monitor.close()
