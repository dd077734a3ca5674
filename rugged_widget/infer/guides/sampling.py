"""Draws and quantiles of a guide, by site."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray
from pyro.infer.autoguide import (
    AutoContinuous,
    AutoDelta,
    AutoDiscreteParallel,
    AutoGuide,
    AutoGuideList,
    AutoLaplaceApproximation,
    AutoNormal,
)

from rugged_widget.errors import CannotDrawError, RuggedWidgetError
from rugged_widget.infer.guides.compatibility import raised
from rugged_widget.infer.guides.custom_sampling import Drawn, draw_one_by_one, draw_together
from rugged_widget.infer.guides.discrete import discrete_quantiles, draw_discrete
from rugged_widget.infer.guides.gaussian import (
    laplace,
    loc_and_scale,
    on_supports,
    point_of,
    site_by_site,
    sites_of,
    stretched,
)
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.setup import Rehearsal, rehearsal_of, set_up
from rugged_widget.infer.step.torch_random import TorchRandom, current_torch, install_torch, seeded_torch
from rugged_widget.infer.step.transfer import as_numpy

Known: TypeAlias = Rehearsal | LiveRehearsal
"""What is kept of a guide beside itself."""

NOISE_SEED = 2012
"""Seed of the noise behind every draw: the same at each snapshot and in each widget, so that pictures compare."""


_KNOWN = (AutoContinuous, AutoDelta, AutoDiscreteParallel, AutoNormal)
"""Automatic guides that are drawn from without a call of them."""

_NOISE = seeded_torch(NOISE_SEED)


@contextmanager
def same_noise(state: TorchRandom = _NOISE) -> Iterator[None]:
    """Draw the same random numbers each time, from a state of torch's generators; outside they go on as before."""
    outside = current_torch()
    install_torch(state)
    try:
        yield
    finally:
        install_torch(outside)


@torch.no_grad()
def draw(guide: Callable[..., Any], num_draws: int) -> dict[str, torch.Tensor]:
    """Draw from the guide with the same noise each time, so that draws move smoothly while the guide does.

    The draws are by site, on the site's support, of shape (num_draws, *site shape); those of a point are all equal.

    Parameters
    ----------
    guide
        Any that `make_guide` made with its arguments, or that was given to `remember_live`; any automatic guide of
        normal distributions or flows, points, discrete probabilities, or lists of them, once it is set up.

    Raises
    ------
    CannotDrawError
        If the guide raises, or is of another kind, of which it is not known what to call it with.
    """
    return draw_with_density(guide, num_draws)[0]


@torch.no_grad()
def draw_with_density(guide: Callable[..., Any], num_draws: int) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    """Draw as `draw` does, with the guide's log density of each draw.

    The density is of all latents together, on their supports, in nats, shape (num_draws,); None where there is none:
    for a point, also where it is one of a guide's parts or what is left of a Laplace approximation off the maximum.
    """
    draws, log_density, _ = all_drawn(guide, num_draws)
    return draws, None if log_density is None or bool(log_density.isposinf().all()) else log_density


@torch.no_grad()
def all_drawn(guide: Callable[..., Any], num_draws: int, *, density: bool = True) -> Drawn:
    """Draw as `draw_with_density` does, the density only where it is wanted, and say which sites some draws lack.

    No value is looked at: what is a point just now has an infinite density.
    """
    with ready_to_draw(guide) as (ready, rehearsal), same_noise(), _explained(rehearsal):
        return _drawn(ready, rehearsal, num_draws, density=density)


@contextmanager
def _explained(rehearsal: Known | None) -> Iterator[None]:
    """Turn what a guide of any kind raises into a sentence; the guides of `make_guide` were tried before."""
    try:
        yield
    except Exception as error:
        if isinstance(error, RuggedWidgetError) or not isinstance(rehearsal, LiveRehearsal):
            raise
        raise CannotDrawError(f"The guide cannot be drawn from: {raised(error)}.") from error


@contextmanager
def ready_to_draw(guide: Callable[..., Any]) -> Iterator[tuple[Any, Known | None]]:
    """Give a guide that has its parameters and can be called without a trace, and what is known of it."""
    rehearsal = rehearsal_of(guide)
    with set_up(guide) as ready, nullcontext() if rehearsal is None or is_known(ready) else rehearsal.looking():
        yield ready, rehearsal


def is_known(guide: Callable[..., Any]) -> bool:
    """Return whether a guide is drawn from without a call of it."""
    if isinstance(guide, AutoGuideList):
        return all(map(is_known, guide))
    return isinstance(guide, _KNOWN)


def draws_at_once(guide: Callable[..., Any]) -> bool:
    """Return whether many draws take hardly longer than one; some guides of the user's own are called for each draw.

    A guide that is trained as it is has to be asked in `Fit.inspecting`.
    """
    rehearsal = rehearsal_of(guide)
    if isinstance(rehearsal, LiveRehearsal):
        with ready_to_draw(guide) as (ready, _), same_noise():
            return is_known(ready) or all(map(rehearsal.vectorises, _called_parts(ready)))
    return rehearsal is None or not rehearsal.tried or rehearsal.vectorised or isinstance(guide, _KNOWN)


def _called_parts(guide: Callable[..., Any]) -> list[Any]:
    parts = list(guide) if isinstance(guide, AutoGuideList) else [guide]
    return [part for part in parts if not is_known(part)]


def _drawn(guide: Callable[..., Any], rehearsal: Known | None, num_draws: int, *, density: bool) -> Drawn:
    if isinstance(guide, AutoGuideList):
        if rehearsal is not None and not is_known(guide):
            guide._create_plates(*rehearsal.args, **rehearsal.kwargs)  # which its parts share
        return _together([_drawn(part, rehearsal, num_draws, density=density) for part in guide])
    if isinstance(guide, AutoDelta):
        points = point_of(guide)
        return Drawn({name: value.expand(num_draws, *value.shape) for name, value in points.items()}, None)
    if isinstance(guide, AutoDiscreteParallel):
        return draw_discrete(guide, num_draws)
    if isinstance(guide, AutoLaplaceApproximation):
        return _drawn_by_laplace(guide, num_draws)
    if isinstance(guide, (AutoContinuous, AutoNormal)):
        posterior = _posterior(guide, rehearsal) if isinstance(guide, AutoContinuous) else _normal(guide)
        latent = posterior.rsample((num_draws,))
        draws, growth = stretched(sites_of(guide), latent)
        return Drawn(draws, posterior.log_prob(latent) - growth if density else None)
    if rehearsal is None:
        name = getattr(guide, "__name__", type(guide).__name__)
        raise CannotDrawError(f"Draws are taken from automatic guides and from those of make_guide, got {name}.")
    drawing = draw_together if rehearsal.vectorises(guide) else draw_one_by_one
    return drawing(guide, rehearsal.args, num_draws, rehearsal.kwargs, density=density)


def _together(parts: Sequence[Drawn]) -> Drawn:
    """Join the draws of parts that are independent of each other."""
    draws = {name: value for part in parts for name, value in part.values.items()}
    densities = [part.log_density for part in parts if part.log_density is not None]
    log_density = torch.stack(densities).sum(0) if densities and len(densities) == len(parts) else None
    return Drawn(draws, log_density, tuple(name for part in parts for name in part.left_out))


def _posterior(guide: AutoContinuous, rehearsal: Known | None) -> Any:
    if rehearsal is None:
        return guide.get_posterior()
    return guide.get_posterior(*rehearsal.args, **rehearsal.kwargs)


def _normal(guide: AutoNormal) -> Any:
    loc, scale = site_by_site(guide)
    return dist.Normal(loc, scale).to_event(1)


def _drawn_by_laplace(guide: AutoLaplaceApproximation, num_draws: int) -> Drawn:
    loc, factor, definite = laplace(guide)
    noise = torch.randn(num_draws, factor.shape[1], dtype=loc.dtype, device=loc.device)
    draws, growth = stretched(sites_of(guide), loc + noise @ factor.T)
    volume = factor.diagonal().log().sum() + 0.5 * len(loc) * math.log(2 * math.pi)
    return Drawn(draws, torch.where(definite, -0.5 * noise.square().sum(1) - volume - growth, math.inf))


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
    if isinstance(guide, AutoDiscreteParallel):
        return discrete_quantiles(guide, probs)
    if not isinstance(guide, AutoGuide) or (pair := loc_and_scale(guide)) is None:
        return None
    # As guide.quantiles does, but all probabilities at once: the transforms are slow to call, not to compute.
    loc, scale = pair
    single = torch.promote_types(loc.dtype, torch.float32)  # there is no ndtri in half precision
    normal = torch.special.ndtri(torch.tensor(probs, dtype=single, device=loc.device)).to(loc.dtype)
    return on_supports(sites_of(guide), loc + scale * normal[:, None])


@torch.no_grad()
def quantiles(guide: Callable[..., Any], probs: Sequence[float], num_draws: int) -> dict[str, NDArray[np.float64]]:
    """Return quantiles of each latent by itself, on its support: by site, shape (len(probs), *site shape).

    The probabilities are in (0, 1). `num_draws` draws are used where the guide, or a part of an AutoGuideList, has no
    closed form, as a flow has none; CannotDrawError is raised where there are no draws.
    """
    with ready_to_draw(guide) as (ready, rehearsal), same_noise(), _explained(rehearsal):
        return _quantiles(ready, rehearsal, probs, num_draws)


def _quantiles(
    guide: Callable[..., Any], rehearsal: Known | None, probs: Sequence[float], num_draws: int
) -> dict[str, NDArray[np.float64]]:
    closed = _closed(guide, probs)
    if closed is not None:
        return {name: as_float64(value) for name, value in closed.items()}
    if isinstance(guide, AutoGuideList) and any(_closed(part, probs) is not None for part in guide):
        if rehearsal is not None:
            guide._create_plates(*rehearsal.args, **rehearsal.kwargs)
        parts = [_quantiles(part, rehearsal, probs, num_draws) for part in guide]
        return {name: value for part in parts for name, value in part.items()}
    drawn = _drawn(guide, rehearsal, num_draws, density=False).values
    return {name: order_statistics(as_float64(value), probs) for name, value in drawn.items()}


def order_statistics(draws: NDArray[Any], probs: Sequence[float]) -> NDArray[Any]:
    """Estimate quantiles by the draw whose rank is nearest to prob (num_draws + 1), with prob in (0, 1).

    Draws are of shape (num_draws, *shape), the quantiles of shape (len(probs), *shape).
    """
    num_draws = len(draws)
    ranks = [min(max(round(prob * (num_draws + 1)) - 1, 0), num_draws - 1) for prob in probs]
    # NumPy sorts with vector instructions: a third of the time that np.partition takes for three ranks. It does so
    # where the draws of a number lie side by side.
    ordered = np.array(draws, order="F")
    ordered.sort(axis=0)
    return ordered[ranks]


def as_float64(value: torch.Tensor) -> NDArray[np.float64]:
    """Copy a tensor into an array."""
    return as_numpy(value).astype(np.float64)
