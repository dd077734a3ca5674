"""Marginal densities of guides that are normal on the unconstrained scale, by formula."""

import math
from collections.abc import Collection, Sequence
from functools import cache, lru_cache

import numpy as np
import torch
from torch.distributions.transforms import IndependentTransform

from rugged_widget.infer.guides.gaussian import Affine, Site
from rugged_widget.infer.guides.predictive import DENSITY_POINTS, band_probs
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.values import Array, Density

REACH = 4.5
"""Standard deviations on the unconstrained scale that a curve reaches to either side of the median."""

_STEPS = np.linspace(-REACH, REACH, DENSITY_POINTS)
_HEIGHTS = np.exp(-0.5 * _STEPS**2) / math.sqrt(2 * math.pi)


def normal_density(mean: float, sd: float, prob: float) -> Density:
    """Return the density of a normal number, of a standard deviation > 0."""
    lower, median, upper = (mean + sd * score for score in band_scores(prob))
    return Density(mean + sd * _STEPS, _HEIGHTS / sd, _above(-mean / sd), lower, median, upper, prob)


def marginal_densities(
    affine: Affine, prob: float, *, names: Collection[str] | None = None
) -> dict[str, tuple[Density, ...]]:
    """Return the density of each number of each site, by change of variables on the way to its support.

    The sites are those of these names, all where it is None. Sites are left out whose numbers are not transformed one
    by one, as those of a simplex are not, and those with a number that is a point or lies at the edge of its support by
    rounding.
    """
    return ask_marginal_densities(affine, prob, Transfer(), names=names)()


def ask_marginal_densities(
    affine: Affine, prob: float, transfer: Transfer, *, names: Collection[str] | None = None
) -> Later[dict[str, tuple[Density, ...]]]:
    """Ask for what `marginal_densities` returns."""
    loc, sd = _double(affine.loc.detach()), _double(affine.factor.detach()).square().sum(1).sqrt()
    sizes = [site.shape.numel() for site in affine.sites]
    parts = zip(affine.sites, loc.split(sizes), sd.split(sizes), strict=True)
    asked = {
        site.name: _ask_site(site, of_loc, of_sd, prob, transfer)
        for site, of_loc, of_sd in parts
        if names is None or site.name in names
    }

    def found() -> dict[str, tuple[Density, ...]]:
        densities = {name: read() for name, read in asked.items()}
        return {name: of_site for name, of_site in densities.items() if of_site is not None}

    return found


def _double(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor in double precision, in single where its device has no more."""
    return value.to(_finest(value.device))


@cache
def _finest(device: torch.device) -> torch.dtype:
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):  # as Apple's GPU says
        return torch.float32
    return torch.float64


def _ask_site(
    site: Site, loc: torch.Tensor, sd: torch.Tensor, prob: float, transfer: Transfer
) -> Later[tuple[Density, ...] | None]:
    transform = site.transform
    while isinstance(transform, IndependentTransform):
        transform = transform.base_transform
    if transform.domain.event_dim or transform.codomain.event_dim:
        return lambda: None
    knots = torch.from_numpy(np.append(_STEPS, band_scores(prob))).to(loc)
    place = loc[:, None] + sd[:, None] * knots
    value = transform(place)
    stretch = transform.log_abs_det_jacobian(place, value).exp()
    zero = loc.new_zeros(1)
    holds_zero = torch.as_tensor(transform.codomain.check(zero), device=loc.device)
    asked = (value, (stretch * sd[:, None]).expand_as(value), loc, sd, transform.inv(zero), holds_zero)
    read = [transfer.array(one) for one in asked]
    return lambda: _of_site([array() for array in read], prob)


def _of_site(arrays: Sequence[Array], prob: float) -> tuple[Density, ...] | None:
    """Return the densities of values at the knots, with their slopes; None where a number is a point, or rounded."""
    x, slope, loc, sd, place_of_zero, holds_zero = arrays
    steps = np.diff(x[:, :DENSITY_POINTS])
    up = bool((steps > 0).all())
    if not ((sd > 0).all() and np.isfinite(x).all() and (slope > 0).all() and (up or (steps < 0).all())):
        return None
    place = float(place_of_zero.reshape(-1)[0]) if holds_zero.all() else math.nan
    zeros = [_end(float(row[DENSITY_POINTS // 2]), up) if math.isnan(place) else place for row in x]
    pairs = zip(x, slope, (np.array(zeros) - loc) / sd, strict=True)
    return tuple(_on_support(values, rises, zero, up, prob) for values, rises, zero in pairs)


def _end(middle: float, up: bool) -> float:
    """Return the end of the unconstrained scale beyond which 0 would lie, where no number there is mapped to it."""
    return -math.inf if (middle > 0) == up else math.inf


def _on_support(x: Array, slope: Array, zero: float, up: bool, prob: float) -> Density:
    """Return the density of values whose slope is by the standard normal number; `zero` is where that makes them 0."""
    (lower, median, upper), x = sorted(map(float, x[DENSITY_POINTS:])), x[:DENSITY_POINTS]
    height = _HEIGHTS / slope[:DENSITY_POINTS]
    positive = _above(zero) if up else 1 - _above(zero)
    order = slice(None, None, 1 if up else -1)
    x, height = np.ascontiguousarray(x[order]), np.ascontiguousarray(height[order])
    return Density(x, height, positive, lower, median, upper, prob)


def _above(score: float) -> float:
    """Return the probability that a standard normal number is greater."""
    return 0.5 * math.erfc(score * math.sqrt(0.5))


@lru_cache(maxsize=8)
def band_scores(prob: float) -> tuple[float, float, float]:
    """Return the standard normal quantiles of the ends and the middle of what holds `prob`."""
    lower, _, upper = torch.special.ndtri(torch.from_numpy(np.array(band_probs(prob)))).tolist()
    return lower, 0.0, upper
