"""What a fit is compared with, and what is asked of its snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rugged_widget.snapshot.values import Array, Band, Density, Value


@dataclass(frozen=True)
class SnapshotRequest:
    """What a snapshot has to hold beyond what is always shown: what nobody looks at is not computed.

    Attributes
    ----------
    parameters
        Whether `parameters` and `marginals` are wanted.
    what_if
        Predictor and group of the point to predict at; None where that is not wanted.
    draws, approximation, correction
        Whether the snapshot's field of that name is wanted.
    """

    parameters: bool = False
    what_if: tuple[float, int] | None = None
    draws: bool = False
    approximation: bool = False
    correction: bool = False


AT_REST = SnapshotRequest(draws=True, approximation=True)
"""What is wanted wherever training rests: how good the approximation is takes longer to say than a frame may, and a run
that ends is kept with draws."""


@dataclass(frozen=True, eq=False)
class ExactAnswer(Value):
    """The exact posterior as it is drawn; fields as in `Snapshot`.

    Attributes
    ----------
    log_evidence
        Natural logarithm of the probability of the data under the model, nats: no ELBO is above it.
    quantiles, bands, slopes, marginals
        As of a snapshot, for the same probs, grid and prob.
    """

    log_evidence: float
    quantiles: Mapping[str, Array]
    bands: Mapping[str, tuple[Band, ...]]
    slopes: tuple[Density, ...]
    marginals: Mapping[str, tuple[Density, ...]]


@dataclass(frozen=True, eq=False)
class Reference(Value):
    """What a fit is compared with; it depends on the data and the priors only.

    Attributes
    ----------
    estimates
        The least-squares estimate by site, of the site's shape; sigma is the root of the mean squared residual.
    lines
        The least-squares line over the grid, one a group, shape (num_points,) each.
    exact
        The exact posterior; None where the model has no closed form of it.
    """

    estimates: Mapping[str, Array]
    lines: tuple[Array, ...]
    exact: ExactAnswer | None
