"""The forms that `predict=` of `watch` may have, and what its functions may return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from rugged_widget.monitor.infer.grid import Places, as_array, on_one_axis, places_of
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.values import Array

MAX_PANELS: Final = 4
"""Predictions that are drawn at once."""

FORMS: Final = (
    "a function of the guide's draws that returns (x, curves), (x, curves, (x_observed, y_observed)) or a dict of "
    "these by title; or (site, args), a site of the model and the arguments to call the model with"
)


@dataclass(frozen=True, eq=False)
class SitePrediction:
    """The values of a site of the model, called with other arguments at draws of the guide.

    Attributes
    ----------
    site
        Name of the site.
    args, kwargs
        What the model is called with.
    """

    site: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Predict = SitePrediction | Callable[[dict[str, torch.Tensor]], Any]
"""A site, or a function of the draws by site, shape (num_draws, *site shape), that returns curves as of `curves_of`."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves over a grid, one for each draw.

    Attributes
    ----------
    x
        Grid, shape (num_points,), increasing.
    values
        Shape (num_draws, num_points).
    observations
        A new observation at each point and draw, of the shape of `values`; None where there are none.
    points
        Observed x and y, shape (num_rows,) each; None where there are none.
    x_label
        Name of what the grid is of; empty where that is not known.
    dates
        The map to dates where the grid, and x of the points, are numbers of dates; None elsewhere.
    """

    x: Array
    values: Array
    observations: Array | None = None
    points: tuple[Array, Array] | None = None
    x_label: str = ""
    dates: Dates | None = None


class FormError(ValueError):
    """What a prediction returns, or what the model has at its site, does not have the form that is needed."""


def checked_predict(predict: object) -> Predict | None:
    """Return what is to be predicted; None for None.

    Raises
    ------
    TypeError, ValueError
        If it is of neither form; the text says what was given and what is needed.
    """
    if predict is None:
        return None
    if callable(predict):
        return predict
    if not isinstance(predict, (tuple, list)):
        raise TypeError(f"predict must be {FORMS}; got {type(predict).__name__}")
    if len(predict) != 2:
        raise ValueError(f"predict must be {FORMS}; got {len(predict)} entries where (site, args) has 2")
    site, args = predict
    if not isinstance(site, str):
        raise TypeError(f"predict=(site, args) needs the name of a site, a str; got {type(site).__name__}")
    if isinstance(args, Mapping):
        return SitePrediction(site, (), dict(args))
    if not isinstance(args, (tuple, list)):
        raise TypeError(
            f"predict=({site!r}, args) needs args as a tuple, such as (x_grid, None), or a dict of keyword arguments; "
            f"got {type(args).__name__}"
        )
    return SitePrediction(site, tuple(args), {})


def curves_of(result: object, num_draws: int) -> dict[str, Curves]:
    """Return what a function has returned as curves by title; a single one has the title "".

    Parameters
    ----------
    result
        A pair (x, curves), with a third entry (x, y) of observed points where there are some, or a dict of a few of
        these by title. The grid has the shape (num_points,), the curves (num_draws, num_points). Grid and observed x
        are numbers or dates; a pandas Series or Index gives the axis its name.
    num_draws
        Number of the draws, for the text of an error; 0 where the guide draws nothing. There may be another number of
        curves, for a function may draw by itself.

    Raises
    ------
    FormError
        If it has another form.
    """
    if not isinstance(result, Mapping):
        return {"": _curves("predict", result, num_draws)}
    if not 1 <= len(result) <= MAX_PANELS:
        raise FormError(f"predict must return 1 to {MAX_PANELS} predictions by title, it returns {len(result)}")
    for title in result:
        if not isinstance(title, str):
            raise FormError(f"predict must return a dict with titles, str, as keys, it has {type(title).__name__}")
    return {title: _curves(f"predict, under {title!r},", entry, num_draws) for title, entry in result.items()}


def grid_argument(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], num_points: int, data: object
) -> tuple[int | str, Array] | None:
    """Return place or name, and values, of the first argument that is a column of so many real numbers, or None.

    The observed values, `data`, are none.
    """
    for place, value in _arguments(args, kwargs):
        column = None if value is data else column_of(value)
        if column is not None and len(column) == num_points and np.isfinite(column).all():
            return place, column
    return None


def column_of(value: object) -> Array | None:
    """Return a tensor of shape (num_points,) or (num_points, 1) as an array; None for anything else."""
    if not isinstance(value, torch.Tensor) or value.dtype in {torch.bool, torch.complex64, torch.complex128}:
        return None
    if value.ndim == 2 and value.shape[1] == 1:
        value = value[:, 0]
    return as_array(value) if value.ndim == 1 else None


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as Python writes it."""
    return str(tuple(shape))


def _arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[int | str, Any]]:
    yield from enumerate(args)
    yield from kwargs.items()


def _curves(name: str, result: object, num_draws: int) -> Curves:
    needed = "(x, curves) or (x, curves, (x_observed, y_observed))"
    if not isinstance(result, (tuple, list)) or len(result) not in {2, 3}:
        size = f" of {len(result)} entries" if isinstance(result, (tuple, list)) else ""
        raise FormError(f"{name} must return {needed}, it returns {type(result).__name__}{size}")
    grid, values = _places(name, "x", result[0]), _numbers(name, "curves", result[1])
    points = _points(name, result[2]) if len(result) == 3 and result[2] is not None else None
    try:
        x, points_x, dates = on_one_axis(grid, None if points is None else points[0])
    except ValueError as error:
        raise FormError(f"{name} must return x and observed x that are both numbers or both dates") from error
    if x.ndim != 1 or len(x) < 2:
        raise FormError(f"{name} must return x of shape (num_points,), 2 points at least, it has {shape_text(x.shape)}")
    if not np.isfinite(x).all():
        raise FormError(f"{name} must return finite x, {int((~np.isfinite(x)).sum())} of {len(x)} are not")
    if values.ndim != 2 or values.shape[1] != len(x) or not len(values):
        wanted = f"({num_draws or 'num_draws'}, {len(x)})"
        raise FormError(
            f"{name} must return curves of shape {wanted}, a row for each draw and a column for each point of x; "
            f"they have {shape_text(values.shape)}"
        )
    observed = None if points is None or points_x is None else (points_x, points[1])
    return Curves(x, values, points=observed, x_label=grid.label, dates=dates)


def _points(name: str, given: object) -> tuple[Places, Array]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise FormError(f"{name} must return observed points as (x, y), they are {type(given).__name__}")
    x, y = _places(name, "observed x", given[0]), _numbers(name, "observed y", given[1])
    if x.numbers.ndim != 1 or x.numbers.shape != y.shape:
        shapes = f"{shape_text(x.numbers.shape)} and {shape_text(y.shape)}"
        raise FormError(f"{name} must return observed x and y of one shape (num_rows,), they have {shapes}")
    return x, y


def _places(name: str, entry: str, value: object) -> Places:
    try:
        return places_of(value)
    except (TypeError, ValueError) as error:
        kind = type(value).__name__
        raise FormError(
            f"{name} must return {entry} as a tensor or an array, of numbers or dates, it is {kind}"
        ) from error


def _numbers(name: str, entry: str, value: object) -> Array:
    try:
        return as_array(value)
    except (TypeError, ValueError) as error:
        raise FormError(f"{name} must return {entry} as a tensor or an array, it is {type(value).__name__}") from error
