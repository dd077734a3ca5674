"""Validate a custom guide against its model by running both."""

from collections.abc import Callable
from typing import Any, Final

import torch
from pyro import poutine
from pyro.distributions import Delta, TransformedDistribution
from torch.distributions import constraints

from rugged_widget.infer.step.failure import MAX_TEXT

DRAWS: Final = 20
"""Draws of the guide that have to lie on the support of the model."""


@torch.no_grad()
def try_guide(guide: Callable[..., Any], model: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Call guide and model with `args`, and see that the one draws each latent of the other.

    The guide's parameters go into the present store. ValueError is raised where the guide raises, leaves a latent out,
    draws something else, or draws a latent of another shape or off its support.
    """
    latents = latents_of(poutine.trace(model).get_trace(*args))
    for _ in range(DRAWS):
        try:
            sites = latents_of(poutine.trace(guide).get_trace(*args))
        except Exception as error:
            message = " ".join(str(error).split())[:MAX_TEXT]
            raise ValueError(
                f"the guide must be callable with what the model is called with ({', '.join(map(_kind, args))}); "
                f"it raised {type(error).__name__}: {message}"
            ) from error
        _compare(sites, latents)


def latents_of(trace: Any) -> dict[str, dict[str, Any]]:
    """Return the sites of a trace that are drawn, by name, without those that pick rows or only help to draw others."""
    return {
        name: site
        for name, site in trace.iter_stochastic_nodes()
        if not site["infer"].get("is_auxiliary") and type(site["fn"]).__name__ != "_Subsample"
    }


def _compare(sites: dict[str, dict[str, Any]], latents: dict[str, dict[str, Any]]) -> None:
    for name in latents:
        if name not in sites:
            raise ValueError(f"the guide must draw each latent of the model, and it does not draw {name!r}")
    for name, site in sites.items():
        if name not in latents:
            names = ", ".join(map(repr, latents))
            raise ValueError(f"the guide draws {name!r}, which is no latent of the model; those are {names}")
        value, latent = site["value"], latents[name]
        if value.shape != latent["value"].shape:
            shapes = f"{tuple(value.shape)}, and in the model it has {tuple(latent['value'].shape)}"
            raise ValueError(f"the guide draws {name!r} of shape {shapes}")
        support = latent["fn"].support
        if not bool(support.check(value).all()) or (not _is_real(support) and _goes_beyond(site["fn"])):
            raise ValueError(
                f"the guide must draw {name!r} on its support in the model, {_range_of(support)}; "
                f"it draws it from {type(innermost(site['fn'])).__name__}"
            )


def _goes_beyond(distribution: Any) -> bool:
    """Return whether draws can be anywhere on the line, and so off a support that is less, sooner or later.

    A point is where it is, and a transformed distribution says "anywhere" if its last transform alone could reach that.
    """
    return not isinstance(innermost(distribution), (Delta, TransformedDistribution)) and _is_real(distribution.support)


def _is_real(support: Any) -> bool:
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support is constraints.real


def innermost(distribution: Any) -> Any:
    """Return a distribution without what only says which of its dimensions belong together."""
    while hasattr(distribution, "base_dist") and type(distribution).__name__ in {"Independent", "ExpandedDistribution"}:
        distribution = distribution.base_dist
    return distribution


def _range_of(support: Any) -> str:
    if hasattr(support, "lower_bound") and hasattr(support, "upper_bound"):
        return f"from {float(support.lower_bound):g} to {float(support.upper_bound):g}"
    return str(support)


def _kind(value: object) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
