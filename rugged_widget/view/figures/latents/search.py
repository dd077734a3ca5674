"""Search among latents: a part of a name, a name, or a name with an index such as eta[3] or w[0, :]."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rugged_widget.view.figures.latents.values import ShownSite

Indices = NDArray[np.intp]
ENTRY = re.compile(r"\s*(-?\d+)?\s*(:)?\s*(-?\d+)?\s*")


@dataclass(frozen=True, eq=False)
class Selection:
    """Sites and elements that are looked at.

    Attributes
    ----------
    sites
        The sites, in order.
    elements
        Places of the elements in C order where a single site is open; the shape is that of the index into it.
    problem
        Why nothing is found: no such name, or no such element in the only site of that name; else empty.
    """

    sites: tuple[ShownSite, ...]
    elements: Indices | None = None
    problem: Literal["", "no_site", "no_element"] = ""

    @property
    def opened(self) -> ShownSite | None:
        """The site whose elements are looked at; None where it is all of several."""
        return None if self.elements is None else self.sites[0]


def find(sites: Sequence[ShownSite], query: str) -> Selection:
    """Return what a query means; an empty one means all sites.

    A name opens its site, and so does a part of a name that only one site has. Behind a bracket stands an index as in
    Python, integers and slices, which may be incomplete while it is typed.
    """
    wanted = query.strip()
    if not wanted:
        return Selection(tuple(sites))
    exact = [site for site in sites if site.name == wanted]
    if exact:
        return _opened(exact[0], "")
    name, bracket, index = wanted.partition("[") if "[" in wanted else (wanted, "", "")
    matches = [site for site in sites if site.name == name.strip()] or _containing(sites, name.strip())
    if not matches:
        return Selection((), problem="no_site")
    if len(matches) > 1:
        return Selection(tuple(matches))
    return _opened(matches[0], index.rstrip().removesuffix("]") if bracket else "")


def _containing(sites: Sequence[ShownSite], part: str) -> list[ShownSite]:
    return [site for site in sites if part.casefold() in site.name.casefold()]


def _opened(site: ShownSite, index: str) -> Selection:
    places: Indices = np.arange(site.size, dtype=np.intp).reshape(site.shape)
    entries = _entries(index)
    try:
        picked = None if entries is None else places[entries]
    except IndexError:
        picked = None
    if picked is None or (not picked.size and site.size):
        return Selection((site,), problem="no_element")
    return Selection((site,), np.asarray(picked))


def _entries(index: str) -> tuple[Any, ...] | None:
    """Return an index into an array; None where it is none. An entry that is not typed yet is all of its dimension."""
    entries: list[int | slice] = []
    for part in index.split(","):
        match = ENTRY.fullmatch(part)
        if match is None:
            return None
        start, colon, stop = match.groups()
        if colon or start is None:
            entries.append(slice(start and int(start), stop and int(stop)))
        else:
            entries.append(int(start))
    while entries and entries[-1] == slice(None):
        entries.pop()
    return tuple(entries)
