"""Densities of single elements of latents, of any guide and any number of latents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pyro.infer.autoguide import AutoGuide, AutoGuideList

from rugged_widget.infer.guides.densities import ask_marginal_densities
from rugged_widget.infer.guides.gaussian import Affine, Site, loc_and_scale, sites_of
from rugged_widget.infer.guides.predictive import density
from rugged_widget.infer.guides.setup import set_up
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.values import Array, Density, Latent


def element_densities(
    guide: Callable[..., Any], latents: Sequence[Latent], prob: float, draws: Callable[[], Mapping[str, Array]]
) -> dict[Latent, Density]:
    """Return densities on the latents' supports: by formula where the guide is normal there, else from draws.

    The guide is not called; call this inside `Fit.inspecting`. Elements that there are not, or of which no draw is
    finite, are left out. `prob`, in (0, 1), lies between the ends of an interval; `draws` returns draws by site, shape
    (num_draws, *site shape), and is called where there is an element without a formula.
    """
    return ask_element_densities(guide, latents, prob, lambda: draws, Transfer())()


def ask_element_densities(
    guide: Callable[..., Any],
    latents: Sequence[Latent],
    prob: float,
    ask_draws: Callable[[], Later[Mapping[str, Array]]],
    transfer: Transfer,
) -> Later[dict[Latent, Density]]:
    """Ask for what `element_densities` returns; `ask_draws` asks for draws where a guide has latents without a formula.

    An element is found to have none when its values are read, which then needs draws that cross later.
    """
    with torch.no_grad(), set_up(guide) as ready:
        asked = dict(_ask_closed(ready, latents, prob, transfer))
    draws = ask_draws() if asked.keys() < set(latents) else None

    def found() -> dict[Latent, Density]:
        closed = {latent: density for latent, read in asked.items() if (density := read()) is not None}
        rest = [latent for latent in latents if latent not in closed]
        of_draws = dict(_estimated((draws or ask_draws())(), rest, prob)) if rest else {}
        return {latent: (closed | of_draws)[latent] for latent in latents if latent in closed or latent in of_draws}

    return found


def _ask_closed(
    guide: Any, latents: Sequence[Latent], prob: float, transfer: Transfer
) -> Iterator[tuple[Latent, Later[Density | None]]]:
    if isinstance(guide, AutoGuideList):
        for part in guide:
            yield from _ask_closed(part, latents, prob, transfer)
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
            asked = _ask_element(*by_name[name], index, prob, transfer)
            if asked is not None:
                yield (name, index), asked


def _ask_element(
    site: Site, loc: torch.Tensor, scale: torch.Tensor, index: tuple[int, ...], prob: float, transfer: Transfer
) -> Later[Density | None] | None:
    """Ask for the density of one element; None where its transform is not that of a number by itself."""
    try:
        place = int(np.ravel_multi_index(index, tuple(site.shape))) if index else 0
        whole = transfer.number(site.transform(loc.reshape(site.shape)).reshape(-1)[place])
        sd = transfer.number(scale[place])
        one = Site(site.name, site.transform, torch.Size([1]))
        alone = Affine([one], loc[place : place + 1], scale[place : place + 1, None])
        densities = ask_marginal_densities(alone, prob, transfer)
    except (RuntimeError, ValueError, IndexError):  # a bound for each element, or no such element
        return None
    return lambda: _of_element(whole(), sd(), densities().get(site.name), prob)


def _of_element(whole: float, sd: float, found: tuple[Density, ...] | None, prob: float) -> Density | None:
    """Return the density of a number whose site has it at `whole`, where that is at the median."""
    if not sd:
        return density(np.full(2, whole), prob)
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
