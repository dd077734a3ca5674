"""The Serve page, without a browser."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.datasets import RegressionData
from rugged_widget.reference import Wanted
from rugged_widget.view.serve import ServePage, ServeRequests
from rugged_widget.view.story import story_of
from rugged_widget.view.words import Words
from tests.view.page_fakes import PROBS, RUNNING, arrays, awkward, normal, snapshot, value_of

WORDS = Words()

OUTSIDE, INSIDE = normal(-0.172, 0.038), normal(0.205, 0.083)


class Root:
    """Takes note of what a page asks for."""

    def __init__(self, data: RegressionData | None = None) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.drawn = 0
        requests = ServeRequests(*(self._note(name) for name in ("script", "program", "load")))
        self.page = ServePage(
            story_of(data or RegressionData.rugged(), PROBS, WORDS), requests, self._changed, words=WORDS
        )

    def _note(self, name: str):  # noqa: ANN202  # a callable
        return lambda path, option: self.asked.append((name, path, option))

    def _changed(self) -> None:
        self.drawn += 1

    def press(self, css_class: str) -> None:
        waiting = [self.page.box]
        while waiting:
            part = waiting.pop()
            if css_class in part._dom_classes:
                part.click()
                return
            waiting += getattr(part, "children", ())
        raise AssertionError(f"there is no {css_class}")

    @property
    def said(self) -> str:
        return self.page._said.value


def test_buttons_ask_with_the_path_and_what_is_ticked() -> None:
    root = Root()
    root.press("rw-save-script")
    root.press("rw-save-program")
    root.press("rw-load")
    root.page._overwrite.value = True
    root.page._calls.value = False
    root.page._script.value = "  folder/mine.pt "
    for button in ("rw-save-script", "rw-save-program", "rw-load"):
        root.press(button)
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
    root.page._script.value = path
    root.press("rw-save-script")
    root.press("rw-load")
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
    root.press("rw-load")
    assert "Loading" in root.said
    assert "alert" not in root.said


def test_what_was_loaded_is_drawn_over_the_live_densities_and_stays() -> None:
    root = Root()
    figure = root.page._figure
    before = root.page.update(snapshot(), RUNNING)
    for line in figure._file:
        assert np.max(value_of(before, line, "y")) < 0.0  # below the foot
    root.page.loaded((OUTSIDE, INSIDE), "800 calls")
    assert root.drawn == 1
    for _ in range(2):
        changes = root.page.update(snapshot(), RUNNING)
        for line, density in zip(figure._file, (OUTSIDE, INSIDE), strict=True):
            assert value_of(changes, line, "y").tolist() == density.density.tolist()
        for line, density in zip(figure._live, snapshot().slopes, strict=True):
            assert value_of(changes, line, "y").tolist() == density.density.tolist()
        assert f"file {INSIDE.prob_positive:.2f}" in value_of(changes, figure._texts[1], "value")
        top = dict(changes)[figure._y.scale]["max"]
        assert top > OUTSIDE.density.max()
    assert root.said == '<p role="status">800 calls</p>'


def test_every_frame_holds_the_same_arrays_and_only_finite_numbers() -> None:
    root = Root()
    kinds = [arrays(root.page.update(snapshot(), RUNNING))]
    root.page.loaded((OUTSIDE, INSIDE), "")
    kinds.append(arrays(root.page.update(snapshot(), RUNNING)))
    assert kinds[0] == kinds[1]
    assert all(target in root.page.targets for target, _ in root.page.update(snapshot(), RUNNING))
    assert root.page.wanted() == Wanted()


def test_the_sample_names_the_files_as_python_does() -> None:
    root = Root()
    root.page._script.value = "it's <b>.pt"
    root.page._program.value = "a\\b.pt2"
    code = root.page._listing.code
    assert 'torch.jit.load("it\'s <b>.pt")' in code
    assert "torch.export.load('a\\\\b.pt2')" in code
    compile(code, "sample", "exec")
    assert "<b>" not in root.page._listing._text.value
    root.page._script.value = ""
    assert "torch.jit.load('rugged_guide.pt')" in root.page._listing.code


def test_names_of_groups_are_text_and_stay_so() -> None:
    root = Root(awkward())
    changes = root.page.update(snapshot(), RUNNING)
    words = value_of(changes, root.page._figure._texts[0], "value")
    assert "&lt;i&gt;g" in words
    assert "<i>" not in words
    assert "<s>" not in root.page._figure.box.children[0].children[0].value
