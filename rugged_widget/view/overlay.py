"""What lies over the figures for comparison: dashed is the exact posterior, grey the least-squares estimate.

Both stand still while training runs: their marks are plain ones, drawn once, which no frame holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import bqplot

from rugged_widget.snapshot import Array, Gap
from rugged_widget.view.chart import FOREGROUND, MUTED, minus

KEYS = {"least-squares": "least squares", "exact": "exact posterior", "guide": "guide"}


def dashed(x: object, y: object, scales: Mapping[str, bqplot.Scale]) -> bqplot.Lines:
    """Return a line of the exact posterior; it is hidden to begin with."""
    line = bqplot.Lines(x=x, y=y, scales=dict(scales), colors=[FOREGROUND], line_style="dashed", stroke_width=1.2)
    line.visible = False
    return line


def least_squares_line(x: Array, y: Array, scales: Mapping[str, bqplot.Scale]) -> bqplot.Lines:
    """Return a line of the least-squares estimate."""
    return bqplot.Lines(x=x, y=y, scales=dict(scales), colors=[MUTED], stroke_width=1.3)


def show_marks(marks: Sequence[bqplot.Mark], *, show: bool) -> None:
    """Show marks, or hide them."""
    for mark in marks:
        mark.visible = show


def legend(*, exact: bool) -> str:
    """Return as HTML what the marks stand for."""
    shown = [name for name in KEYS if exact or name != "exact"]
    return "".join(f'<span class="rw-key"><i class="rw-key-{name}"></i>{KEYS[name]}</span>' for name in shown)


def gap_words(gap: Gap, num_rows: int = 1) -> str:
    """Return the gap divided by `num_rows` with the digits that its error leaves; none is below 0 but by error."""
    nats, error = max(0.0, gap.nats) / num_rows, gap.standard_error / num_rows
    if nats >= 1e7 or not 0.0 < error < math.inf:
        return f"{nats:.3g}"
    digits = -math.floor(math.log10(error))
    decimals = max(0, digits)
    return f"{round(nats, digits):,.{decimals}f} \N{PLUS-MINUS SIGN} {round(error, digits):,.{decimals}f}"


def evidence_words(log_evidence: float, gap: Gap | None, num_rows: int = 1) -> tuple[str, ...]:
    """Return what stands at the line of the log evidence, in parts that are not to be broken.

    Parameters
    ----------
    log_evidence
        In nats, total.
    gap
        Distance of the guide to it; None where that is not known.
    num_rows
        What both are divided by.
    """
    decimals = 2 if num_rows == 1 else 4
    evidence = minus(f"log evidence {log_evidence / num_rows:,.{decimals}f}")
    if gap is None or not math.isfinite(gap.nats):
        return (evidence,)
    distance = "KL(guide \N{DOUBLE VERTICAL LINE} posterior)" if num_rows == 1 else f"KL / {num_rows:,}"
    return evidence, f"gap {gap_words(gap, num_rows)} nats = {distance}"
