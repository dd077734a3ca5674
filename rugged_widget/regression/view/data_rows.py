"""The rows of the data, by group, for comparison with a prediction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugged_widget.regression.data.covariates import Covariate
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import Point
from rugged_widget.regression.view.labels import DataLabels
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.i18n.catalogue import Catalogue


@dataclass(frozen=True, eq=False)
class Place:
    """A row near a point: name (plain text), predictor, response as the model sees it, and response in its own unit."""

    name: str
    x: float
    y: float
    original: float


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows, and what they are called.

    Attributes
    ----------
    x, y, original, group
        Predictor, response as the model sees it, response in its original unit, and group (0 or 1), shape (n,) each.
    names
        Names of the n rows; plain text.
    log
        True where the model sees the natural logarithm of the response.
    unit
        The original unit of the response, which may be empty.
    covariates, covariate_values
        What the covariates are called, and their values, shape (n, number of covariates).
    dates
        The map to dates where the predictor is one.
    """

    x: Array
    y: Array
    original: Array
    group: Array
    names: Sequence[str]
    log: bool
    unit: str
    labels: DataLabels
    covariates: tuple[Covariate, ...]
    covariate_values: Array
    dates: Dates | None = None

    def nearest(self, point: Point, count: int = 5) -> tuple[Place, ...]:
        """Return the `count` rows of a group that are nearest in the predictor and the covariates, the nearest first.

        Where there are covariates, a standard deviation of each number counts as much as another value of two.
        """
        mine: NDArray[np.intp] = np.flatnonzero(self.group == point.group)
        distance = np.abs(self.x[mine] - point.x)
        if self.covariates:
            units = [1.0 if it.two_valued else values.std() for it, values in self._columns()]
            away = (self.covariate_values[mine] - point.covariates) / np.array(units)
            distance = np.hypot(distance / self.x.std(), np.linalg.norm(away, axis=1))
        order = np.argsort(distance, kind="stable")[:count]
        return tuple(
            Place(self.names[row], float(self.x[row]), float(self.y[row]), float(self.original[row]))
            for row in mine[order].tolist()
        )

    def _columns(self) -> Iterator[tuple[Covariate, Array]]:
        return zip(self.covariates, self.covariate_values.T, strict=True)


def rows_of(data: RegressionData, text: Catalogue | None = None) -> Rows:
    """Return the rows of a regression with what they are called, in English where there is no `text`."""
    return Rows(
        x=data.predictor_values,
        y=data.targets,
        original=data.response_values,
        group=data.group_values,
        names=data.row_names,
        log=data.log_response,
        unit=data.response_unit,
        labels=DataLabels(data, text or Catalogue()),
        covariates=data.covariates,
        covariate_values=data.covariate_values,
        dates=data.dates,
    )
