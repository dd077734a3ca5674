"""Strokes of all rows as one inline SVG: a path a kind of stroke, however many rows there are.

It is as wide as its place and stretched to that; strokes keep their width, and dots are round, for they are strokes of
no length with round ends. The style sheet has the colours and widths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rugged_widget.snapshot.snapshot import Array

ROW = 21
"""Height of a row, px; as in the style sheet."""

WIDTH = 1000
"""Width of the drawing in its own units."""

MAX_DOTS = 60
"""Elements of a site that are drawn as dots."""

MAX_COLUMNS = 48
"""Columns of a row; of more values several share one, which is as high as the highest of them."""

HALF_TICK, COLUMN = 8, 14  # px: half a stroke at 0, and the highest column
UNDER = 7  # px from the middle of a row to its corrected interval

KINDS = ("zero", "band", "bar", "columns", "dots", "corrected", "thin", "thick", "ring", "hole")
"""Kinds of strokes, in the order of drawing."""

Bounds = tuple[float, float]


class Strokes:
    """Strokes of a frame. Places are values on a scale with these bounds; what is not finite is left out."""

    def __init__(self) -> None:
        self._paths: dict[str, list[str]] = {kind: [] for kind in KINDS}

    def line(self, kind: str, row: int, bounds: Bounds, start: float, end: float) -> None:
        """Draw a line in the middle of a row."""
        left, right = _place(bounds, start), _place(bounds, end)
        if left is not None and right is not None:
            self._paths[kind].append(f"M{left} {_middle(row) + (UNDER if kind == 'corrected' else 0)}H{right}")

    def dot(self, kind: str, row: int, bounds: Bounds, value: float) -> None:
        """Draw a dot."""
        self.line(kind, row, bounds, value, value)

    def dots(self, row: int, bounds: Bounds, values: Array) -> None:
        """Draw small dots, shape (num_dots,), those of one place once."""
        low, high = bounds
        with np.errstate(all="ignore"):
            places = (values - low) / (high - low) * WIDTH
        middle = _middle(row)
        inside = places[np.isfinite(places)].clip(0, WIDTH)
        self._paths["dots"] += [f"M{place} {middle}h0" for place in sorted(set(inside.round().astype(int).tolist()))]

    def zero(self, row: int, bounds: Bounds) -> None:
        """Draw a stroke where the scale has its 0, if it does."""
        if bounds[0] < 0.0 < bounds[1]:
            middle = _middle(row)
            self._paths["zero"].append(f"M{_place(bounds, 0.0)} {middle - HALF_TICK}V{middle + HALF_TICK}")

    def columns(self, row: int, heights: Sequence[float]) -> None:
        """Draw columns side by side, each of a height from 0 to 1."""
        foot = (row + 1) * ROW - 3.5
        width = WIDTH / max(len(heights), 1)
        gap = min(0.2 * width, 12.0)
        for number, height in enumerate(heights):
            if math.isfinite(height):
                left, right = round(number * width + gap / 2), round((number + 1) * width - gap / 2)
                top = round(foot - max(COLUMN * min(height, 1.0), 0.6), 1)
                self._paths["columns"].append(f"M{left} {foot}H{right}V{top}H{left}Z")

    def html(self, num_rows: int) -> str:
        """Return the drawing of so many rows."""
        paths = "".join(
            f'<path class="rw-row-{kind}" d="{"".join(path)}"/>' for kind, path in self._paths.items() if path
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {num_rows * ROW}" height="{num_rows * ROW}" preserveAspectRatio="none"'
            f' aria-hidden="true">{paths}</svg>'
        )


def pooled(values: Array) -> list[float]:
    """Return heights of columns for values, shape (num_values,): the highest of neighbours where there are too many."""
    if len(values) <= MAX_COLUMNS:
        return [float(value) for value in values]
    starts = np.linspace(0, len(values), MAX_COLUMNS, endpoint=False).astype(int)
    return [float(value) for value in np.maximum.reduceat(values, starts)]


def thinned(values: Array) -> Array:
    """Return the values that are drawn as dots: always those of the same elements."""
    if len(values) <= MAX_DOTS:
        return values
    dots: Array = values[np.linspace(0, len(values) - 1, MAX_DOTS).astype(int)]
    return dots


def _middle(row: int) -> float:
    return (row + 0.5) * ROW


def _place(bounds: Bounds, value: float) -> int | None:
    low, high = bounds
    place = (value - low) / (high - low) * WIDTH if high > low else math.nan
    return round(min(max(place, 0), WIDTH)) if math.isfinite(place) else None
