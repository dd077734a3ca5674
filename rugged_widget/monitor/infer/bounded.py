"""Densities from draws of latents that have a bound: none of it lies beyond."""

from dataclasses import replace
from typing import Final

import numpy as np

from rugged_widget.snapshot.values import Density

BOUNDS: Final = {"positive": (0.0, np.inf), "simplex": (0.0, 1.0)}
"""Bounds by kind of support."""


def within_bounds(density: Density, kind: str) -> Density:
    """Fold what a kernel put beyond the bounds of a support back over them; its integral stays 1.

    Parameters
    ----------
    density
        Density of an element; one from draws reaches beyond the draws by some widths of the kernel.
    kind
        Kind of the support. A density of another kind, or of a point, is returned as it is.
    """
    low, high = BOUNDS.get(kind, (-np.inf, np.inf))
    x, height = density.x, density.density
    open_below = kind == "positive" and density.prob_positive < 1.0  # the bound of such a support may lie below 0
    if open_below or density.lower == density.upper or (x[0] >= low and x[-1] <= high):
        return density
    places = np.linspace(max(low, float(x[0])), min(high, float(x[-1])), len(x))
    folded = np.interp(places, x, height, left=0.0, right=0.0)
    for bound in (low, high):
        if np.isfinite(bound):
            folded += np.interp(2 * bound - places, x, height, left=0.0, right=0.0)
    return replace(density, x=places, density=folded)
