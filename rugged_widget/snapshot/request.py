"""Requests for snapshots of a fit: what no open page shows is not computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Latent


@dataclass(frozen=True)
class SnapshotRequest:
    """Fields that a snapshot has to hold beyond those that it always holds.

    A model whose snapshots hold more extends it by a field for each; a field that is false asks for nothing.

    Attributes
    ----------
    parameters
        Whether `parameters` and `marginals` are requested.
    draws, approximation, correction, elbo_terms, gradient_norms, parameter_table, predictions
        Whether the snapshot's field of that name is requested.
    densities
        Elements of which a density is requested.
    """

    parameters: bool = False
    draws: bool = False
    approximation: bool = False
    correction: bool = False
    elbo_terms: bool = False
    gradient_norms: bool = False
    parameter_table: bool = False
    predictions: bool = False
    densities: tuple[Latent, ...] = ()

    @classmethod
    def of(cls, request: SnapshotRequest) -> Self:
        """Return a request of this class for what `request`, which may be more general, asks for."""
        return cls(**request._fields())

    def union(self, other: SnapshotRequest) -> SnapshotRequest:
        """Return a request for what either asks for, of the more special class of the two.

        Where both give a value for a field, that of `self` is used.
        """
        special = type(other) if isinstance(other, type(self)) else type(self)
        return special(**(other._fields() | self._fields()))

    def is_met_by(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot holds everything that cannot be left out of a drawing.

        The others can: a point guide has neither approximation nor correction, and the former takes longer than a frame
        may; terms and gradients are not known before the first step.
        """
        tables = snapshot.parameter_table is not None or not self.parameter_table
        # Of some models there are none: those without parameters, those without latents.
        parameters = bool(snapshot.parameters) or not self.parameters or snapshot.structure is not None
        draws = bool(snapshot.draws) or not self.draws or not snapshot.quantiles
        return tables and parameters and draws

    def _fields(self) -> dict[str, Any]:
        """Return the fields that ask for something."""
        return {name: value for name, value in vars(self).items() if value}


AT_REST = SnapshotRequest(draws=True, approximation=True)
"""Request wherever training rests: to judge the approximation takes longer than a frame may, and a run that
ends is saved with draws."""
