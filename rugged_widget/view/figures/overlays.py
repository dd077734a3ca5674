"""Marks and texts over the figures for comparison: dashed is the exact posterior, grey the least-squares estimate.

Both stand still while training runs: their marks are plain ones, drawn once, which no frame holds. Dotted is the guide
corrected by importance weights, which moves with it.
"""

import math
from collections.abc import Mapping, Sequence

import bqplot

from rugged_widget.snapshot.snapshot import Array, Correction, KLGap
from rugged_widget.view.figures.chart import FOREGROUND, MUTED
from rugged_widget.view.figures.number_format import brief, to_decimals, with_error
from rugged_widget.view.frames.silent_widgets import SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

CORRECTED = "var(--rw-corrected)"


def dashed(x: object, y: object, scales: Mapping[str, bqplot.Scale]) -> bqplot.Lines:
    """Return a line of the exact posterior; it is hidden to begin with."""
    line = bqplot.Lines(x=x, y=y, scales=dict(scales), colors=[FOREGROUND], line_style="dashed", stroke_width=1.2)
    line.visible = False
    return line


def dotted(x: object, y: object, scales: Mapping[str, bqplot.Scale]) -> SilentLines:
    """Return a line of the corrected guide, for frames to move; it is hidden to begin with."""
    line = SilentLines(x=x, y=y, scales=dict(scales), colors=[CORRECTED], line_style="dotted", stroke_width=1.8)
    line.visible = False
    return line


def least_squares_line(x: Array, y: Array, scales: Mapping[str, bqplot.Scale]) -> bqplot.Lines:
    """Return a line of the least-squares estimate."""
    return bqplot.Lines(x=x, y=y, scales=dict(scales), colors=[MUTED], stroke_width=1.3)


def correct_by(
    marks: Sequence[SilentLines], values: Sequence[Mapping[str, object]], *, on: bool, known: bool
) -> Changes:
    """Return the changes of dotted marks; they lie hidden where the correction is not known, and rest unless `on`."""
    return [(mark, {**(new if on else {}), "visible": on and known}) for mark, new in zip(marks, values, strict=True)]


def show_marks(marks: Sequence[bqplot.Mark], *, show: bool) -> None:
    """Show marks, or hide them."""
    for mark in marks:
        mark.visible = show


def legend(text: Catalogue, *, estimates: bool, exact: bool, corrected: bool = False, reliable: bool = True) -> str:
    """Return as HTML what the marks stand for; it says so where the correction is not `reliable`."""
    keys = {"guide": True, "least_squares": estimates, "exact": exact, "corrected": corrected}
    texts = {name: text.html(f"overlay.key.{name}") for name, shown in keys.items() if shown}
    if corrected and not reliable:
        texts["corrected"] = text.html("overlay.key.unreliable")
    return "".join(key_html(f"rw-key-{name.replace('_', '-')}", meaning) for name, meaning in texts.items())


def key_html(css_classes: str, meaning: str) -> str:
    """Return an entry of a legend, given what it means as HTML."""
    return f'<span class="rw-key"><i class="{css_classes}"></i>{meaning}</span>'


def is_reliable(correction: Correction | None) -> bool:
    """Return whether a correction can be trusted, should there be one."""
    return correction is None or correction.reliable


def gap_words(text: Catalogue, gap: KLGap, num_rows: int = 1) -> str:
    """Return the gap divided by `num_rows` with the digits that its error leaves; none is below 0 but by error."""
    nats, error = max(0.0, gap.nats) / num_rows, gap.standard_error / num_rows
    return with_error(text, nats, error) if 0.0 < error < math.inf else brief(text, nats)


def evidence_words(text: Catalogue, log_evidence: float, gap: KLGap | None, num_rows: int = 1) -> tuple[str, ...]:
    """Return what stands at the line of the log evidence (nats, total), in parts that are not to be broken.

    The distance of the guide to it follows where that is known; both are divided by `num_rows`.
    """
    evidence = text("overlay.evidence", value=to_decimals(text, log_evidence / num_rows, 2 if num_rows == 1 else 4))
    if gap is None or not math.isfinite(gap.nats):
        return (evidence,)
    distance = text("overlay.kl") if num_rows == 1 else text("overlay.kl_per_row", num_rows=num_rows)
    return evidence, text("overlay.gap", gap=gap_words(text, gap, num_rows), distance=distance)
