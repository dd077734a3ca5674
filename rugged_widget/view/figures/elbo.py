"""The ELBO over the steps, with the log evidence."""

import math
from collections.abc import Callable, Sequence

import bqplot
import numpy as np

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Array, ElboCurve, Progress, Snapshot
from rugged_widget.view.figures.chart import ACCENT, ACCENT_FAINT, Chart, Explained, Ruler, html_text
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.heldout import HeldoutLine, points
from rugged_widget.view.figures.overlays import dashed, evidence_words, show_marks
from rugged_widget.view.frames.silent_widgets import LateText, SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Subject
from rugged_widget.view.widgets import toggle_buttons

OUTLIERS = 0.02  # share of the lowest single-step estimates that may lie below the axis
HEADROOM = 0.2  # over the log evidence, as a share of what is below: room for its text
KEY_WIDTH, KEY_ROOM = 0.75, 0.14  # of the key of held-out data: shares of the axis at its right end, and under a line
MAX_KEPT = 6  # kept runs that are drawn, the latest: more could not be told apart

WIDE = 10_000.0  # nats of an axis beyond which nobody reads decimals

UNITS = ("total", "observation")


class ElboFigure(Figure):
    """The whole run: every estimate thinned to a light line, and their smoothed course; thin, the runs before it.

    A line lies at the log evidence where the reference knows it, and one more shows data that is not trained on where
    there is some, `has_heldout`. `grouped` is that of `Ruler`.
    """

    def __init__(
        self,
        num_steps: int,
        subject: Subject,
        on_unit: Callable[[], None],
        reference: Reference | None = None,
        *,
        text: Catalogue,
        explain: Explained | None = None,
        grouped: bool = False,
        has_heldout: bool = False,
    ) -> None:
        self._text = text
        self._x = Ruler("", 0.0, float(num_steps), num_steps=6, grouped=grouped)
        self._y = Ruler("", -1.0, 0.0, vertical=True, grouped=grouped)
        self._saved: tuple[SavedRun, ...] = ()
        self._runs: tuple[SavedRun, ...] = ()
        self._num_rows = 1
        self._mark()
        self._heldout = HeldoutLine(self._scales, text) if has_heldout else None
        added = [] if self._heldout is None else [self._heldout]
        self.unit = toggle_buttons("rw-unit", UNITS)
        Choice(self.unit, self._units, lambda _unit: on_unit(), text, lambda: self._unit_tips(subject))
        self._empty, self._evidence_text = html_text("rw-empty"), html_text("rw-evidence")
        self._exact: list[bqplot.Lines] = self._mark_evidence(reference)
        self._chart = Chart(
            "rw-elbo",
            "ELBO",
            marks=[self._kept, self._raw, self._smooth, *[line.mark for line in added], *self._exact],
            axes=[self._x.axis, self._y.axis],
            controls=[self.unit],
            texts=[self._empty, self._evidence_text, *[line.key for line in added]],
            explain=explain,
        )
        self.box = self._chart.box
        drawn = self._raw, self._smooth, self._empty, self._evidence_text
        self.targets = (*self._x.targets, *self._y.targets, *drawn, *[one for line in added for one in line.targets])
        self._shown_unit = self.unit.value
        self._shows_exact = False
        text.follow(self._name)

    @property
    def _scales(self) -> dict[str, bqplot.Scale]:
        return {"x": self._x.scale, "y": self._y.scale}

    def _mark_evidence(self, reference: Reference | None) -> list[bqplot.Lines]:
        """Return a line across the figure at the log evidence; none where that is not known."""
        self._evidence = None if reference is None or reference.exact is None else reference.exact.log_evidence
        if self._evidence is None:
            return []
        across = {"x": bqplot.LinearScale(min=0.0, max=1.0), "y": self._y.scale}
        return [dashed([0.0, 1.0], [self._evidence] * 2, across)]

    def _mark(self) -> None:
        nowhere = {"x": [0.0, 0.0], "y": [0.0, 0.0], "scales": self._scales}
        self._raw = SilentLines(**nowhere, colors=[ACCENT_FAINT], stroke_width=1.0)
        self._smooth = SilentLines(**nowhere, colors=[ACCENT], stroke_width=2.0)
        self._kept = bqplot.Lines(**nowhere, colors=["var(--rw-kept-line)"], stroke_width=1.0)
        self._kept.visible = False

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        scale = self._scale(snapshot.num_rows)
        begun, running = len(snapshot.curve.step) > 0, progress.status == "running"
        bounds = [] if begun else self._start(scale)
        curve = _drawable(snapshot.curve) if begun else _nothing(self._y.bounds)
        raw, smooth = curve.elbo * scale, curve.smoothed * scale
        if begun:
            held_at, held = points(snapshot.heldout)
            low, high = _extent(raw, smooth, held * scale)
            if self._heldout is not None:
                lines = [(curve.step, raw), (curve.step, smooth), (held_at, held * scale)]
                low = _above_key(lines, low, high, progress.num_steps)
            bounds = self._cover(low, high, scale)
        heldout: Changes = []
        if self._heldout is not None:
            decimals = 4 if self._shown_unit != "total" else 2 if self._y.bounds[1] - self._y.bounds[0] < WIDE else 0
            heldout = self._heldout.update(
                snapshot.heldout, scale, 2.0 * self._y.bounds[0] - self._y.bounds[1], decimals
            )
        return [
            *self._x.fix(0.0, progress.num_steps),
            *bounds,
            (self._raw, {"x": curve.step, "y": raw}),
            (self._smooth, {"x": curve.step, "y": smooth}),
            (self._empty, {"value": "" if begun else self._text(f"elbo.{'first' if running else 'empty'}")}),
            (self._evidence_text, {"value": LateText(self._remark, snapshot)}),
            *heldout,
        ]

    def show_exact(self, show: bool) -> None:
        """Show the log evidence, or hide it; its text follows with the next frame."""
        self._shows_exact = show
        show_marks(self._exact, show=show)

    def show_reference(self, reference: Reference) -> None:
        """Draw the line at another log evidence, with the runs that it bounds; its text follows with the next frame."""
        if self._exact and reference.exact is not None:
            self._evidence = reference.exact.log_evidence
            self._draw_evidence(1.0 if self._shown_unit == "total" else 1.0 / self._num_rows)
            self.show_runs(self._saved)

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Draw these kept runs thinly under the present one, the latest six of them; where they stop, they stop.

        Runs that are bounded by another log evidence, because their priors are others, are left out.
        """
        self._saved = tuple(runs)
        self._runs = tuple(run for run in runs if run.is_bounded_by(self._evidence))[-MAX_KEPT:]
        self._draw_runs()

    def _draw_runs(self) -> None:
        if self._runs:
            length = max(2, *(len(run.curve.step) for run in self._runs))  # a line needs two points
            x, y = (
                np.stack([_padded(getattr(run.curve, name), length) for run in self._runs])
                for name in ("step", "smoothed")
            )
            factors = [1.0 if self._shown_unit == "total" else 1.0 / run.num_rows for run in self._runs]
            with self._kept.hold_sync():
                self._kept.x, self._kept.y = x, y * np.array(factors)[:, None]
        self._kept.visible = bool(self._runs)

    def _units(self) -> list[tuple[str, str]]:
        return [(self._text(f"elbo.unit.{unit}"), unit) for unit in UNITS]

    def _unit_tips(self, subject: Subject) -> list[str]:
        return [self._text(f"elbo.unit_tip.{unit}", rows=subject.row_noun) for unit in UNITS]

    def _name(self) -> None:
        self._chart.rename(self._text("elbo.title"))
        self._x.rename(self._text("elbo.step"))
        self._y.rename(self._text(f"elbo.axis.{self._shown_unit}"))

    def _scale(self, num_rows: int) -> float:
        """Return what nats are multiplied by; where that is new, prepare the axis and the line for it."""
        unit, self._num_rows = self.unit.value, num_rows
        scale = 1.0 if unit == "total" else 1.0 / num_rows
        if unit != self._shown_unit:
            self._shown_unit = unit
            self._y.fix(-1.0, 0.0)
            self._y.rename(self._text(f"elbo.axis.{unit}"))
            self._draw_runs()
            self._draw_evidence(scale)
        return scale

    def _draw_evidence(self, scale: float) -> None:
        for mark in self._exact:
            mark.y = np.full(2, (self._evidence or 0.0) * scale)

    def _cover(self, low: float, high: float, scale: float) -> Changes:
        if self._evidence is None:
            return self._y.cover(low, high)
        line = self._evidence * scale
        return self._y.cover(min(low, line), max(high, line + HEADROOM * max(0.0, line - low)))

    def _cover_runs(self, scale: float) -> Changes:
        values = np.concatenate([run.curve.smoothed for run in self._runs]) * scale
        return self._y.cover(*_extent(values))

    def _start(self, scale: float) -> Changes:
        """Return the bounds before the first step: where the run may come from, should the log evidence be known."""
        bounds = self._y.fix(-1.0, 0.0)
        if self._evidence is None:
            return self._cover_runs(scale) if self._runs else bounds
        line = self._evidence * scale
        return self._cover(line - abs(line) - scale, line, scale)

    def _remark(self, snapshot: Snapshot) -> str:
        if self._evidence is None or not self._shows_exact:
            return ""
        num_rows = 1 if self._shown_unit == "total" else snapshot.num_rows
        low, high = self._y.bounds
        height = (self._evidence / num_rows - low) / (high - low)
        text = evidence_words(self._text, self._evidence, snapshot.gap if snapshot.step else None, num_rows)
        parts = "".join(f"<span>{part}</span>" for part in text)
        return f'<div style="--rw-height: {height:.4f}">{parts}</div>'


def _extent(raw: Array, smooth: Array | None = None, heldout: Array | None = None) -> tuple[float, float]:
    """Return what the axis has to cover, without the lowest of `raw` and of `heldout`; nan where no step was finite.

    The ELBO of a step that was skipped is nan.
    """
    known = raw[np.isfinite(raw)]
    line = known if smooth is None else smooth[np.isfinite(smooth)]
    if not (len(known) and len(line)):
        return math.nan, math.nan
    low, high = _low(known), float(max(known.max(), line.max()))
    if heldout is not None and len(heldout):
        low, high = min(low, _low(heldout)), max(high, float(heldout.max()))
    return (low if smooth is None else min(low, float(line.min()))), high


def _above_key(lines: Sequence[tuple[Array, Array]], low: float, high: float, num_steps: int) -> float:
    """Return where the axis begins, so that lines which end low at the right run above the key there."""
    beside = [y[x >= (1 - KEY_WIDTH) * num_steps] for x, y in lines]
    return min([low, *[_low(part) - KEY_ROOM * (high - low) for part in beside if len(part)]])


def _low(values: Array) -> float:
    """Return the quantile that the axis begins at, as `np.quantile` does in five times the time."""
    place = OUTLIERS * (len(values) - 1)
    first = int(place)
    ordered = np.partition(values, [first, min(first + 1, len(values) - 1)])
    return float(np.interp(place, np.arange(len(ordered[: first + 2])), ordered[: first + 2]))


def _nothing(bounds: tuple[float, float]) -> ElboCurve:
    below = np.full(2, 2.0 * bounds[0] - bounds[1])  # under the axis: every frame holds the same arrays
    return ElboCurve(np.array([0.0, 1.0]), below, below)


def _bridged(step: Array, values: Array) -> Array:
    """Return values with straight lines over those that are not finite; as they are where none is finite."""
    known = np.isfinite(values)
    return values if known.all() or not known.any() else np.interp(step, step[known], values[known])


def _padded(values: Array, length: int) -> Array:
    """Return values made `length` long by repeating the last one, where a line stays where it is."""
    return np.pad(values, (0, length - len(values)), mode="edge")


def _drawable(curve: ElboCurve) -> ElboCurve:
    """Return a curve of two points at least, without gaps: bqplot writes errors to the console for each of them."""
    if len(curve.step) > 1 and np.isfinite(curve.elbo).all() and np.isfinite(curve.smoothed).all():
        return curve
    curve = ElboCurve(curve.step, _bridged(curve.step, curve.elbo), _bridged(curve.step, curve.smoothed))
    if len(curve.step) == 1:
        step: Array = np.repeat(curve.step, 2) - (1.0, 0.0)
        return ElboCurve(step, np.repeat(curve.elbo, 2), np.repeat(curve.smoothed, 2))
    return curve
