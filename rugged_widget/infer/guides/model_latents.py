"""Latents of a model as a guide has to draw them: real numbers, and discrete values that can be summed over or not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyro.distributions as dist
import torch
from pyro import poutine

from rugged_widget.infer.guides.agreement import is_enumerated
from rugged_widget.infer.guides.compatibility import innermost, latents_of, raised, traced
from rugged_widget.infer.guides.loops import Loop, loops_of
from rugged_widget.infer.step.traceback_reading import described
from rugged_widget.infer.step.undone import undone

WITH_PROBABILITIES: Final = (dist.Bernoulli, dist.Categorical, dist.OneHotCategorical)
"""Distributions that AutoDiscreteParallel has probabilities for."""


@dataclass(frozen=True)
class ModelLatents:
    """Latents of a model as one call of it showed them.

    Attributes
    ----------
    continuous, discrete
        Names of the latents, in the order of the model.
    elements
        Numbers that the continuous latents have together.
    endless
        Names of the discrete latents whose values cannot be listed.
    without_probabilities
        Names of those that AutoDiscreteParallel does not take.
    enumerated
        True where the model itself marks all its discrete latents to be summed over.
    max_plate_nesting
        Dimensions that plates take up, >= 0.
    loops
        Plates that latents are drawn in round by round.
    """

    continuous: tuple[str, ...]
    discrete: tuple[str, ...]
    elements: int
    endless: tuple[str, ...]
    without_probabilities: tuple[str, ...]
    enumerated: bool
    max_plate_nesting: int
    loops: tuple[Loop, ...] = ()


def latents_of_model(model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ModelLatents:
    """Call a model once and return its latents; ValueError is raised where the model raises.

    Random numbers, modules and the parameter store are as before afterwards.
    """
    try:
        with undone(model), torch.enable_grad(), poutine.block():
            trace = traced(model, args, kwargs)
    except Exception as error:
        raise ValueError(f"the model cannot be called with ({described(args, kwargs)}): {raised(error)}") from error
    sites = latents_of(trace)
    discrete = {name: site for name, site in sites.items() if is_discrete(site["fn"])}
    continuous = {name: site for name, site in sites.items() if name not in discrete}
    frames = [frame for _, site in trace.nodes.items() for frame in site.get("cond_indep_stack", ())]
    return ModelLatents(
        continuous=tuple(continuous),
        discrete=tuple(discrete),
        elements=sum(_full_size(site) for site in continuous.values()),
        endless=tuple(name for name, site in discrete.items() if not site["fn"].has_enumerate_support),
        without_probabilities=tuple(
            name for name, site in discrete.items() if type(innermost(site["fn"])) not in WITH_PROBABILITIES
        ),
        enumerated=all(is_enumerated(site) for site in discrete.values()),
        max_plate_nesting=max([-frame.dim for frame in frames if frame.vectorized], default=0),
        loops=loops_of(sites),
    )


def is_discrete(distribution: Any) -> bool:
    """Return whether a distribution draws from whole numbers or other values that can be counted."""
    if distribution.has_enumerate_support:
        return True
    try:
        return bool(distribution.support.is_discrete)
    except (AttributeError, NotImplementedError):
        return False


def _full_size(site: Mapping[str, Any]) -> int:
    """Return how many numbers a latent has, with all elements of its plates."""
    size = int(site["value"].numel())
    for frame in site["cond_indep_stack"]:
        size = size * (frame.full_size or frame.size) // max(frame.size, 1)
    return size
