"""Compare a guide with its model, and say in sentences what does not agree."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import pyro
import torch
from pyro import poutine
from pyro.infer.autoguide import AutoGuide

from rugged_widget.infer.guides.compatibility import (
    goes_beyond,
    innermost,
    latents_of,
    raised,
    range_of,
    traced,
)
from rugged_widget.infer.step.elbo_traces import traces_of
from rugged_widget.infer.step.traceback_reading import Program, described
from rugged_widget.infer.step.undone import undone
from rugged_widget.snapshot.model_values import GuideNote

CALLS: Final = 3
"""Calls of guide and model that are compared: sites that vary from call to call show up in them, as a rule."""


MAX_SECONDS: Final = 1.0
"""Time after which no further call is made, of a model that takes long."""


MAX_NAMES: Final = 5
"""Names that a sentence lists."""


def listed(names: Sequence[str]) -> str:
    """Return the first names in quotation marks, and dots where there are more."""
    return ", ".join([*map(repr, names[:MAX_NAMES]), *(["..."] if len(names) > MAX_NAMES else [])])


class _Call(NamedTuple):
    """One call of guide and model: sites of the guide, of the model by itself, and of the model given the guide's."""

    guide: dict[str, dict[str, Any]]
    model: dict[str, dict[str, Any]]
    replayed: dict[str, dict[str, Any]]


def disagreements(program: Program, loss: object = None) -> tuple[GuideNote, ...]:
    """Return a note for each way in which a guide does not fit its model, none where it does.

    It is said where the guide draws what is no latent of the model, leaves out a latent that the model does not
    enumerate, draws one of another shape or perhaps off its support, and where the latents vary from call to call. All
    of that trains, if seldom as meant. Random numbers, modules and the parameter store are as before afterwards.

    Where both cannot be called by themselves, an ELBO, `loss`, calls them; shapes and supports are not compared then.

    Raises
    ------
    ValueError
        If the model or the guide raises.
    TypeError
        If the guide returns a guide, as a function that makes one does.
    """
    with undone(program.guide, program.model), torch.enable_grad(), poutine.block(), pyro.validation_enabled(False):
        calls = _calls(lambda: _call(program) if loss is None else _call_by(loss, program))
    notes: dict[Any, GuideNote] = {}
    for note in (*_extra(calls), *_missing(calls), *_unlike(calls), *_varying(calls)):
        notes.setdefault((note.key, *note.facts.items()), note)
    return tuple(notes.values())


def _calls(call: Callable[[], _Call]) -> list[_Call]:
    start = time.perf_counter()
    calls = [call()]
    while len(calls) < CALLS and time.perf_counter() - start < MAX_SECONDS:
        calls.append(call())
    return calls


def _call_by(loss: object, program: Program) -> _Call:
    of_model, of_guide = next(traces_of(*program, loss))
    return _Call(latents_of(of_guide), {}, latents_of(of_model))


def _call(program: Program) -> _Call:
    model, guide, args, kwargs = program
    try:
        of_model = _traced_or_said("model", model, args, kwargs)
    except ValueError:  # it may ask for parameters that the guide makes, which a step calls first
        with suppress(Exception):
            traced(guide, args, kwargs)
        of_model = _traced_or_said("model", model, args, kwargs)
    of_guide = _traced_or_said("guide", guide, args, kwargs)
    returned = of_guide.nodes["_RETURN"]["value"]
    if isinstance(returned, AutoGuide):
        kind = type(returned).__name__
        raise TypeError(f"the guide returned an {kind} instead of drawing the latents; pass that {kind} itself")
    replayed = _traced_or_said("model, given what the guide draws,", poutine.replay(model, of_guide), args, kwargs)
    return _Call(latents_of(of_guide), latents_of(of_model), latents_of(replayed))


def _traced_or_said(what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    try:
        return traced(function, args, kwargs)
    except Exception as error:
        called = f"the {what} cannot be called with ({described(args, kwargs)})"
        raise ValueError(f"{called}: {raised(error)}") from error


def _extra(calls: list[_Call]) -> list[GuideNote]:
    notes = []
    for call in calls:
        names = [*call.model, *call.replayed]
        for name in call.guide.keys() - set(names):
            near = get_close_matches(name, names, 1)
            key, meant = ("misspelt", {"other": repr(near[0])}) if near else ("extra", {})
            notes.append(GuideNote(key, {"site": repr(name), **meant}))
    return notes


def _missing(calls: list[_Call]) -> list[GuideNote]:
    return [
        GuideNote("missing", {"site": repr(name)})
        for call in calls
        for name, site in call.replayed.items()
        if name not in call.guide and not is_enumerated(site)
    ]


def is_enumerated(site: Mapping[str, Any]) -> bool:
    """Return whether a site of a model is marked to be summed over all its values."""
    return site["infer"].get("enumerate") is not None


def _unlike(calls: list[_Call]) -> list[GuideNote]:
    notes = []
    for call in calls:
        for name in call.guide.keys() & call.model.keys():
            value, latent = call.guide[name]["value"], call.model[name]
            if value.shape not in {latent["value"].shape, _shape(call.replayed.get(name, latent)["fn"])}:
                shapes = {"shape": str(tuple(value.shape)), "other": str(tuple(latent["value"].shape))}
                notes.append(GuideNote("shape", {"site": repr(name), **shapes}))
            elif (support := _support(latent["fn"])) is not None and _may_leave(call.guide[name], support):
                kind = type(innermost(call.guide[name]["fn"])).__name__
                facts = {"site": repr(name), "distribution": kind, "support": range_of(support)}
                notes.append(GuideNote("support", facts))
    return notes


def _shape(distribution: Any) -> torch.Size:
    """Return the shape of a draw; in the model given the guide's, of the rows that the guide picks."""
    return torch.Size(distribution.batch_shape + distribution.event_shape)


def _support(distribution: Any) -> Any:
    """Return the support of a distribution; None where it has none."""
    try:
        return distribution.support
    except (AttributeError, NotImplementedError):
        return None


def _may_leave(site: Mapping[str, Any], support: Any) -> bool:
    try:
        return not bool(support.check(site["value"]).all()) or goes_beyond(site["fn"], support)
    except (RuntimeError, AttributeError, NotImplementedError):  # a support that cannot be checked
        return False


def _varying(calls: list[_Call]) -> list[GuideNote]:
    notes = []
    for owner, traces in (("model", [call.replayed for call in calls]), ("guide", [call.guide for call in calls])):
        counts = Counter(name for trace in traces for name in trace)
        some = [name for name, count in counts.items() if count < len(calls)]
        if some:
            notes.append(GuideNote(f"varying_{owner}", {"sites": listed(some)}))
    return notes
