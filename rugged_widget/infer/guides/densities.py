"""Marginal densities of guides that are normal on the unconstrained scale, by formula."""

import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.distributions.transforms import IndependentTransform

from rugged_widget.infer.guides.gaussian import Affine, Site
from rugged_widget.infer.guides.predictive import DENSITY_POINTS, band_probs
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
    loc, sd = affine.loc.detach().double(), affine.factor.detach().double().square().sum(1).sqrt()
    sizes = [site.shape.numel() for site in affine.sites]
    parts = zip(affine.sites, loc.split(sizes), sd.split(sizes), strict=True)
    of_sites = {
        site.name: _of_site(site, of_loc, of_sd, prob)
        for site, of_loc, of_sd in parts
        if names is None or site.name in names
    }
    return {name: densities for name, densities in of_sites.items() if densities is not None}


def _of_site(site: Site, loc: torch.Tensor, sd: torch.Tensor, prob: float) -> tuple[Density, ...] | None:
    transform = site.transform
    while isinstance(transform, IndependentTransform):
        transform = transform.base_transform
    if transform.domain.event_dim or transform.codomain.event_dim or not bool((sd > 0).all()):
        return None
    knots = torch.from_numpy(np.append(_STEPS, band_scores(prob))).to(loc.device)
    place = loc[:, None] + sd[:, None] * knots
    value = transform(place)
    stretch = transform.log_abs_det_jacobian(place, value).exp()
    x, slope = value.cpu().numpy(), (stretch * sd[:, None]).expand_as(value).cpu().numpy()
    steps = np.diff(x[:, :DENSITY_POINTS])
    up = bool((steps > 0).all())
    if not (np.isfinite(x).all() and (slope > 0).all() and (up or (steps < 0).all())):
        return None
    zero = torch.zeros(1, dtype=torch.float64, device=loc.device)
    zeros = [_place_of_zero(transform, zero, float(row[DENSITY_POINTS // 2]), up) for row in x]
    pairs = zip(x, slope, (np.array(zeros) - loc.cpu().numpy()) / sd.cpu().numpy(), strict=True)
    return tuple(_on_support(values, rises, zero, up, prob) for values, rises, zero in pairs)


def _place_of_zero(transform: Any, zero: torch.Tensor, middle: float, up: bool) -> float:
    """Return where the transform passes 0 on the unconstrained scale; an end of it where it does not."""
    if bool(transform.codomain.check(zero)):
        place = float(transform.inv(zero))
        if not math.isnan(place):
            return place
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
