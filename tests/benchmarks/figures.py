"""A measured figure beside the one to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """A figure, the limit it has to keep, and whether it must stay above or below it."""

    what: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False
    detail: str = ""

    @property
    def kept(self) -> bool:
        """Whether the limit is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| what | reach | measured | | detail |", "|---|---|---|---|---|"]
    for figure in figures:
        sign = "\N{GREATER-THAN OR EQUAL TO}" if figure.at_least else "\N{LESS-THAN OR EQUAL TO}"
        measured = f"{figure.value:.3g} {figure.unit}".strip()
        kept = "yes" if figure.kept else "NO"
        lines.append(
            f"| {figure.what} | {sign} {figure.limit:g} {figure.unit} | {measured} | {kept} | {figure.detail} |"
        )
    return "\n".join(lines) + "\n"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile of measured values."""
    return float(np.percentile(values, percent))
