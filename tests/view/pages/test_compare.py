"""The Compare page, and the kept runs in the ELBO figure, without a browser."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.snapshot.values import Averaged
from rugged_widget.view.figures.elbo import ElboFigure
from rugged_widget.view.figures.pair import ellipse, pick
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.compare import ComparePage
from rugged_widget.view.requests import CompareRequests
from rugged_widget.view.structure_subject import StructureSubject
from tests.view import drawn
from tests.view.figures.latents.fakes import site
from tests.view.judged import approximation
from tests.view.kept_fakes import curve, draws, run
from tests.view.page_fakes import PROBS, RUNNING, WEIGHT, reference, snapshot, value_of

if TYPE_CHECKING:
    from rugged_widget.runs.saved_run import SavedRun

DATA = RegressionData.rugged()
MINUS, PLUS_MINUS, NONE = "\N{MINUS SIGN}", "\N{PLUS-MINUS SIGN}", "\N{EN DASH}"
MOMENT = dataclasses.replace(snapshot(), draws=draws())


class Shown:
    """A page, and what it asked for."""

    def __init__(self, *runs: SavedRun) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.text = Catalogue()
        requests = CompareRequests(
            **{name: self.taker(name) for name in ("keep", "recall", "remove", "rename", "export")}
        )
        subject = subject_of(DATA, PROBS, self.text)
        self.page = ComparePage(subject, reference(DATA), requests, None, self.taker("changed"), text=self.text)
        self.page.show_runs(runs)
        self.page.update(MOMENT, RUNNING)

    def taker(self, name: str) -> object:
        return lambda *values: self.asked.append((name, *values))

    def part(self, css_class: str) -> Any:
        return drawn.part(self.page.box, css_class)

    def row(self, number: int) -> Any:
        (found,) = (row for row in drawn.parts(self.page.box, "rw-run") if drawn.parts(row, f"rw-run-name-{number}"))
        return found

    def cells(self, number: int) -> str:
        (cells,) = drawn.texts(self.row(number))
        return str(cells.value)

    def drawn(self) -> list[str]:
        """Return the numbers of the runs that a frame draws."""
        self.page.update(MOMENT, RUNNING)
        return list(drawn.mark(self.page.box, bqplot.Label).text)


def test_it_wants_draws() -> None:
    assert Shown().page.request() == SnapshotRequest(draws=True)


def test_a_row_holds_what_is_known_of_a_run() -> None:
    cells = Shown(run(1, rate_changed=True, averaged=Averaged(900, 1500, 5))).cells(1)
    for cell in (
        "diagonal normal",
        "1,500 <abbr",
        "0.03*",
        f"{MINUS}248.90 {PLUS_MINUS} 0.02",
        f"1.25 {PLUS_MINUS} 0.02",
        "0.53",
        "0.74 <small>poor</small>",
        "2.5",
        "steps 900 to 1,500",
    ):
        assert cell in cells


def test_a_run_without_a_finite_k_hat_is_called_poor_all_the_same() -> None:
    cells = Shown(run(1, approximation=approximation(k_hats=np.full(3, math.inf)))).cells(1)
    assert "\N{INFINITY} <small>poor</small>" in cells


def test_what_is_not_known_is_a_dash() -> None:
    cells = Shown(run(1, approximation=None, gap=None, elbo_error=math.nan)).cells(1)
    assert cells.count(f"<span>{NONE}</span>") == 3
    assert f"<span>{MINUS}248.90</span>" in cells


def test_the_elbo_of_a_point_is_in_brackets_because_it_is_no_bound() -> None:
    cells = Shown(run(1, approximation=approximation("point"), gap=None, elbo=-239.96, elbo_error=math.nan)).cells(1)
    assert f">({MINUS}239.96)</abbr>" in cells
    assert "no lower bound" in cells


def test_the_elbo_has_the_digits_that_its_error_leaves() -> None:
    cells = Shown(run(1, elbo=-247.68736, elbo_error=0.0023)).cells(1)
    assert f"{MINUS}247.687 {PLUS_MINUS} 0.002" in cells


def test_names_are_text_and_stay_so() -> None:
    shown = Shown(run(1, name="<b>x</b>", guide="<i>g</i>"))
    assert shown.part("rw-run-name-1").value == "<b>x</b>"  # in a text field, which shows it as it is
    assert "<i>g" not in shown.cells(1)
    assert "hand-written" in shown.cells(1)
    shown.page.said("<b>gone</b>")
    assert "&lt;b&gt;gone" in shown.part("rw-said").value


def test_another_name_is_asked_for_and_a_refused_one_goes_back() -> None:
    shown = Shown(run(1))
    assert shown.asked == []
    field = shown.part("rw-run-name-1")
    field.value = "mine"
    assert shown.asked == [("rename", 1, "mine")]
    shown.page.show_runs([run(1, name="mine")])
    field.value = ""
    shown.page.said("A name needs 1 to 60 characters.", alert=True)
    assert field.value == "mine"
    assert 'role="alert"' in shown.part("rw-said").value
    assert shown.asked == [("rename", 1, "mine"), ("rename", 1, "")]


def test_buttons_ask_for_their_own_run() -> None:
    shown = Shown(run(1), run(2))
    shown.part("rw-recall-2").click()
    shown.part("rw-remove-2").click()
    assert shown.asked == [("recall", 2), ("remove", 2)]


def test_the_table_is_saved_under_a_name_and_not_without_one() -> None:
    shown = Shown(run(1))
    path, export = shown.part("rw-csv-path"), shown.part("rw-export")
    shown.part("rw-keep").click()
    export.click()
    shown.part("rw-overwrite").value = True
    path.value = " other.csv "
    export.click()
    path.value = " "
    export.click()
    assert shown.asked == [("keep",), ("export", "rugged_runs.csv", False), ("export", "other.csv", True)]
    assert "needs a name" in shown.part("rw-said").value


def test_the_first_four_are_drawn_and_a_fifth_takes_the_place_of_the_first() -> None:
    shown = Shown(*[run(number) for number in range(1, 7)])
    ticks = {number: shown.part(f"rw-run-tick-{number}") for number in range(1, 7)}
    assert [number for number, tick in ticks.items() if tick.value] == [1, 2, 3, 4]
    ticks[6].value = True
    assert shown.asked == [("changed",)]
    assert [number for number, tick in ticks.items() if tick.value] == [2, 3, 4, 6]
    assert shown.drawn() == ["2", "3", "4", "6"]
    colors = {number: [css for css in drawn.classes(shown.row(number)) if "kept" in css] for number in ticks}
    assert colors == {1: [], 2: ["rw-kept-0"], 3: ["rw-kept-1"], 4: ["rw-kept-2"], 5: [], 6: ["rw-kept-3"]}


def test_a_run_that_is_removed_is_closed_and_no_longer_drawn() -> None:
    shown = Shown(run(1), run(2))
    row = list(drawn.widgets(shown.row(1)))
    shown.page.show_runs([run(2)])
    assert shown.drawn() == ["2"]
    assert all(widget.comm is None for widget in row)
    assert shown.asked == []  # nobody was asked for anything by that


def test_a_run_that_has_changed_is_drawn_anew() -> None:
    shown = Shown(run(1))
    shown.page.show_runs([run(1, draws=draws(7))])
    assert shown.drawn() == ["1"]
    ring = drawn.mark(shown.page.box, bqplot.Lines, color="kept-0")
    assert ring.x == pytest.approx(ellipse(pick(draws(7), ((WEIGHT, (0, 0)), (WEIGHT, (0, 1)))))[0])


def test_without_runs_it_says_how_one_comes_here() -> None:
    shown = Shown()
    assert shown.part("rw-runs-empty").layout.display != "none"
    shown.page.show_runs([run(1)])
    assert shown.part("rw-runs-empty").layout.display == "none"


def test_parts_are_named_for_screen_readers_in_the_language_spoken() -> None:
    shown = Shown(run(3))
    assert shown.page.labels["rw-run-tick-3"] == "Draw run 3 below"
    assert shown.page.labels["rw-run-name-3"] == "Name of run 3"
    assert '<i class="rw-visually-hidden">KL gap, nats: </i>' in shown.cells(3)
    shown.text.speak("ko")
    assert shown.page.labels["rw-run-name-3"] == "실행 3의 이름"
    assert "대각 정규" in shown.cells(3)
    assert shown.asked == []


# The ELBO figure


def elbo() -> ElboFigure:
    text = Catalogue()
    return ElboFigure(1500, subject_of(DATA, PROBS, text), lambda: None, text=text)


def kept(figure: ElboFigure) -> Any:
    """Return the mark of the kept runs."""
    return drawn.mark(figure.box, bqplot.Lines, color="kept-line")


def test_kept_runs_are_thin_lines_in_the_elbo_figure_the_latest_six() -> None:
    figure = elbo()
    assert not kept(figure).visible
    figure.show_runs([run(number, curve=curve(100 * number)) for number in range(1, 9)])
    assert kept(figure).visible
    x, y = np.asarray(kept(figure).x), np.asarray(kept(figure).y)
    assert x.shape == y.shape == (6, 50)
    assert x.max(axis=1).tolist() == [300, 400, 500, 600, 700, 800]
    assert y[:, -1] == pytest.approx(-249.0)
    figure.show_runs([])
    assert not kept(figure).visible


def test_kept_runs_of_one_step_beside_longer_ones_are_drawn_too() -> None:
    figure = elbo()
    figure.show_runs([run(1, curve=curve(1))])
    assert np.asarray(kept(figure).x).tolist() == [1.0, 1.0]
    figure.show_runs([run(1, curve=curve(1)), run(2)])
    assert np.asarray(kept(figure).x)[0].tolist() == [1.0] * 50


def test_kept_runs_are_in_the_unit_of_the_figure() -> None:
    figure = elbo()
    figure.show_runs([run(1)])
    figure.unit.value = "observation"
    figure.update(MOMENT, RUNNING)
    assert np.asarray(kept(figure).y)[-1] == pytest.approx(-249.0 / 170)


def test_before_the_first_step_the_axis_holds_where_the_kept_runs_ended() -> None:
    figure = elbo()
    figure.show_runs([run(1), run(2, curve=curve(1500, end=-260.0))])
    start = dataclasses.replace(snapshot(), step=0, curve=curve(1).__class__(*[np.zeros(0)] * 3))
    changes = figure.update(start, Progress("ready", 0, 1500, math.nan, math.nan))
    low, high = drawn.bounds(changes, drawn.axis(figure.box, "left"))
    assert low <= -500.0
    assert high >= -249.0
    assert value_of(changes, drawn.mark(figure.box, bqplot.Lines, color="accent-faint"), "y").max() < low


@pytest.mark.parametrize("latents", [(), ("z",)])
def test_a_model_of_fewer_than_two_latents_is_compared_without_a_figure(latents: tuple[str, ...]) -> None:
    text = Catalogue()
    structure = ModelStructure((*map(site, latents), site("y", (9,), role="observed")))
    subject = StructureSubject("Small", call="model(y)", guide=lambda: "AutoNormal", structure=structure, text=text)
    requests = CompareRequests(**dict.fromkeys(("keep", "recall", "remove", "rename", "export"), lambda *_: None))
    page = ComparePage(subject, None, requests, None, lambda: None, text=text, csv_path="runs.csv")
    page.show_runs([run(1)])
    assert drawn.part(page.box, "rw-csv-path").value == "runs.csv"
    assert page.request() == SnapshotRequest()
    assert list(page.update(MOMENT, RUNNING)) == []
    page.show_exact(False)
    assert "fewer than two" in drawn.part(page.box, "rw-pair-none").value
    assert not drawn.parts(page.box, "rw-pair")
