"""What a run may be found to be: converged or not, good or not, corrected; made by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rugged_widget.regression.snapshot import RegressionCorrection
from rugged_widget.snapshot.snapshot import Approximation, Band, Convergence, Density, KLGap

if TYPE_CHECKING:
    from rugged_widget.regression.snapshot import RegressionSnapshot

WEIGHT, BIAS, SIGMA = "linear.weight", "linear.bias", "sigma"
CONVERGED = Convergence("converged", 940, 0.02, 0.62, 0.31, "average", 0.04, 0.11)
DRIFTING = Convergence("drifting", None, 12.34, 3.2, math.nan, "more_steps", 45.6, 49.0)
UNSTABLE = Convergence("unstable", None, -300.0, 120.0, math.nan, "lower", -900.0, 40.0)
EARLY = Convergence("early", None, math.nan, math.nan, math.nan, "")


def convergence(**changes: Any) -> Convergence:
    """Return a converged run with some fields changed."""
    return dataclasses.replace(CONVERGED, **changes)


def approximation(quality: Any = "poor", **changes: Any) -> Approximation:
    """Return what is found of the default run, or of another quality, with some fields changed."""
    k_hats = {"poor": (0.66, 0.74, 0.84), "borderline": (0.62, 0.69, 0.78), "good": (0.21, 0.31, 0.44)}
    found: dict[str, Any] = {
        "quality": quality,
        "k_hats": np.array(k_hats.get(quality, (math.nan,))),
        "threshold": 0.7,
        "num_draws": 2000,
        "effective": 0.21 if quality != "good" else 0.94,
        "elbo": -248.9,
        "elbo_error": 0.02,
        "gap": KLGap(1.25, 0.02),
        "sd_ratios": {WEIGHT: np.array([[0.53, 0.61, 0.58]]), BIAS: np.array([0.55]), SIGMA: np.array(0.98)},
        "worst": (WEIGHT, (0, 0)),
        "correlation": -0.77,
        "correlated": ((WEIGHT, (0, 1)), (BIAS, (0,))),
        "correlates": False,
    }
    if quality == "good":
        ratios = {WEIGHT: np.array([[0.98, 1.012, 1.02]]), BIAS: np.array([0.99]), SIGMA: np.array(0.964)}
        found |= {"sd_ratios": ratios, "worst": (SIGMA, ()), "correlates": True}
    if quality == "point":
        nothing = {"threshold": math.nan, "effective": math.nan, "elbo": math.nan, "elbo_error": math.nan}
        found |= nothing | {"gap": None, "sd_ratios": {}, "worst": None, "correlation": math.nan, "correlated": None}
    return Approximation(**(found | changes))


def correction_of(snapshot: RegressionSnapshot, times: float = 1.8, *, reliable: bool = True) -> RegressionCorrection:
    """Return a correction that makes everything wider by a factor."""
    middle = len(snapshot.probs) // 2
    return RegressionCorrection(
        quantiles={site: q[middle] + times * (q - q[middle]) for site, q in snapshot.quantiles.items()},
        bands={mode: tuple(_wider(band, times) for band in bands) for mode, bands in snapshot.bands.items()},
        slopes=tuple(_wider_density(slope, times) for slope in snapshot.slopes),
        k_hat=0.5 if reliable else 0.9,
        effective=0.3,
        reliable=reliable,
    )


def _wider(band: Band, times: float) -> Band:
    lower, upper = (band.median + times * (end - band.median) for end in (band.lower, band.upper))
    return dataclasses.replace(band, lower=lower, upper=upper)


def _wider_density(slope: Density, times: float) -> Density:
    lower, upper = (slope.median + times * (end - slope.median) for end in (slope.lower, slope.upper))
    x = slope.median + times * (slope.x - slope.median)
    return dataclasses.replace(slope, x=x, density=slope.density / times, lower=lower, upper=upper)
