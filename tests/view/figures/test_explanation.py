"""The explanations: which sentences hold at a moment, with whose numbers, and when they are brought up to date."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import RegressionReference
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.labels import RegressionSubject, subject_of
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import KLGap, Progress
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from rugged_widget.view.pages.explained import ExplainedPage
from tests.view import drawn
from tests.view.judged import approximation, convergence
from tests.view.references import reference_of
from tests.view.stage import FakePage

if TYPE_CHECKING:
    from rugged_widget.regression.snapshot import RegressionSnapshot

DATA = RegressionData.rugged()
PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
KEYS = (
    *("elbo", "quantiles", "panels", "slopes", "converged", "approximation"),
    *("parameters", "priors", "predict", "serve", "code", "compare"),
)
RUNNING, RESTING = (Progress(status, 40, 1500, -500.0, 150.0) for status in ("running", "paused"))


@pytest.fixture(scope="module")
def plain() -> RegressionSnapshot:
    fit = RegressionFit(DATA, engine="plain")
    fit.advance(40)
    return dataclasses.replace(fit.snapshot(), gap=KLGap(1.25, 0.02), convergence=convergence())


@cache
def about(language: str, *, exact: bool) -> tuple[Catalogue, RegressionSubject, RegressionReference]:
    text = Catalogue(language)
    return text, subject_of(DATA, PROBS, text), reference_of(DATA, exact=exact)


def told(key: str, snapshot: RegressionSnapshot, language: str = "en", *, exact: bool = True) -> str:
    """Return the panel of an explanation as it is read, without markup."""
    text, subject, reference = about(language, exact=exact)
    facts = facts_of(subject, reference)
    ((_panel, values),) = Explanation(text, key, facts).update(snapshot, RESTING)
    return re.sub(r"<[^>]*>", " ", str(values["value"]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_every_explanation_can_be_told_at_every_moment_in_every_language(
    plain: RegressionSnapshot, key: str, language: str
) -> None:
    start = dataclasses.replace(plain, step=0, gap=None, convergence=None)
    judged = [
        dataclasses.replace(plain, approximation=approximation(q)) for q in ("good", "borderline", "poor", "point")
    ]
    for snapshot in (start, plain, *judged):
        for exact in (True, False):
            text = told(key, snapshot, language, exact=exact)
            assert 60 < len(text) < 1100
            assert not re.search(r"[{}]|\bnan\b|\bNone\b", text)


def test_the_numbers_are_those_of_the_run(plain: RegressionSnapshot) -> None:
    judged = dataclasses.replace(plain, approximation=approximation())
    assert "\N{MINUS SIGN}247.63 nats" in told("elbo", judged)
    assert "1.25 ± 0.02 nats" in told("elbo", judged)
    assert "up to 47 % (cont_africa)" in told("quantiles", judged)
    assert "rugged and bias have a correlation of \N{MINUS SIGN}0.77" in told("quantiles", judged)
    assert "repeated 3 times with 2,000 draws" in told("approximation", judged)
    assert "0.31 nats" in told("converged", judged)
    sigma = float(np.asarray(plain.quantiles["sigma"])[2])
    assert f"about {sigma:.2f}" in told("panels", judged)


def test_the_points_outside_the_line_and_inside_the_prediction_are_counted(plain: RegressionSnapshot) -> None:
    found = re.search(r"(\d+) of the 170 points lie outside.*holds (\d+) of 170", told("panels", plain))
    assert found is not None
    outside, inside = map(int, found.groups())
    counted = {"line": 0, "prediction": 0}
    for mode in counted:
        for value, band in enumerate(plain.bands[mode]):
            of_group = DATA.group_values == value
            x, y = DATA.predictor_values[of_group], DATA.targets[of_group]
            low, high = np.interp(x, band.x, band.lower), np.interp(x, band.x, band.upper)
            counted[mode] += int(((low <= y) & (y <= high)).sum())
    assert (170 - outside, inside) == (counted["line"], counted["prediction"])


def test_a_guide_that_correlates_is_not_told_to_be_too_narrow(plain: RegressionSnapshot) -> None:
    good = told("quantiles", dataclasses.replace(plain, approximation=approximation("good")))
    assert "free to become as wide" in good
    assert "fixed" not in good


def test_where_the_exact_posterior_is_not_known_nothing_is_said_of_it(plain: RegressionSnapshot) -> None:
    text = told("elbo", dataclasses.replace(plain, gap=None), exact=False)
    assert "nobody knows" in text
    assert "dashed" not in told("quantiles", plain, exact=False)
    assert "Dashed" not in told("panels", plain, exact=False)


def test_before_the_first_step_no_gap_is_told(plain: RegressionSnapshot) -> None:
    assert "1.25" not in told("elbo", dataclasses.replace(plain, step=0))


def test_while_training_runs_the_last_verdict_is_told_until_the_run_begins_again(plain: RegressionSnapshot) -> None:
    facts = facts_of(subject_of(DATA, PROBS), reference_of(DATA))
    judged = dataclasses.replace(plain, approximation=approximation())
    names = [[name for name, _ in facts("approximation", s)] for s in (judged, plain)]
    assert names[0] == names[1]
    facts("approximation", dataclasses.replace(plain, step=0))
    assert "tail_general" in [name for name, _ in facts("approximation", plain)]


def test_own_data_are_not_told_of_africa_and_their_names_stay_text(plain: RegressionSnapshot) -> None:
    rng = np.random.default_rng(1)
    columns = {"<b>y</b>": rng.normal(size=30), "{x}": rng.normal(size=30), "side": ["l", "r"] * 15}
    data = RegressionData.from_frame(pd.DataFrame(columns), response="<b>y</b>", predictor="{x}", group="side")
    text = Catalogue()
    explanation = Explanation(text, "slopes", facts_of(subject_of(data, PROBS, text), None))
    ((_, values),) = explanation.update(plain, RESTING)
    assert "Africa" not in str(values["value"])
    assert "{x}" in str(values["value"])


def test_a_closed_one_costs_nothing_while_training_runs_but_is_never_empty(plain: RegressionSnapshot) -> None:
    explanation = Explanation(Catalogue(), "elbo", facts_of(subject_of(DATA, PROBS), reference_of(DATA)))
    assert len(explanation.update(plain, RUNNING)) == 1
    assert explanation.update(plain, RUNNING) == []
    assert len(explanation.update(plain, RESTING)) == 1
    explanation.button.value = True
    assert len(explanation.update(plain, RUNNING)) == 1


def test_another_language_is_told_at_once(plain: RegressionSnapshot) -> None:
    text = Catalogue()
    explanation = Explanation(text, "elbo", facts_of(subject_of(DATA, PROBS, text), reference_of(DATA)))
    explanation.update(plain, RESTING)
    before = explanation.button.tooltip
    text.speak("ko")
    assert "로그 증거" in explanation.panel.value
    assert before != explanation.button.tooltip
    assert "설명" in explanation.button.tooltip


def test_an_explained_page_does_what_the_page_does_and_explains_it(plain: RegressionSnapshot) -> None:
    page, text = FakePage(lambda: None, SnapshotRequest(parameters=True)), Catalogue()
    explained = ExplainedPage(page, text, "parameters", facts_of(subject_of(DATA, PROBS, text), None))
    changes = explained.update(plain, RESTING)
    assert [target for target, _ in changes] == list(explained.targets)
    assert explained.request() == page.request()
    assert explained.labels == page.labels
    assert explained.hover == page.hover
    explained.show_exact(show=True)
    assert page.exact == [True]
    explained.show_runs([])  # the page shows none
    assert "to_event(2)" in drawn.part(explained.box, "rw-question").value
