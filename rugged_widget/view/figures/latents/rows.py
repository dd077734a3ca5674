"""Drawing and words of rows: intervals on the scale of their site, bars of probabilities, dots of many elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from typing import TypeAlias

import numpy as np

from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.latents.domains import Bounds, Domains
from rugged_widget.view.figures.latents.movement import Leader, Movement
from rugged_widget.view.figures.latents.plan import RowPlan
from rugged_widget.view.figures.latents.strokes import Strokes, pooled, thinned
from rugged_widget.view.figures.latents.values import ShownSite, ShownValues
from rugged_widget.view.figures.number_format import brief, fixed, probability
from rugged_widget.view.figures.row_scales import interval_words
from rugged_widget.view.i18n.catalogue import Catalogue

WHOLE = (0.0, 1.0)
"""Scale of probabilities."""

MAX_FOLLOWED = 20_000
"""Numbers of a site whose movement is followed: of a larger one only every so many elements are."""


@dataclass(frozen=True)
class RowWords:
    """What stands beside a row, plain text.

    Attributes
    ----------
    value, interval, half
        Its value, and where there is one its interval and half the width of that.
    mover
        The element that moves most, in the row of that; None elsewhere.
    label
        What the row is about, for a reader who does not see its name beside it.
    """

    value: str
    interval: str = ""
    half: str = ""
    mover: Leader | None = None
    label: str = ""


Compose: TypeAlias = Callable[[], RowWords]
"""Returns what stands beside a row: most frames are sent without it."""


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """Rows of a frame: their strokes, and what composes the words beside each."""

    strokes: Strokes
    composers: tuple[Compose, ...]

    @cached_property
    def words(self) -> tuple[RowWords, ...]:
        """What stands beside each row."""
        return tuple(compose() for compose in self.composers)


class RowDrawer:
    """Draws the rows of one frame after the other; scales and what moves most last from frame to frame."""

    def __init__(self, text: Catalogue) -> None:
        self._text = text
        self._domains, self._movement = Domains(), Movement()

    def __repr__(self) -> str:
        return f"RowDrawer({self._domains!r}, {self._movement!r})"

    def draw(self, rows: tuple[RowPlan, ...], values: ShownValues, step: int) -> DrawnRows:
        """Return rows with the values of a snapshot after `step` steps."""
        strokes, words = Strokes(), list[Compose]()
        for site, group in groupby(rows, lambda row: row.site):
            own = tuple(group)
            moves = any(row.kind == "mover" for row in own)
            leader = self._leader(site, values, step) if moves else Leader(-1, moved=False)
            drawn = _SiteRows(site, own, values, leader, len(words), strokes, self._text)
            words += drawn.discrete() if site.num_values else drawn.continuous(self._domains)
        self._movement.keep({row.site.name for row in rows if row.kind == "mover"})
        self._domains.forget_unused()
        return DrawnRows(strokes, tuple(words))

    def _leader(self, site: ShownSite, values: ShownValues, step: int) -> Leader:
        every = -(-site.size * max(site.num_values, 1) // MAX_FOLLOWED)
        if site.num_values:
            followed = values.flat_probabilities(site)[:, ::every]
            widths = np.ones(followed.shape[1])
        else:
            quantiles = values.flat_quantiles(site)[:, ::every]
            followed = quantiles[len(quantiles) // 2]
            widths = _widths(quantiles)
        place, moved = self._movement.leader(site.name, step, followed.copy(), widths)
        return Leader(place * every, moved)


@dataclass(frozen=True, eq=False)
class _SiteRows:
    """Rows of one site, the first of them in the row `first` of the figure."""

    site: ShownSite
    rows: tuple[RowPlan, ...]
    values: ShownValues
    leader: Leader
    first: int
    strokes: Strokes
    text: Catalogue

    def discrete(self) -> list[Compose]:
        probabilities = self.values.flat_probabilities(self.site)
        return [self._discrete(at, row, probabilities) for at, row in enumerate(self.rows, self.first)]

    def _discrete(self, at: int, row: RowPlan, probabilities: Array) -> Compose:
        if row.kind == "site":
            heights = probabilities.mean(axis=1) if self.site.size else np.zeros(0)
            self.strokes.columns(at, pooled(heights))
            return self._count
        column = probabilities[:, self._element(row)]
        if row.kind == "value":
            self.strokes.line("bar", at, WHOLE, 0.0, float(column[row.value]))
            return lambda: RowWords(_probability(self.text, float(column[row.value])), label=str(row.value))
        self.strokes.columns(at, pooled(column))
        return partial(self._likely, row, column)

    def _likely(self, row: RowPlan, column: Array) -> RowWords:
        likely = int(np.nan_to_num(column, nan=-1.0).argmax())
        told = self.text("latents.likely", value=likely, prob=_probability(self.text, float(column[likely])))
        return self._named(row, RowWords(told))

    def continuous(self, domains: Domains) -> list[Compose]:
        quantiles = self.values.flat_quantiles(self.site)
        of_elements = [row for row in self.rows if row.kind != "site"]
        columns = {row: quantiles[:, self._element(row)] for row in of_elements}
        medians = quantiles[len(quantiles) // 2]
        whole = _finite_ends(medians) if len(of_elements) < len(self.rows) else None
        from_zero = self.site.kind in {"simplex", "parameter"}
        intervals = [_held(column, from_zero=from_zero) for column in columns.values()]
        if from_zero and whole is not None:
            whole = min(whole[0], 0.0), max(whole[1], 0.0)
        common, own = domains.of_rows(self.site.name, intervals, whole, together=self.site.kind == "simplex")
        scales = dict(zip(of_elements, own, strict=True))
        words = []
        for at, row in enumerate(self.rows, self.first):
            one = row in scales
            words.append(self._one(at, row, scales[row], columns[row]) if one else self._all(at, common, medians))
        return words

    def _all(self, at: int, bounds: Bounds | None, medians: Array) -> Compose:
        if self.site.kind == "simplex" and len(self.site.shape) == 1:
            highest = max(_finite_ends(medians)[1], 1e-300)
            self.strokes.columns(at, pooled(medians / highest))
        elif bounds is not None:
            self.strokes.zero(at, bounds)
            self.strokes.line("band", at, bounds, *_finite_ends(medians))
            self.strokes.dots(at, bounds, thinned(medians))
        return self._count

    def _one(self, at: int, row: RowPlan, bounds: Bounds, column: Array) -> Compose:
        low, middle, high = (float(column[place]) for place in (0, len(column) // 2, -1))
        strokes = self.strokes
        if self.site.kind in {"simplex", "parameter"}:
            strokes.line("bar", at, bounds, 0.0, middle)
        strokes.zero(at, bounds)
        self._correct(at, row, bounds)
        if high > low:
            strokes.line("thin", at, bounds, low, high)
            if len(column) >= 5 and self.site.kind != "simplex":
                strokes.line("thick", at, bounds, float(column[1]), float(column[-2]))
        strokes.dot("ring", at, bounds, middle)
        strokes.dot("hole", at, bounds, middle)
        return partial(self._interval, row, low, middle, high)

    def _interval(self, row: RowPlan, low: float, middle: float, high: float) -> RowWords:
        if not all(map(math.isfinite, (low, middle, high))):
            return self._named(row, RowWords(self.text("latents.not_finite")))
        if high > low:
            told = interval_words(self.text, low, middle, high)
            half = f"\N{PLUS-MINUS SIGN} {brief(self.text, high / 2 - low / 2)}"
            return self._named(row, RowWords(*told, half))
        return self._named(row, RowWords(fixed(self.text, middle)))

    def _correct(self, at: int, row: RowPlan, bounds: Bounds) -> None:
        corrected = self.values.corrected.get(self.site.name)
        if corrected is not None and corrected.shape[1:] == self.site.shape:
            column = corrected.reshape(len(corrected), -1)[:, self._element(row)]
            self.strokes.line("corrected", at, bounds, float(column[0]), float(column[-1]))

    def _element(self, row: RowPlan) -> int:
        return self.leader.place if row.kind == "mover" else row.element

    def _named(self, row: RowPlan, words: RowWords) -> RowWords:
        label = self.site.label(self._element(row)) if self.site.size > 1 else self.site.name
        return replace(words, mover=self.leader if row.kind == "mover" else None, label=label)

    def _count(self) -> RowWords:
        key = "latents.count_one" if self.site.size == 1 else "latents.count"
        return RowWords(self.text(key, count=self.site.size), label=self.site.name)


def _probability(text: Catalogue, value: float) -> str:
    return probability(text, value, certain=value in (0.0, 1.0)) if math.isfinite(value) else text("latents.not_finite")


def _widths(quantiles: Array) -> Array:
    """Return widths of intervals, shape (size,); of points, which have none, the width of the range of all of them."""
    with np.errstate(invalid="ignore", over="ignore"):
        widths: Array = quantiles[-1] - quantiles[0]
    if (widths > 0).any():
        return widths
    low, high = _finite_ends(quantiles[0])
    return np.full_like(widths, high - low or abs(high) or 1.0)


def _finite_ends(values: Array) -> Bounds:
    """Return the lowest and the highest finite number; 0 and 0 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _held(column: Array, *, from_zero: bool) -> Bounds:
    """Return what a scale has to hold of an element's quantiles, and of its bar where that begins at 0."""
    low, high = _finite_ends(column)
    return (min(low, 0.0), max(high, 0.0)) if from_zero else (low, high)
