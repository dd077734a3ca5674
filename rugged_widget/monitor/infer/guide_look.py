"""What a guide believes of its latents, as its parameters are: quantiles, draws and probabilities for a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import torch
from pyro import get_param_store

from rugged_widget.defaults import PROB, SNAPSHOT_DRAWS
from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.element_densities import ask_element_densities
from rugged_widget.infer.guides.probabilities import probabilities
from rugged_widget.infer.guides.sampling import closed_quantiles, order_statistics
from rugged_widget.infer.step.transfer import Later, Transfer, arrays
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
        asked = self._tensors(probs, num_draws, Transfer())
        return {name: one.read() for name, one in asked.items()}

    def _tensors(self, probs: tuple[float, ...], num_draws: int, transfer: Transfer) -> dict[str, _Asked]:
        """Ask for what quantiles are made of."""
        closed = closed_quantiles(self.guide, probs)
        # Where elements of a site depend on one another, the formula's are not those of each element by itself.
        tied = {site.name for site in self._structure.sites if site.kind not in SCALAR_KINDS}
        draws = sample_guide(self.guide, num_draws).values if closed is None or tied & closed.keys() else {}
        of_draws = {name: _Asked(value, transfer, probs) for name, value in draws.items()}
        if closed is None:
            return of_draws
        return {
            name: of_draws[name] if name in tied and name in of_draws else _Asked(value, transfer)
            for name, value in closed.items()
        }

    def shown(
        self, probs: tuple[float, ...], transfer: Transfer, *, draws: bool
    ) -> Later[tuple[dict[str, Array], Mapping[str, Array]]]:
        """Ask for quantiles of the latents, and draws where they are wanted; empty where there are none to be had."""
        try:
            numbers = sum(math.prod(site.shape) for site in self._structure.sites if site.role == "latent")
            affordable = QUANTILE_NUMBERS // max(numbers, 1) // 10 * 10
            asked = self._tensors(probs, max(FEWEST_DRAWS, min(SNAPSHOT_DRAWS, affordable)), transfer)
            elements = sum(math.prod(one.shape[1:]) for one in asked.values())
            count = max(20, min(SNAPSHOT_DRAWS, DRAWN_NUMBERS // max(elements, 1)))
            drawn = self._draws(count, transfer) if draws else dict
        except CannotDrawError:
            return lambda: ({}, {})
        return lambda: ({name: one.read() for name, one in asked.items()}, drawn())

    def draws(self, count: int) -> dict[str, Array]:
        """Return draws by site, shape (number of draws, *site shape); CannotDrawError where there are none."""
        return self._draws(count, Transfer())()

    def _draws(self, count: int, transfer: Transfer) -> Later[dict[str, Array]]:
        return arrays(sample_guide(self.guide, count).values, transfer)

    def densities(self, latents: Sequence[Latent], transfer: Transfer) -> Later[dict[Latent, Density]]:
        """Ask for densities of elements of latents that have one, on their support; read them in the fit's world too.

        The guide may have to be drawn from then.
        """
        draws = partial(self._draws, SNAPSHOT_DRAWS, transfer)
        try:
            found = ask_element_densities(self.guide, latents, PROB, draws, transfer)
        except CannotDrawError:
            return dict
        kinds = {site.name: site.kind for site in self._structure.sites}
        return lambda: {name: within_bounds(one, kinds.get(name[0], "other")) for name, one in found().items()}

    def probabilities(self, transfer: Transfer) -> Later[dict[str, Array]]:
        """Ask for the probabilities of the values of discrete latents; empty where there are none."""
        if not any(site.kind == "discrete" and site.role == "latent" for site in self._structure.sites):
            return dict
        try:
            return arrays(probabilities(self.guide), transfer)
        except CannotDrawError:
            return dict


class _Asked:
    """Quantiles that were asked for, or draws that they are estimated from, of a site."""

    def __init__(self, value: torch.Tensor, transfer: Transfer, probs: tuple[float, ...] | None = None) -> None:
        self.shape, self._value, self._probs = value.shape, transfer.array(value), probs

    def read(self) -> Array:
        """Return the quantiles."""
        value = self._value()
        return value if self._probs is None else order_statistics(value, self._probs)


def listed_parameters(transfer: Transfer, foreign: Collection[str] = ()) -> Later[tuple[Parameter, ...]]:
    """Ask for the parameters of the store, of which no more than `LISTED_NUMBERS` numbers; larger ones are left out.

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
        listed.append((name, transfer.array(value), transfer.array(free[name])))
    return lambda: tuple(Parameter(name, value(), unconstrained()) for name, value, unconstrained in listed)
