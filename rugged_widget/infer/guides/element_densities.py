"""Densities of single elements of latents, of any guide and any number of latents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pyro.infer.autoguide import AutoGuide, AutoGuideList

from rugged_widget.infer.guides.densities import marginal_densities
from rugged_widget.infer.guides.gaussian import Affine, Site, loc_and_scale, sites_of
from rugged_widget.infer.guides.predictive import density
from rugged_widget.infer.guides.setup import set_up
from rugged_widget.infer.step.transfer import Later
from rugged_widget.snapshot.values import Array, Density, Latent


def element_densities(
    guide: Callable[..., Any], latents: Sequence[Latent], prob: float, draws: Callable[[], Mapping[str, Array]]
) -> dict[Latent, Density]:
    """Return densities on the latents' supports: by formula where the guide is normal there, else from draws.

    The guide is not called; call this inside `Fit.inspecting`. Elements that there are not, or of which no draw is
    finite, are left out. `prob`, in (0, 1), lies between the ends of an interval; `draws` returns draws by site, shape
    (num_draws, *site shape), and is called where there is an element without a formula.
    """
    return ask_element_densities(guide, latents, prob, lambda: draws)()


def ask_element_densities(
    guide: Callable[..., Any],
    latents: Sequence[Latent],
    prob: float,
    ask_draws: Callable[[], Later[Mapping[str, Array]]],
) -> Later[dict[Latent, Density]]:
    """Ask for what `element_densities` returns; `ask_draws` asks for draws where there is no formula."""
    with torch.no_grad(), set_up(guide) as ready:
        closed = dict(_closed(ready, latents, prob))
    rest = [latent for latent in latents if latent not in closed]
    read = ask_draws() if rest else dict

    def found() -> dict[Latent, Density]:
        densities = closed | dict(_estimated(read(), rest, prob))
        return {latent: densities[latent] for latent in latents if latent in densities}

    return found


def _closed(guide: Any, latents: Sequence[Latent], prob: float) -> Iterator[tuple[Latent, Density]]:
    if isinstance(guide, AutoGuideList):
        for part in guide:
            yield from _closed(part, latents, prob)
        return
    if not isinstance(guide, AutoGuide) or guide.prototype_trace is None:
        return
    pair = loc_and_scale(guide)
    if pair is None:
        return
    sites = sites_of(guide)
    sizes = [site.shape.numel() for site in sites]
    parts = zip(sites, pair[0].split(sizes), pair[1].split(sizes), strict=True)
    by_name = {site.name: (site, loc, scale) for site, loc, scale in parts}
    for name, index in latents:
        if name in by_name:
            found = _of_element(*by_name[name], index, prob)
            if found is not None:
                yield (name, index), found


def _of_element(
    site: Site, loc: torch.Tensor, scale: torch.Tensor, index: tuple[int, ...], prob: float
) -> Density | None:
    """Return the density of one element; None where its transform is not that of a number by itself."""
    try:
        place = int(np.ravel_multi_index(index, tuple(site.shape))) if index else 0
        whole = float(site.transform(loc.reshape(site.shape)).reshape(-1)[place])
        if not float(scale[place]):
            return density(np.full(2, whole), prob)
        one = Site(site.name, site.transform, torch.Size([1]))
        alone = Affine([one], loc[place : place + 1], scale[place : place + 1, None])
        found = marginal_densities(alone, prob).get(site.name)
    except (RuntimeError, ValueError, IndexError):  # a bound for each element, or no such element
        return None
    # One of several numbers that are transformed together is something else alone.
    return found[0] if found is not None and np.isclose(found[0].median, whole, rtol=1e-4, atol=1e-7) else None


def _estimated(draws: Mapping[str, Array], latents: Sequence[Latent], prob: float) -> Iterator[tuple[Latent, Density]]:
    for name, index in latents:
        values = draws.get(name)
        if values is None or len(index) != values.ndim - 1:
            continue
        try:
            place = int(np.ravel_multi_index(index, values.shape[1:])) if index else 0
        except ValueError:  # no such element
            continue
        element = np.asarray(values, dtype=np.float64).reshape(len(values), -1)[:, place]
        finite = element[np.isfinite(element)]
        if len(finite):
            yield (name, index), density(finite, prob)
