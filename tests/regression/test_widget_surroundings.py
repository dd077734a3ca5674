"""What the user has chosen for torch and NumPy beside the widget changes none of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from tests.regression.plain_widget import RuggedWidget
from tests.surroundings import chosen

pytestmark = pytest.mark.slow  # each surrounding has runs of its own


def double() -> AbstractContextManager[None]:
    return chosen(torch.set_default_dtype, torch.float64, torch.float32)


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "device": lambda: torch.device("meta"),
    "default device": lambda: chosen(torch.set_default_device, "meta", None),
    "half": partial(chosen, torch.set_default_dtype, torch.float16, torch.float32),
    "brain half": partial(chosen, torch.set_default_dtype, torch.bfloat16, torch.float32),
    "double": double,
    "errors of NumPy": lambda: np.errstate(all="raise"),
}


def made() -> RuggedWidget:
    widget = RuggedWidget(num_steps=8, correct=True)
    widget.advance(5)
    return widget


def answers(widget: RuggedWidget) -> list[str]:
    """Return all that the widget can be asked, in words."""
    exact = widget.exact()
    answers = [
        widget.history(),
        widget.param_store(),
        widget.quantiles(),
        widget.approximation(),
        widget.slopes(5),
        widget.summary(20),
        widget.predictions(20),
        widget.least_squares(5),
        (exact.log_evidence, exact.quantiles([0.5]), exact.bands(), exact.slopes(), exact.mean, exact.sd),
        (
            exact.marginals(),
            exact.prediction(1e3, 1),
            exact.log_joint(np.zeros((1, 1, 3)), [[0.0]], [1.0]),
        ),
        widget.snapshot,
        widget.script(),
        widget._repr_mimebundle_()["text/html"],
    ]
    return list(map(repr, answers))


@pytest.fixture(scope="module")
def expected() -> list[str]:
    widget = made()
    widget.advance(1)
    return answers(widget)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_widget_that_is_made_in_surroundings_is_that_of_a_plain_kernel(name: str, expected: list[str]) -> None:
    with SURROUNDINGS[name]():
        widget = made()
        widget.advance(1)
        assert answers(widget) == expected


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_that_come_in_the_middle_of_a_run_change_nothing(name: str, expected: list[str]) -> None:
    widget = made()
    with SURROUNDINGS[name]():
        widget.advance(1)
        assert answers(widget) == expected


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_that_go_in_the_middle_of_a_run_change_nothing(name: str, expected: list[str]) -> None:
    with SURROUNDINGS[name]():
        widget = made()
    widget.advance(1)
    assert answers(widget) == expected


@pytest.mark.parametrize("name", SURROUNDINGS)
async def test_surroundings_change_no_run_on_the_loop(name: str) -> None:
    alone, beside = RuggedWidget(num_steps=30), RuggedWidget(num_steps=30)
    await alone.fit()
    with SURROUNDINGS[name]():
        await beside.fit()
    assert beside.error == ""
    assert beside.history().equals(alone.history())
