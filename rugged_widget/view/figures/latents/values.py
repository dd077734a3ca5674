"""Sites of a snapshot that have values to show, and those values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rugged_widget.snapshot.model_values import ModelStructure, SiteKind
from rugged_widget.snapshot.snapshot import Array, Parameter, Snapshot
from rugged_widget.view.subject import element_label, index_of

ShownKind: TypeAlias = SiteKind | Literal["parameter"]


@dataclass(frozen=True)
class ShownSite:
    """A site, or a parameter where a model has no latents.

    Attributes
    ----------
    name, kind, shape
        Its name, support and shape.
    num_values
        Values that each element of a discrete site has probabilities of; 0 elsewhere.
    """

    name: str
    kind: ShownKind
    shape: tuple[int, ...]
    num_values: int = 0

    @property
    def size(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)

    def index(self, flat: int) -> tuple[int, ...]:
        """Return the index of an element, given its place in C order."""
        return index_of(flat, self.shape)

    def label(self, flat: int) -> str:
        """Return what an element is called, given its place in C order."""
        return element_label(self.name, self.index(flat))


@dataclass(frozen=True, eq=False)
class ShownValues:
    """What a snapshot says of the sites.

    Attributes
    ----------
    sites
        The sites, in the order of the model; the same object as long as they and their shapes stay the same.
    quantiles
        Quantiles by site, shape (num_probs, *site shape), the median in the middle; num_probs is 1 of parameters.
    probabilities
        Probabilities by discrete site, shape (num_values, *site shape).
    corrected
        Quantiles of the weighted draws by site; empty where they are not known.
    """

    sites: tuple[ShownSite, ...]
    quantiles: Mapping[str, Array]
    probabilities: Mapping[str, Array]
    corrected: Mapping[str, Array]

    def flat_quantiles(self, site: ShownSite) -> Array:
        """Return the quantiles of all elements of a site, shape (num_probs, size)."""
        value = self.quantiles[site.name]
        return value.reshape(len(value), -1)

    def medians(self, site: ShownSite) -> Array:
        """Return the medians of all elements of a site, shape (size,)."""
        quantiles = self.flat_quantiles(site)
        medians: Array = quantiles[len(quantiles) // 2]
        return medians

    def flat_probabilities(self, site: ShownSite) -> Array:
        """Return the probabilities of all elements of a discrete site, shape (num_values, size)."""
        return self.probabilities[site.name].reshape(site.num_values, -1)


class ValueReader:
    """Reads the sites of one snapshot after the other; they may come, vanish and change their shapes meanwhile."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._sites: tuple[ShownSite, ...] = ()

    def __repr__(self) -> str:
        return f"ValueReader({len(self._sites)} sites)"

    def read(self, snapshot: Snapshot, *, corrected: bool) -> ShownValues:
        """Return the values of the latents; those of the parameters where there are no latents."""
        if not snapshot.quantiles and not snapshot.probabilities:
            quantiles = {one.name: _numbers(one)[np.newaxis] for one in snapshot.parameters}
            self._keep(quantiles, {}, None, parameters=True)
            return ShownValues(self._sites, quantiles, {}, {})
        self._keep(snapshot.quantiles, snapshot.probabilities, snapshot.structure, parameters=False)
        correction = snapshot.correction.quantiles if corrected and snapshot.correction is not None else {}
        return ShownValues(self._sites, snapshot.quantiles, snapshot.probabilities, correction)

    def _keep(
        self,
        quantiles: Mapping[str, Array],
        probabilities: Mapping[str, Array],
        structure: ModelStructure | None,
        *,
        parameters: bool,
    ) -> None:
        # Lists, which compare fastest: of all that a frame does this alone grows with the number of sites.
        shapes = [value.shape for value in quantiles.values()]
        discrete = [value.shape for value in probabilities.values()]
        key = (parameters, list(quantiles), shapes, list(probabilities), discrete, structure)
        if key != self._key:
            self._key = key
            known = dict(zip(quantiles, shapes, strict=True))
            some = {name: shape for name, shape in zip(probabilities, discrete, strict=True) if shape[0]}
            self._sites = _parameters(known) if parameters else _sites(known, some, structure)


def _parameters(shapes: Mapping[str, tuple[int, ...]]) -> tuple[ShownSite, ...]:
    return tuple(ShownSite(name, "parameter", shape[1:]) for name, shape in shapes.items())


def _sites(
    shapes: Mapping[str, tuple[int, ...]], discrete: Mapping[str, tuple[int, ...]], structure: ModelStructure | None
) -> tuple[ShownSite, ...]:
    """Return the sites in the order of the model; those that it does not know follow."""
    known = {} if structure is None else {site.name: site for site in structure.sites}
    order = {name: place for place, name in enumerate(known)}
    names = sorted({**shapes, **discrete}, key=lambda name: order.get(name, len(order)))
    sites = []
    for name in names:
        if name in discrete:
            num_values, *shape = discrete[name]
            sites.append(ShownSite(name, "discrete", tuple(shape), num_values))
        else:
            kind = known[name].kind if name in known else "other"
            sites.append(ShownSite(name, kind, shapes[name][1:]))
    return tuple(sites)


def _numbers(parameter: Parameter) -> Array:
    return np.asarray(parameter.constrained, np.float64)
