"""Places of the rows of the quantile figure: latents of like scale share an axis, others have a scale of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from rugged_widget.precision import of_interval
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.axis_range import text_width
from rugged_widget.view.figures.number_format import brief
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row

LEAST = 0.03
"""Share of a common axis that an exact interval has to take: a dot with its bars is no smaller than that."""

LONGEST = 15.5  # width of an interval, in digits


@dataclass(frozen=True, eq=False)
class RowScales:
    """The map from a latent's value to its place on the axis: (value - center) / unit, shape (num_rows,) each.

    Attributes
    ----------
    center, unit
        What is subtracted, and what it is divided by, > 0.
    own
        True where each row has a scale of its own: standard deviations from the median of the exact posterior.
    """

    center: Array
    unit: Array
    own: bool

    def places(self, values: Array) -> Array:
        """Return the places of values, shape (..., num_rows)."""
        return (values - self.center) / self.unit

    @property
    def zeros(self) -> Array:
        """Where each row has its 0, shape (num_rows,)."""
        return -self.center / self.unit

    def told(self, text: Catalogue, quantiles: Array, row: int) -> tuple[str, str]:
        """Write the median of a row and its interval, plain text; `quantiles` has shape (num_probs, num_rows)."""
        return interval_words(text, *(float(quantiles[at, row]) for at in (0, len(quantiles) // 2, -1)))


def interval_words(text: Catalogue, low: float, middle: float, high: float) -> tuple[str, str]:
    """Write a median and its interval, plain text: by two figures of its width, or half of it where it is long."""
    precision = of_interval(low, high, middle)
    first, lower, upper = (text.number(precision.write(value, power=False)) for value in (middle, low, high))
    power = f"\N{NO-BREAK SPACE}{precision.power}" if precision.power else ""
    interval = f"[{lower}, {upper}]"
    if text_width(interval) > LONGEST:
        interval = f"\N{PLUS-MINUS SIGN} {brief(text, (high - low) / 2)}"
    return first + power, interval


def row_scales(rows: Sequence[Row], probs: Sequence[float], reference: Reference | None) -> RowScales:
    """Return the scales of rows, which stay the same while a guide trains: they go by the exact posterior, if known."""
    offsets = np.array([row.offset for row in rows])
    shared = RowScales(offsets, np.ones(len(rows)), own=False)
    if reference is None or reference.exact is None:
        return shared
    exact = values_of(rows, reference.exact.quantiles)
    spread = exact[-1] - exact[0]
    drawn = shared.places(exact)
    extent = max(0.0, float(drawn.max())) - min(0.0, float(drawn.min()))
    if float(spread.min()) >= LEAST * extent or not (spread > 0).all() or not np.isfinite(spread).all():
        return shared
    return _own(exact, probs)


def followed(scales: RowScales, rows: Sequence[Row], probs: Sequence[float], reference: Reference) -> RowScales:
    """Return the scales of rows that are compared with another reference: a common axis stays one, and own ones own."""
    if not scales.own or reference.exact is None:
        return scales
    exact = values_of(rows, reference.exact.quantiles)
    return _own(exact, probs) if (exact[-1] > exact[0]).all() else scales


def _own(exact: Array, probs: Sequence[float]) -> RowScales:
    normal = NormalDist()
    width = normal.inv_cdf(probs[-1]) - normal.inv_cdf(probs[0])
    return RowScales(exact[len(exact) // 2], (exact[-1] - exact[0]) / width, own=True)


def values_of(rows: Sequence[Row], quantiles: Mapping[str, Array]) -> Array:
    """Return quantiles by site, as of a snapshot, by row, shape (num_probs, num_rows)."""
    places: list[tuple[Any, ...]] = [(..., *row.index) for row in rows]
    columns = [quantiles[row.site][place] for row, place in zip(rows, places, strict=True)]
    return np.stack(columns, axis=1).astype(np.float64)
