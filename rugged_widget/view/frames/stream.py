"""The frame stream: one binary message a frame to the browser, which acknowledges what it has painted.

The protocol; `FrameMessage` and `Request` in `js/src/stream.ts` are the types of its messages:

- The page sends ``{k: "hello", language?}`` when it appears. No frame goes out before: nobody would draw it.
- The kernel sends ``{k: "frame", seq, layout?, state?, summary?, rest?}`` and one buffer of float32: the arrays of all
  traits that changed. ``layout`` says which trait of which target each part of the buffer is, ``state`` holds what is
  not an array; both are left out while they stay the same. Where float32 cannot tell the pixels of an axis apart, such
  as 1.7e9 + 1 from 1.7e9, the buffer is of float64: its size says so. ``rest`` marks a frame that no other follows:
  bqplot draws it, while those before are written into the elements that bqplot has made (`js/src/marks`).
- The page sends ``{k: "ack", seq, painted, work, waited}`` when it has painted a frame; it stands for the frames before
  it too. ``painted`` counts those it painted since it said so before, ``work`` is the time of its main thread that a
  frame takes and ``waited`` the time since the painting, both in ms. The next frame goes out when the page can take it
  (`page_pace.py`): the newest snapshot waits for that, and the ones between are never computed.
- The page sends ``{k: "sight", seen}`` when the widget goes out of sight (scrolled away, collapsed, its tab behind
  another) and when it comes back: meanwhile no snapshot is computed and no frame sent. Every message of a page has its
  ``page``, a text, for frames go out as long as one page is seen.
- A page that has not acknowledged for a second is taken to be hidden or gone: training goes on without it, and one
  frame a second asks whether it is back, until it says something again.

Messages to the kernel are JSON without buffers, because VS Code blocks on a binary one.
"""

import functools
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import anywidget
import numpy as np
import traitlets
from bqplot import LinearScale
from ipywidgets import Widget, widget_serialization

from rugged_widget.errors import MissingBundleError
from rugged_widget.snapshot.values import Presence
from rugged_widget.view.frames.page_pace import PagePace
from rugged_widget.view.frames.silent_widgets import LateText, Silent, SilentPicture, SilentText

STATIC = Path(str(files("rugged_widget"))) / "static"
TEXT_SECONDS = 0.2  # texts that change more often cannot be read, and each costs a layout
SELDOM_SECONDS = 1.0  # between two summaries, which a page says every eight seconds, and copies of all arrays
PAGE_SECONDS = 5.0  # how long a page may take to appear once the widget was given out to be displayed
COARSE = 1000.0
"""How many times its span an axis may be away from 0 for float32: its steps are then a thirtieth of a pixel."""

LARGEST, SMALLEST = 1e37, 1e-35
"""The largest number on an axis and the smallest span, for float32."""

MAX_PAGES = 8  # pages that are told apart: the oldest may be gone, and a page that is gone says nothing
UNHEARD_SECONDS = 0.25  # between two frames that nobody may acknowledge
LOST_SECONDS = 1.0  # without an acknowledgement for so long, the page is taken to be hidden or gone

Changes: TypeAlias = Sequence[tuple[Silent, Mapping[str, object]]]
"""Values of traits by widget; of a text it may be a `LateText`."""


@functools.cache
def bundle() -> dict[str, str]:
    """Return the built front end, `_esm` and `_css`; MissingBundleError where the package was installed without it."""
    try:
        return {"_esm": (STATIC / "widget.js").read_text("utf-8"), "_css": (STATIC / "widget.css").read_text("utf-8")}
    except OSError as error:
        missing = error.filename
    raise MissingBundleError(
        f"the front end of rugged_widget was not built ({missing} is missing), so nothing can be displayed; "
        "install the package again with pip, which builds it: pip install -e . in a checkout"
    )


def _bundle_or_nothing() -> dict[str, str]:
    # A widget can be made, trained and read without a front end; displaying it raises, see Dashboard.
    try:
        return bundle()
    except MissingBundleError:
        return {"_esm": "export default {}", "_css": ""}


def _hot_reloading(name: str) -> bool:
    # By the variable that anywidget itself reads. Nothing can be watched before it is built.
    return os.environ.get("ANYWIDGET_HMR") == "1" and (STATIC / name).is_file()


def _front_end(name: str) -> Path | traitlets.Unicode[str, str | bytes]:
    # A class attribute of FrameStream. anywidget watches one that is a path, and sends the file again when it changes;
    # a trait has the text from `bundle`, which is read once and which an exported page keeps.
    return STATIC / name if _hot_reloading(name) else traitlets.Unicode().tag(sync=True)


class FrameStream(anywidget.AnyWidget):
    """Sends frames to every page that shows `targets`, never more than it can draw; see the protocol above.

    Parameters
    ----------
    ask
        Runs a function on the thread that computes: messages may arrive on any other.
    on_language
        Told, on the thread that computes, which language the browser of a page prefers: a tag such as ko-KR.
    """

    _esm = _front_end("widget.js")
    _css = _front_end("widget.css")
    targets = traitlets.List(traitlets.Instance(Widget)).tag(sync=True, **widget_serialization)
    hover: traitlets.List[dict[str, object]] = traitlets.List(
        help="tooltips of dots, by figure: {figure: css class, rows: [{title, text}]}"
    ).tag(sync=True)
    labels = traitlets.Dict(help="accessible names by css class").tag(sync=True)

    def __init__(
        self,
        targets: Sequence[Silent],
        ask: Callable[[Callable[[], None]], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        on_language: Callable[[str], None] = lambda _tag: None,
        **traits: object,
    ) -> None:
        texts = {name: text for name, text in _bundle_or_nothing().items() if self.has_trait(name)}
        super().__init__(targets=list(targets), **texts, **traits)
        self._index = {target: index for index, target in enumerate(targets)}
        self._touched: dict[Silent, set[str]] = {}
        self._unsent: dict[Silent, set[str]] = {}
        self._clock, self._ask, self._on_language = clock, ask, on_language
        self._greeted = self._away = False
        self._seen: dict[str, bool] = {}  # by page, the one that said something last at the end
        self._expected_until = self._heard_at = -math.inf
        self._then: Callable[[], None] | None = None
        self._pace = PagePace()
        self._seq, self._sent_at, self._asked_at = 0, -math.inf, math.inf
        self._texts_due = self._seldom_due = -math.inf
        self._layout: list[object] | None = None
        self._dtype: type[np.floating[Any]] = np.float32
        self._sent: dict[tuple[int, str], object] = {}
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return f"FrameStream({self.presence}, {self._pace!r})"

    @property
    def presence(self) -> Presence:
        """Presence of a page: there is none, it is hidden, gone or on its way (away), or it is here."""
        if not self._greeted:
            return "away" if self._clock() < self._expected_until else "none"
        return "away" if self._away or self._out_of_sight else "here"

    @property
    def _out_of_sight(self) -> bool:
        return bool(self._seen) and not any(self._seen.values())

    def expect(self, then: Callable[[], None] = lambda: None) -> None:
        """Take note that the widget is being displayed: a page will probably appear within seconds.

        `then` is called on the thread that computes, once a page has everything that it draws.
        """
        self._expected_until, self._then = self._clock() + PAGE_SECONDS, then

    def ready(self) -> bool:
        """Return whether a frame can go out now. Towards a page that does not answer, one a second can."""
        if self._out_of_sight:
            return False
        now = self._clock()
        if self._pace.num_under_way and now - self._sent_at > LOST_SECONDS:
            self._away = True
            self._forget()
        alone = not (self._away and self._pace.num_under_way)
        ready = self._greeted and alone and self._pace.may_send(now)
        self._asked_at = now if ready else math.inf
        return ready

    def ready_unheard(self) -> bool:
        """Return whether a frame can go out now, though a cell may run meanwhile, so that no page is heard.

        A page that is heard is waited for. Else frames go out by the clock, four a second, and each holds everything:
        pages may appear and miss frames unheard.
        """
        if self.ready():
            return True
        if self._out_of_sight or self._clock() - self._sent_at < UNHEARD_SECONDS:
            return False
        if not self._pace.num_under_way or self._clock() - self._heard_at > LOST_SECONDS:
            self._forget()
            return True
        return False

    def extend(
        self, targets: Sequence[Silent], *, hover: Sequence[Mapping[str, object]], labels: Mapping[str, str]
    ) -> None:
        """Add widgets that frames may change, behind those there are, with what is told of them."""
        for target in targets:
            self._index.setdefault(target, len(self._index))
        with self.hold_sync():
            self.targets = list(self._index)
            self.hover = [*self.hover, *map(dict, hover)]
            self.labels = {**self.labels, **labels}

    def tell(self, *, hover: Sequence[Mapping[str, object]], labels: Mapping[str, str]) -> None:
        """Replace all that is told of the targets, as another language makes necessary."""
        with self.hold_sync():
            self.hover = [dict(entry) for entry in hover]
            self.labels = dict(labels)

    def _keep(self, target: Silent, values: Mapping[str, object], unsent: Iterable[str]) -> None:
        target.keep(values)
        self._touched.setdefault(target, set()).update(values)
        self._unsent.setdefault(target, set()).update(unsent)

    def push(self, changes: Changes, summary: Callable[[], str]) -> None:
        """Send a frame of many.

        Every frame has to hold new values of the same arrays: one replaces another wholly. Five times a second a frame
        has texts too, and the kernel's side of them and of the axes becomes current. Once a second that of the arrays
        does too, and the frame has a summary for screen readers: nobody could read or hear more, and all of that takes
        longer than all marks.
        """
        now = self._clock()
        with_texts = now >= self._texts_due
        seldom = with_texts and now >= self._seldom_due
        composed = self._composed(changes, with_texts=with_texts)
        if with_texts:
            self._texts_due = now + TEXT_SECONDS
            for target, values in composed:
                if kept := values if seldom else _without_arrays(values):
                    self._keep(target, kept, kept)
            self._choose_precision(composed)
        if seldom:
            self._seldom_due = now + SELDOM_SECONDS
        self._send_frame(composed, summary() if seldom else None)
        if self._asked_at <= (now := self._clock()):  # `ready` was asked before the snapshot was taken
            self._pace.spent(now - self._asked_at)
            self._asked_at = math.inf

    def _composed(self, changes: Changes, *, with_texts: bool = True) -> Changes:
        """Return the changes with their texts, or without those that were sent before."""
        composed: list[tuple[Silent, Mapping[str, object]]] = []
        for target, values in changes:
            written = values
            if _is_text(target):
                index = self._index[target]
                due = [name for name in values if with_texts or (index, name) not in self._sent]
                written = {name: str(text) if isinstance(text := values[name], LateText) else text for name in due}
            if written:
                composed.append((target, written))
        return composed

    def _send_frame(self, changes: Changes, summary: str | None, *, rest: bool = False) -> None:
        layout, arrays, state = self._taken_apart(changes)
        self._seq += 1
        message: dict[str, object] = {"k": "frame", "seq": self._seq}
        if summary is not None:
            message["summary"] = summary
        if rest:
            message["rest"] = True
        if layout != self._layout:
            message["layout"] = self._layout = layout
        if state:
            message["state"] = list(state.items())
        # A page of texts has no array, and an empty buffer is nothing that every host passes on.
        packed = [np.concatenate(arrays, dtype=self._dtype, casting="same_kind").data] if arrays else []
        self.send(message, buffers=packed)
        self._sent_at = self._clock()
        self._pace.sent(self._seq, self._sent_at)

    def _choose_precision(self, changes: Changes) -> None:
        """Choose the type of all arrays from now on, after the kernel's side of the scales has changed."""
        self._dtype = np.float64 if any(_needs_doubles(target) for target, _ in changes) else np.float32

    def _taken_apart(
        self, changes: Changes
    ) -> tuple[list[object], list[np.ndarray[Any, Any]], dict[int, dict[str, object]]]:
        """Return the arrays of a frame, flat, behind their layout; and what is none and was not sent as it is."""
        layout: list[object] = []
        arrays: list[np.ndarray[Any, Any]] = []
        state: dict[int, dict[str, object]] = {}
        for target, values in changes:
            index = self._index[target]
            for name, value in values.items():
                if isinstance(value, np.ndarray):
                    layout.append([index, name, list(value.shape)])
                    arrays.append(value.ravel())
                elif (index, name) not in self._sent or self._sent[index, name] != value:
                    self._sent[index, name] = state.setdefault(index, {})[name] = value
        return layout, arrays, state

    def hurry(self) -> None:
        """Send texts and a summary with the next frame: somebody has asked for something."""
        self._texts_due = self._seldom_due = -math.inf

    def push_final(self, changes: Changes, summary: Callable[[], str]) -> None:
        """Send a last frame, and as traits what frames have changed: saved notebooks and late pages hold that.

        Traits that are sent as they are already are left out: while someone drags a slider, many final frames go out,
        and a server drops messages where there are over a thousand a second.
        """
        composed = self._composed(changes)
        for target, values in composed:
            self._keep(target, values, [name for name, value in values.items() if not _same(target, name, value)])
        self._choose_precision(composed)
        if self._greeted:
            self._send_frame(composed, summary(), rest=True)
        unsent, self._unsent = self._unsent, {}
        for target, names in unsent.items():
            if names:
                target.send_state(names)

    def _hear(self, _widget: object, content: Mapping[str, object], _buffers: object) -> None:
        page = str(content.get("page", ""))
        if content.get("k") == "hello":
            self._ask(lambda: self._greet(page))
            if isinstance(tag := content.get("language"), str):
                self._ask(lambda: self._on_language(tag))
        elif content.get("k") == "ack" and isinstance(seq := content.get("seq"), int):
            said = {name: _number(content.get(name)) for name in ("painted", "work", "waited")}
            self._ask(lambda: self._acknowledge(page, seq, said))
        elif content.get("k") == "sight" and isinstance(seen := content.get("seen"), bool):
            self._ask(lambda: self._see(page, seen=seen))

    def _greet(self, page: str) -> None:
        self._greeted, self._away = True, False
        self._see(page, seen=True)
        self._forget()
        then, self._then = self._then, None
        if then is not None:
            then()

    def _see(self, page: str, *, seen: bool) -> None:
        self._seen.pop(page, None)
        self._seen[page] = seen
        if seen:  # a page in front paints, whatever a hidden one left unanswered
            self._away = False
            self._pace.clear()
        while len(self._seen) > MAX_PAGES:
            del self._seen[next(iter(self._seen))]

    def _acknowledge(self, page: str, seq: int, said: Mapping[str, float]) -> None:
        self._away, self._heard_at = False, self._clock()
        work, waited = said["work"] / 1000, said["waited"] / 1000
        self._pace.acknowledge(page, seq, self._heard_at, painted=int(said["painted"]), work=work, waited=waited)

    def _forget(self) -> None:
        # What was under way may be lost: the next frame has to hold everything.
        self._pace.forget()
        self._layout, self._sent = None, {}


def _number(value: object) -> float:
    """Return a number that a page has sent; 0 where it is none that can be used."""
    return float(value) if isinstance(value, (int, float)) and 0 <= value < math.inf else 0.0


def _same(target: Silent, name: str, value: object) -> bool:
    present: object = getattr(target, name)
    if isinstance(present, np.ndarray) and isinstance(value, np.ndarray):
        return np.array_equal(present, value)
    return not isinstance(present, np.ndarray) and not isinstance(value, np.ndarray) and present == value


def _without_arrays(values: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}


def _is_text(target: Silent) -> bool:
    return isinstance(target, SilentText) and not isinstance(target, SilentPicture)


def _needs_doubles(target: Silent) -> bool:
    """Return whether float32 is too coarse for an axis of a mark."""
    scales: Mapping[str, Any] = getattr(target, "scales", {})
    ends = [(scale.min, scale.max) for scale in scales.values() if isinstance(scale, LinearScale)]
    return any(_too_coarse(low, high) for low, high in ends if low is not None and high is not None)


def _too_coarse(low: float, high: float) -> bool:
    size, span = max(abs(low), abs(high)), high - low
    return size > COARSE * span or size > LARGEST or span < SMALLEST
