"""A moment of the fit as plain numbers: the only thing that passes from computing to showing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Status: TypeAlias = Literal["ready", "running", "paused", "finished", "failed"]
EngineName: TypeAlias = Literal["plain", "graph", "jax"]


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
class _Value:
    """Base of the values below: frozen to the bottom, arrays and mappings included."""

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _frozen(getattr(self, item.name)))


@dataclass(frozen=True, eq=False)
class Band(_Value):
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
class Density(_Value):
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
class ElboCurve(_Value):
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
class Snapshot(_Value):
    """What is known of a fit after `step` steps. Numbers and numpy arrays only, none of them writable.

    Attributes
    ----------
    step
        Steps done, >= 0.
    elbo
        ELBO estimate of the last step in nats, total over all rows, higher is better; nan before the first.
    learning_rate
        Learning rate of the next step, > 0.
    num_rows
        Rows the model is fitted to; divides the ELBO where it is shown per observation.
    curve
        The ELBO of the whole run.
    probs
        Probabilities of `quantiles`, increasing, each in (0, 1).
    quantiles
        By site, on the site's support, shape (num_probs, *site shape).
    bands
        "line" (the mean of the response) and "prediction" (a new observation): one Band a group, in the
        order of the groups (outside, inside).
    slopes
        Density of the slope d mean / d predictor, one a group in the same order.
    """

    step: int
    elbo: float
    learning_rate: float
    num_rows: int
    curve: ElboCurve
    probs: tuple[float, ...]
    quantiles: Mapping[str, Array]
    bands: Mapping[str, tuple[Band, ...]]
    slopes: tuple[Density, ...]

    def __repr__(self) -> str:
        elbo = "none yet" if math.isnan(self.elbo) else f"{self.elbo:.2f} nats"
        return f"Snapshot(step={self.step}, elbo={elbo}, sites={list(self.quantiles)})"


@dataclass(frozen=True)
class EngineInfo:
    """How the steps of a fit are computed.

    Attributes
    ----------
    name
        plain (Pyro's own step), graph (the captured step in TorchScript) or jax (the captured step in JAX).
    reason
        Why this one, in a few words for the reader.
    """

    name: EngineName
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    status
        ready (no step done), running, paused, finished (all steps done) or failed.
    step, num_steps
        Steps done and steps to do, 0 <= step <= num_steps.
    elbo
        ELBO estimate of the last step in nats; nan before the first.
    steps_per_second
        Over the last seconds of running; nan where that is not known yet.
    error
        Where status is failed: what happened and what to try, for the reader. Empty otherwise.
    engine
        How the steps are computed; None where that is not known.
    """

    status: Status
    step: int
    num_steps: int
    elbo: float
    steps_per_second: float
    error: str = ""
    engine: EngineInfo | None = None
