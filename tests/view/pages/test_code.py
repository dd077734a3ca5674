"""The Code page, without a browser."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.figures.code_listing import Listing, as_html
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.code import CodePage
from tests.view import drawn
from tests.view.page_fakes import PAUSED, RUNNING, arrays, snapshot, value_of

WORDS = Catalogue()

CODE = 'def f(x):  # a <b>comment</b>\n    """Return\n    a < b."""\n    return "# no comment" if x else None\n'


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scribe:
    """Writes a script that tells how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return f"run = {self.calls}\n"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return parser


def test_while_training_runs_the_script_is_written_once_a_second() -> None:
    clock, scribe = Clock(), Scribe()
    page = CodePage(scribe, clock, text=WORDS)
    for _ in range(40):
        page.update(snapshot(), RUNNING)
        clock.now += 0.05
    assert scribe.calls == 2
    assert drawn.code(page.box) == "run = 2\n"


def test_at_rest_the_script_is_always_that_of_now() -> None:
    scribe = Scribe()
    page = CodePage(scribe, Clock(), text=WORDS)
    page.update(snapshot(), RUNNING)
    changes = page.update(snapshot(), replace(PAUSED, step=1234))
    assert drawn.code(page.box) == "run = 2\n"
    assert value_of(changes, drawn.part(page.box, "rw-as-of"), "value") == "<p>as of step 1,234</p>"


def test_it_says_which_step_the_script_is_of_though_training_has_gone_on() -> None:
    clock = Clock()
    page = CodePage(Scribe(), clock, text=WORDS)
    page.update(snapshot(), replace(RUNNING, step=10))
    clock.now += 0.5
    changes = page.update(snapshot(), replace(RUNNING, step=80))
    assert value_of(changes, drawn.part(page.box, "rw-as-of"), "value").endswith("step 10</p>")


def test_the_same_script_is_not_sent_twice() -> None:
    page = CodePage(lambda: CODE, Clock(), text=WORDS)
    page.update(snapshot(), PAUSED)
    sent: list[object] = []
    drawn.part(page.box, "rw-code").observe(sent.append, "value")
    page.update(snapshot(), PAUSED)
    assert sent == []


def test_it_wants_nothing_and_its_frames_hold_no_arrays() -> None:
    page = CodePage(lambda: CODE, Clock(), text=WORDS)
    assert page.request() == SnapshotRequest()
    changes = page.update(snapshot(), PAUSED)
    assert arrays(changes) == []
    assert all(target in page.targets for target, _ in changes)


@pytest.mark.parametrize(
    "code", [CODE, "", "x = 1", "no python: (((<b>", "a = '''never\nclosed", "\tif\n  x", "é = 'ß' # ü\n"]
)
def test_code_is_text_letter_by_letter_whether_it_is_python_or_not(code: str) -> None:
    shown = read(as_html(code))
    assert shown.text == code
    assert shown.tags <= {"pre", "span"}


def test_comments_and_keywords_are_told_apart_and_what_looks_like_them_is_not() -> None:
    html = as_html(CODE)
    assert '<span class="rw-comment"># a &lt;b&gt;comment&lt;/b&gt;</span>' in html
    assert html.count("rw-comment") == 1
    assert [part.split("<")[0] for part in html.split('<span class="rw-keyword">')[1:]] == [
        "def",
        "return",
        "if",
        "else",
        "None",
    ]


def test_a_listing_is_what_the_pages_script_looks_for_to_copy() -> None:
    listing = Listing(WORDS, "code.title", CODE)
    assert "rw-copyable" in drawn.classes(listing.box)
    assert drawn.part(listing.box, "rw-copy").description
    assert "<pre" in drawn.part(listing.box, "rw-code").value
    assert "<b>" not in drawn.heading(listing.box)
