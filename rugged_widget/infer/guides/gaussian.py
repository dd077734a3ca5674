"""Guides that are jointly normal on the unconstrained scale, and others with that layout."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer.autoguide import (
    AutoContinuous,
    AutoDelta,
    AutoGuide,
    AutoGuideList,
    AutoLaplaceApproximation,
    AutoNormal,
)
from torch.distributions import biject_to

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.setup import Rehearsal, rehearsal_of

MAX_CURVATURE: Final = 1000
"""Latent values up to which the curvature of the user's own model is computed: it costs a gradient for each."""


class Site(NamedTuple):
    """A latent: its name, the transform from the line to its support, and the shape of its unconstrained value."""

    name: str
    transform: Any
    shape: torch.Size


class Affine(NamedTuple):
    """Standard normal noise stretched and moved.

    Attributes
    ----------
    sites
        Latents in the order of their values.
    loc
        Shape (latent_dim,).
    factor
        Shape (latent_dim, num_noise): times its transpose it is the covariance; without columns it is a point.
    """

    sites: list[Site]
    loc: torch.Tensor
    factor: torch.Tensor


def sites_of(guide: AutoGuide) -> list[Site]:
    """Return the latents of an AutoContinuous, AutoNormal or AutoDelta in their order."""
    prototype: Any = guide.prototype_trace
    sites = []
    for name, site in prototype.iter_stochastic_nodes():
        transform = biject_to(site["fn"].support)
        if isinstance(guide, AutoContinuous):
            shape = guide._unconstrained_shapes[name]
        elif isinstance(guide, AutoNormal):
            shape = guide._get_loc_and_scale(name)[0].shape
        else:
            shape = transform.inv(attrgetter(name)(guide)).shape
        sites.append(Site(name, transform, shape))
    return sites


def cut_up(sites: Sequence[Site], latent: torch.Tensor) -> list[torch.Tensor]:
    """Cut values of shape (n, latent_dim) up into those of each site, shape (n, *shape)."""
    parts = latent.split([site.shape.numel() for site in sites], dim=1)
    return [part.reshape(len(latent), *site.shape) for site, part in zip(sites, parts, strict=True)]


def on_supports(sites: Sequence[Site], latent: torch.Tensor) -> dict[str, torch.Tensor]:
    """Map values of shape (n, latent_dim) to the supports: by site, shape (n, *site shape)."""
    return {site.name: site.transform(part) for site, part in zip(sites, cut_up(sites, latent), strict=True)}


def stretched(sites: Sequence[Site], latent: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Map values as `on_supports` does, with the logarithm of the volume's growth, shape (n,)."""
    values, growth = {}, latent.new_zeros(len(latent))
    for site, part in zip(sites, cut_up(sites, latent), strict=True):
        values[site.name] = site.transform(part)
        stretch = site.transform.log_abs_det_jacobian(part, values[site.name])
        growth = growth + stretch.reshape(len(latent), -1).sum(-1)
    return values, growth


def loc_and_scale(guide: AutoGuide) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return mean and standard deviation of each unconstrained value, shape (latent_dim,), where they are known."""
    if isinstance(guide, AutoNormal):
        return site_by_site(guide)
    if isinstance(guide, AutoLaplaceApproximation):
        loc, factor, _ = laplace(guide)
        return loc, factor.square().sum(1).sqrt()
    if isinstance(guide, AutoDelta):
        loc = _point(guide)
        return loc, torch.zeros_like(loc)
    if not isinstance(guide, AutoContinuous) or type(guide)._loc_scale is AutoContinuous._loc_scale:
        return None
    pair: tuple[torch.Tensor, torch.Tensor] = guide._loc_scale()
    return pair


def site_by_site(guide: AutoNormal) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each unconstrained value of an AutoNormal, shape (latent_dim,).

    CannotDrawError is raised where they are on several devices.
    """
    pairs = [guide._get_loc_and_scale(site.name) for site in sites_of(guide)]
    if not pairs:
        return torch.zeros(0), torch.zeros(0)
    devices = sorted({str(loc.device) for loc, _ in pairs})
    if len(devices) > 1:
        raise CannotDrawError(f"The guide cannot be drawn from: its latents are on {' and '.join(devices)}.")
    loc, scale = (torch.cat([value.reshape(-1) for value in side]) for side in zip(*pairs, strict=True))
    return loc, scale


def affine_of(guide: Callable[..., Any]) -> Affine | None:
    """Return a guide as one normal distribution of all latents, or as a point; None where it is something else."""
    if isinstance(guide, AutoGuideList):
        parts = [affine_of(part) for part in guide]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not parts:
            return None
        sites = [site for part in known for site in part.sites]
        factor = torch.block_diag(*(part.factor for part in known))
        return Affine(sites, torch.cat([part.loc for part in known]), factor)
    if isinstance(guide, AutoNormal):
        loc, scale = site_by_site(guide)
        return Affine(sites_of(guide), loc, scale.diag())
    if isinstance(guide, AutoLaplaceApproximation):
        loc, factor, _ = laplace(guide)
        return Affine(sites_of(guide), loc, factor)
    if isinstance(guide, AutoDelta):
        loc = _point(guide)
        return Affine(sites_of(guide), loc, loc.new_zeros(len(loc), 0))
    return _of_posterior(guide) if isinstance(guide, AutoContinuous) else None


def _of_posterior(guide: AutoContinuous) -> Affine | None:
    posterior: Any = guide.get_posterior()
    sites = sites_of(guide)
    if isinstance(posterior, dist.MultivariateNormal):
        return Affine(sites, posterior.loc, posterior.scale_tril)
    if isinstance(posterior, dist.LowRankMultivariateNormal):
        factor = torch.cat([posterior.cov_factor, posterior.cov_diag.sqrt().diag()], dim=1)
        return Affine(sites, posterior.loc, factor)
    if isinstance(posterior, dist.Independent) and isinstance(posterior.base_dist, dist.Normal):
        return Affine(sites, posterior.base_dist.loc, posterior.base_dist.scale.diag())
    return None


def point_of(guide: AutoDelta) -> dict[str, torch.Tensor]:
    """Return the values of a point guide by site, of all elements of each plate; no call of the guide is needed."""
    prototype: Any = guide.prototype_trace
    return {name: attrgetter(name)(guide).detach() for name, _ in prototype.iter_stochastic_nodes()}


def _point(guide: AutoDelta) -> torch.Tensor:
    values = point_of(guide)
    free = [site.transform.inv(values[site.name]).reshape(-1) for site in sites_of(guide)]
    return torch.cat(free) if free else torch.zeros(0)


def laplace(guide: AutoLaplaceApproximation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Approximate the posterior by the normal distribution whose curvature is that of the model at the guide's point.

    The guide is set up. One that `make_guide` made without arguments, one among others in a list, and one of the user's
    of more than `MAX_CURVATURE` values is taken for a point.

    Returns
    -------
    loc
        The point, unconstrained, shape (latent_dim,).
    factor
        Lower triangle whose product with its transpose is the covariance, shape (latent_dim, latent_dim); zero where
        the curvature there is not that of a maximum; without columns for what is taken for a point.
    definite
        True where it is, shape ().
    """
    loc: torch.Tensor = guide.loc.detach()
    rehearsal = rehearsal_of(guide)
    if rehearsal is None or (isinstance(rehearsal, LiveRehearsal) and len(loc) > MAX_CURVATURE):
        return loc, loc.new_zeros(len(loc), 0), torch.tensor(data=False, device=loc.device)
    if not isinstance(rehearsal, LiveRehearsal):
        return _approximated(guide, loc, rehearsal)
    versions = {name: value._version for name, value in pyro.get_param_store().named_parameters()}
    known = rehearsal.curvature
    if known is None or known[0] != versions or not torch.equal(known[1][0], loc):
        known = versions, _approximated(guide, loc.clone(), rehearsal)
        rehearsal.curvature = known
    return known[1]


def _approximated(
    guide: AutoLaplaceApproximation, loc: torch.Tensor, rehearsal: Rehearsal | LiveRehearsal
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    joint = _log_joint(rehearsal.model, rehearsal.args, rehearsal.kwargs, sites_of(guide))
    with pyro.validation_enabled(False), rehearsal.looking():
        curvature = -_second_derivatives(joint, loc)
    lower, failed = torch.linalg.cholesky_ex((curvature + curvature.T) / 2)
    definite = failed == 0
    eye = torch.eye(len(loc), dtype=loc.dtype, device=loc.device)
    inverse = torch.linalg.solve_triangular(torch.where(definite, lower, eye), eye, upper=False)
    factor = torch.linalg.cholesky_ex(inverse.T @ inverse)[0]
    return loc, torch.where(definite, factor, 0.0), definite


def _second_derivatives(joint: Callable[[torch.Tensor], torch.Tensor], loc: torch.Tensor) -> torch.Tensor:
    derivatives: torch.Tensor
    try:
        derivatives = torch.func.jacrev(torch.func.grad(joint))(loc)
    except (RuntimeError, ValueError, TypeError):  # a model that cannot be run for many values at once
        with torch.enable_grad():
            derivatives = torch.autograd.functional.hessian(joint, loc)
    return derivatives


def _log_joint(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], sites: Sequence[Site]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return log p(data, latents), with the volume's growth, as a function of the unconstrained values."""

    def joint(latent: torch.Tensor) -> torch.Tensor:
        values, growth = stretched(sites, latent[None])
        data = {name: value[0] for name, value in values.items()}
        trace: Any = poutine.trace(poutine.condition(model, data=data)).get_trace(*args, **kwargs)
        return torch.as_tensor(trace.log_prob_sum()) + growth[0]

    return joint
