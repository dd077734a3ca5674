"""Check that a model computes rightly with all values of a discrete latent at once, and so can be summed over it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from pyro import poutine

from rugged_widget.infer.guides.compatibility import latents_of, traced
from rugged_widget.infer.guides.custom_sampling import FirstRows

MAX_SITES: Final = 5
"""Latents that are checked; of a chain, one is like the next."""

NUM_VALUES: Final = 2
"""Values of a latent that are checked."""


def misused_latent(
    model: Callable[..., Any],
    names: Sequence[str],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    max_plate_nesting: int,
) -> str:
    """Return a discrete latent that the model does not compute with value by value, "" where there is none.

    A tensor that holds all values of a latent may be taken for one that holds a value for each row, and no error tells
    of it. So the model is called with all values of one latent at once, and with one value after the other, the other
    latents being fixed; the log densities of all sites have to be the same. The discrete latents, of these `names`, are
    marked to be enumerated; plates take up `max_plate_nesting` >= 0 dimensions.
    """
    with FirstRows():
        latents = latents_of(traced(model, args, kwargs))
        values = {name: site["value"] for name, site in latents.items()}
        for name in [name for name in names if name in values][:MAX_SITES]:
            others = {other: value for other, value in values.items() if other != name}
            conditioned = poutine.condition(model, data=others)
            enumerated = _log_probs(poutine.enum(conditioned, first_available_dim=-1 - max_plate_nesting), args, kwargs)
            dim = enumerated.nodes[name]["infer"].get("_enumerate_dim")
            if dim is None:
                continue
            for index in range(NUM_VALUES):
                value = _value(enumerated.nodes[name], dim, index, values[name].shape)
                one = _log_probs(poutine.condition(model, data={**others, name: value}), args, kwargs)
                if not _alike(enumerated, one, name, dim, index):
                    return name
    return ""


def _log_probs(model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    trace = traced(model, args, kwargs)
    trace.compute_log_prob()
    return trace


def _value(site: Mapping[str, Any], dim: int, index: int, shape: torch.Size) -> torch.Tensor:
    """Return one of the values that a site was given all at once, of the shape of a draw."""
    event_dim = site["fn"].event_dim
    value: torch.Tensor = site["value"].select(dim - event_dim, index)
    return value.reshape(value.shape[max(value.dim() - len(shape), 0) :]).expand(shape)


def _alike(enumerated: Any, one: Any, name: str, dim: int, index: int) -> bool:
    """Return whether the log densities of the other sites are the same, of all values at once and of one."""
    for other, site in one.nodes.items():
        if site["type"] != "sample" or other == name or "log_prob" not in site:
            continue
        log_prob = enumerated.nodes[other]["log_prob"]
        if log_prob.dim() >= -dim:
            log_prob = log_prob.select(dim, index if log_prob.shape[dim] > 1 else 0)
        try:
            left, right = torch.broadcast_tensors(log_prob, site["log_prob"])
        except RuntimeError:
            return False
        if not torch.allclose(left, right, rtol=1e-3, atol=1e-4, equal_nan=True):
            return False
    return True
