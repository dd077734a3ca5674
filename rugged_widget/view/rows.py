"""The rows of a regression as a prediction is compared with them: all of them, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugged_widget.datasets import RegressionData
from rugged_widget.snapshot import Array


@dataclass(frozen=True, eq=False)
class Place:
    """A row near a point.

    Attributes
    ----------
    name
        What it is called; plain text.
    x
        Its predictor.
    y
        Its response as the model sees it.
    original
        Its response in the original unit.
    """

    name: str
    x: float
    y: float
    original: float


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows, and the words for them; words are plain text.

    Attributes
    ----------
    x, y, original, group
        Predictor, response as the model sees it, response in its original unit, and group (0 or 1), shape (n,) each.
    names
        What each is called, n of them.
    group_labels
        Names of the groups.
    log
        Whether the model sees the natural logarithm of the response.
    x_label, y_label
        Predictor and response, as the model sees them, with their units.
    noun
        What one row is, such as country.
    predictor, response, unit
        Short words for both, and the original unit of the response, which may be empty.
    """

    x: Array
    y: Array
    original: Array
    group: Array
    names: Sequence[str]
    group_labels: tuple[str, str]
    log: bool
    x_label: str
    y_label: str
    noun: str
    predictor: str
    response: str
    unit: str

    def nearest(self, x: float, group: int, count: int = 5) -> tuple[Place, ...]:
        """Return the `count` rows of a group that are nearest in the predictor, the nearest first."""
        mine: NDArray[np.intp] = np.flatnonzero(self.group == group)
        order = np.argsort(np.abs(self.x[mine] - x), kind="stable")[:count]
        return tuple(
            Place(self.names[row], float(self.x[row]), float(self.y[row]), float(self.original[row]))
            for row in mine[order].tolist()
        )


def rows_of(data: RegressionData) -> Rows:
    """Return the rows of a regression with what they are called."""
    return Rows(
        x=data.predictor_values,
        y=data.targets,
        original=data.response_values,
        group=data.group_values,
        names=data.row_names,
        group_labels=data.group_labels,
        log=data.log_response,
        x_label=data.predictor_label,
        y_label=data.response_label,
        noun=data.label or "row",
        predictor=data.short_predictor,
        response=data.response_word,
        unit=data.response_unit,
    )
