"""The lesson's snapshot: bands, slopes and predictions at a point, besides what every model's snapshot holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rugged_widget.regression.priors import Priors
from rugged_widget.snapshot.reference import ExactAnswer, Reference
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Array, Band, Caution, Correction, Density, Value

Bands = Mapping[str, tuple[Band, ...]]
"""Bands by name, "line" (the mean of the response) and "prediction" (a new observation): one a group, in the order of
the groups (outside, inside), or the only one; with covariates at their means."""


@dataclass(frozen=True)
class Point:
    """A point to predict at.

    Attributes
    ----------
    x
        Value of the predictor.
    group
        0 (outside) or 1 (inside); 0 where there is no group.
    covariates
        A value for each covariate, 0 or 1 for those of two values.
    """

    x: float
    group: int = 0
    covariates: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class WhatIf(Value):
    """The predictive density of a new observation at one point.

    Attributes
    ----------
    point
        The point.
    guide, exact
        The density by the guide, and by the exact posterior where there is one, of the response as the model sees it.
    """

    point: Point
    guide: Density
    exact: Density | None


@dataclass(frozen=True, eq=False, kw_only=True)
class PriorsAnswer(Value):
    """What some priors say without the data and, exactly, with them; all of it in the units of the data.

    Attributes
    ----------
    priors
        The priors, on the scale that the model is trained on.
    log_evidence
        Natural logarithm of the probability of the data under the model, nats.
    prior, posterior
        Density by site of each of its elements, in C order.
    bands
        The exact band of the line, one a group.
    lines
        Lines that the priors expect, one array a group: their values at both ends of the grid of the bands, shape
        (num_lines, 2); the same draws in every group.
    cautions
        As of a reference.
    """

    priors: Priors
    log_evidence: float
    prior: Mapping[str, tuple[Density, ...]]
    posterior: Mapping[str, tuple[Density, ...]]
    bands: tuple[Band, ...]
    lines: tuple[Array, ...]
    cautions: tuple[Caution, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionCorrection(Correction):
    """The correction of the lesson's guide by importance weights.

    Attributes
    ----------
    bands, slopes
        As of a snapshot.
    """

    bands: Bands
    slopes: tuple[Density, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionSnapshot(Snapshot):
    """State of the lesson's fit after `step` steps.

    Attributes
    ----------
    bands
        "line" (the mean of the response) and "prediction" (a new observation): one Band a group, in the order of the
        groups (outside, inside), or the only one where there is no group; with covariates at their means.
    slopes
        Density of the slope d mean / d predictor, one a group in the same order.
    what_if
        The prediction at a point, where that was requested.
    priors_answer
        What the priors say that were requested.
    correction, reference
        With bands and slopes.
    """

    bands: Bands
    slopes: tuple[Density, ...]
    what_if: WhatIf | None = None
    priors_answer: PriorsAnswer | None = None
    correction: RegressionCorrection | None = None
    reference: RegressionReference | None = None


@dataclass(frozen=True)
class RegressionRequest(SnapshotRequest):
    """Request for a snapshot of the lesson's fit.

    Attributes
    ----------
    what_if
        The point to predict at; None where that is not requested.
    priors
        Priors to say more of; None where that is not requested.
    """

    what_if: Point | None = None
    priors: Priors | None = None

    def is_met_by(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot holds everything that is drawn, possibly at another point or of other priors."""
        regression = snapshot if isinstance(snapshot, RegressionSnapshot) else None
        predicts = regression is not None and regression.what_if is not None
        answers = regression is not None and regression.priors_answer is not None
        return super().is_met_by(snapshot) and (predicts or self.what_if is None) and (answers or self.priors is None)


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionAnswer(ExactAnswer):
    """The exact posterior of the lesson's model as it is drawn.

    Attributes
    ----------
    bands, slopes
        As of a snapshot, for the same grid and prob.
    """

    bands: Bands
    slopes: tuple[Density, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionReference(Reference):
    """Least squares and the exact posterior of the lesson's model.

    Attributes
    ----------
    lines
        The least-squares line over the grid, one a group, shape (num_points,) each. In `estimates`, sigma is the root
        of the mean squared residual.
    exact
        With bands and slopes.
    covariate_means
        Where lines and bands have the covariates, shape (number of covariates,).
    priors
        The priors, on the scale that the model is trained on.
    units
        What 1 on that scale is in the units of the data, by site, of the site's shape; empty where they are the same.
    """

    lines: tuple[Array, ...]
    exact: RegressionAnswer | None = None
    covariate_means: Array = field(default_factory=lambda: np.zeros(0))
    priors: Priors = Priors()
    units: Mapping[str, Array] = field(default_factory=dict)
