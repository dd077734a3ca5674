"""A form is worth a capture once it comes again."""

from __future__ import annotations

import pytest

from rugged_widget.infer.compiled.capture.feasibility import TOO_LONG
from rugged_widget.infer.compiled.pipeline import NO_NUMBER
from rugged_widget.infer.svi.batch_forms import (
    MAX_PROGRAMS,
    MAX_REMEMBERED,
    NONE_ALIKE,
    NOT_COMPARABLE,
    PATIENCE,
    Forms,
)
from rugged_widget.infer.svi.engine_selection import SLOWER
from rugged_widget.view.i18n.catalogue import catalogue


def test_a_form_that_comes_again_is_worth_it() -> None:
    forms = Forms()
    forms.note(0, "a")
    assert not forms.is_worth_a_capture("a", 0)
    forms.note(0, "a")  # the same step, taken again
    assert not forms.is_worth_a_capture("a", 0)
    forms.note(1, "a")
    assert forms.is_worth_a_capture("a", 0)
    assert not forms.is_worth_a_capture("a", MAX_PROGRAMS)
    forms.refuse("a")
    assert not forms.is_worth_a_capture("a", 0)


def test_what_has_no_form_never_is() -> None:
    forms = Forms()
    for step in range(PATIENCE + 1):
        assert forms.obstacle is None
        forms.note(step, None)
    assert forms.obstacle == NOT_COMPARABLE
    assert not forms.is_worth_a_capture(None, 0)


def test_forms_that_never_come_again_are_not_kept() -> None:
    forms = Forms()
    for step in range(1000):
        forms.note(step, step)
        assert forms.obstacle == (NONE_ALIKE if step >= PATIENCE else None)
    assert len(forms._counts) == MAX_REMEMBERED


@pytest.mark.parametrize("reason", [NONE_ALIKE, NOT_COMPARABLE, NO_NUMBER, TOO_LONG, SLOWER])
def test_the_page_knows_each_obstacle_in_every_language(reason: str) -> None:
    assert reason in [entry for key, entry in catalogue("en").items() if key.startswith("engine.reason.")]
