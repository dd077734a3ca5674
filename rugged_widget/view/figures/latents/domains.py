"""Horizontal scales of the rows: the elements of a site share one, as long as all of them can be seen on it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rugged_widget.view.figures.axis_range import SteppingDomain

LEAST = 0.02
"""Share of a common scale that the narrowest interval has to take: rows of a site have their own scales below."""

ENOUGH = 0.06
"""Share from which on they have a common scale again: not back and forth with every frame."""

Bounds = tuple[float, float]


class Domains:
    """Scales by key, which stay where they are as long as they serve. Those that a frame does not use are forgotten."""

    def __init__(self) -> None:
        self._domains: dict[Hashable, SteppingDomain] = {}
        self._used: dict[Hashable, SteppingDomain] = {}
        self._apart: set[Hashable] = set()
        self._asked: set[Hashable] = set()

    def __repr__(self) -> str:
        return f"Domains({len(self._domains)})"

    def cover(self, key: Hashable, low: float, high: float) -> Bounds:
        """Return the scale of that key, once it holds [low, high]."""
        domain = self._used.get(key) or self._domains.get(key) or SteppingDomain(0.0, 1.0)
        self._used[key] = domain
        return domain.cover(low, high)

    def of_rows(
        self, key: Hashable, intervals: Sequence[Bounds], whole: Bounds | None, *, together: bool = False
    ) -> tuple[Bounds | None, list[Bounds]]:
        """Return the scales of rows of one site: the same one, or one a row where that would be too coarse.

        A single row has that of the whole site, however narrow it is drawn there.

        Parameters
        ----------
        key
            The site.
        intervals
            What each row has to hold; finite.
        whole
            What the row of the whole site has to hold; None where it has none.
        together
            True where rows are shares of one whole, and always have one scale.

        Returns
        -------
        tuple
            The scale of the whole site, and those of the rows.
        """
        self._asked.add(key)
        held = [*intervals, *([] if whole is None else [whole])]
        low, high = min(start for start, _ in held), max(end for _, end in held)
        widths = [end - start for start, end in intervals if end > start]
        share = min(widths) / (high - low) if widths and high > low else 1.0
        if not together and len(intervals) > 1 and share < (ENOUGH if key in self._apart else LEAST):
            self._apart.add(key)
            own = [self.cover((key, number), *interval) for number, interval in enumerate(intervals)]
            return None if whole is None else self.cover(key, *whole), own
        self._apart.discard(key)
        common = self.cover(key, low, high)
        return common, [common] * len(intervals)

    def forget_unused(self) -> None:
        """End a frame: forget the scales that it did not use."""
        self._domains, self._used = self._used, {}
        self._apart &= self._asked
        self._asked = set()
