"""Rows of the figure: elements where there are few, a row a site where there are many, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rugged_widget.view.figures.latents.search import Selection
from rugged_widget.view.figures.latents.values import ShownSite

MAX_ROWS = 24
"""Elements that have a row each, or rows of a page."""

RowKind: TypeAlias = Literal["site", "mover", "element", "value"]
"""All elements of a site, the one of them that moves most, a given one, or one value of a discrete element."""

Counted: TypeAlias = Literal["elements", "sites", "parameters", "values"]


@dataclass(frozen=True)
class RowPlan:
    """A row.

    Attributes
    ----------
    kind, site
        What it shows, and of which site.
    element
        Place of the element in C order; -1 where it is that of all, or the one that moves most.
    value
        The value of a discrete element; -1 elsewhere.
    inner
        True where the row belongs to that of its site above it.
    """

    kind: RowKind
    site: ShownSite
    element: int = -1
    value: int = -1
    inner: bool = False


@dataclass(frozen=True)
class PagePlan:
    """Rows of a page.

    Attributes
    ----------
    rows
        The rows, top to bottom.
    first, last, total
        Which of all there are, counted from 1; 0 of 0 where there are none.
    counted
        What is counted: elements, sites or parameters, or the values of a discrete element.
    """

    rows: tuple[RowPlan, ...]
    first: int
    last: int
    total: int
    counted: Counted


class Pages:
    """Pages of rows for a selection. Any number of a page is taken for the nearest that there is."""

    def __init__(self, selection: Selection) -> None:
        elements, sites = selection.elements, () if selection.problem else selection.sites
        self._elements, self._sites = elements, sites
        self._built: tuple[int, PagePlan] | None = None
        self.counted: Counted = "elements"
        self._starts: Sequence[int]
        if elements is not None and elements.size == 1 and sites[0].num_values:
            self.counted, self.total = "values", sites[0].num_values
            self._starts = range(0, self.total, MAX_ROWS)
        elif elements is not None:
            self.total = int(elements.size)
            self._starts = range(0, self.total, MAX_ROWS)
        elif sum(site.size for site in sites) <= MAX_ROWS and len(sites) <= MAX_ROWS:
            self.total = sum(site.size for site in sites)
            self._starts = (0,)
        else:
            self.counted, self.total = "parameters" if sites[0].kind == "parameter" else "sites", len(sites)
            self._starts = tuple(_starts(sites))

    def __repr__(self) -> str:
        return f"Pages({self.total} {self.counted} on {len(self)})"

    def __len__(self) -> int:
        return max(1, len(self._starts))

    def page(self, number: int) -> PagePlan:
        """Return a page, counted from 0; the same object as long as it is the same page."""
        number = min(max(number, 0), len(self) - 1)
        if self._built is None or self._built[0] != number:
            self._built = number, self._build(number)
        return self._built[1]

    def _build(self, number: int) -> PagePlan:
        start = self._starts[number] if self._starts else 0
        stop = self._starts[number + 1] if number + 1 < len(self._starts) else self.total
        return PagePlan(tuple(self._rows(start, stop)), min(start + 1, self.total), stop, self.total, self.counted)

    def _rows(self, start: int, stop: int) -> Iterator[RowPlan]:
        sites, elements = self._sites, self._elements
        if self.counted == "values" and elements is not None:
            place = int(elements.reshape(-1)[0])
            yield RowPlan("element", sites[0], place)
            yield from (RowPlan("value", sites[0], place, value, inner=True) for value in range(start, stop))
        elif self.counted in {"sites", "parameters"}:
            for site in sites[start:stop]:
                yield from _of_site(site)
        elif elements is not None:
            yield from _of_elements(sites[0], elements.reshape(-1)[start:stop].tolist())
        else:
            for site in sites:
                yield from _of_elements(site, range(site.size))


def _starts(sites: Sequence[ShownSite]) -> Iterator[int]:
    """Yield the first site of each page, so that none has more rows than it may."""
    used = MAX_ROWS
    for place, site in enumerate(sites):
        needed = len(_of_site(site))
        if used + needed > MAX_ROWS:
            yield place
            used = 0
        used += needed


def _of_site(site: ShownSite) -> tuple[RowPlan, ...]:
    if site.size == 1:
        return (RowPlan("element", site, 0),)
    whole = RowPlan("site", site)
    return (whole, RowPlan("mover", site, inner=True)) if site.size else (whole,)


def _of_elements(site: ShownSite, places: Sequence[int]) -> Iterator[RowPlan]:
    """Yield the row of a site and those of its elements; a site of one element has a row for both."""
    if site.size != 1:
        yield RowPlan("site", site)
    for place in places:
        yield RowPlan("element", site, place, inner=site.size != 1)
