"""What lies over the figures for comparison, without a page."""

from __future__ import annotations

import dataclasses
from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.snapshot.snapshot import KLGap, Progress
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.overlays import legend
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.references import reference_of

DATA = RegressionData.rugged()
WORDS = Catalogue()
STORY = subject_of(DATA, (0.05, 0.25, 0.5, 0.75, 0.95), WORDS)
RUNNING = Progress("running", 40, 1500, -500.0, 150.0)
REFERENCE = reference_of(DATA)
KL = "KL(guide \N{DOUBLE VERTICAL LINE} posterior)"
Figure = ElboFigure | QuantileFigure | Panels | SlopeFigure


@pytest.fixture(scope="module")
def snapshots() -> dict[int, RegressionSnapshot]:
    fit = RegressionFit(DATA)
    found = {0: dataclasses.replace(fit.snapshot(), gap=KLGap(1e4, 1e2))}
    for step in (1, 40, 120):
        fit.advance(step - fit.step)
        found[step] = dataclasses.replace(fit.snapshot(), gap=KLGap(1.234, 0.05))
    return found


def elbo(reference: RegressionReference | None = REFERENCE) -> ElboFigure:
    return ElboFigure(1500, STORY, lambda: None, reference, text=WORDS)


def quantiles(reference: RegressionReference | None = REFERENCE) -> QuantileFigure:
    return QuantileFigure(STORY, reference, text=WORDS)


def panels(reference: RegressionReference | None = REFERENCE) -> Panels:
    return Panels(STORY, lambda: None, reference, text=WORDS)


def slopes(reference: RegressionReference | None = REFERENCE) -> SlopeFigure:
    return SlopeFigure(STORY, reference, text=WORDS)


def make(name: str, reference: RegressionReference | None) -> Figure:
    makers: Any = {"elbo": elbo, "quantiles": quantiles, "panels": panels, "slopes": slopes}
    figure: Figure = makers[name](reference)
    return figure


def drawings(figure: Figure, **look: object) -> list[Any]:
    """Return the marks of every bqplot figure in `figure`."""
    boxes = figure.boxes if isinstance(figure, Panels) else (figure.box,)
    return [mark for box in boxes for mark in drawn.marks(box, **look)]


def dashes(figure: Figure) -> list[Any]:
    return drawings(figure, line_style="dashed")


def heights(figure: ElboFigure | SlopeFigure, snapshot: RegressionSnapshot) -> tuple[float, float]:
    """Return where the axis at the left begins and ends in a frame."""
    return drawn.bounds(figure.update(snapshot, RUNNING), drawn.axis(figure.box, "left"))


def value(figure: Figure, snapshot: RegressionSnapshot, target: Silent, trait: str = "value") -> object:
    found = [values[trait] for widget, values in figure.update(snapshot, RUNNING) if widget is target]
    assert len(found) == 1
    return str(found[0]) if trait == "value" else found[0]


def said(figure: ElboFigure | SlopeFigure, snapshot: RegressionSnapshot, css_class: str) -> str:
    """Return what a frame writes into a text of a figure."""
    return str(value(figure, snapshot, drawn.part(figure.box, css_class)))


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
def test_exact_marks_are_hidden_until_they_are_asked_for_and_can_be_hidden_again(name: str) -> None:
    figure = make(name, REFERENCE)
    assert dashes(figure)
    for show in (False, True, False):
        if show or any(mark.visible for mark in dashes(figure)):
            figure.show_exact(show)
        assert {mark.visible for mark in dashes(figure)} == {show}


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
@pytest.mark.parametrize("reference", [None, reference_of(DATA, exact=False)], ids=["none", "least squares"])
def test_without_an_exact_answer_nothing_of_it_is_built(
    name: str, reference: RegressionReference | None, snapshots: dict[int, RegressionSnapshot]
) -> None:
    figure = make(name, reference)
    figure.show_exact(show=True)
    assert not dashes(figure)
    texts = [str(values.get("value")) for _, values in figure.update(snapshots[120], RUNNING)]
    assert not any("exact" in text or "evidence" in text for text in texts)


@pytest.mark.parametrize("name", ["elbo", "quantiles", "panels", "slopes"])
def test_frames_hold_the_arrays_that_they_hold_without_a_reference(
    name: str, snapshots: dict[int, RegressionSnapshot]
) -> None:
    def arrays(figure: Figure, snapshot: RegressionSnapshot) -> list[tuple[int, str, tuple[int, ...]]]:
        places = {target: place for place, target in enumerate(figure.targets)}
        return [
            (places[target], trait, (array.ndim,))
            for target, values in figure.update(snapshot, RUNNING)
            for trait, array in values.items()
            if isinstance(array, np.ndarray) and np.isfinite(array).all()
        ]

    plain, compared = make(name, None), make(name, REFERENCE)
    compared.show_exact(show=True)
    expected = arrays(plain, snapshots[0])
    assert expected
    for snapshot in snapshots.values():
        assert arrays(plain, snapshot) == arrays(compared, snapshot) == expected


def test_the_line_of_the_log_evidence_is_in_view_with_room_for_its_text(
    snapshots: dict[int, RegressionSnapshot],
) -> None:
    figure = elbo()
    for snapshot in snapshots.values():
        low, high = heights(figure, snapshot)
        assert low < -247.63 < high
        assert (high + 247.63) / (high - low) > 0.18  # two lines of text


def test_the_line_follows_the_unit(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure = elbo()
    figure.show_exact(show=True)
    for unit, line in (("observation", -247.63 / 170), ("total", -247.63)):
        figure.unit.value = unit
        low, high = heights(figure, snapshots[120])
        assert dashes(figure)[0].y == pytest.approx([line, line])
        assert low < line < high
        assert high - low < 12 * abs(line)


def test_a_frame_leaves_the_line_of_the_log_evidence_alone(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure, changed = elbo(), []
    figure.show_exact(show=True)
    dashes(figure)[0].observe(changed.append)
    for snapshot in snapshots.values():
        figure.update(snapshot, RUNNING)
    assert not changed


def test_the_text_at_the_log_evidence_tells_the_gap_once_there_is_one(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure = elbo()
    assert said(figure, snapshots[120], "rw-evidence") == ""
    figure.show_exact(show=True)
    start = said(figure, snapshots[0], "rw-evidence")
    assert "log evidence \N{MINUS SIGN}247.63" in start
    assert "gap" not in start
    end = said(figure, snapshots[120], "rw-evidence")
    assert f"gap 1.23 \N{PLUS-MINUS SIGN} 0.05 nats = {KL}" in end
    figure.unit.value = "observation"
    assert "log evidence \N{MINUS SIGN}1.4566" in said(figure, snapshots[120], "rw-evidence")


def test_a_box_goes_round_each_row_from_the_lowest_to_the_highest_exact_quantile() -> None:
    figure = quantiles()
    assert REFERENCE.exact is not None
    outline, stroke = dashes(figure)
    exact = figure.values(REFERENCE.exact.quantiles)
    assert outline.x.min(axis=1) == pytest.approx(exact[0])
    assert outline.x.max(axis=1) == pytest.approx(exact[-1])
    assert stroke.x[:, 0] == pytest.approx(exact[2])
    assert (outline.y[:, 0] + outline.y[:, 2]) / 2 == pytest.approx(np.arange(5.0))  # each round its own row
    bias = REFERENCE.exact.quantiles["linear.bias"][2, 0]
    assert stroke.x[3, 0] == pytest.approx(bias - 9)


def test_a_triangle_stands_over_each_row_at_the_least_squares_estimate() -> None:
    triangles = drawn.mark(quantiles().box, bqplot.Scatter, marker="triangle-down")
    x, y = np.asarray(triangles.x), np.asarray(triangles.y)
    assert x[:3] == pytest.approx(REFERENCE.estimates["linear.weight"][0])
    assert x[3] == pytest.approx(REFERENCE.estimates["linear.bias"][0] - 9)
    assert ((np.arange(5.0) - 0.5 < y) & (y < np.arange(5.0) - 0.3)).all()


@pytest.mark.parametrize("times", [1.0, 1e9, 1e-9])
def test_the_axes_cover_the_guide_and_what_it_is_compared_with(
    times: float, snapshots: dict[int, RegressionSnapshot]
) -> None:
    reference = reference_of(DATA, times=times)
    assert reference.exact is not None
    rows, curves = quantiles(reference), slopes(reference)
    low, high = drawn.bounds(rows.update(snapshots[40], RUNNING), drawn.axis(rows.box))
    every = [rows.values(reference.exact.quantiles), rows.values(snapshots[40].quantiles)]
    assert low <= min(values.min() for values in every) <= max(values.max() for values in every) <= high
    low, high = drawn.bounds(curves.update(snapshots[40], RUNNING), drawn.axis(curves.box))
    assert all(low <= s.x[0] < s.x[-1] <= high for s in (*reference.exact.slopes, *snapshots[40].slopes))
    _foot, top = heights(curves, snapshots[40])
    assert all(s.density.max() <= top for s in (*reference.exact.slopes, *snapshots[40].slopes))


def test_a_log_evidence_far_out_is_in_view_as_well(snapshots: dict[int, RegressionSnapshot]) -> None:
    for log_evidence in (-1e9, 0.0, 1e7):
        figure = elbo(reference_of(DATA, log_evidence=log_evidence))
        figure.show_exact(show=True)
        for snapshot in (snapshots[0], snapshots[120]):
            text = said(figure, snapshot, "rw-evidence")
            low, high = heights(figure, snapshot)
            assert low <= log_evidence <= high
            assert 0.0 <= float(text.split("--rw-height: ")[1].split('"', maxsplit=1)[0]) <= 1.0


def test_the_exact_lines_of_the_panels_follow_the_switch_and_no_frame(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure = panels()
    assert REFERENCE.exact is not None
    changed: list[object] = []
    for number, exact in zip((0, 1), dashes(figure), strict=True):
        exact.observe(changed.append, "y")
        for mode in ("prediction", "line"):
            figure.mode.value = mode
            band = REFERENCE.exact.bands[mode][number]
            assert exact.y == pytest.approx(np.stack([band.lower, band.upper]))
    count = len(changed)
    assert count
    figure.update(snapshots[120], RUNNING)
    assert len(changed) == count


def test_the_least_squares_line_lies_under_the_median_and_needs_no_switch() -> None:
    for number, box in enumerate(panels().boxes):
        marks = drawn.marks(box)
        assert [mark.visible for mark in marks] == [True, True, True, True, False, False]
        assert marks[2].y == pytest.approx(REFERENCE.lines[number])
        assert marks[3] is drawn.mark(box, bqplot.Lines, color=("outside", "inside")[number])


def test_a_panel_counts_its_points_in_both_bands(snapshots: dict[int, RegressionSnapshot]) -> None:
    figure, snapshot = panels(), snapshots[120]
    group = STORY.groups[1]
    counts = []
    for band in (snapshot.bands["line"][1], snapshot.bands["prediction"][1]):
        lower, upper = (np.interp(group.x, band.x, end) for end in (band.lower, band.upper))
        counts.append(int(((lower <= group.y) & (group.y <= upper)).sum()))
    expected = f"in the 90 % bands: line {counts[0]} of 49, prediction {counts[1]}"
    for mode in ("line", "prediction"):  # whichever is drawn
        figure.mode.value = mode
        note = drawn.part(figure.boxes[1], "rw-note")
        assert value(figure, snapshot, note) == expected


def test_the_corners_tell_the_exact_probability_while_the_answer_is_shown(
    snapshots: dict[int, RegressionSnapshot],
) -> None:
    figure = slopes()
    assert "exact" not in said(figure, snapshots[120], "rw-corner-1")
    figure.show_exact(show=True)
    assert "(exact 0.94)" in said(figure, snapshots[120], "rw-corner-1")
    assert "(exact 0.02)" in said(figure, snapshots[120], "rw-corner-0")
    figure.show_exact(show=False)
    assert "exact" not in said(figure, snapshots[120], "rw-corner-1")


def test_the_legend_names_only_what_is_shown() -> None:
    names = ["least squares", "exact posterior", "corrected", "not to be trusted"]

    def named(*, estimates: bool = True, **shown: bool) -> list[bool]:
        text = legend(WORDS, estimates=estimates, **shown)
        return [name in text for name in names]

    assert named(exact=False) == [True, False, False, False]
    assert named(exact=True) == [True, True, False, False]
    assert named(exact=False, estimates=False) == [False, False, False, False]
    assert named(exact=True, corrected=True) == [True, True, True, False]
    assert named(exact=False, corrected=True, reliable=False) == [True, False, True, True]
    assert named(exact=False, reliable=False) == [True, False, False, False]
    assert "최소제곱" in legend(Catalogue("ko"), estimates=True, exact=False)
