from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.snapshot.values import Epoch
from rugged_widget.view.controls.controls import Controls, duration, sentence
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from tests.view import drawn
from tests.view.stage import CONTROLS

WORDS = Catalogue()


def progress(status: str, step: int = 0, rate: float = math.nan, error: str = "") -> Progress:
    return Progress(status, step, 1500, math.nan, rate, error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (progress("ready"), "ready · 1,500 steps to do"),
        (progress("running", 1098, 152.3), "running · step 1,098 of 1,500 · 150 steps/s · 3 s left"),
        (progress("running", 3), "running · step 3 of 1,500"),
        (progress("running", 1, 4.26), "running · step 1 of 1,500 · 4.3 steps/s · 6 min left"),
        (progress("paused", 300, 150.0), "paused · step 300 of 1,500"),
        (progress("finished", 1500), "finished · 1,500 steps"),
        (progress("failed", 51), "failed · step 51 of 1,500"),
    ],
)
def test_the_status_is_one_sentence(given: Progress, said: str) -> None:
    assert sentence(WORDS, given) == said


@pytest.mark.parametrize(
    ("step", "epoch", "said"),
    [
        (1203, Epoch(12, 3, 8), "paused · step 1,203 of 1,500 · epoch 12, batch 3 of 8"),
        (4, Epoch(1, 4), "paused · step 4 of 1,500 · epoch 1, batch 4"),
        (0, Epoch(1, 0, 8), "paused · step 0 of 1,500"),
    ],
)
def test_the_status_says_how_often_the_data_was_gone_through(step: int, epoch: Epoch, said: str) -> None:
    assert sentence(WORDS, replace(progress("paused", step), epoch=epoch)) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (59.0, "59 s"), (61, "2 min"), (5400, "1.5 h")])
def test_times_are_said_in_the_unit_that_matters(seconds: float, said: str) -> None:
    assert duration(WORDS, seconds) == said


class Asked:
    def __init__(self) -> None:
        self.log: list[object] = []
        self.controls = Controls(
            CONTROLS,
            {"learning_rate": 0.03, "speed": 10, "guide": "diagonal", "seed": 1, "engine": "auto"},
            Requests(
                primary=lambda: self.log.append("primary"),
                step=lambda: self.log.append("step"),
                reset=lambda: self.log.append("reset"),
                pick=lambda name, value: self.log.append((name, value)),
            ),
            text=WORDS,
        )

    def control(self, css_class: str) -> Any:
        return drawn.part(self.controls.row, css_class)


def test_a_pressed_control_asks_and_nothing_else() -> None:
    asked = Asked()
    for button in ("rw-primary", "rw-step", "rw-reset"):
        asked.control(button).click()
    asked.control("rw-guide").value = "delta"
    asked.control("rw-learning-rate").value = 0.01
    assert asked.log == ["primary", "step", "reset", ("guide", "delta"), ("learning_rate", 0.01)]


def test_showing_a_setting_does_not_ask_for_it() -> None:
    asked = Asked()
    asked.controls.show_setting("seed", 5)
    asked.controls.show_setting("learning_rate", 7.5)  # beyond the slider, which stops at its end
    assert asked.control("rw-seed").value == 5
    assert asked.control("rw-learning-rate").value == 1.0
    assert asked.log == []


def test_where_the_slider_snaps_to_is_not_another_learning_rate() -> None:
    asked = Asked()
    slider = asked.control("rw-learning-rate")
    slider.value = 10**-1.52  # what a page says as soon as it shows 0.03
    assert asked.log == []
    slider.value = 10**-1.51  # the next notch
    assert asked.log == [("learning_rate", 0.031)]


def test_the_primary_button_says_what_it_will_do() -> None:
    asked = Asked()
    text = []
    for status in ("ready", "running", "paused", "finished", "failed"):
        asked.controls.show_status(progress(status, 5))
        text.append(asked.control("rw-primary").description)
    assert text == ["Start", "Pause", "Resume", "Restart", "Restart"]


def test_a_failure_is_told_as_text_and_goes_away() -> None:
    controls = Asked().controls
    controls.show_status(progress("failed", 5, error="bad <b>site</b> & more"))
    assert controls.notice.value == '<p role="alert">bad &lt;b&gt;site&lt;/b&gt; &amp; more</p>'
    controls.show_status(progress("paused", 5))
    assert controls.notice.value == ""
