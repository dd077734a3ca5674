"""The pages of tables of any shape: one panel or two, no word of a group where there is none, and the covariates."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import bqplot
import ipywidgets
import numpy as np
import pytest

from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.snapshot import Point, RegressionReference, RegressionRequest, RegressionSnapshot
from rugged_widget.regression.view.data_rows import rows_of
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.export_page import ExportPage, ExportRequests
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.predict_page import PredictPage
from rugged_widget.regression.view.static_html import still
from rugged_widget.regression.view.train_page import train_page
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from rugged_widget.view.requests import Requests
from tests.regression.plain_widget import RuggedWidget
from tests.regression.shapes import COLUMNS, SHAPES, THREE, data_of, table
from tests.view import drawn
from tests.view.page_fakes import normal, value_of

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
RESTING = Progress("paused", 30, 1500, -500.0, 150.0)
EVERY = pytest.mark.parametrize("shape", SHAPES)
UNGROUPED = pytest.mark.parametrize("shape", ["line", "line and three"])
SPEAK = pytest.mark.parametrize("language", LANGUAGES)
OF_GROUPS = re.compile(
    r"outside africa|inside africa|\bgroups?\b|집단|island|two slopes|두 기울기|<b></b>", re.IGNORECASE
)


@cache
def moment(shape: str) -> tuple[RegressionSnapshot, RegressionReference]:
    data = data_of(shape)
    fit = RegressionFit(data, engine="plain", comparison=comparison_of(data, None, standardize=None))
    fit.advance(30)
    point = Point(205.0, 0, tuple(data.covariate_values[0].tolist()))
    fit.request = RegressionRequest(correction=True, what_if=point)
    return fit.snapshot(), fit.reference()


class Shown:
    """The first page and the prediction of a shape, at a moment of a run."""

    def __init__(self, shape: str, language: str = "en") -> None:
        self.data, self.text = data_of(shape), Catalogue(language)
        self.snapshot, self.reference = moment(shape)
        self.subject = subject_of(self.data, PROBS, self.text, standardized=True)
        requests = Requests(*[lambda: None] * 3, lambda _name, _value: None)
        first = train_page(
            self.subject, 1500, self.reference, lambda: None, text=self.text, requests=requests, settings={}
        )
        self.asked: list[int] = []
        rows = rows_of(self.data, self.text)
        second = PredictPage(self.subject, self.reference, rows, lambda: self.asked.append(1), text=self.text)
        self.train, self.predict = first, second
        first.correct(on=True)

    def draw(self) -> list[tuple[Any, Any]]:
        changes = [*self.train.update(self.snapshot, RESTING), *self.predict.update(self.snapshot, RESTING)]
        for target, values in changes:
            target.keep(values)
        return changes

    def words(self) -> Iterator[str]:
        """Yield all that is said on both pages, to who sees them and to who does not."""
        for root in (self.train.box, self.predict.box):
            for widget in drawn.widgets(root):
                yield from (str(getattr(widget, name)) for name in ("value", "label") if widget.has_trait(name))
        yield from [*self.train.labels.values(), *self.predict.labels.values(), self.train.sentence(self.snapshot)]
        yield still(self.subject, self.snapshot, "paused", self.reference, text=self.text, exact=True)
        facts = facts_of(self.subject, self.reference)
        for key in ("parameters", "predict", "serve", "code", "compare"):
            yield from (self.text(f"explain.{key}.{name}", **fields) for name, fields in facts(key, self.snapshot))


@pytest.mark.slow  # trains or integrates for seconds
@EVERY
def test_a_frame_draws_a_band_and_a_slope_a_group_and_changes_only_targets(shape: str) -> None:
    shown = Shown(shape)
    targets = {*shown.train.targets, *shown.predict.targets}
    changes = shown.draw()
    assert all(target in targets for target, _ in changes)
    once = [(id(target), name) for target, values in changes for name in values]
    assert len(once) == len(set(once))
    count = shown.data.design.num_groups
    panels = [drawn.parts(shown.train.box, f"rw-panel-{number}") for number in range(2)]
    assert [len(panel) for panel in panels] == [1, count - 1]
    assert (drawn.parts(shown.train.box, "rw-wide") == panels[0]) == (count == 1)
    slopes = drawn.part(shown.train.box, "rw-slopes")
    filled = [mark for mark in drawn.marks(slopes, bqplot.Lines) if mark.fill == "bottom"]
    assert [mark.x[0] for mark in filled] == [slope.x[0] for slope in shown.snapshot.slopes]
    assert len(drawn.parts(slopes, "rw-corner-1")) == count - 1


@UNGROUPED
@SPEAK
def test_without_a_group_no_word_speaks_of_one(shape: str, language: str) -> None:
    shown = Shown(shape, language)
    shown.draw()
    assert [text for text in shown.words() if OF_GROUPS.search(text)] == []
    assert drawn.parts(shown.predict.box, "rw-what-if-group") == []
    assert shown.predict.request().what_if is not None


def test_the_only_panel_and_slope_say_what_they_are_of() -> None:
    shown = Shown("line")
    shown.draw()
    assert ">Line and data · 120 rows<" in drawn.heading(drawn.part(shown.train.box, "rw-panel-0"))
    assert drawn.part(shown.train.box, "rw-corner-0").value.startswith(
        "P(slope &gt; 0) &gt;\N{NO-BREAK SPACE}0.999<br>"
    )
    assert shown.train.labels["rw-panel-0"] == "mass by flipper"
    panels = [panel.value for panel in drawn.parts(shown.train.box, "rw-explain-panel")]
    assert sum("How to read the slope<" in panel for panel in panels) == 1
    assert "A row with flipper 205.0: mass between" in drawn.part(shown.predict.box, "rw-answer").value
    picture = still(shown.subject, shown.snapshot, "paused", shown.reference, text=shown.text)
    assert (picture.count("<svg"), picture.count("<li>P(slope")) == (1, 1)


@EVERY
def test_panels_say_where_the_covariates_are_and_count_points_only_without(shape: str) -> None:
    shown = Shown(shape)
    shown.draw()
    notes = [
        drawn.part(box, "rw-note").value
        for box in drawn.parts(shown.train.box, "rw-chart")
        if drawn.parts(box, "rw-note")
    ]
    if shown.data.covariates:
        assert set(notes) == {"covariates at their means"}
        told = " ".join(panel.value for panel in drawn.parts(shown.train.box, "rw-explain-panel"))
        assert "their own" not in told or "The page <b>Predict</b> has a control for every covariate" in told
        assert "meant to hold" not in told
        assert "covariates at their means: " in still(shown.subject, shown.snapshot, "paused", text=shown.text)
    else:
        assert all(note.startswith("in the 90 % bands: line ") for note in notes)


def control(shown: Shown, place: int) -> ipywidgets.Widget:
    widget: ipywidgets.Widget = drawn.part(shown.predict.box, f"rw-covariate-{place}")
    return widget


def test_each_covariate_has_a_slider_or_a_switch_that_asks_for_another_point() -> None:
    shown = Shown("groups and three")
    bill, sex, depth = (control(shown, place) for place in range(3))
    assert [type(widget) for widget in (bill, sex, depth)] == [
        ipywidgets.FloatSlider,
        ipywidgets.ToggleButtons,
        ipywidgets.FloatSlider,
    ]
    assert [label for label, _ in sex.options] == ["sex = female", "sex = male"]
    assert bill.value == pytest.approx(shown.data.covariate_values[:, 0].mean(), abs=bill.step)
    assert bill.min <= shown.data.covariate_values[:, 0].min()
    assert {f"rw-covariate-{place}": name for place, name in enumerate(THREE)}.items() <= shown.predict.labels.items()
    assert shown.asked == []
    bill.value, sex.value = 50.0, 1
    assert len(shown.asked) == 2
    found = shown.predict.request().what_if
    assert found is not None
    assert (found.group, found.covariates) == (0, (50.0, 1.0, depth.value))
    shown.text.speak("ko")
    assert len(shown.asked) == 2  # another language picks nothing
    assert sex.value == 1


def test_the_answer_names_the_covariates_and_the_mark_is_the_line_there() -> None:
    shown = Shown("groups and three")
    shown.draw()
    what_if = shown.snapshot.what_if
    assert what_if is not None
    bill, sex, depth = what_if.point.covariates
    said = drawn.part(shown.predict.box, "rw-answer").value
    assert f"a row with flipper 205.0, bill {bill:.1f}, sex = {'fe' * (not sex)}male, depth {depth:.2f}: mass" in said
    data, estimates = shown.data, shown.reference.estimates
    (features,) = data.design.features(np.array([205.0]), 0.0, what_if.point.covariates)
    expected = features @ estimates["linear.weight"][0] + estimates["linear.bias"][0]
    mark = value_of(shown.draw(), drawn.density(drawn.part(shown.predict.box, "rw-what-if")).estimate, "x")
    np.testing.assert_allclose(mark, [expected], rtol=1e-9)
    shown.snapshot = replace(shown.snapshot, what_if=None)
    shown.draw()
    assert drawn.part(shown.predict.box, "rw-answer").value == ""


def test_many_covariates_are_told_by_the_first_three() -> None:
    names = [f"c{number}" for number in range(6)]
    random = np.random.default_rng(1)
    frame = table(40).assign(**{name: random.normal(size=40) for name in names})
    rows = rows_of(data_of("line").from_frame(frame, **COLUMNS, covariates=names))
    page = PredictPage(subject_of(data_of("line"), PROBS), None, rows, lambda: None, text=Catalogue())
    said = page._covariates.told((0.5,) * 6)
    assert said == "c0 0.50, c1 0.50, c2 0.50, 3 more as picked"


def test_names_of_covariates_are_text() -> None:
    names = {"bill": "<b>c</b>", "sex": "<i>s</i>"}
    frame = table(40).rename(columns=names).replace({"male": "<u>m</u>"})
    data = data_of("line").from_frame(frame, **COLUMNS, covariates=[*names.values()])
    fit = RegressionFit(data, engine="plain", comparison=comparison_of(data, None, standardize=None))
    subject, reference = subject_of(data, PROBS), fit.reference()
    page = PredictPage(subject, reference, rows_of(data), lambda: None, text=Catalogue())
    fit.request = page.request()
    fit.advance(2)
    said = value_of(page.update(fit.snapshot(), RESTING), drawn.part(page.box, "rw-answer"), "value")
    said += drawn.part(page.box, "rw-covariate-name").value + still(subject, fit.snapshot(), "paused", text=Catalogue())
    assert not any(tag in said for tag in ("<b>c", "<i>s", "<u>m"))
    assert "&lt;b&gt;c" in said


def test_the_nearest_rows_are_near_in_the_covariates_too() -> None:
    data = data_of("groups and three")
    rows, itself = rows_of(data), 7
    x, group = float(data.predictor_values[itself]), int(data.group_values[itself])
    point = Point(x, group, tuple(data.covariate_values[itself].tolist()))
    assert rows.nearest(point)[0].name == data.row_names[itself]
    away = replace(point, covariates=(point.covariates[0] + 30.0, *point.covariates[1:]))
    far = rows.nearest(away)[0]
    assert data.covariate_values[list(data.row_names).index(far.name), 0] > point.covariates[0]


@pytest.mark.slow  # trains for seconds
@EVERY
def test_the_listed_code_of_a_file_runs(shape: str, tmp_path: Path) -> None:
    data = data_of(shape)
    shown = subject_of(data, PROBS)
    page = ExportPage(shown, ExportRequests(*[lambda *_: None] * 3), lambda: None, text=Catalogue())
    page.update(moment(shape)[0], RESTING)
    slopes = tuple(normal(47.0, 2.0) for _ in range(data.design.num_groups))
    page.loaded(slopes, "loaded")
    assert all(target in page.targets for target, _ in page.update(moment(shape)[0], RESTING))
    widget = RuggedWidget(table(), **COLUMNS, **SHAPES[shape])
    try:
        with contextlib.chdir(tmp_path), contextlib.redirect_stdout(None), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's, of TorchScript
            widget.save_torchscript("rugged_guide.pt")
            widget.save_exported("rugged_guide.pt2")
            exec(drawn.code(page.box), names := {})
    finally:
        widget.close()
    assert tuple(names["features"].shape) == (data.design.num_groups, data.design.num_features)


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("shape", ["line", "groups and three"])
def test_the_widget_trains_and_opens_every_page(shape: str, tmp_path: Path) -> None:
    widget = RuggedWidget(table(), **COLUMNS, **SHAPES[shape], num_steps=4)
    try:
        tabs = drawn.part(widget, "rw-tabs")
        for index in range(len(tabs.children)):
            tabs.selected_index = index
        widget.advance(4)
        assert widget.status == "finished"
        assert len(widget.slopes(50).columns) == data_of(shape).design.num_groups
        other = RuggedWidget(table(), **COLUMNS, **({} if SHAPES[shape] else {"group": "sex"}))
        path = other.save_torchscript(tmp_path / "other.pt")
        other.close()
        drawn.part(widget, "rw-script-path").value = str(path)
        drawn.part(widget, "rw-load").click()
        assert any("holds another model" in said.value for said in drawn.parts(widget, "rw-said"))
    finally:
        widget.close()


def test_rows_of_other_groups_are_told_apart_in_the_heading() -> None:
    text = Catalogue()
    labels = subject_of(data_of("groups and three"), PROBS, text).labels
    assert labels.subtitle == "80 rows · 40 rows of other groups left out"
    text.speak("ko")
    assert labels.subtitle == "행 80 · 다른 집단의 행 40개 제외"
    both = replace(data_of("groups"), num_dropped=2, dropped_label="2 unusable rows left out")
    told = subject_of(both, PROBS).labels.subtitle
    assert told == "80 rows · 40 rows of other groups left out · 2 unusable rows left out"
