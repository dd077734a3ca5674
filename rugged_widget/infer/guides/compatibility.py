"""Validate a custom guide against its model by running both."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from pyro import poutine
from pyro.distributions import Delta, TransformedDistribution
from torch.distributions import constraints

from rugged_widget.infer.diagnostics.supports import without_dimensions
from rugged_widget.infer.step.failure import in_a_line, named_site
from rugged_widget.infer.step.traceback_reading import described

DRAWS: Final = 20
"""Draws of the guide that have to lie on the support of the model."""


@torch.no_grad()
def try_guide(guide: Callable[..., Any], model: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Call guide and model with `args`, and see that the one draws each latent of the other.

    The guide's parameters go into the present store. ValueError is raised where the guide raises, leaves a latent out,
    draws something else, or draws a latent of another shape or off its support.
    """
    latents = latents_of(traced(model, args, {}))
    for _ in range(DRAWS):
        try:
            sites = latents_of(traced(guide, args, {}))
        except Exception as error:
            needed = f"the guide must be callable with what the model is called with ({described(args, {})})"
            raise ValueError(f"{needed}; it raised {type(error).__name__}: {in_a_line(error)}") from error
        _compare(sites, latents)


def traced(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the trace of one call of a model or guide."""
    return poutine.trace(function).get_trace(*args, **kwargs)


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
        if not bool(support.check(value).all()) or goes_beyond(site["fn"], support):
            raise ValueError(
                f"the guide must draw {name!r} on its support in the model, {range_of(support)}; "
                f"it draws it from {type(innermost(site['fn'])).__name__}"
            )


def goes_beyond(distribution: Any, support: Any) -> bool:
    """Return whether draws can be anywhere on the line, and so off a support that is less, sooner or later.

    A point is where it is, and a transformed distribution says "anywhere" if its last transform alone could reach that.
    """
    is_fixed = isinstance(innermost(distribution), (Delta, TransformedDistribution))
    return not _is_real(support) and not is_fixed and _is_real(distribution.support)


def _is_real(support: Any) -> bool:
    return without_dimensions(support) is constraints.real


def innermost(distribution: Any) -> Any:
    """Return a distribution without what only says which of its dimensions belong together."""
    while hasattr(distribution, "base_dist") and type(distribution).__name__ in {"Independent", "ExpandedDistribution"}:
        distribution = distribution.base_dist
    return distribution


def range_of(support: Any) -> str:
    """Return a support in words."""
    support = without_dimensions(support)
    if hasattr(support, "lower_bound") and hasattr(support, "upper_bound"):
        return f"from {float(support.lower_bound):g} to {float(support.upper_bound):g}"
    if hasattr(support, "lower_bound"):
        return f"{float(support.lower_bound):g} and above"
    return str(support).removesuffix("()")


def raised(error: Exception) -> str:
    """Return what an exception of a guide or model says, with the site where it can be told, without a full stop."""
    site = named_site(error)
    where = f" at site {site!r}" if site else ""
    message = in_a_line(error).rstrip(".") or "no message"
    return f"it raised {type(error).__name__}{where}: {message}"
