"""The structure of a model: its sites and plates, and what depends on what, from one run of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyro
import torch
from pyro import poutine
from pyro.distributions import Delta
from pyro.poutine.util import site_is_subsample

from rugged_widget.infer.diagnostics.dependencies import Tracking
from rugged_widget.infer.diagnostics.supports import kind_of, num_values_of
from rugged_widget.infer.step.elbo_traces import plate_dims, traces_of
from rugged_widget.infer.step.undone import undone
from rugged_widget.snapshot.model_values import ModelPlate, ModelSite, ModelStructure, SiteKind, SiteRole

MAX_ERROR = 160
"""Characters of an exception's own message in `ModelStructure.error`."""

_WRAPPERS = frozenset({"Independent", "ExpandedDistribution", "MaskedDistribution"})


class _Run(NamedTuple):
    """A run of the model: its trace, what tracked its values, and the names of the sites that the guide draws.

    `num_plate_dims` are the dimensions of plates, to the left of which enumerated values lie; None of a run without.
    """

    trace: Any
    tracking: Tracking | None
    drawn: frozenset[str] | None
    error: str
    num_plate_dims: int | None = None


class Trained(NamedTuple):
    """A guide, and the loss that calls it together with a model."""

    guide: Callable[..., Any]
    loss: object


def structure_of(
    model: Callable[..., Any],
    guide: Callable[..., Any] | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    trained: Trained | None = None,
) -> ModelStructure:
    """Run a model once, with values of its guide as a step does, and say what it is made of.

    Parameter store, random numbers and buffers of networks are afterwards as before; call it inside `Fit.inspecting`,
    so that its parameters are those of the fit. Factors, masked observations and the sites that pick rows are left out.

    Parameters
    ----------
    model
        A Pyro model.
    guide
        Its guide. A guide that is not set up yet is not run, as that would set it up; so is None.
    args, kwargs
        What both are called with.
    trained
        A guide and the loss that it is trained by, for a model that runs only as in a step: while the loss enumerates
        its sites, or with parameters that the guide makes.

    Returns
    -------
    ModelStructure
        Where the model does not run with tracked values, its sites are without parents, and `error` says why; where it
        does not run at all, it has no sites.
    """
    with (
        undone(model, guide, trained and trained.guide),
        warnings.catch_warnings(),
        torch.enable_grad(),
        pyro.validation_enabled(False),
    ):
        warnings.simplefilter("ignore")
        run = _run(model, guide, tuple(args), dict(kwargs or {}), trained)
        if run.trace is None:
            return ModelStructure((), (), run.error)
        nodes = {name: site for name, site in run.trace.nodes.items() if _is_shown(site)}
        num_factors = sum(_is_factor(site) for site in run.trace.nodes.values())
        return ModelStructure(tuple(_sites(nodes, run)), tuple(_plates(nodes)), run.error, num_factors)


def _run(
    model: Callable[..., Any], guide: Any, args: tuple[Any, ...], kwargs: dict[str, Any], trained: Trained | None
) -> _Run:
    """Run the model with the guide's values, or its own, and once more with the same values tracked."""
    values = _trace_of_guide(guide, args, kwargs)
    drawn = None if values is None else frozenset(values.stochastic_nodes)
    plain, error = None, ""
    for one in (model,) if values is None else (poutine.replay(model, trace=values), model):
        try:
            plain = poutine.trace(one).get_trace(*args, **kwargs)
            break
        except Exception as failure:
            error = error or _in_words(failure)
    if plain is not None:
        return _tracked(model, plain, drawn, args, kwargs)
    if trained is None:
        return _Run(None, None, drawn, error)
    try:
        traces = next(traces_of(model, trained.guide, args, kwargs, trained.loss))
    except Exception:  # a step will say so
        return _Run(None, None, drawn, error)
    run = _tracked(model, traces[0], frozenset(traces[1].stochastic_nodes), args, kwargs)
    return run._replace(num_plate_dims=plate_dims(trained.loss))


def _tracked(
    model: Callable[..., Any],
    plain: Any,
    drawn: frozenset[str] | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> _Run:
    """Run the model once more with the values of a trace, and track them."""
    tracking = Tracking()
    try:  # what is tracked cannot always be drawn: a distribution's shape gets lost on the way
        with tracking:
            trace = poutine.trace(poutine.replay(model, trace=plain)).get_trace(*args, **kwargs)
    except Exception as failure:
        return _Run(plain, None, drawn, _in_words(failure))
    return _Run(trace, tracking, drawn, "")


def _trace_of_guide(guide: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if guide is None or getattr(guide, "prototype_trace", guide) is None:
        return None
    try:
        return poutine.trace(guide).get_trace(*args, **kwargs)
    except Exception:  # a step will say so; the model can be run without it
        return None


def _in_words(error: Exception) -> str:
    message = " ".join(str(error).partition("Trace Shapes:")[0].split())
    short = message if len(message) <= MAX_ERROR else message[: MAX_ERROR - 3] + "..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__


def _is_shown(site: Any) -> bool:
    if site["type"] == "param":
        return isinstance(site["value"], torch.Tensor)
    if site["type"] != "sample" or site_is_subsample(site):
        return False
    masked = site["is_observed"] and site["mask"] is False and not _is_deterministic(site)
    return not masked and not _is_factor(site)


def _is_factor(site: Any) -> bool:
    return site["type"] == "sample" and type(_innermost(site["fn"])).__name__ == "Unit"


def _is_deterministic(site: Any) -> bool:
    return bool(site["infer"].get("_deterministic"))


def _innermost(distribution: Any) -> Any:
    """Return a distribution without what only expands it, masks it or says which of its dimensions belong together."""
    while type(distribution).__name__ in _WRAPPERS:
        distribution = distribution.base_dist
    return distribution


def _sites(nodes: Mapping[str, Any], run: _Run) -> Iterator[ModelSite]:
    for name, site in nodes.items():
        depends: frozenset[str] = frozenset()
        if run.tracking is not None and site["type"] == "sample":
            depends = run.tracking.parents_of(site)
        yield ModelSite(
            name=name,
            role=_role(site, run.drawn),
            kind=_kind(site),
            shape=_shape(site, run.num_plate_dims),
            distribution="" if site["type"] == "param" or _is_deterministic(site) else _name_of(site["fn"]),
            plates=tuple(frame.name for frame in site.get("cond_indep_stack", ())),
            parents=tuple(other for other in nodes if other in depends and other != name),
            num_values=_num_values(site),
        )


def _shape(site: Any, num_plate_dims: int | None) -> tuple[int, ...]:
    """Return the shape of a site's value, without the dimensions in which values are enumerated."""
    shape = tuple(getattr(site["value"], "shape", ()))
    if num_plate_dims is None or site["type"] == "param":
        return shape
    frames = [frame for frame in site["cond_indep_stack"] if frame.vectorized]
    event_dim = site["fn"].event_dim
    batch, event = shape[: len(shape) - event_dim], shape[len(shape) - event_dim :]
    sizes = torch.broadcast_shapes(_last(batch, num_plate_dims), _last(site["fn"].batch_shape, num_plate_dims))
    outermost = max([-frame.dim for frame in frames], default=0)
    while len(sizes) > outermost and sizes[0] == 1:
        sizes = sizes[1:]
    return (*sizes, *event)


def _last(shape: Sequence[int], count: int) -> tuple[int, ...]:
    return tuple(shape[max(len(shape) - count, 0) :])


def _role(site: Any, drawn: frozenset[str] | None) -> SiteRole:
    """Return the part of a site; one that the guide does not draw is summed over, where it can be."""
    if site["type"] == "param":
        return "parameter"
    if _is_deterministic(site):
        return "deterministic"
    if site["is_observed"]:
        return "observed"
    summed = site["infer"].get("enumerate") is not None and getattr(site["fn"], "has_enumerate_support", False)
    return "enumerated" if summed and (drawn is None or site["name"] not in drawn) else "latent"


def _name_of(distribution: Any) -> str:
    return type(_innermost(distribution)).__name__.lstrip("_")


def _kind(site: Any) -> SiteKind:
    try:
        if site["type"] == "param":
            return kind_of(site["kwargs"].get("constraint"))
        if isinstance(_innermost(site["fn"]), Delta):
            return "real"
        return kind_of(site["fn"].support)
    except Exception:  # a distribution that does not say its support
        return "other"


def _num_values(site: Any) -> int:
    try:
        return num_values_of(site["fn"]) if site["type"] == "sample" and _kind(site) == "discrete" else 0
    except Exception:  # bounds that are no numbers
        return 0


def _plates(nodes: Mapping[str, Any]) -> Iterator[ModelPlate]:
    """Yield the plates that a shown site is in, in the order of the model."""
    seen: set[str] = set()
    for site in nodes.values():
        for frame in site.get("cond_indep_stack", ()):
            if frame.name not in seen:
                seen.add(frame.name)
                count = _count(frame, site)
                yield ModelPlate(frame.name, max(int(frame.full_size or count), count), count)


def _count(frame: Any, site: Any) -> int:
    """Return how many elements of a plate a step looks at; one without a size has as many as its site's values."""
    if int(frame.size) >= 0 or frame.dim is None:
        return max(int(frame.size), 0)
    shape = getattr(site.get("fn"), "batch_shape", ())
    return int(shape[frame.dim]) if -frame.dim <= len(shape) else 1
