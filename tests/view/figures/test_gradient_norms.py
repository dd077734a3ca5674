"""The figure of gradient norms: lines on a logarithmic axis, names that do not overlap, and oddities in words."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import bqplot
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugged_widget.snapshot.model_values import GradientNorms
from rugged_widget.snapshot.snapshot import Array, ElboCurve, Progress, Snapshot
from rugged_widget.view.figures.decades import Decades
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.gradient_norms import (
    HUES,
    MAX_LINES,
    ROOM,
    GradientNormsFigure,
    gradient_norms_facts,
    odd_words,
    short_names,
    slots_of,
    smoothed,
    spread_out,
)
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from tests.view import drawn

NOTHING = ElboCurve(np.zeros(0), np.zeros(0), np.zeros(0))
RUNNING = Progress("running", 5, 100, -5.0, 10.0)


def norms_of(values: Any, *names: str, **flags: Any) -> GradientNorms:
    values = np.asarray(values, dtype=np.float64)
    named = names or tuple(f"p{number}" for number in range(values.shape[1]))
    return GradientNorms(named, np.arange(1.0, len(values) + 1), values, flags)


def snapshot_of(norms: GradientNorms | None) -> Snapshot:
    return Snapshot(
        step=5,
        elbo=-5.0,
        learning_rate=0.01,
        num_rows=1,
        curve=NOTHING,
        probs=(0.5,),
        quantiles={},
        gradient_norms=norms,
    )


def frame(figure: GradientNormsFigure, norms: GradientNorms | None) -> dict[Any, dict[str, Any]]:
    """Return what a frame changes, by widget."""
    return {target: dict(values) for target, values in figure.update(snapshot_of(norms), RUNNING)}


def text_of(changes: dict[Any, dict[str, Any]], css: str) -> str:
    (value,) = (values["value"] for target, values in changes.items() if css in drawn.classes(target))
    return str(value)


def lines(figure: GradientNormsFigure, changes: dict[Any, dict[str, Any]]) -> Array:
    """Return the lines of the parameters, shape (MAX_LINES, num_points)."""
    styles = {mark.line_style: changes[mark]["y"] for mark in drawn.marks(figure.box, bqplot.Lines)}
    return np.vstack([styles["solid"], styles["dashed"]])


def names_of(html: str) -> list[tuple[str, float]]:
    return [
        (re.sub(r"<[^>]*>", "", name), float(row))
        for row, name in re.findall(r"--rw-row: ([\d.]+)\">(.*?)</div>", html)
    ]


def test_the_lines_are_logarithms_of_the_norms_and_end_in_dots() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    changes = frame(figure, norms_of([[1.0, 100.0]] * 3, "guide.one", "guide.other"))
    assert lines(figure, changes)[:2].tolist() == [[0.0] * 3, [2.0] * 3]
    (dots,) = drawn.marks(figure.box, bqplot.Scatter)
    assert changes[dots]["x"][:2].tolist() == [3.0, 3.0]
    assert changes[dots]["y"][:2].tolist() == [0.0, 2.0]
    (one, low), (other, high) = names_of(text_of(changes, "rw-gradients-names"))
    assert (one, other) == ("one", "other")
    assert high < low  # from the top


def test_no_frame_holds_what_bqplot_cannot_draw() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    odd = norms_of([[np.nan, 0.0, 1e300], [np.nan, np.inf, 1e-300], [2.0, np.nan, 0.0]])
    for norms in (None, odd, norms_of([[1.0]]), norms_of(np.zeros((4, 0)))):
        for values in frame(figure, norms).values():
            for value in values.values():
                if isinstance(value, np.ndarray):
                    assert np.isfinite(value).all()
                    assert value.shape[-1] >= 2


def test_only_the_largest_have_lines_and_the_others_one_together() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    changes = frame(figure, norms_of([[1.0 + number for number in range(30)]] * 2))
    names = [name for name, _ in names_of(text_of(changes, "rw-gradients-names"))]
    assert sorted(names) == sorted([*[f"p{number}" for number in range(20, 30)], "20 others"])
    (rest,) = drawn.marks(figure.box, bqplot.Lines, line_style="dotted")
    assert changes[rest]["y"][-1] == pytest.approx(np.log10(np.sqrt(np.square(np.arange(1.0, 21.0)).sum())))


def test_a_parameter_that_is_flagged_has_a_line_and_lines_stay() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    values = np.tile(np.arange(1.0, 31.0), (2, 1))
    changes = frame(figure, norms_of(values, p0="small"))
    assert "p0" in dict(names_of(text_of(changes, "rw-gradients-names")))
    before = lines(figure, changes)
    values[:, 5] = 22.0  # larger than the smallest that has a line, not by much
    after = lines(figure, frame(figure, norms_of(values, p0="small")))
    assert (before == after).all()


@given(st.lists(st.floats(-0.5, 1.5), max_size=MAX_LINES + 1))
def test_names_never_overlap_and_keep_their_order(places: list[float]) -> None:
    put = spread_out(places, ROOM)
    ordered = [put[number] for number in sorted(range(len(places)), key=lambda number: places[number])]
    assert all(later - sooner >= ROOM - 1e-9 for sooner, later in pairwise(ordered))
    assert all(-ROOM / 2 <= place <= 1 for place in put)


def test_names_stand_where_their_dots_are_if_there_is_room() -> None:
    assert spread_out([0.9, 0.1, 0.5], 0.1) == [0.9, 0.1, 0.5]


def test_location_and_scale_of_a_site_share_a_colour() -> None:
    slots = dict(zip(names := ["locs.a", "scales.a", "locs.b", "scales.b", "net"], slots_of(names, {}), strict=True))
    assert slots["locs.a"] + len(HUES) == slots["scales.a"]
    assert slots["locs.b"] + len(HUES) == slots["scales.b"]
    assert len(set(slots.values())) == 5
    many = [f"p{number}" for number in range(MAX_LINES)]
    assert sorted(slots_of(many, {})) == list(range(MAX_LINES))
    assert slots_of(["x", "net"], slots)[1] == slots["net"]


def test_weight_and_bias_of_a_layer_share_a_colour() -> None:
    names = [f"net$$${layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")]
    assert slots_of(names, {}) == (0, len(HUES), 1, 1 + len(HUES))
    assert short_names(names) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert slots_of(["loc", "scale", "scale_tril"], {}) == (0, len(HUES), 1)


def test_names_lose_what_all_of_them_begin_with() -> None:
    assert short_names(["AutoNormal.locs.a", "AutoNormal.scales.a"]) == ["locs.a", "scales.a"]
    assert short_names(["a.b", "a.b.c"]) == ["b", "b.c"]
    assert short_names(["guide.loc"]) == ["loc"]
    assert short_names([]) == []


def test_oddities_are_told_in_words() -> None:
    text = Catalogue()
    flags: dict[str, Any] = {"g.a": "zero", "g.b": "not_finite", **{f"g.c{number}": "large" for number in range(5)}}
    norms = GradientNorms(tuple(flags), np.ones(1), np.ones((1, len(flags))), flags)
    assert odd_words(text, norms) == ("not finite: b · zero: a · far above the others: c0, c1, c2 and 2 more")
    figure = GradientNormsFigure(100, text=text)
    assert "not finite: b" in text_of(frame(figure, norms), "rw-gradients-about")
    assert figure.sentence(snapshot_of(norms)).startswith("not finite: b")
    assert "all move" in text_of(frame(figure, norms_of([[1.0]])), "rw-gradients-about")
    assert figure.sentence(snapshot_of(norms_of([[1.0]]))) == ""


def test_names_are_text() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    changes = frame(figure, norms_of([[0.0, 1.0]], "<b>x</b>", "y", **{"<b>x</b>": "zero"}))
    assert "<b>" not in text_of(changes, "rw-gradients-about") + text_of(changes, "rw-gradients-names")


def test_running_means_pass_over_what_is_not_known() -> None:
    means = smoothed(np.array([[np.nan, 1.0, np.nan, 2.0]]))
    assert means[0].tolist() == pytest.approx([np.nan, 1.0, 1.0, (2 + 0.75**2) / (1 + 0.75**2)], nan_ok=True)


def test_the_axis_has_whole_decades_and_changes_little() -> None:
    axis = Decades(Catalogue())
    assert axis.cover(np.array([-0.5, 1.2])) == (-1.0, 2.0)
    assert axis.cover(np.array([-0.9, 0.8])) == (-1.0, 2.0)
    assert axis.cover(np.array([np.nan, -3.5])) == (-5.0, -3.0)
    assert axis.cover(np.array([np.nan])) == (-5.0, -3.0)
    assert axis.cover(np.array([-300.0, 0.5])) == (-11.0, 1.0)
    labels = dict(axis.changes()[1][1])["tick_labels"]
    assert labels == {"-9": "10⁻⁹", "-6": "10⁻⁶", "-3": "0.001", "0": "1"}


def test_nothing_is_drawn_before_the_first_steps() -> None:
    figure = GradientNormsFigure(100, text=Catalogue())
    changes = frame(figure, None)
    assert text_of(changes, "rw-empty") == "The gradients are known after the first steps."
    low, _ = drawn.bounds(list(changes.items()), drawn.axis(figure.box, "left"))
    assert (lines(figure, changes) < low).all()


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_figure_and_explanation_speak_every_language(language: str) -> None:
    text = Catalogue("en")
    figure = GradientNormsFigure(100, text=text)
    explanation: Explanation[Any] = Explanation(text, "gradient_norms", gradient_norms_facts)
    text.speak(language)
    norms = norms_of([[1.0] * 4], p0="zero", p1="large", p2="small", p3="not_finite")
    ((_panel, values),) = explanation.update(snapshot_of(norms), Progress("paused", 5, 100, -5.0, 10.0))
    assert str(values["value"]).count("<p>") == 7
    assert (drawn.heading(figure.box) == '<h3 class="rw-title">Gradient norms</h3>') == (language == "en")
    assert set(figure.labels) == {"rw-gradients"}
