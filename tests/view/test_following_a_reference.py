"""A snapshot that brings another reference: everything that is compared with it follows."""

from __future__ import annotations

import dataclasses
from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.snapshot.values import Caution, Contours
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.pair import PairFigure
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.figures.verdicts import ApproximationCard
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue, catalogue
from rugged_widget.view.pages.parameters import ParametersPage
from rugged_widget.view.requests import Requests
from tests.view import drawn, page_fakes
from tests.view.judged import approximation
from tests.view.kept_fakes import draws, run
from tests.view.page_fakes import WEIGHT, value_of
from tests.view.references import reference_of
from tests.view.stage import DATA, PROBS, Stage

TEXT = Catalogue()
SUBJECT = subject_of(DATA, PROBS, TEXT)
RUNNING = Progress("running", 40, 1500, -500.0, 150.0)
FIRST, OTHER = reference_of(DATA), reference_of(DATA, times=1.1, log_evidence=-300.0)
FAR = [reference_of(DATA, times=times) for times in (50.0, 60.0)]
"""Answers whose intervals are of so different width that each row of the quantiles has a scale of its own."""
CAUTION = Caution("far_weight", (WEIGHT, (0, 1)), {"sds": 47.3, "now": 0.01, "scale": 50.0})


@pytest.fixture(scope="module")
def plain() -> RegressionSnapshot:
    return RegressionFit(DATA, engine="plain").snapshot()


class Following:
    """A page that notes what it is compared with."""

    def __init__(self, page: Any) -> None:
        self.page, self.references = page, list[RegressionReference]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def show_reference(self, reference: RegressionReference) -> None:
        self.references.append(reference)


def dashed(figure: Any) -> list[Any]:
    boxes = getattr(figure, "boxes", None) or (figure.box,)
    return [mark for box in boxes for mark in drawn.marks(box, bqplot.Lines, line_style="dashed")]


def dashes(figure: Any) -> list[tuple[list[float], list[float]]]:
    return [(np.asarray(mark.x).tolist(), np.asarray(mark.y).tolist()) for mark in dashed(figure)]


def make(name: str, reference: RegressionReference) -> Any:
    if name == "elbo":
        return ElboFigure(1500, SUBJECT, lambda: None, reference, text=TEXT)
    if name == "panels":
        return Panels(SUBJECT, lambda: None, reference, text=TEXT)
    return {"quantiles": QuantileFigure, "slopes": SlopeFigure}[name](SUBJECT, reference, text=TEXT)


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
def test_a_figure_draws_another_exact_answer_as_one_that_was_made_with_it(name: str) -> None:
    figure = make(name, FIRST)
    figure.show_exact(True)
    assert dashes(figure) != dashes(make(name, OTHER))
    figure.show_reference(OTHER)
    assert dashes(figure) == dashes(make(name, OTHER))
    assert {mark.visible for mark in dashed(figure)} == {True}


def test_rows_with_scales_of_their_own_are_centered_on_the_other_answer(plain: RegressionSnapshot) -> None:
    figure, fresh = (make("quantiles", reference) for reference in FAR)
    figure.show_reference(FAR[1])
    assert figure.update(plain, RUNNING)[-1][1].keys() == fresh.update(plain, RUNNING)[-1][1].keys()
    assert dashes(figure) == dashes(fresh)
    marks, others = ([(mark.x, mark.y) for mark in drawn.marks(one.box, bqplot.Mark)] for one in (figure, fresh))
    for (x, y), (other_x, other_y) in zip(marks, others, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


@pytest.mark.parametrize("name", ["quantiles", "slopes"])
def test_the_axis_has_room_for_another_exact_answer(name: str, plain: RegressionSnapshot) -> None:
    figure, fresh = make(name, FIRST), make(name, OTHER)
    figure.show_reference(OTHER)
    axis, other = (drawn.axis(one.box, "bottom") for one in (figure, fresh))
    low, high = drawn.bounds(figure.update(plain, RUNNING), axis)
    assert (low, high) == drawn.bounds(fresh.update(plain, RUNNING), other)


def test_the_bands_of_another_answer_are_those_of_the_mode() -> None:
    panels = make("panels", FIRST)
    panels.mode.value = "prediction"
    panels.show_reference(OTHER)
    assert OTHER.exact is not None
    assert dashes(panels)[0][1][1] == OTHER.exact.bands["prediction"][0].upper.tolist()


def test_kept_runs_of_other_priors_are_not_drawn_under_a_log_evidence_that_does_not_bound_them() -> None:
    figure = make("elbo", FIRST)
    mark = drawn.mark(figure.box, bqplot.Lines, color="kept-line")
    assert FIRST.exact is not None
    figure.show_runs([run(1, log_evidence=FIRST.exact.log_evidence), run(2, log_evidence=-300.0), run(3)])
    assert np.asarray(mark.y).shape[0] == 2  # what is not known is drawn
    figure.show_reference(OTHER)
    assert np.asarray(mark.y).shape[0] == 2
    figure.show_runs([run(1, log_evidence=FIRST.exact.log_evidence)])
    assert not mark.visible
    figure.show_reference(FIRST)
    assert mark.visible


def test_contours_are_asked_for_anew_and_the_legend_says_whose_they_are() -> None:
    asked: list[object] = []
    square = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])

    def contours(*pair: object) -> Contours:
        asked.append(pair)
        return Contours((0.9,), ((square,),))

    figure = PairFigure(SUBJECT, FIRST, contours, lambda: None, text=TEXT)
    moment = dataclasses.replace(page_fakes.snapshot(), draws=draws())

    def legend() -> str:
        return str(value_of(figure.update(moment, RUNNING), drawn.part(figure.box, "rw-legend"), "value"))

    assert FIRST.exact is not None
    figure.show_runs([run(1, log_evidence=FIRST.exact.log_evidence)])
    assert "present run" not in legend()
    figure.show_reference(OTHER)
    assert "under the present run" in legend()
    assert len(asked) == 2


def test_the_parameters_page_draws_other_exact_densities() -> None:
    first = page_fakes.reference(DATA)
    assert first.exact is not None
    other = dataclasses.replace(
        first, exact=dataclasses.replace(first.exact, marginals=page_fakes.marginals(0.5)), estimates=first.estimates
    )
    page, fresh = (ParametersPage(SUBJECT, reference, text=TEXT) for reference in (first, other))
    page.show_reference(other)
    assert dashes(page) == dashes(fresh)


def test_the_dashboard_shows_the_reference_of_a_snapshot_on_every_page_once(plain: RegressionSnapshot) -> None:
    stage = Stage(dataclasses.replace(plain, reference=FIRST), reference=FIRST)
    stage.pick("Numbers")
    pages = stage.dashboard._tabs._built
    pages["Numbers"] = numbers = Following(pages["Numbers"])
    stage.plain = dataclasses.replace(plain, reference=OTHER)
    stage.rest("paused")
    stage.rest("paused")
    assert numbers.references == [OTHER]
    evidence = drawn.mark(drawn.part(stage.root, "rw-elbo"), bqplot.Lines, line_style="dashed")
    assert np.asarray(evidence.y).tolist() == [-300.0, -300.0]


def test_without_a_reference_none_is_shown_later(plain: RegressionSnapshot) -> None:
    stage = Stage(dataclasses.replace(plain, reference=OTHER))
    stage.rest("paused")
    assert drawn.marks(drawn.part(stage.root, "rw-elbo"), line_style="dashed") == []


# Cautions


def card(language: str = "en") -> ApproximationCard:
    requests = Requests(*[lambda: None] * 3, pick=lambda _name, _value: None)
    return ApproximationCard(lambda: SUBJECT.rows, requests, text=Catalogue(language))


@pytest.mark.parametrize("quality", [None, "good", "borderline", "poor", "point"])
def test_the_worst_caution_is_said_whatever_the_quality_and_for_who_does_not_see_it(quality: Any) -> None:
    shown = card()
    shown.show_cautions((CAUTION, dataclasses.replace(CAUTION, key="far_bias")))
    found = None if quality is None else approximation(quality)
    moment = dataclasses.replace(page_fakes.snapshot(), approximation=found)
    said = value_of(shown.update(moment, RUNNING), drawn.part(shown.card.box, "rw-caution"), "value")
    assert said.count("<p>") == 1
    assert "rugged 47 prior standard deviations from 0" in said
    assert "scale from 0.01 to 50." in said
    assert "scale from 0.01 to 50." in shown.card.sentence
    shown.show_cautions(())
    assert value_of(shown.update(moment, RUNNING), drawn.part(shown.card.box, "rw-caution"), "value") == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", [key for key in catalogue("en") if key.startswith("caution.")])
def test_every_caution_can_be_said_in_every_language(key: str, language: str) -> None:
    shown = card(language)
    numbers = {"sds": 47.3, "percent": 12.2, "estimate": 365.0, "now": 2.5, "scale": 2000.0}
    shown.show_cautions((dataclasses.replace(CAUTION, key=key.removeprefix("caution."), numbers=numbers),))
    shown.update(page_fakes.snapshot(), RUNNING)
    assert "2,000" in shown.card.sentence
    assert not set("{}") & set(shown.card.sentence)
