"""The Serve page, without a browser."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.export_page import ExportPage, ExportRequests
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.page_fakes import PROBS, RUNNING, arrays, awkward, normal, snapshot, value_of

WORDS = Catalogue()

OUTSIDE, INSIDE = normal(-0.172, 0.038), normal(0.205, 0.083)


class Root:
    """Takes note of what a page asks for."""

    def __init__(self, data: RegressionData | None = None) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.drawn = 0
        requests = ExportRequests(*(self._note(name) for name in ("script", "program", "load")))
        self.page = ExportPage(
            subject_of(data or RegressionData.rugged(), PROBS, WORDS), requests, self._changed, text=WORDS
        )

    def _note(self, name: str):  # noqa: ANN202  # a callable
        return lambda path, option: self.asked.append((name, path, option))

    def _changed(self) -> None:
        self.drawn += 1

    def part(self, css_class: str) -> Any:
        return drawn.part(self.page.box, css_class)

    @property
    def said(self) -> str:
        return self.part("rw-said").value


def test_buttons_ask_with_the_path_and_what_is_ticked() -> None:
    root = Root()
    buttons = [root.part(css_class) for css_class in ("rw-save-script", "rw-save-program", "rw-load")]
    for button in buttons:
        button.click()
    root.part("rw-overwrite").value = True
    root.part("rw-calls").value = False
    root.part("rw-script-path").value = "  folder/mine.pt "
    for button in buttons:
        button.click()
    assert root.asked == [
        ("script", "rugged_guide.pt", False),
        ("program", "rugged_guide.pt2", False),
        ("load", "rugged_guide.pt", True),
        ("script", "folder/mine.pt", True),
        ("program", "rugged_guide.pt2", True),
        ("load", "folder/mine.pt", False),
    ]


@pytest.mark.parametrize("path", ["", "   "])
def test_without_a_name_nothing_is_asked_and_the_page_says_so(path: str) -> None:
    root = Root()
    root.part("rw-script-path").value = path
    root.part("rw-save-script").click()
    root.part("rw-load").click()
    assert root.asked == []
    assert 'role="alert"' in root.said
    assert "needs a name" in root.said


def test_a_failure_is_an_alert_success_is_not_and_both_are_text() -> None:
    root = Root()
    root.page.failed("no <b>x</b>.pt & more")
    assert root.said == '<p role="alert" class="rw-failed">no &lt;b&gt;x&lt;/b&gt;.pt &amp; more</p>'
    root.page.saved("saved <b>x</b>.pt")
    assert root.said == '<p role="status">saved &lt;b&gt;x&lt;/b&gt;.pt</p>'


def test_a_failure_gives_way_to_the_next_request() -> None:
    root = Root()
    root.page.failed("no")
    root.part("rw-load").click()
    assert "Loading" in root.said
    assert "alert" not in root.said


def test_what_was_loaded_is_drawn_over_the_live_densities_and_stays() -> None:
    root = Root()
    figure = root.part("rw-served")
    live, file = drawn.marks(figure, bqplot.Lines, fill="bottom"), drawn.marks(figure, bqplot.Lines, color="foreground")
    before = root.page.update(snapshot(), RUNNING)
    assert len(file) == 2
    for line in file:
        assert np.max(value_of(before, line, "y")) < 0.0  # below the foot
    root.page.loaded((OUTSIDE, INSIDE), "800 calls")
    assert root.drawn == 1
    for _ in range(2):
        changes = root.page.update(snapshot(), RUNNING)
        for line, density in zip(file, (OUTSIDE, INSIDE), strict=True):
            assert value_of(changes, line, "y").tolist() == density.density.tolist()
        for line, density in zip(live, snapshot().slopes, strict=True):
            assert value_of(changes, line, "y").tolist() == density.density.tolist()
        assert f"file {INSIDE.prob_positive:.2f}" in value_of(changes, drawn.part(figure, "rw-corner-1"), "value")
        assert drawn.bounds(changes, drawn.axis(figure, "left"))[1] > OUTSIDE.density.max()
    assert root.said == '<p role="status">800 calls</p>'


def test_every_frame_holds_the_same_arrays_and_only_finite_numbers() -> None:
    root = Root()
    kinds = [arrays(root.page.update(snapshot(), RUNNING))]
    root.page.loaded((OUTSIDE, INSIDE), "")
    kinds.append(arrays(root.page.update(snapshot(), RUNNING)))
    assert kinds[0] == kinds[1]
    assert all(target in root.page.targets for target, _ in root.page.update(snapshot(), RUNNING))
    assert root.page.request() == SnapshotRequest()


def test_the_sample_names_the_files_as_python_does() -> None:
    root = Root()
    root.part("rw-script-path").value = "it's <b>.pt"
    root.part("rw-program-path").value = "a\\b.pt2"
    code = drawn.code(root.page.box)
    assert 'torch.jit.load("it\'s <b>.pt")' in code
    assert "torch.export.load('a\\\\b.pt2')" in code
    compile(code, "sample", "exec")
    assert "<b>" not in root.part("rw-code").value
    root.part("rw-script-path").value = ""
    assert "torch.jit.load('rugged_guide.pt')" in drawn.code(root.page.box)


def test_names_of_groups_are_text_and_stay_so() -> None:
    root = Root(awkward())
    changes = root.page.update(snapshot(), RUNNING)
    figure = root.part("rw-served")
    text = value_of(changes, drawn.part(figure, "rw-corner-0"), "value")
    assert "&lt;i&gt;g" in text
    assert "<i>" not in text
    assert "<s>" not in drawn.heading(figure)
