"""What a guide believes of its latents, as its parameters are: quantiles, draws and probabilities for a page."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from pyro import get_param_store

from rugged_widget.defaults import PROB, SNAPSHOT_DRAWS
from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.element_densities import element_densities
from rugged_widget.infer.guides.probabilities import probabilities
from rugged_widget.infer.guides.sampling import as_float64, closed_quantiles, order_statistics
from rugged_widget.monitor.infer.bounded import within_bounds
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.values import Array, Density, Latent, Parameter

QUANTILE_NUMBERS: Final = 2_000_000
"""Numbers that the draws behind the quantiles of a snapshot hold at most, but for `FEWEST_DRAWS`; 16 MB."""

FEWEST_DRAWS: Final = 40
"""Draws behind the quantiles of a snapshot, however many latents there are: two lie below the lowest."""

DRAWN_NUMBERS: Final = 200_000
"""Numbers that the draws behind a snapshot hold at most."""

SCALAR_KINDS: Final = frozenset({"real", "positive", "interval", "discrete"})
"""Supports on which each element of a site is transformed by itself."""

LISTED_NUMBERS: Final = 100_000
"""Numbers of parameters that a snapshot lists at most."""


class GuideLook:
    """A look at a guide and the parameter store, while nothing else computes: call its methods in a fit's world.

    Parameters
    ----------
    guide
        A guide that `sample_guide` can draw from.
    structure
        Sites of the model.
    """

    def __init__(self, guide: Callable[..., Any], structure: ModelStructure) -> None:
        self.guide, self._structure = guide, structure

    def __repr__(self) -> str:
        return f"GuideLook({len(self._structure.sites)} sites)"

    def quantiles(self, probs: tuple[float, ...], num_draws: int) -> dict[str, Array]:
        """Return quantiles by site, shape (number of probs, *site shape): by formula, or else from so many draws.

        Raises
        ------
        CannotDrawError
            Where the guide cannot be drawn from.
        """
        closed = closed_quantiles(self.guide, probs)
        # Where elements of a site depend on one another, the formula's are not those of each element by itself.
        tied = {site.name for site in self._structure.sites if site.kind not in SCALAR_KINDS}
        draws = self.draws(num_draws) if closed is None or tied & closed.keys() else {}
        if closed is None:
            return {name: order_statistics(value, probs) for name, value in draws.items()}
        return {
            name: order_statistics(draws[name], probs) if name in tied and name in draws else as_float64(value)
            for name, value in closed.items()
        }

    def shown(self, probs: tuple[float, ...], *, draws: bool) -> tuple[dict[str, Array], Mapping[str, Array]]:
        """Return quantiles of the latents, and draws where they are wanted; empty where there are none to be had."""
        try:
            numbers = sum(math.prod(site.shape) for site in self._structure.sites if site.role == "latent")
            affordable = QUANTILE_NUMBERS // max(numbers, 1) // 10 * 10
            quantiles = self.quantiles(probs, max(FEWEST_DRAWS, min(SNAPSHOT_DRAWS, affordable)))
            elements = sum(math.prod(value.shape[1:]) for value in quantiles.values())
            count = max(20, min(SNAPSHOT_DRAWS, DRAWN_NUMBERS // max(elements, 1)))
            return quantiles, self.draws(count) if draws else {}
        except CannotDrawError:
            return {}, {}

    def draws(self, count: int) -> dict[str, Array]:
        """Return draws by site, shape (number of draws, *site shape); CannotDrawError where there are none."""
        return {name: as_float64(value) for name, value in sample_guide(self.guide, count).values.items()}

    def densities(self, latents: Sequence[Latent]) -> dict[Latent, Density]:
        """Return densities of elements of latents that have one, on their support."""
        found = element_densities(self.guide, latents, PROB, lambda: self.draws(SNAPSHOT_DRAWS))
        kinds = {site.name: site.kind for site in self._structure.sites}
        return {latent: within_bounds(one, kinds.get(latent[0], "other")) for latent, one in found.items()}

    def probabilities(self) -> dict[str, Array]:
        """Return the probabilities of the values of discrete latents; empty where there are none."""
        if not any(site.kind == "discrete" and site.role == "latent" for site in self._structure.sites):
            return {}
        try:
            return {name: as_float64(value) for name, value in probabilities(self.guide).items()}
        except CannotDrawError:
            return {}


def listed_parameters(foreign: Collection[str] = ()) -> tuple[Parameter, ...]:
    """Return the parameters of the store, of which no more than `LISTED_NUMBERS` numbers; larger ones are left out.

    So are `foreign` ones, which are of other models.
    """
    listed, left = [], LISTED_NUMBERS
    free = dict(get_param_store().named_parameters())
    for name, value in get_param_store().items():
        if name in foreign:
            continue
        left -= value.numel()
        if left < 0:
            break
        listed.append(Parameter(name, as_float64(value), as_float64(free[name])))
    return tuple(listed)
