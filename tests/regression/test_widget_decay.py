"""The setting that lets the learning rate fall: what it begins with, what follows it, and what ends it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
import traitlets

from rugged_widget import RuggedWidget
from tests.real_tables import real_tables
from tests.view import drawn
from tests.waits import wait_until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def of_table(**settings: Any) -> RuggedWidget:
    table = real_tables()["students"]
    columns = {"response": table.response, "predictor": table.predictor, "group": table.group}
    return RuggedWidget(table.frame, **columns, **{"speed": "max", **settings})


def rates(widget: RuggedWidget) -> list[float]:
    history: pd.DataFrame = widget.history()
    return list(dict.fromkeys(history["learning_rate"]))


async def advanced(widget: RuggedWidget, num_steps: int) -> None:
    """Train up to so many steps and rest there."""
    widget.num_steps = num_steps
    await widget.fit()


@pytest.mark.parametrize(
    ("make", "decay", "rate", "by_itself"),
    [
        (RuggedWidget, False, 0.03, False),
        (of_table, True, 0.1, True),
        (lambda: of_table(guide="iaf"), True, 0.03, True),
        (lambda: of_table(learning_rate=0.02), False, 0.02, False),
        (lambda: of_table(standardize=False), False, 0.03, False),
        (lambda: of_table(decay=False), False, 0.03, True),
        (lambda: RuggedWidget(decay=True), True, 0.1, False),
    ],
)
def test_what_it_begins_with(make: Callable[[], RuggedWidget], decay: bool, rate: float, by_itself: bool) -> None:
    widget = make()
    assert (widget.decay, widget.learning_rate) == (decay, rate)
    widget.decay = None
    assert widget.decay is by_itself


def test_two_ways_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match=r"decay=True has learning rates of its own.*got 0\.02"):
        of_table(decay=True, learning_rate=0.02)
    with pytest.raises(TypeError, match="decay must be True or False"):
        of_table(decay="yes")


async def test_the_trait_and_the_slider_follow_the_run() -> None:
    widget = of_table()
    seen: list[float] = []
    widget.observe(lambda change: seen.append(change["new"]), "learning_rate")
    for num_steps in (450, 550, 1000):
        await advanced(widget, num_steps)
    assert seen == [0.05, 0.02, 0.001]
    assert widget.decay
    assert rates(widget) == [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
    assert 'Adam({"lr": LEARNING_RATES[1], "betas": (0.9, 0.99)})' in widget.script()
    widget.reset()
    await advanced(widget, 10)
    assert seen[3:] == [0.1]


async def test_a_slider_that_is_linked_and_rounds_does_not_end_it() -> None:
    widget = of_table()
    slider = ipywidgets.FloatLogSlider(min=-4, max=0, step=0.1)
    link = traitlets.link((widget, "learning_rate"), (slider, "value"))
    slider.observe(lambda change: setattr(slider, "value", 10 ** round(math.log10(change["new"]), 1)), "value")
    await advanced(widget, 1000)
    assert widget.decay
    assert slider.value == pytest.approx(0.001)
    assert rates(widget) == [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
    slider.value = 10**-1.5
    assert not widget.decay
    link.unlink()


async def test_its_button_shows_it_and_picks_it_and_the_lesson_has_none() -> None:
    widget = of_table()
    button = drawn.part(widget, "rw-decay")
    assert button.value
    drawn.part(widget, "rw-learning-rate").value = 0.04
    await wait_until_async(lambda: not button.value)
    assert (widget.decay, widget.learning_rate) == (False, 0.04)
    button.value = True
    await wait_until_async(lambda: widget.decay and widget.learning_rate == 0.1)
    assert drawn.parts(RuggedWidget(), "rw-decay") == []


async def test_a_rate_that_is_set_ends_it_and_the_setting_begins_it_again() -> None:
    widget = of_table()
    await advanced(widget, 10)
    widget.learning_rate = 0.04
    assert not widget.decay
    await advanced(widget, 450)
    assert rates(widget) == [0.1, 0.04]
    widget.decay = True
    await advanced(widget, 460)
    assert widget.learning_rate == 0.05
    widget.decay = False
    await advanced(widget, 520)
    assert rates(widget) == [0.1, 0.04, 0.05]


async def test_a_run_that_is_recalled_has_its_own_way() -> None:
    widget = of_table(num_steps=450)
    await widget.fit()
    widget.reset()
    widget.learning_rate = 0.02
    await widget.fit()
    widget.recall(1)
    await wait_until_async(lambda: widget.step == 450 and widget.decay)
    assert (widget.decay, widget.learning_rate) == (True, 0.05)
    widget.recall(2)
    await wait_until_async(lambda: not widget.decay)
    assert (widget.decay, widget.learning_rate) == (False, 0.02)


def test_a_value_that_cannot_be_changes_nothing() -> None:
    widget = of_table()
    with pytest.raises(traitlets.TraitError, match="learning_rate"):
        widget.learning_rate = -1.0
    assert (widget.decay, widget.learning_rate) == (True, 0.1)
