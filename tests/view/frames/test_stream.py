"""The way to the browser, with the messages caught instead of sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import comm
import numpy as np
import pytest
import traitlets

from rugged_widget.view.frames import stream as module
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines, SilentPicture, SilentScale, SilentText
from rugged_widget.view.frames.stream import TEXT_SECONDS, FrameStream, bundle
from tests.view.stage import page_says


class Caught(comm.DummyComm):
    """The way of one widget to the browser, which tells what is sent on it."""

    def __init__(self, told: Callable[[dict[str, Any]], None]) -> None:
        self._told = told
        super().__init__()

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        self._told(data)


class Wire:
    """A stream whose messages are kept, and the page at its other end."""

    def __init__(self, ask: Callable[[Callable[[], None]], None] = lambda request: request()) -> None:
        self.now = 10.0
        self.line, self.text = SilentLines(x=[0.0, 1.0], y=[0.0, 1.0]), SilentText("")
        self.sent: list[tuple[dict[str, Any], np.ndarray[Any, Any]]] = []
        self.states: list[tuple[str, set[str]]] = []
        self.tags: list[str] = []
        targets = [self.line, self.text]
        self.stream = FrameStream(targets, ask, clock=lambda: self.now, on_language=self.tags.append)
        self.sent_contents: list[dict[str, Any]] = []
        self.stream.send = self._send
        for widget in (self.line, self.text):
            widget.comm = Caught(partial(self._note, type(widget).__name__))

    def _send(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        self.sent_contents.append(content)
        if buffers:
            self.sent.append((content, np.frombuffer(buffers[0], "f4")))

    def _note(self, name: str, message: dict[str, Any]) -> None:
        assert message["method"] == "update"
        self.states.append((name, set(message["state"])))

    def hear(self, **content: object) -> None:
        page_says(self.stream, content)

    def push(self, value: float, text: str = "", size: int = 2) -> dict[str, Any]:
        changes = [(self.line, {"y": np.full(size, value)}), (self.text, {"value": text})]
        self.stream.push(changes, lambda: "summary")
        return self.sent[-1][0]


def test_nothing_is_sent_before_a_page_says_hello() -> None:
    wire = Wire()
    assert not wire.stream.ready()
    assert wire.stream.presence == "none"
    wire.hear(k="hello")
    assert wire.stream.ready()
    assert wire.stream.presence == "here"


def test_the_language_of_a_page_is_told_on_the_thread_that_computes() -> None:
    asked: list[Callable[[], None]] = []
    wire = Wire(asked.append)
    wire.hear(k="hello", language="ko-KR")
    assert wire.tags == []
    for request in asked:
        request()
    assert wire.tags == ["ko-KR"]
    assert wire.stream.presence == "here"


def test_what_is_told_of_targets_can_be_replaced() -> None:
    wire = Wire()
    wire.stream.extend([], hover=[{"figure": "a", "rows": []}], labels={"a": "An A"})
    wire.stream.tell(hover=[{"figure": "a", "rows": [{"title": "가", "text": ""}]}], labels={"a": "가"})
    assert wire.stream.hover == [{"figure": "a", "rows": [{"title": "가", "text": ""}]}]
    assert wire.stream.labels == {"a": "가"}


def test_a_page_that_was_given_the_widget_is_waited_for_a_few_seconds() -> None:
    wire = Wire()
    wire.stream.expect()
    assert (wire.stream.presence, wire.stream.ready()) == ("away", False)
    wire.now += 6
    assert wire.stream.presence == "none"
    wire.hear(k="hello")
    assert wire.stream.presence == "here"


def test_what_waits_for_a_page_is_done_once_when_the_first_has_what_it_draws() -> None:
    wire, called = Wire(), list[int]()
    wire.stream.expect(lambda: called.append(1))
    wire.hear(k="ack", seq=1)
    assert called == []
    wire.hear(k="hello")
    wire.hear(k="hello")
    assert called == [1]


def test_a_frame_holds_its_arrays_as_float32_in_the_order_of_the_layout() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.stream.push([(wire.line, {"x": np.array([1.0, 2.0]), "y": np.arange(6.0).reshape(2, 3)})], str)
    content, array = wire.sent[0]
    assert content["layout"] == [[0, "x", [2]], [0, "y", [2, 3]]]
    assert array.tolist() == [1, 2, 0, 1, 2, 3, 4, 5]


def test_layout_and_small_state_are_sent_only_where_they_changed() -> None:
    wire = Wire()
    wire.hear(k="hello")
    assert "layout" in wire.push(1.0, "a")
    second = wire.push(2.0, "a")
    assert "layout" not in second
    assert "state" not in second
    wire.now += TEXT_SECONDS
    third = wire.push(3.0, "b", size=3)
    assert third["layout"] == [[0, "y", [3]]]
    assert third["state"] == [(1, {"value": "b"})]


def test_a_new_page_gets_everything_again() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.push(1.0, "a")
    wire.hear(k="hello")
    again = wire.push(1.0, "a")
    assert "layout" in again
    assert again["state"] == [(1, {"value": "a"})]


def test_a_frame_that_is_overdue_is_waited_for() -> None:
    wire = Wire()
    wire.hear(k="hello")
    sent = 0
    for _ in range(9):  # nearly a second
        wire.now += 0.1
        if wire.stream.ready():
            wire.push(float(sent))
            sent += 1
    assert sent == 3
    wire.hear(k="ack", seq=2, painted=1)
    assert not wire.stream.ready()
    wire.hear(k="ack", seq=3, painted=1)
    assert wire.stream.ready()


def test_frames_keep_a_distance() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.push(1.0)
    wire.hear(k="ack", seq=1, painted=1)
    assert not wire.stream.ready()
    wire.now += 0.07
    assert wire.stream.ready()


def test_texts_are_sent_five_times_a_second_while_frames_stream_and_at_rest_at_once() -> None:
    wire = Wire()
    wire.hear(k="hello")
    texts = []
    for step in range(100):  # two seconds
        content = wire.push(float(step), str(step))
        texts += [values["value"] for _, values in content.get("state", [])]
        wire.now += 0.02
    assert len(texts) == 10
    assert wire.text.value == texts[-1]  # the kernel's side is as current as the texts
    wire.stream.push_final([(wire.line, {"y": np.zeros(2)}), (wire.text, {"value": "end"})], str)
    assert wire.sent[-1][0]["state"] == [(1, {"value": "end"})]


def test_once_a_second_a_frame_has_a_summary_and_the_kernel_has_its_arrays() -> None:
    wire = Wire()
    wire.hear(k="hello")
    told, kept = [], set[float]()
    for step in range(8):  # two seconds
        told.append("summary" in wire.push(float(step), str(step)))
        kept.add(float(wire.line.y[0]))
        wire.now += 0.25
    assert [step for step, has in enumerate(told) if has] == [0, 4]
    assert kept == {0.0, 4.0}
    wire.stream.hurry()
    assert "summary" in wire.push(100.0, "asked for")
    assert wire.line.y[0] == 100.0


def test_numbers_become_finer_with_the_text_of_an_axis_that_moves() -> None:
    wire = Wire()
    wire.hear(k="hello")
    scale = SilentScale(min=0.0, max=1.0)
    wire.stream.extend([scale], hover=[], labels={})
    wire.line.scales = {"x": SilentScale(min=0.0, max=1.0), "y": scale}
    sizes: list[int] = []
    wire.stream.send = lambda _content, buffers: sizes.append(buffers[0].nbytes)
    for low in (0.0, 1.7e9):
        moved = {"min": low, "max": low + 3600}
        wire.stream.push([(scale, moved), (wire.line, {"y": np.full(2, low)}), (wire.text, {"value": str(low)})], str)
        wire.now += 0.2
    assert sizes == [8, 16]


def test_a_late_text_is_composed_only_for_frames_with_texts_and_at_rest() -> None:
    wire = Wire()
    wire.hear(k="hello")
    composed: list[int] = []

    def compose(step: int) -> str:
        composed.append(step)
        return str(step)

    for step in range(20):
        wire.stream.push([(wire.line, {"y": np.zeros(2)}), (wire.text, {"value": LateText(compose, step)})], str)
        wire.now += 0.05
    assert composed == [0, 4, 8, 12, 16]
    wire.stream.push_final([(wire.text, {"value": LateText(compose, 20)})], str)
    assert wire.text.value == "20"


def test_a_text_that_somebody_asked_for_is_sent_with_the_next_frame() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.push(1.0, "a")
    wire.push(2.0, "b")
    wire.stream.hurry()
    assert wire.push(3.0, "c")["state"] == [(1, {"value": "c"})]


def test_a_picture_made_of_html_moves_with_every_frame() -> None:
    wire = Wire()
    picture = SilentPicture("")
    wire.stream.extend([picture], hover=[], labels={})
    wire.hear(k="hello")
    for drawn in ("a", "b"):
        wire.stream.push([(picture, {"value": drawn})], str)
        assert wire.sent_contents[-1]["state"] == [(2, {"value": drawn})]


def test_the_last_frame_says_that_training_rests() -> None:
    wire = Wire()
    wire.hear(k="hello")
    assert "rest" not in wire.push(1.0)
    wire.stream.push_final([(wire.line, {"y": np.zeros(2)})], str)
    assert wire.sent[-1][0]["rest"] is True


def test_a_page_that_does_not_answer_is_asked_once_a_second() -> None:
    wire = Wire()
    wire.hear(k="hello")
    sent = []
    for tick in range(1100):  # eleven seconds, of which the first finds out
        wire.now += 0.01
        if wire.stream.ready():
            wire.push(1.0, "a")
            sent += [wire.sent[-1][0]] if tick > 100 else []
    assert wire.stream.presence == "away"
    assert 9 <= len(sent) <= 10
    assert all("layout" in content for content in sent)  # each may be the first that arrives
    wire.hear(k="ack", seq=sent[-1]["seq"])
    assert wire.stream.presence == "here"


def test_out_of_sight_no_frame_goes_out_and_back_in_sight_the_next_one_at_once() -> None:
    wire = Wire()
    wire.hear(k="hello", page="a")
    wire.push(1.0)
    wire.hear(k="sight", seen=False, page="a")
    for _ in range(500):  # five seconds
        wire.now += 0.01
        assert not wire.stream.ready()
    assert wire.stream.presence == "away"
    wire.hear(k="sight", seen=True, page="a")
    assert (wire.stream.ready(), wire.stream.presence) == (True, "here")


def test_frames_go_out_as_long_as_one_page_sees_the_widget() -> None:
    wire = Wire()
    for page in ("a", "b"):
        wire.hear(k="hello", page=page)
    wire.hear(k="sight", seen=False, page="a")
    assert (wire.stream.ready(), wire.stream.presence) == (True, "here")
    wire.hear(k="sight", seen=False, page="b")
    assert (wire.stream.ready(), wire.stream.presence) == (False, "away")
    wire.hear(k="hello", page="c")
    assert wire.stream.ready()


def test_pages_that_were_reloaded_again_and_again_are_forgotten() -> None:
    wire = Wire()
    for number in range(100):
        wire.hear(k="hello", page=str(number))
    for number in range(92, 100):
        wire.hear(k="sight", seen=False, page=str(number))
    assert wire.stream.presence == "away"


def test_at_rest_what_is_out_of_sight_is_made_current_too() -> None:
    wire = Wire()
    wire.hear(k="hello", page="a")
    wire.hear(k="sight", seen=False, page="a")
    wire.stream.push_final([(wire.line, {"y": np.array([2.0, 3.0])})], lambda: "summary")
    assert len(wire.sent) == 1


def test_what_a_frame_shows_is_current_in_the_kernel_and_was_not_sent_twice() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.push(7.0, "now")
    assert wire.line.y.tolist() == [7.0, 7.0]
    assert wire.text.value == "now"
    assert wire.states == []


def test_at_rest_the_full_state_is_sent_even_without_a_page() -> None:
    wire = Wire()
    wire.stream.push_final([(wire.line, {"y": np.array([3.0, 4.0])}), (wire.text, {"value": "end"})], str)
    assert wire.sent == []
    assert wire.states == [("SilentLines", {"y"}), ("SilentText", {"value"})]
    assert wire.line.y.tolist() == [3.0, 4.0]


def test_messages_of_the_page_are_handed_on_before_they_touch_anything() -> None:
    waiting: list[Callable[[], None]] = []
    wire = Wire(waiting.append)
    wire.hear(k="hello")
    assert wire.stream.presence == "none"
    waiting.pop()()
    assert wire.stream.presence == "here"


@pytest.mark.parametrize(
    "content",
    [{}, {"k": "ack"}, {"k": "ack", "seq": "1"}, {"k": "other"}, {"k": "sight"}, {"k": "sight", "seen": "no"}],
)
def test_messages_that_mean_nothing_are_ignored(content: dict[str, object]) -> None:
    wire = Wire()
    wire.hear(k="hello")
    for _ in range(3):
        frame = wire.push(1.0)
        wire.now += 0.1
    wire.hear(**content)
    assert not wire.stream.ready()  # all three are still under way
    wire.hear(k="ack", seq=frame["seq"])
    assert wire.stream.ready()


def test_targets_that_are_added_come_behind_the_others_and_are_counted_on() -> None:
    wire = Wire()
    late = SilentText("")
    wire.hear(k="hello")
    wire.push(1.0)
    wire.stream.extend([late, wire.text], hover=[{"figure": "rw-late", "rows": []}], labels={"rw-late": "Late"})
    assert wire.stream.targets == [wire.line, wire.text, late]
    assert wire.stream.hover == [{"figure": "rw-late", "rows": []}]
    assert wire.stream.labels == {"rw-late": "Late"}
    wire.stream.push([(late, {"value": "here"})], str)
    assert wire.sent_contents[-1]["state"] == [(2, {"value": "here"})]


def test_a_frame_of_texts_alone_has_no_buffer() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.stream.push([(wire.text, {"value": "now"})], str)
    assert wire.sent_contents[-1]["layout"] == []
    assert wire.sent == []


def test_what_is_converged_again_as_it_is_is_not_sent_again() -> None:
    wire = Wire()
    last = [(wire.line, {"y": np.array([3.0, 4.0])}), (wire.text, {"value": "end"})]
    wire.stream.push_final(last, str)
    wire.states.clear()
    wire.stream.push_final([last[0], (wire.text, {"value": "the end"})], str)
    assert wire.states == [("SilentText", {"value"})]


def test_what_frames_changed_is_converged_in_full_even_where_the_last_one_holds_the_same() -> None:
    wire = Wire()
    wire.hear(k="hello")
    wire.push(7.0, "now")
    wire.stream.push_final([(wire.line, {"y": np.full(2, 7.0)})], str)
    assert wire.states == [("SilentLines", {"y"}), ("SilentText", {"value"})]


def test_anywidget_is_given_the_built_files_to_watch_where_hot_reloading_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYWIDGET_HMR", "1")
    for name in ("widget.js", "widget.css"):
        assert module._front_end(name) == module.STATIC / name


@pytest.mark.parametrize("value", ["", "0"])
def test_otherwise_it_is_given_their_text(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYWIDGET_HMR", value)
    assert isinstance(module._front_end("widget.js"), traitlets.Unicode)


def test_what_is_not_built_is_not_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANYWIDGET_HMR", "1")
    monkeypatch.setattr(module, "STATIC", tmp_path)
    assert isinstance(module._front_end("widget.js"), traitlets.Unicode)


def test_an_exported_page_which_leaves_out_defaults_holds_the_front_end() -> None:
    state = Wire().stream.get_state(drop_defaults=True)
    assert {name: state[name] for name in ("_esm", "_css")} == bundle()


@pytest.mark.parametrize(
    ("ends", "dtype"),
    [((-1.0, 1.0), "f4"), ((1e-14, 2e-14), "f4"), ((1e9, 5e9), "f4"), ((1.7e9, 1.7e9 + 3600), "f8"), ((0, 1e60), "f8")],
)
def test_numbers_are_sent_as_finely_as_their_axis_needs(ends: tuple[float, float], dtype: str) -> None:
    wire = Wire()
    wire.line.scales = {"x": SilentScale(min=ends[0], max=ends[1]), "y": SilentScale(min=0.0, max=1.0)}
    sent: list[memoryview] = []
    wire.stream.send = lambda _content, buffers: sent.extend(buffers)
    values = np.linspace(*ends, 300)
    wire.stream.push([(wire.line, {"x": values})], str)
    assert len(np.unique(np.frombuffer(sent[0], dtype))) == 300
    assert np.frombuffer(sent[0], dtype) == pytest.approx(values, rel=1e-6)
