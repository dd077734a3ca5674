"""What the points of a prediction may lie at: numbers, or dates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from rugged_widget.infer.guides.sampling import as_float64
from rugged_widget.snapshot.dates import Dates, Moments
from rugged_widget.snapshot.values import Array


@dataclass(frozen=True, eq=False)
class Places:
    """Points of a horizontal axis.

    Attributes
    ----------
    numbers
        As numbers; nan of dates, which become numbers together with those of the points.
    moments
        The dates, NaT where there is none; None where they are numbers.
    label
        Name of a pandas Series or Index, empty where it has none.
    """

    numbers: Array
    moments: Moments | None = None
    label: str = ""


def places_of(value: Any) -> Places:
    """Return a tensor, an array, a list or a pandas Series or Index, of numbers or of dates.

    A date with a time zone is read as its clock says; a period as its beginning.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if isinstance(value, torch.Tensor):
        return Places(as_array(value))
    name = getattr(value, "name", None)
    label = name if isinstance(name, str) else ""
    moments = _moments(value)
    if moments is None:
        return Places(as_array(value), None, label)
    return Places(np.full(moments.shape, np.nan), moments, label)


def on_one_axis(grid: Places, points: Places | None) -> tuple[Array, Array | None, Dates | None]:
    """Return the grid, the points where there are some, as numbers of one axis, and its map to dates; None for numbers.

    Raises
    ------
    ValueError
        If one of them is made of dates and the other one of numbers.
    """
    if points is None:
        points_at = None if grid.moments is None else grid.moments[:0]
    elif (grid.moments is None) != (points.moments is None):
        raise ValueError("dates and numbers have no axis in common")
    else:
        points_at = points.moments
    if grid.moments is None or points_at is None or np.isnat(grid.moments).all():
        return grid.numbers, None if points is None else points.numbers, None
    dates = Dates.of(np.concatenate([grid.moments.ravel(), points_at.ravel()]))
    return dates.numbers(grid.moments), None if points is None else dates.numbers(points_at), dates


def as_array(value: object) -> Array:
    """Return numbers as an array of float64."""
    if isinstance(value, torch.Tensor):
        return as_float64(value)
    return np.array(value, dtype=np.float64)


def _moments(value: Any) -> Moments | None:
    """Return dates as datetime64[us]; None where there are none, or not in one dimension."""
    if np.ndim(value) != 1:
        return None
    column: pd.Series[Any] = pd.Series(value).infer_objects()
    if isinstance(column.dtype, pd.PeriodDtype):
        column = pd.Series(column.dt.to_timestamp())
    if column.dtype.kind != "M":
        return None
    if column.dt.tz is not None:
        column = column.dt.tz_localize(None)
    return np.asarray(column.to_numpy("datetime64[us]"))
