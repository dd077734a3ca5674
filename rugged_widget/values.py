"""Frozen values, of numbers and numpy arrays only, that pass from computing to showing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


def _frozen(value: object) -> object:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value


@dataclass(frozen=True, eq=False)
class Value:
    """Base of the values: frozen to the bottom, arrays and mappings included."""

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _frozen(getattr(self, item.name)))


@dataclass(frozen=True, eq=False)
class Band(Value):
    """A credible band over a grid, for one group.

    Attributes
    ----------
    x
        Grid of the predictor, shape (num_points,), increasing, in the predictor's unit.
    lower, median, upper
        Quantiles (1 - prob) / 2, 0.5 and (1 + prob) / 2 at each grid point, shape (num_points,), in the
        unit the model sees the response in (its log where the log was taken).
    prob
        Probability inside the band, in (0, 1).
    """

    x: Array
    lower: Array
    median: Array
    upper: Array
    prob: float


@dataclass(frozen=True, eq=False)
class Density(Value):
    """A probability density of one number, estimated from draws.

    Attributes
    ----------
    x
        Where it is evaluated, shape (num_points,), increasing.
    density
        Its value there, shape (num_points,), >= 0, per unit of x.
    prob_positive
        Share of the draws above 0, in [0, 1].
    lower, median, upper
        Quantiles (1 - prob) / 2, 0.5 and (1 + prob) / 2 of the draws.
    prob
        Probability between lower and upper, in (0, 1).
    """

    x: Array
    density: Array
    prob_positive: float
    lower: float
    median: float
    upper: float
    prob: float


@dataclass(frozen=True, eq=False)
class ElboCurve(Value):
    """The ELBO of the whole run, thinned for drawing.

    Attributes
    ----------
    step
        Steps that are kept, from 1, shape (num_points,), at most 400 points; the last step is always there.
    elbo
        ELBO estimate of that step in nats, shape (num_points,), total over all rows.
    smoothed
        Bias-corrected exponential mean of *all* ELBO estimates up to that step, shape (num_points,).
    """

    step: Array
    elbo: Array
    smoothed: Array


@dataclass(frozen=True, eq=False)
class Parameter(Value):
    """A parameter of the guide.

    Attributes
    ----------
    name
        As in Pyro's parameter store.
    constrained, unconstrained
        Its value as the guide uses it and as the optimizer moves it, of the same shape but for constraints that change
        it (a Cholesky factor).
    """

    name: str
    constrained: Array
    unconstrained: Array


@dataclass(frozen=True)
class Gap:
    """What the guide misses of the posterior, from many draws.

    Attributes
    ----------
    nats
        KL(guide || posterior) = log evidence - ELBO, estimated; >= 0 but for its error.
    standard_error
        Of that estimate, > 0.
    """

    nats: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class WhatIf(Value):
    """The predictive density of a new observation at one point.

    Attributes
    ----------
    x
        Value of the predictor.
    group
        0 (outside) or 1 (inside).
    guide, exact
        The density by the guide, and by the exact posterior where there is one, of the response as the model sees it.
    """

    x: float
    group: int
    guide: Density
    exact: Density | None
