"""A form is worth a capture once it comes again."""

from __future__ import annotations

from rugged_widget.infer.svi.batch_forms import MAX_PROGRAMS, MAX_REMEMBERED, PATIENCE, Forms


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
    for step in range(3):
        forms.note(step, None)
    assert not forms.is_worth_a_capture(None, 0)


def test_forms_that_never_come_again_are_not_kept() -> None:
    forms = Forms()
    for step in range(1000):
        forms.note(step, step)
        assert forms.are_all_different == (step >= PATIENCE)
    assert len(forms._counts) == MAX_REMEMBERED
