"""The first page as a whole: what it wants, what it tells, and its switches, without a page."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.train_page import train_page
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.figures.number_format import probability
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from tests.view import drawn
from tests.view.judged import approximation, convergence, correction_of
from tests.view.page_fakes import value_of
from tests.view.references import reference_of

if TYPE_CHECKING:
    from rugged_widget.regression.snapshot import RegressionSnapshot

DATA = RegressionData.rugged()
RESTING = Progress("paused", 40, 1500, -500.0, 150.0)


@pytest.fixture(scope="module")
def plain() -> RegressionSnapshot:
    fit = RegressionFit(DATA, engine="plain")
    fit.advance(40)
    return fit.snapshot()


class Shown:
    """A page, what it asked for, and how often it said that something changed."""

    def __init__(self, language: str = "en", **settings: object) -> None:
        self.picked: list[tuple[str, object]] = []
        self.changes = 0
        self.text = Catalogue(language)
        requests = Requests(*[lambda: None] * 3, lambda name, value: self.picked.append((name, value)))
        subject = subject_of(DATA, (0.05, 0.25, 0.5, 0.75, 0.95), self.text)
        self.page = train_page(
            subject,
            1500,
            reference_of(DATA),
            self._changed,
            text=self.text,
            requests=requests,
            settings=settings,
        )

    def _changed(self) -> None:
        self.changes += 1

    def legend(self, snapshot: RegressionSnapshot) -> str:
        return str(value_of(self.page.update(snapshot, RESTING), drawn.part(self.page.box, "rw-legend"), "value"))


def test_a_correction_is_wanted_only_while_it_is_drawn() -> None:
    shown = Shown()
    assert shown.page.request() == SnapshotRequest()
    shown.page.correct(on=True)
    assert shown.page.request() == SnapshotRequest(correction=True)
    shown.page.correct(on=True)
    assert shown.changes == 1  # nothing changed the second time
    shown.page.correct(on=False)
    assert shown.page.request() == SnapshotRequest()


def test_settings_are_shown_and_ask_for_nothing() -> None:
    shown = Shown(correct=True, stop_when_converged=True)
    page = shown.page
    assert page.request().correction
    stop, correct = (drawn.part(page.box, css_class) for css_class in ("rw-stop-when-converged", "rw-correct"))
    assert stop.value
    page.show_setting("correct", value=False)
    page.show_setting("stop_when_converged", value=False)
    assert (correct.value, stop.value) == (False, False)
    assert not page.request().correction
    assert shown.picked == []


def test_the_legend_tells_of_the_correction_once_it_is_there_and_whether_to_trust_it(plain: RegressionSnapshot) -> None:
    shown = Shown()
    corrected = dataclasses.replace(plain, correction=correction_of(plain))
    assert "corrected" not in shown.legend(corrected)
    shown.page.correct(on=True)
    assert "corrected" not in shown.legend(plain)
    assert "trusted" not in shown.legend(corrected)
    doubtful = dataclasses.replace(plain, correction=correction_of(plain, reliable=False))
    assert "not to be trusted" in shown.legend(doubtful)


def test_a_frame_changes_only_targets_each_thing_once_and_no_mark_is_new(plain: RegressionSnapshot) -> None:
    shown = Shown()
    for on in (False, True):
        shown.page.correct(on)
        for snapshot in (plain, dataclasses.replace(plain, correction=correction_of(plain))):
            seen: list[tuple[int, str]] = []
            for target, values in shown.page.update(snapshot, RESTING):
                assert target in shown.page.targets
                seen += [(id(target), name) for name in values]
                assert all(np.isfinite(v).all() for v in values.values() if isinstance(v, np.ndarray))
            arrays_once = [key for key in seen if seen.count(key) > 1]
            assert not arrays_once


@pytest.mark.parametrize(("language", "verdicts"), [("en", ("Converged: yes", "good: no")), ("ko", ("예", "아니요"))])
def test_who_does_not_see_it_is_told_both_verdicts_and_the_beliefs(
    plain: RegressionSnapshot, language: str, verdicts: tuple[str, str]
) -> None:
    shown = Shown(language)
    judged: Any = dataclasses.replace(plain, convergence=convergence(), approximation=approximation())
    shown.page.update(judged, RESTING)
    said = shown.page.sentence(judged)
    assert all(word in said for word in verdicts)
    assert "cont_africa" in said
    assert probability(shown.text, judged.slopes[1].prob_positive) in said
