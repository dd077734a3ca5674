"""Probabilities of the values of the discrete latents that a guide draws."""

from collections.abc import Callable
from typing import Any, Final

import pyro.distributions as dist
import torch
from pyro.infer.autoguide import AutoDiscreteParallel, AutoGuideList

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.compatibility import innermost, latents_of, raised, traced
from rugged_widget.infer.guides.discrete import distributions_of, value_probabilities
from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.sampling import is_known, ready_to_draw, same_noise

GUIDE_DRAWS: Final = 400
"""Draws that probabilities are counted in, where the guide has no formula for them."""


@torch.no_grad()
def probabilities(guide: Callable[..., Any]) -> dict[str, torch.Tensor]:
    """Return the probabilities of the values of each discrete latent that the guide draws; see `Fit.inspecting`.

    By site, shape (num_values, *site shape), in the order in which the distribution lists its values; without the last
    dimension of the site for one-hot values. AutoDiscreteParallel has them by formula, others by counting draws. Sites
    with values that cannot be listed are left out.

    Raises
    ------
    CannotDrawError
        If the guide cannot be drawn from.
    """
    with ready_to_draw(guide) as (ready, rehearsal), same_noise():
        parts = list(ready) if isinstance(ready, AutoGuideList) else [ready]
        exact = {
            name: value_probabilities(distribution)
            for part in parts
            if isinstance(part, AutoDiscreteParallel)
            for name, distribution in distributions_of(part).items()
        }
        if not isinstance(rehearsal, LiveRehearsal) or is_known(ready):
            return exact
        sites = latents_of(_first_trace(ready, rehearsal))
    kinds = {name: site["fn"] for name, site in sites.items() if site["fn"].has_enumerate_support and name not in exact}
    if not kinds:
        return exact
    draws = sample_guide(guide, GUIDE_DRAWS).values
    counted = {name: _shares(draws[name], kind) for name, kind in kinds.items() if name in draws}
    return {**exact, **counted}


def _first_trace(guide: Callable[..., Any], rehearsal: LiveRehearsal) -> Any:
    try:
        return traced(guide, rehearsal.args, rehearsal.kwargs)
    except Exception as error:
        raise CannotDrawError(f"The guide cannot be drawn from: {raised(error)}.") from error


def _shares(draws: torch.Tensor, distribution: Any) -> torch.Tensor:
    """Return how often each value occurs in draws, shape (num_values, *site shape)."""
    kind = innermost(distribution)
    if isinstance(kind, dist.OneHotCategorical):
        return draws.to(torch.get_default_dtype()).mean(0).movedim(-1, 0)
    values = kind.enumerate_support(expand=False).flatten()
    return torch.stack([(draws == value).to(torch.get_default_dtype()).mean(0) for value in values])
