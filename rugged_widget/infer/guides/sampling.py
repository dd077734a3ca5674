"""Draws and quantiles of a guide, by site."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray
from pyro.infer.autoguide import (
    AutoContinuous,
    AutoDelta,
    AutoGuide,
    AutoGuideList,
    AutoLaplaceApproximation,
    AutoNormal,
)

from rugged_widget.infer.guides.custom_sampling import Drawn, draw_one_by_one, draw_together
from rugged_widget.infer.guides.gaussian import laplace, loc_and_scale, on_supports, site_by_site, sites_of, stretched
from rugged_widget.infer.guides.setup import Rehearsal, rehearsal_of, set_up

NOISE_SEED = 2012
"""Seed of the noise behind every draw: the same at each snapshot and in each widget, so that pictures compare."""


_KNOWN = (AutoContinuous, AutoDelta, AutoNormal)
"""Automatic guides that are drawn from without a call of them."""

_NOISE = torch.Generator().manual_seed(NOISE_SEED).get_state()


@contextmanager
def same_noise(state: torch.Tensor = _NOISE) -> Iterator[None]:
    """Draw the same random numbers each time, from a state of torch's generator; outside it goes on where it was."""
    outside = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        yield
    finally:
        torch.set_rng_state(outside)


@torch.no_grad()
def draw(guide: Callable[..., Any], num_draws: int) -> dict[str, torch.Tensor]:
    """Draw from the guide with the same noise each time, so that draws move smoothly while the guide does.

    The draws are by site, on the site's support, of shape (num_draws, *site shape); those of a point are all equal.

    Parameters
    ----------
    guide
        Any that `make_guide` made with its arguments; any automatic guide of normal distributions or flows, points, or
        lists of them, once it is set up. TypeError is raised for another kind of guide, of which nothing is known but
        how to call it, and not even with what.
    """
    return draw_with_density(guide, num_draws)[0]


@torch.no_grad()
def draw_with_density(guide: Callable[..., Any], num_draws: int) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    """Draw as `draw` does, with the guide's log density of each draw.

    The density is of all latents together, on their supports, in nats, shape (num_draws,); None where there is none:
    for a point, also where it is one of a guide's parts or what is left of a Laplace approximation off the maximum.
    """
    draws, log_density = tensors_with_density(guide, num_draws)
    return draws, None if log_density is None or bool(log_density.isposinf().all()) else log_density


@torch.no_grad()
def tensors_with_density(
    guide: Callable[..., Any], num_draws: int
) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    """Draw as `draw_with_density` does without looking at a value: what is a point just now has an infinite density."""
    with set_up(guide) as ready, same_noise():
        return _drawn(ready, rehearsal_of(guide), num_draws)


def draws_at_once(guide: Callable[..., Any]) -> bool:
    """Return whether many draws take hardly longer than one; some guides of the user's own are called for each draw."""
    rehearsal = rehearsal_of(guide)
    return rehearsal is None or not rehearsal.tried or rehearsal.vectorised or isinstance(guide, _KNOWN)


def _drawn(guide: Callable[..., Any], rehearsal: Rehearsal | None, num_draws: int) -> Drawn:
    if isinstance(guide, AutoGuideList):
        return _together([_drawn(part, rehearsal, num_draws) for part in guide])
    if isinstance(guide, AutoDelta):
        median = guide.median()
        return {name: value.expand(num_draws, *value.shape) for name, value in median.items()}, None
    if isinstance(guide, AutoLaplaceApproximation):
        return _drawn_by_laplace(guide, num_draws)
    if isinstance(guide, (AutoContinuous, AutoNormal)):
        posterior = guide.get_posterior() if isinstance(guide, AutoContinuous) else _normal(guide)
        latent = posterior.rsample((num_draws,))
        draws, growth = stretched(sites_of(guide), latent)
        return draws, posterior.log_prob(latent) - growth
    if rehearsal is None:
        name = getattr(guide, "__name__", type(guide).__name__)
        raise TypeError(f"draws are taken from automatic guides and from those of make_guide, got {name}")
    drawing = draw_together if rehearsal.vectorised else draw_one_by_one
    return drawing(guide, rehearsal.args, num_draws)


def _together(parts: Sequence[Drawn]) -> Drawn:
    """Join the draws of parts that are independent of each other."""
    draws = {name: value for values, _ in parts for name, value in values.items()}
    densities = [log_density for _, log_density in parts if log_density is not None]
    return draws, torch.stack(densities).sum(0) if densities and len(densities) == len(parts) else None


def _normal(guide: AutoNormal) -> Any:
    loc, scale = site_by_site(guide)
    return dist.Normal(loc, scale).to_event(1)


def _drawn_by_laplace(guide: AutoLaplaceApproximation, num_draws: int) -> Drawn:
    loc, factor, definite = laplace(guide)
    noise = torch.randn(num_draws, len(loc), dtype=loc.dtype)
    draws, growth = stretched(sites_of(guide), loc + noise @ factor.T)
    volume = factor.diagonal().log().sum() + 0.5 * len(loc) * math.log(2 * math.pi)
    return draws, torch.where(definite, -0.5 * noise.square().sum(1) - volume - growth, math.inf)


@torch.no_grad()
def closed_quantiles(guide: Callable[..., Any], probs: Sequence[float]) -> dict[str, torch.Tensor] | None:
    """Return quantiles as `quantiles` does, where the guide has a closed form of them; None elsewhere."""
    with set_up(guide) as ready:
        return _closed(ready, probs)


def _closed(guide: Callable[..., Any], probs: Sequence[float]) -> dict[str, torch.Tensor] | None:
    if isinstance(guide, AutoGuideList):
        parts = [_closed(part, probs) for part in guide]
        known = [part for part in parts if part is not None]
        return {name: value for part in known for name, value in part.items()} if len(known) == len(parts) else None
    if not isinstance(guide, AutoGuide) or (pair := loc_and_scale(guide)) is None:
        return None
    # As guide.quantiles does, but all probabilities at once: the transforms are slow to call, not to compute.
    loc, scale = pair
    normal = torch.special.ndtri(torch.tensor(probs, dtype=loc.dtype))
    return on_supports(sites_of(guide), loc + scale * normal[:, None])


def quantiles(guide: Callable[..., Any], probs: Sequence[float], num_draws: int) -> dict[str, NDArray[np.float64]]:
    """Return quantiles of each latent by itself, on its support: by site, shape (len(probs), *site shape).

    The probabilities are in (0, 1). `num_draws` draws are used where the guide has no closed form, as a flow has none.
    """
    closed = closed_quantiles(guide, probs)
    if closed is not None:
        return {name: as_float64(value) for name, value in closed.items()}
    return {name: order_statistics(as_float64(value), probs) for name, value in draw(guide, num_draws).items()}


def order_statistics(draws: NDArray[Any], probs: Sequence[float]) -> NDArray[Any]:
    """Estimate quantiles by the draw whose rank is nearest to prob (num_draws + 1), with prob in (0, 1).

    Draws are of shape (num_draws, *shape), the quantiles of shape (len(probs), *shape).
    """
    num_draws = len(draws)
    ranks = [min(max(round(prob * (num_draws + 1)) - 1, 0), num_draws - 1) for prob in probs]
    # NumPy sorts with vector instructions: a third of the time that np.partition takes for three ranks.
    return np.sort(draws, axis=0)[ranks]


def as_float64(value: torch.Tensor) -> NDArray[np.float64]:
    """Copy a tensor into an array."""
    return value.detach().cpu().numpy().astype(np.float64)
