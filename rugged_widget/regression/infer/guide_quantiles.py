"""Quantiles of a guide in the units of the table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from rugged_widget.infer.guides.gaussian import affine_of
from rugged_widget.infer.guides.sampling import as_float64, order_statistics
from rugged_widget.infer.guides.setup import set_up
from rugged_widget.regression.infer.exact.normal_mixture import normal_score
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.scale import Scale
from rugged_widget.snapshot.values import Array


@torch.no_grad()
def original_quantiles(
    guide: Callable[..., Any],
    closed: Mapping[str, Array],
    draws: Mapping[str, Array],
    probs: Sequence[float],
    scale: Scale,
) -> dict[str, Array]:
    """Return quantiles by site, shape (len(probs), *site shape), in the units of the table.

    There a weight and the bias are sums of latents, which have a closed form where these are normal together. Call it
    in `Fit.inspecting`.

    Parameters
    ----------
    guide
        The guide.
    closed
        Its quantiles as the model has the latents; empty where it has no closed form of them.
    draws
        Draws of the latents in the units of the table, shape (num_draws, *site shape), for guides that have none.
    probs
        Probabilities, each in (0, 1).
    """
    quantiles = {site: order_statistics(value, probs) for site, value in draws.items()}
    if not closed:
        return quantiles
    quantiles[SIGMA] = closed[SIGMA] * scale.y_spread
    with set_up(guide) as ready:
        affine = affine_of(ready)
    if affine is not None:
        rows = torch.arange(len(affine.loc)).split([site.shape.numel() for site in affine.sites])
        place = dict(zip((site.name for site in affine.sites), rows, strict=True))
        order = torch.cat([place[WEIGHT], place[BIAS]])
        loc, factor = (as_float64(value[order]) * scale.y_spread for value in (affine.loc, affine.factor))
        mean, sd = scale.matrix @ loc + scale.offset, np.linalg.norm(scale.matrix @ factor, axis=1)
        values = mean + normal_score(np.asarray(probs, np.float64))[:, None] * sd
        quantiles |= {WEIGHT: values[:, None, :-1], BIAS: values[:, -1:]}
    return quantiles
