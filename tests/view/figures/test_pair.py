"""The figure of two latents, without a page."""

from __future__ import annotations

import dataclasses
from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.snapshot.values import Contours, Latent
from rugged_widget.view.figures.pair import PairFigure, ellipse, pick
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.kept_fakes import draws, run
from tests.view.page_fakes import BIAS, PROBS, RUNNING, SIGMA, WEIGHT, arrays, awkward, reference, snapshot, value_of

DATA = RegressionData.rugged()
RUGGED = (WEIGHT, (0, 1))
PAIR: tuple[Latent, Latent] = (RUGGED, (BIAS, (0,)))


class Exact:
    """Squares round the first latent's place, and which latents were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Latent, Latent]] = []

    def __call__(self, a: Latent, b: Latent) -> Contours:
        assert a != b
        self.asked.append((a, b))
        square = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        return Contours((0.5, 0.9), ((0.1 * square + (0.0, 9.2),), (0.2 * square + (0.0, 9.2), 0.01 * square[:3])))


def figure(
    exact: Exact | None = None, *, text: Catalogue | None = None, changed: list[str] | None = None
) -> PairFigure:
    told = [] if changed is None else changed
    say = Catalogue() if text is None else text
    return PairFigure(
        subject_of(DATA, PROBS, say), reference(DATA), exact, lambda: told.append("changed"), text=say, pair=PAIR
    )


def moment(seed: int = 0, **kind: float) -> RegressionSnapshot:
    return dataclasses.replace(snapshot(), draws=draws(seed, **kind))  # type: ignore[arg-type]


def picker(shown: PairFigure, place: str) -> Any:
    return drawn.part(shown.box, f"rw-pair-{place}")


def dots(shown: PairFigure) -> Any:
    return drawn.mark(shown.box, bqplot.Scatter, color="accent-faint")


def ring(shown: PairFigure) -> Any:
    return drawn.mark(shown.box, bqplot.Lines, color="accent")


def kept(shown: PairFigure, kind: type[bqplot.Mark]) -> list[Any]:
    """Return the marks of kept runs, the first run first."""
    return [mark for mark in drawn.marks(shown.box, kind) if "kept" in mark.colors[0]]


def legend(shown: PairFigure) -> str:
    """Return the legend of a frame."""
    return str(value_of(shown.update(moment(), RUNNING), drawn.part(shown.box, "rw-legend"), "value"))


def across(shown: PairFigure, seed: int = 0) -> tuple[float, float]:
    """Return where the axis at the bottom begins and ends in a frame."""
    return drawn.bounds(shown.update(moment(seed), RUNNING), drawn.axis(shown.box))


def test_an_ellipse_holds_90_percent_of_normal_draws() -> None:
    points = pick(draws(1, count=20_000), PAIR)
    assert points is not None
    outline = ellipse(points)
    assert outline[:, 0] == pytest.approx(outline[:, -1])
    axes = np.linalg.inv(np.linalg.cholesky(np.cov(points)))
    center = points.mean(1)[:, np.newaxis]
    radius = np.linalg.norm(axes @ (outline - center), axis=0)
    assert radius == pytest.approx(radius[0])
    assert np.mean(np.linalg.norm(axes @ (points - center), axis=0) < radius[0]) == pytest.approx(0.9, abs=0.01)
    slope = np.polyfit(*(outline - center), 1)[0]
    assert slope < -0.5  # the two latents are correlated


def test_the_ellipse_of_a_point_is_a_point() -> None:
    assert ellipse(np.full((2, 50), 3.0)) == pytest.approx(3.0)


def test_the_latents_to_begin_with_are_drawn_and_others_as_they_are_picked() -> None:
    exact, changed = Exact(), list[str]()
    shown = figure(exact, changed=changed)
    shown.update(moment(), RUNNING)
    assert exact.asked == [PAIR]
    assert [drawn.axis(shown.box, side).label for side in ("bottom", "left")] == ["rugged", "bias"]
    picker(shown, "y").value = 4
    assert changed == ["changed"]
    changes = shown.update(moment(), RUNNING)
    assert exact.asked[-1] == (RUGGED, (SIGMA, ()))
    center = drawn.mark(shown.box, bqplot.Scatter, color="accent")
    assert value_of(changes, center, "y")[0] == pytest.approx(float(draws()[SIGMA].mean()))
    assert drawn.mark(shown.box, bqplot.Scatter, marker="cross").y.tolist() == [0.9]


def test_a_latent_picked_twice_changes_places_with_the_other() -> None:
    shown = figure(Exact())
    picker(shown, "x").value = 3  # the bias, which lies along y
    assert shown.latents == ((BIAS, (0,)), RUGGED)
    assert [picker(shown, place).value for place in "xy"] == [3, 1]
    shown.update(moment(), RUNNING)


def test_draws_or_their_ellipse_are_drawn_and_the_other_lies_out_of_sight() -> None:
    shown = figure(Exact())
    changes = shown.update(moment(), RUNNING)
    low, _high = drawn.bounds(changes, drawn.axis(shown.box))
    assert np.ptp(value_of(changes, ring(shown), "x")) > 0.3
    assert value_of(changes, dots(shown), "x").max() < low
    shown.mode.value = "draws"
    changes = shown.update(moment(), RUNNING)
    low, _high = drawn.bounds(changes, drawn.axis(shown.box))
    assert value_of(changes, dots(shown), "x") == pytest.approx(draws()[WEIGHT][:200, 0, 1])
    assert value_of(changes, ring(shown), "x").max() < low


def test_every_frame_holds_the_same_arrays_and_only_finite_numbers() -> None:
    shown = figure(Exact())
    kinds = [arrays(shown.update(moment(), RUNNING)), arrays(shown.update(moment(count=3), RUNNING))]
    point = {site: np.repeat(values[:1], 400, axis=0) for site, values in draws().items()}
    kinds.append(arrays(shown.update(dataclasses.replace(snapshot(), draws=point), RUNNING)))
    shown.mode.value = "draws"
    kinds.append(arrays(shown.update(moment(count=3), RUNNING)))
    assert all(kind == kinds[0] for kind in kinds)
    assert {target for target, _, _ in kinds[0]} <= {id(target) for target in shown.targets}
    assert all(target in shown.targets for target, _ in shown.update(moment(), RUNNING))


def test_exact_contours_are_dashed_and_can_be_hidden() -> None:
    shown = figure(Exact())
    assert "exact posterior" in legend(shown)
    mark = drawn.mark(shown.box, bqplot.Lines, line_style="dashed")
    assert mark.visible
    assert np.asarray(mark.x).shape == (3, 5)  # the third line has three points, and stays at its last
    shown.show_exact(False)
    assert not mark.visible
    assert "exact posterior" not in legend(shown)
    picker(shown, "y").value = 4
    shown.update(moment(), RUNNING)
    assert not mark.visible


def test_without_exact_contours_there_is_none_to_show() -> None:
    shown = figure(None)
    shown.show_exact(True)
    assert "exact" not in legend(shown)
    assert not any(mark.visible for mark in drawn.marks(shown.box, bqplot.Lines, line_style="dashed"))


def test_kept_runs_have_a_colour_each_and_are_told_by_number_and_name() -> None:
    shown = figure(Exact())
    shown.show_runs([run(number) for number in (3, 5, 6, 7, 9)])
    assert '"rw-key-pair-ring rw-kept-1"></i>5 · run 5' in legend(shown)
    rings, tags = kept(shown, bqplot.Lines), drawn.mark(shown.box, bqplot.Label)
    assert [ring.visible for ring in rings] == [True] * 4  # more could not be told apart
    assert len({ring.colors[0] for ring in rings}) == 4
    assert rings[1].x == pytest.approx(ellipse(pick(run(5).draws, PAIR))[0])
    assert list(tags.text) == ["3", "5", "6", "7"]
    shown.show_runs([run(5)])
    shown.mode.value = "draws"
    shown.update(moment(), RUNNING)
    assert [dots.visible for dots in kept(shown, bqplot.Scatter)] == [True, False, False, False]
    assert not any(ring.visible for ring in rings)
    shown.show_runs([])
    shown.update(moment(), RUNNING)
    assert not tags.visible


def test_the_axes_hold_all_that_is_drawn_and_stay_while_they_serve() -> None:
    shown = figure(Exact())
    shown.show_runs([run(1, draws=draws(1, shift=2.0))])
    bounds = [across(shown, seed) for seed in range(4)]
    assert all(bound == bounds[0] for bound in bounds)
    assert bounds[0][0] < -0.3
    assert bounds[0][1] > 2.3
    shown.show_runs([])
    assert across(shown)[1] < 1.0


def test_names_are_text_and_stay_so() -> None:
    text = Catalogue()
    shown = PairFigure(subject_of(awkward(), PROBS, text), None, None, lambda: None, text=text)
    shown.show_runs([run(1, name="<b>bold</b>")])
    key = legend(shown)
    assert "&lt;b&gt;bold&lt;/b&gt;" in key
    assert "<b>" not in key


def test_another_language_names_everything_anew_and_picks_nothing() -> None:
    text, changed = Catalogue(), list[str]()
    shown = figure(Exact(), text=text, changed=changed)
    shown.update(moment(), RUNNING)
    text.speak("ko")
    assert "최소제곱" in legend(shown)
    assert changed == []
    assert shown.latents == PAIR
    assert drawn.axis(shown.box, "left").label == "편향"
    assert shown.mode.options[0][0] == "90 % 타원"


@pytest.mark.parametrize(
    "other",
    [
        {},
        {WEIGHT: draws()[WEIGHT]},  # a latent that this guide leaves out
        draws() | {BIAS: draws()[BIAS][:, :0]},  # fewer elements than there were
        draws() | {BIAS: np.full_like(draws()[BIAS], np.nan)},
    ],
)
def test_latents_without_draws_are_left_out_and_said_to_be(other: dict[str, Any]) -> None:
    shown = figure(Exact())
    shown.show_runs([run(1, draws=other), run(2, draws=draws(1))])
    assert "no draws" not in legend(shown)
    assert [mark.visible for mark in kept(shown, bqplot.Lines)] == [False, True, False, False]
    changes = shown.update(dataclasses.replace(moment(), draws=other), RUNNING)
    assert "no draws" in str(value_of(changes, drawn.part(shown.box, "rw-legend"), "value"))
    low = drawn.bounds(changes, drawn.axis(shown.box))[0]
    assert value_of(changes, ring(shown), "x").max() < low


def test_draws_that_are_not_finite_are_left_out() -> None:
    values = draws()
    values[BIAS][3] = np.inf
    points = pick(values, PAIR)
    assert points is not None
    assert points.shape[1] == len(values[BIAS]) - 1
    assert np.isfinite(ellipse(points)).all()
