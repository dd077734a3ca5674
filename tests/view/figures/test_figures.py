"""What the figures make of a snapshot, without a page."""

from __future__ import annotations

import dataclasses
import math
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import bqplot
import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.snapshot import ElboCurve, Progress
from rugged_widget.view.figures.chart import Ruler, with_separator
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.number_format import is_probability
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row
from tests.view import drawn
from tests.view.judged import correction_of
from tests.view.page_fakes import value_of

if TYPE_CHECKING:
    import ipywidgets

WORDS = Catalogue()
STORY = subject_of(RegressionData.rugged(), (0.05, 0.25, 0.5, 0.75, 0.95), WORDS)
RUNNING = Progress("running", 40, 1500, -500.0, 150.0)


@pytest.fixture(scope="module")
def snapshots() -> dict[int, RegressionSnapshot]:
    fit = RegressionFit(RegressionData.rugged())
    found = {0: fit.snapshot()}
    for step in (1, 40, 700):
        fit.advance(step - fit.step)
        found[step] = fit.snapshot()
    return found


def figures() -> dict[str, ElboFigure | QuantileFigure | Panels | SlopeFigure]:
    return {
        "elbo": ElboFigure(1500, STORY, lambda: None, text=WORDS),
        "quantiles": QuantileFigure(STORY, text=WORDS),
        "panels": Panels(STORY, lambda: None, text=WORDS),
        "slopes": SlopeFigure(STORY, text=WORDS),
    }


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
def test_every_frame_holds_the_same_arrays_and_only_finite_numbers(
    name: str, snapshots: dict[int, RegressionSnapshot]
) -> None:
    figure = figures()[name]
    kinds = []
    for snapshot in snapshots.values():
        changes = figure.update(snapshot, RUNNING)
        assert {id(target) for target, _ in changes} <= {id(target) for target in figure.targets}
        arrays = [
            (id(target), trait, value)
            for target, values in changes
            for trait, value in values.items()
            if isinstance(value, np.ndarray)
        ]
        assert all(np.isfinite(value).all() for _, _, value in arrays)
        kinds.append([(target, trait, value.ndim) for target, trait, value in arrays])
    assert all(kind == kinds[0] for kind in kinds)


@pytest.mark.parametrize(("last", "leaves_room"), [(-900.0, True), (-300.0, False)])
def test_a_heldout_line_that_ends_low_runs_above_the_key(
    last: float, *, leaves_room: bool, snapshots: dict[int, RegressionSnapshot]
) -> None:
    step = np.arange(10.0, 1500.0, 10.0)
    elbo = np.interp(step, [0.0, 100.0, 1500.0], [-900.0, -350.0, last])
    smooth = -220.0 - 800 * np.exp(-step / 60)
    snapshot = dataclasses.replace(
        snapshots[700], curve=ElboCurve(step, smooth, smooth), heldout=HeldoutElbo(step, elbo, 30)
    )
    bounds = []
    for has_heldout in (False, True):
        figure = ElboFigure(1500, STORY, lambda: None, text=WORDS, has_heldout=has_heldout)
        figure.update(snapshot, RUNNING)
        bounds.append(figure._y.bounds)
    low, high = bounds[1]
    lowest = elbo[step >= 400].min()
    assert (lowest - low) / (high - low) > 0.12
    assert (bounds[0] != bounds[1]) == leaves_room


def values_of(figure: object, snapshot: RegressionSnapshot, target: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for widget, values in figure.update(snapshot, RUNNING):  # type: ignore[attr-defined]
        if widget is target:
            found |= values
    return found


def test_the_axis_of_the_elbo_covers_a_curve_with_steps_that_were_skipped(
    snapshots: dict[int, RegressionSnapshot],
) -> None:
    snapshot = snapshots[700]
    elbo, smoothed = snapshot.curve.elbo.copy(), snapshot.curve.smoothed.copy()
    elbo[[0, 5, -1]], smoothed[0] = math.nan, math.nan
    axes = []
    for curve in (snapshot.curve, dataclasses.replace(snapshot.curve, elbo=elbo, smoothed=smoothed)):
        figure = ElboFigure(1500, STORY, lambda: None, text=WORDS)
        figure.update(dataclasses.replace(snapshot, curve=curve), RUNNING)
        axes.append(figure._y.bounds)
    assert axes[0] == axes[1]
    raw = drawn.mark(figure.box, bqplot.Lines, color="accent-faint")
    line = values_of(figure, dataclasses.replace(snapshot, curve=curve), raw)["y"]
    assert np.isfinite(line).all()  # bqplot complains of each gap
    assert line[5] == pytest.approx(np.interp(curve.step[5], curve.step[[4, 6]], elbo[[4, 6]]))
    nothing = np.full_like(elbo, math.nan)
    figure = ElboFigure(1500, STORY, lambda: None, text=WORDS)
    curve = dataclasses.replace(snapshot.curve, elbo=nothing, smoothed=nothing)
    figure.update(dataclasses.replace(snapshot, curve=curve), RUNNING)
    assert all(map(math.isfinite, figure._y.bounds))


def test_the_elbo_is_total_or_per_observation(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure = ElboFigure(1500, STORY, lambda: None, text=WORDS)
    raw = drawn.mark(figure.box, bqplot.Lines, color="accent-faint")
    total = values_of(figure, snapshots[40], raw)["y"]
    figure.unit.value = "observation"
    per_row = values_of(figure, snapshots[40], raw)["y"]
    assert per_row == pytest.approx(np.asarray(total) / 170)
    assert drawn.axis(figure.box, "left").label == "nats per observation"


def test_rows_are_named_after_the_columns_and_the_bias_is_brought_near() -> None:
    captions = [row.caption for row in STORY.rows]
    product, minus = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
    assert captions == ["cont_africa", "rugged", f"cont_africa {product} rugged", f"bias {minus} 9", "sigma"]
    assert Row("bias", (), "bias", -3.0).caption == "bias + 3"


def test_quantiles_are_drawn_less_their_offset(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure = QuantileFigure(STORY, text=WORDS)
    median = values_of(figure, snapshots[700], drawn.mark(figure.box, bqplot.Scatter))["x"]
    assert np.asarray(median)[3] == pytest.approx(snapshots[700].quantiles["linear.bias"][2, 0] - 9)


def test_a_panel_says_where_a_band_is_that_cannot_be_seen(snapshots: dict[int, RegressionSnapshot]) -> None:
    panels = figures()["panels"]
    assert isinstance(panels, Panels)
    note = drawn.part(panels.boxes[0], "rw-note")
    assert "the band is below this view" in str(values_of(panels, snapshots[0], note)["value"])
    text = str(values_of(panels, snapshots[700], note)["value"])
    found = re.fullmatch(r"in the 90 % bands: line (\d+) of 121, prediction (\d+)", text)
    assert found is not None
    assert int(found[1]) < 40  # a 90 % band of new observations holds most, that of the line few
    assert int(found[2]) > 90


def test_the_corners_answer_in_words_and_names_of_groups_stay_text(snapshots: dict[int, RegressionSnapshot]) -> None:
    frame = pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0) % 4, "g": ["<b>", "in"] * 4 + ["in"]})
    data = RegressionData.from_frame(frame, predictor="x", group="g", response="y")
    figure = SlopeFigure(subject_of(data, STORY.probs, WORDS), text=WORDS)
    slope = snapshots[700].slopes[0]
    text = str(values_of(figure, snapshots[700], drawn.part(figure.box, "rw-corner-0"))["value"])
    assert "&lt;b&gt;" in text
    assert f"P(slope > 0) {is_probability(WORDS, slope.prob_positive)}" in unescape(text)
    interval = f"{slope.median:+.2f}, 90 % from {slope.lower:+.2f} to {slope.upper:+.2f}"
    assert interval.replace("-", "\N{MINUS SIGN}") in text


@pytest.mark.parametrize("name", ["quantiles", "panels", "slopes"])
def test_the_corrected_guide_is_dotted_where_it_is_wanted_and_known(
    name: str, snapshots: dict[int, RegressionSnapshot]
) -> None:
    figure = figures()[name]
    assert not isinstance(figure, ElboFigure)
    plain = snapshots[700]
    corrected = dataclasses.replace(plain, correction=correction_of(plain))
    off = array_kinds(figure, corrected)
    assert dotted_shown(figure, corrected) == {False}
    figure.correct(on=True)
    assert dotted_shown(figure, plain) == {False}
    assert dotted_shown(figure, corrected) == {True}
    assert array_kinds(figure, corrected) == array_kinds(figure, plain)  # one frame replaces another wholly
    assert len(array_kinds(figure, plain)) > len(off)
    figure.correct(on=False)
    assert dotted_shown(figure, corrected) == {False}
    assert array_kinds(figure, corrected) == off  # what is not drawn is not sent


def test_corrected_marks_lie_where_the_correction_says(snapshots: dict[int, RegressionSnapshot]) -> None:
    correction = correction_of(snapshots[700], times=40.0)
    snapshot = dataclasses.replace(snapshots[700], correction=correction)
    rows, panels, slopes = (figures()[name] for name in ("quantiles", "panels", "slopes"))
    assert isinstance(rows, QuantileFigure)
    assert isinstance(panels, Panels)
    assert isinstance(slopes, SlopeFigure)
    for figure in (rows, panels, slopes):
        figure.correct(on=True)
    box, stroke = (np.asarray(values_of(rows, snapshot, mark)["x"]) for mark in dotted(rows.box))
    values = rows.values(correction.quantiles)
    assert box.min(axis=1) == pytest.approx(values[0])
    assert box.max(axis=1) == pytest.approx(values[-1])
    assert stroke[:, 0] == pytest.approx(values[2])
    low, high = across(rows, snapshot)
    assert low <= values.min() < values.max() <= high
    panels.mode.value = "prediction"
    band = correction.bands["prediction"][1]
    (ends_of_band,) = dotted(panels.boxes[1])
    ends = values_of(panels, snapshot, ends_of_band)["y"]
    assert ends == pytest.approx(np.stack([band.lower, band.upper]))
    curve = values_of(slopes, snapshot, dotted(slopes.box)[1])
    assert curve["y"] == pytest.approx(correction.slopes[1].density)
    low, high = across(slopes, snapshot)
    assert low <= correction.slopes[1].x[0] < correction.slopes[1].x[-1] <= high


def test_figures_follow_the_language_and_the_band_that_is_picked_stays() -> None:
    text, picked = Catalogue(), []
    subject = subject_of(RegressionData.rugged(), STORY.probs, text)
    panels = Panels(subject, lambda: picked.append("band"), text=text)
    panels.mode.value = "prediction"
    assert picked == ["band"]
    rows, slopes = QuantileFigure(subject, text=text), SlopeFigure(subject, text=text)
    text.speak("ko")
    assert (panels.mode.value, panels.mode.label, picked) == ("prediction", "예측", ["band"])
    assert "중앙값" in drawn.axis(rows.box).label
    assert drawn.axis(slopes.box, "left").label == "밀도"
    assert "사후분포 분위수" in drawn.heading(rows.box)
    assert "직선의 기울기" in drawn.heading(slopes.box)


def dotted(box: ipywidgets.Widget) -> list[Any]:
    return drawn.marks(box, bqplot.Lines, line_style="dotted")


def across(figure: QuantileFigure | SlopeFigure, snapshot: RegressionSnapshot) -> tuple[float, float]:
    """Return where the axis at the bottom begins and ends in a frame."""
    return drawn.bounds(figure.update(snapshot, RUNNING), drawn.axis(figure.box))


def dotted_shown(figure: QuantileFigure | Panels | SlopeFigure, snapshot: RegressionSnapshot) -> set[object]:
    """Return whether a frame shows the dotted marks: one answer for all of them."""
    return {
        values["visible"]
        for target, values in figure.update(snapshot, RUNNING)
        if getattr(target, "line_style", "") == "dotted"
    }


def array_kinds(
    figure: QuantileFigure | Panels | SlopeFigure, snapshot: RegressionSnapshot
) -> list[tuple[int, str, int]]:
    """Return which arrays a frame holds."""
    return [
        (id(target), trait, value.ndim)
        for target, values in figure.update(snapshot, RUNNING)
        for trait, value in values.items()
        if isinstance(value, np.ndarray)
    ]


def test_the_texts_of_ticks_go_before_them_with_those_of_the_ticks_that_are_still_drawn() -> None:
    ruler = Ruler("x", -1.0, 1.0)  # bqplot draws ticks with the texts that it knows when it learns of them
    before = set(ruler.axis.tick_labels)
    values = dict(ruler.cover(-30.0, 30.0))[ruler.axis]
    assert list(values) == ["label", "tick_labels", "tick_values"]
    labels = values["tick_labels"]
    assert isinstance(labels, dict)
    assert before <= set(labels)
    assert labels["20"] == "20"


def test_what_is_taken_out_of_the_ticks_stands_behind_the_label_in_every_language() -> None:
    ruler = Ruler("length of a name that is long enough to be cut in its middle", 0.0, 1.0, vertical=True)
    values = dict(ruler.cover(1e-12, 5e-12))[ruler.axis]
    power = "(\N{MULTIPLICATION SIGN} 10⁻¹²)"
    assert str(values["label"]).endswith(f" {power}")
    assert len(str(values["label"])) <= 46
    ruler.axis.keep(values)
    ruler.rename("길이")
    assert ruler.axis.label == f"길이 {power}"
    assert dict(ruler.cover(0.0, 5.0))[ruler.axis]["label"] == "길이"


def test_a_run_that_goes_far_out_still_has_axes(snapshots: dict[int, RegressionSnapshot]) -> None:
    far = dataclasses.replace(
        snapshots[40], quantiles={site: value * 1e12 for site, value in snapshots[40].quantiles.items()}
    )
    figure = QuantileFigure(STORY, text=WORDS)
    low, high = across(figure, far)
    assert math.isfinite(low)
    assert high > 1e12


def test_ticks_of_four_digits_have_a_separator_where_it_is_wanted() -> None:
    assert with_separator("\N{MINUS SIGN}1000") == "\N{MINUS SIGN}1,000"
    assert list(map(with_separator, ("500", "1.2345", "12,000", "1.5k"))) == ["500", "1.2345", "12,000", "1.5k"]
    for grouped, text in ((False, "1000"), (True, "1,000")):
        assert Ruler("step", 0.0, 2000.0, grouped=grouped).axis.tick_labels["1000"] == text


def test_a_run_that_prepares_its_first_step_does_not_ask_for_start(snapshots: dict[int, RegressionSnapshot]) -> None:
    nothing = ElboCurve(np.zeros(0), np.zeros(0), np.zeros(0))
    moment = dataclasses.replace(snapshots[700], curve=nothing)
    figure = ElboFigure(1500, STORY, lambda: None, text=WORDS)
    said = [
        str(value_of(figure.update(moment, dataclasses.replace(RUNNING, status=status)), figure._empty, "value"))
        for status in ("ready", "running")
    ]
    assert "Press Start" in said[0]
    assert "being prepared" in said[1]
