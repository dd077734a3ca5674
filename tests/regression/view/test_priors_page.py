"""The Priors page, without a browser."""

from __future__ import annotations

import dataclasses
from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import PriorsAnswer, RegressionRequest, RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.prior_figures import window
from rugged_widget.regression.view.priors_page import PriorsPage
from rugged_widget.snapshot.values import Band, Caution
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.page_fakes import (
    BIAS,
    PROBS,
    RUNNING,
    SIGMA,
    WEIGHT,
    arrays,
    awkward,
    marginals,
    normal,
    reference,
    snapshot,
    value_of,
)

DATA = RegressionData.rugged()
WIDE = Priors(weight=30.0)
CAUTION = Caution("far_weight", (WEIGHT, (0, 1)), {"sds": 47.3, "now": 0.01, "scale": 50.0})


class Shown:
    """A page, with what it asked for."""

    def __init__(self, data: RegressionData = DATA, *, language: str = "en", **compared: Any) -> None:
        self.changes, self.trained = 0, list[Priors | None]()
        self.text = Catalogue(language)
        self.reference = dataclasses.replace(reference(data), **compared)
        subject = subject_of(data, PROBS, self.text, standardized=bool(compared.get("units")))
        self.page = PriorsPage(subject, self.reference, self._change, self.trained.append, text=self.text)

    def _change(self) -> None:
        self.changes += 1

    def part(self, name: str) -> Any:
        return drawn.part(self.page.box, f"rw-{name}")

    def update(self, answer: PriorsAnswer | None) -> Any:
        return self.page.update(at(answer), RUNNING)

    def says(self, name: str, answer: PriorsAnswer) -> str:
        return str(value_of(self.update(answer), self.part(name), "value"))


def at(answer: PriorsAnswer | None) -> RegressionSnapshot:
    return dataclasses.replace(snapshot(), priors_answer=answer)


def answer_of(priors: Priors = Priors(), data: RegressionData = DATA, **changes: Any) -> PriorsAnswer:
    grid = data.grid()
    band = Band(grid, np.full(len(grid), 8.0), np.full(len(grid), 8.5), np.full(len(grid), 9.0), 0.9)
    lines = np.array([[8.0, 9.0], [7.0, 30.0], [50.0, 60.0]])
    prior = {WEIGHT: (normal(0, 1),) * 3, BIAS: (normal(0, 10),), SIGMA: (normal(5, 2),)}
    found = PriorsAnswer(
        priors=priors,
        log_evidence=-250.0,
        prior=prior,
        posterior=marginals(0.1),
        bands=(band,) * len(data.group_labels),
        lines=(lines,) * len(data.group_labels),
        cautions=(),
    )
    return dataclasses.replace(found, **changes)


def test_it_begins_with_what_is_trained_with_and_asks_for_that() -> None:
    shown = Shown(priors=WIDE)
    assert [shown.part(f"prior-{name}").value for name in ("weight", "bias", "sigma")] == [30.0, 10.0, 10.0]
    assert shown.page.request() == RegressionRequest(priors=WIDE)


def test_a_slider_only_asks_for_a_snapshot_of_other_priors() -> None:
    shown = Shown()
    shown.part("prior-weight").value = 30.0
    shown.part("prior-sigma").value = 4.0
    assert shown.page.request() == RegressionRequest(priors=Priors(weight=30.0, sigma=4.0))
    assert (shown.changes, shown.trained) == (2, [])


def test_each_latent_has_its_prior_and_its_posterior_to_their_own_heights() -> None:
    shown = Shown()
    changes = shown.update(answer_of())
    for number in range(5):
        figure = shown.part(f"prior-{number}")
        solid = drawn.mark(figure, bqplot.Lines, color="accent")
        dashed = drawn.mark(figure, bqplot.Lines, line_style="dashed")
        assert value_of(changes, solid, "y").max() == value_of(changes, dashed, "y").max() == 1.0
    dashed = drawn.mark(shown.part("prior-3"), bqplot.Lines, line_style="dashed")
    np.testing.assert_array_equal(value_of(changes, dashed, "x"), normal(9.2, 0.1).x)
    assert "posterior 1 % as wide" in value_of(changes, drawn.parts(shown.page.box, "rw-value")[3], "value")
    assert arrays(changes) == arrays(shown.update(answer_of(WIDE)))  # of the same shapes in every frame


def test_lines_and_bands_are_drawn_for_each_group_and_the_lines_can_be_left_out() -> None:
    shown = Shown()
    changes = shown.update(answer_of())
    panels = [shown.part(f"prior-panel-{number}") for number in range(len(DATA.group_labels))]
    lines = [drawn.mark(panel, bqplot.Lines, color="prior-line") for panel in panels]
    assert [value_of(changes, mark, "y").shape for mark in lines] == [(3, 2)] * len(panels)
    assert all(value_of(changes, mark, "visible") for mark in lines)
    note = drawn.part(panels[0], "rw-note")
    assert value_of(changes, note, "value") == "2 of 3 prior lines pass through"
    shown.part("prior-lines").value = False
    changes = shown.update(answer_of())
    assert shown.changes == 1
    assert not any(value_of(changes, mark, "visible") for mark in lines)
    assert value_of(changes, note, "value") == ""


def test_it_says_what_the_run_is_trained_with_and_how_probable_the_data_are() -> None:
    shown = Shown()
    assert "trained with these priors" in shown.says("prior-status", answer_of())
    other = shown.says("prior-status", answer_of(WIDE))
    assert "(weights 1, bias 10, sigma 10)" in other
    assert "\N{MINUS SIGN}250.00 nats, \N{MINUS SIGN}2.40 against the run" in other
    assert value_of(shown.update(answer_of()), shown.part("prior-train"), "disabled")
    assert not value_of(shown.update(answer_of(WIDE)), shown.part("prior-train"), "disabled")


def test_a_conflict_of_the_sliders_priors_is_said() -> None:
    shown = Shown()
    assert shown.says("caution", answer_of()) == ""
    said = shown.says("caution", answer_of(WIDE, cautions=(CAUTION, CAUTION)))
    assert said.count("least squares put rugged 47 prior standard deviations from 0") == 2
    assert "scale from 0.01 to 50" in said


def test_training_with_the_sliders_priors_is_asked_for_and_the_way_back() -> None:
    shown = Shown()
    shown.part("prior-weight").value = 30.0
    shown.part("prior-train").click()
    assert shown.trained == [WIDE]
    shown.page.show_reference(dataclasses.replace(shown.reference, priors=WIDE))
    shown.part("prior-back").click()
    assert shown.trained == [WIDE, None]
    assert shown.part("prior-weight").value == 1.0
    assert shown.page.request() == RegressionRequest(priors=Priors())


def test_the_sliders_show_what_another_run_is_trained_with() -> None:
    shown = Shown()
    shown.part("prior-bias").value = 3.0
    beyond = Priors(weight=1e7)  # further than the slider goes
    shown.page.show_reference(dataclasses.replace(shown.reference, priors=beyond))
    assert shown.part("prior-bias").value == 10.0
    assert shown.page.request() == RegressionRequest(priors=beyond)
    shown.part("prior-bias").value = 3.0
    shown.page.show_reference(dataclasses.replace(shown.reference, priors=beyond))  # it is the same run
    assert shown.page.request() == RegressionRequest(priors=dataclasses.replace(beyond, bias=3.0))


def test_on_the_standardized_scale_it_says_what_a_scale_is_in_the_units_of_the_data() -> None:
    units = {WEIGHT: np.array([[800.0, 60.8, 60.8]]), BIAS: np.array([800.0]), SIGMA: np.array(800.0)}
    shown = Shown(priors=Priors(weight=2.5), units=units)
    assert "standardized" in "".join(widget.value for widget in drawn.parts(shown.page.box, "rw-about"))
    changes = shown.update(answer_of(Priors(weight=2.5)))
    notes = [value_of(changes, note, "value") for note in drawn.parts(shown.page.box, "rw-prior-units")]
    assert "cont_africa 2,000 · rugged 152 · cont_africa \N{MULTIPLICATION SIGN} rugged 152" in notes[0]
    assert ["8,000" in note for note in notes] == [False, True, True]
    plain = Shown()
    assert drawn.parts(plain.page.box, "rw-about") == []
    changes = plain.update(answer_of())
    assert {value_of(changes, note, "value") for note in drawn.parts(plain.page.box, "rw-prior-units")} == {""}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_users_texts_are_texts(language: str) -> None:
    data = awkward()
    shown = Shown(data, language=language)
    changes = shown.update(answer_of(data=data, cautions=(dataclasses.replace(CAUTION, latent=(WEIGHT, (0, 1))),)))
    html = [str(values["value"]) for _, values in changes if "value" in values]
    html += [widget.value for widget in drawn.texts(shown.page.box)]
    assert not any(tag in text for text in html for tag in ("<b>x", "<i>g", "<s>y", "<u>a"))


def test_without_an_answer_nothing_changes() -> None:
    assert Shown().update(None) == []


def test_every_part_that_is_drawn_has_a_name() -> None:
    shown = Shown()
    classes = {css for widget in drawn.widgets(shown.page.box) for css in drawn.classes(widget)}
    assert set(shown.page.labels) <= classes
    assert shown.page.labels["rw-prior-1"] == "Prior and exact posterior of rugged"


@pytest.mark.parametrize(
    ("prior", "posterior", "holds"),
    [
        (normal(0, 1), normal(0.1, 0.1), (-3.0, 3.0)),  # both are seen
        (normal(0, 1000), normal(0.1, 0.1), (0.1, 0.1)),  # the posterior stays visible
        (normal(0, 1), normal(47.0, 0.1), (-3.0, 47.0)),  # how far apart they are
        (normal(0, 1), normal(-47.0, 0.1), (-47.0, 3.0)),
    ],
)
def test_the_axis_shows_the_posterior_and_as_much_of_the_prior_as_tells(
    prior: Any, posterior: Any, holds: tuple[float, float]
) -> None:
    low, high = window(prior, posterior)
    assert low <= holds[0] <= holds[1] <= high
    if posterior.lower < prior.upper and posterior.upper > prior.lower:
        assert high - low <= 9.1 * (posterior.x[-1] - posterior.x[0])
