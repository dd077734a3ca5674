"""The element of a site that moves most, over the last snapshots."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rugged_widget.snapshot.snapshot import Array

MEMORY = 0.8
"""Share of what an element has moved that is left after another snapshot."""

CLEARLY = 1.5
"""How many times as much as the one that is shown another element has to move to be shown in its place."""


class Leader(NamedTuple):
    """Place of the element that moves most, in C order, and whether it has moved at all."""

    place: int
    moved: bool


@dataclass(eq=False)
class _Track:
    step: int
    values: Array
    moved: Array
    leader: int


class Movement:
    """Follows the elements of the sites that are shown.

    How far an element has moved is counted in widths that are given, those of its interval, and the latest moves count
    most.
    """

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}

    def __repr__(self) -> str:
        return f"Movement({list(self._tracks)})"

    def leader(self, site: str, step: int, values: Array, widths: Array) -> Leader:
        """Return the element that moves most; the first one as long as none did.

        Parameters
        ----------
        site
            Name of the site.
        step
            Steps done. The same step moves nothing; one before the last begins anew.
        values
            One number an element, shape (size,), or several, shape (num_values, size); one element at least.
        widths
            Widths of the intervals, shape (size,); an element without a width does not move.
        """
        track = self._tracks.get(site)
        if track is None or track.values.shape != values.shape or step < track.step:
            track = self._tracks[site] = _Track(step, values, np.zeros(values.shape[-1]), 0)
        elif step > track.step:
            with np.errstate(all="ignore"):
                distance = np.abs(values - track.values)
                moved = (distance.max(axis=0) if distance.ndim > 1 else distance) / widths
            moved[~np.isfinite(moved)] = 0.0
            track.moved = MEMORY * track.moved + moved
            track.step, track.values = step, values
            first = int(track.moved.argmax())
            if track.moved[first] > CLEARLY * track.moved[track.leader]:
                track.leader = first
        return Leader(track.leader, bool(track.moved[track.leader] > 0))

    def keep(self, sites: Collection[str]) -> None:
        """Forget all other sites."""
        for site in self._tracks.keys() - set(sites):
            del self._tracks[site]
