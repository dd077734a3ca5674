"""Guides as `watch` takes them: made of a family, taken as they are, or chosen for a model."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any, Final, Literal, TypeAlias

import pyro
import torch
from pyro import poutine
from pyro.infer import ELBO, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDiscreteParallel, AutoGuide, AutoGuideList
from pyro.poutine.guide import GuideMessenger
from torch import nn

from rugged_widget.infer.guides.agreement import disagreements, listed
from rugged_widget.infer.guides.called_by_loss import can_call, notes_as_called_by, problem_of_calling
from rugged_widget.infer.guides.compatibility import raised
from rugged_widget.infer.guides.discrete import AutoDiscreteSampled
from rugged_widget.infer.guides.enumeration import misused_latent
from rugged_widget.infer.guides.families import (
    checked_guide,
    guide_key,
    guide_label,
    make_guide,
    makes_automatic,
    own_name,
)
from rugged_widget.infer.guides.loops import Loop, refuse_changing, seen_by_guide
from rugged_widget.infer.guides.model_latents import ModelLatents, latents_of_model
from rugged_widget.infer.guides.setup import remember_live, remember_uncalled
from rugged_widget.infer.step.traceback_reading import Program
from rugged_widget.infer.step.undone import undone
from rugged_widget.snapshot.model_values import GuideNote
from rugged_widget.validation import CUSTOM

Reason: TypeAlias = Literal["normal", "point", "nothing", "enumerated", "parallel", "sampled"]
"""Why a guide was chosen, key of a note: a normal distribution, a point where the latents have more than `MAX_NORMAL`
elements, an empty one without latents; or beside discrete latents: those are summed over by the model, or have
probabilities in the guide that are summed over, or drawn from where the model cannot be."""

MAX_NORMAL: Final = 100_000
"""Elements of the latents above which a point is chosen: a normal guide has twice as many parameters."""

NEEDED: Final = (
    "guide must be None, the name of a family, a subclass of AutoGuide, or a guide that is called as the model is: an "
    "automatic guide, a PyroModule, a function"
)

_OF_A_MODEL: Final = (AutoGuide, GuideMessenger)
"""Classes whose instances are made of a model, beside Pyro's EasyGuide."""


@dataclass(frozen=True, eq=False)
class GuideChoice:
    """A guide to train, and what goes with it.

    Attributes
    ----------
    make
        Makes the guide, inside the fit: `Fit(choice.model, choice.make, args, kwargs)`. An object or function that was
        given is taken as it is, without a copy.
    key, label
        Key of its family, "custom" where it has none; and what to call it in English.
    model
        The model to train: as it was given, or with its discrete latents marked to be enumerated.
    elbo
        The ELBO that the guide needs; None where any will do.
    reason
        Why it was chosen, a `Reason` and its facts; None where it was given.
    warnings
        In what guide and model do not agree.
    """

    make: Callable[[Callable[..., Any]], Any]
    key: str
    label: str
    model: Callable[..., Any]
    elbo: ELBO | None = None
    reason: GuideNote | None = None
    warnings: tuple[GuideNote, ...] = ()


def choose_guide(
    guide: Any,
    model: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    elbo: ELBO | None = None,
) -> GuideChoice:
    """Turn what `guide=` of `watch` was given into a guide to train.

    Model and guide are called; random numbers, modules and the parameter store are as before afterwards.

    Parameters
    ----------
    guide
        None, to choose one; a key of `GUIDE_LABELS`, for the latents that are not discrete; a subclass of AutoGuide,
        EasyGuide or GuideMessenger, or a `functools.partial` of one with options; a guide, trained before or not: an
        object of these classes, a PyroModule, a function, a method. One that draws nothing, as for maximum likelihood,
        is a guide too.
    args, kwargs
        What model and guide are called with.
    elbo
        The ELBO that will be used; None where it may be chosen too.

    Raises
    ------
    TypeError
        If `guide` is nothing of the kind.
    ValueError
        If there is no such family, the model or the guide raises when it is called, or no guide can be chosen.
    """
    kwargs = dict(kwargs or {})
    checked = checked_watch_guide(guide)
    if checked is None:
        return _chosen(model, args, kwargs, elbo)
    latents = _latents_of_automatic(checked, model, args, kwargs)
    if isinstance(checked, str) and latents is not None and latents.discrete:
        return _chosen(model, args, kwargs, elbo, checked)
    if _is_made_of_a_model(checked):
        build = partial(_of_class, checked, () if latents is None else latents.loops)
        make = partial(_built, build, args, kwargs)
        return GuideChoice(make, guide_key(checked), guide_label(checked), model)
    return _taken_as_given(checked, model, args, kwargs, elbo)


def checked_watch_guide(guide: Any) -> Any:
    """Return what `guide=` of `watch` was given, or say what it takes.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ValueError
        If there is no family of that name.
    """
    if guide is None or isinstance(guide, str):
        return guide if guide is None else checked_guide(guide)
    if isinstance(guide, type) and not _takes_a_model(guide):
        raise TypeError(f"{NEEDED}; got the class {guide.__name__}: pass an instance, as in guide={guide.__name__}()")
    if not callable(guide):
        raise TypeError(f"{NEEDED}; got {guide!r}")
    return guide


def _taken_as_given(
    guide: Any, model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], loss: Any
) -> GuideChoice:
    """Return the choice of a guide that was given, with what is to be said of it.

    Guide or model may count on dimensions that only an ELBO that sums over discrete values adds.
    """
    caller, program = None, Program(model, guide, args, kwargs)
    try:
        warnings = disagreements(program)
    except ValueError:
        if isinstance(guide, AutoGuide) and latents_of_model(model, args, kwargs).loops:
            kind = type(guide).__name__
            needed = f"latents in a loop over a plate need a guide that watch makes: give the class, guide={kind}"
            raise ValueError(f"{needed}, instead of {kind}(model)") from None
        if loss is None or not can_call(loss, program):
            raise
        caller = loss
        warnings = notes_as_called_by(loss, program)
    make = partial(_taken, guide, args, kwargs, caller)
    return GuideChoice(make, _key(guide), _label(guide), model, warnings=warnings)


def _latents_of_automatic(
    guide: Any, model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> ModelLatents | None:
    """Return the latents of a model, of which a guide is to be made that is a family's or automatic; else None.

    Of a class it is None too where the model cannot be called by itself.
    """
    if isinstance(guide, str):
        latents = latents_of_model(model, args, kwargs)
    elif makes_automatic(guide):
        try:
            latents = latents_of_model(model, args, kwargs)
        except ValueError:
            return None
    else:
        return None
    refuse_changing(latents.loops)
    return latents


def _is_made_of_a_model(guide: Any) -> bool:
    kind = guide.func if isinstance(guide, partial) else guide
    return isinstance(guide, str) or (isinstance(kind, type) and _takes_a_model(kind))


def _takes_a_model(kind: type) -> bool:
    """Return whether instances of a class are made of a model."""
    easyguide = sys.modules.get("pyro.contrib.easyguide")  # whoever has a subclass has imported it, and some 60 modules
    return issubclass(kind, _OF_A_MODEL) or (easyguide is not None and issubclass(kind, easyguide.EasyGuide))


def _key(guide: Any) -> str:
    return guide_key(type(guide)) if isinstance(guide, AutoGuide) else CUSTOM


def _label(guide: Any) -> str:
    """Return what to call a guide that was given as it is: a family's label, or the name of its class or function."""
    inner = poutine.unwrap(guide)
    if isinstance(inner, AutoGuide):
        return guide_label(type(inner))
    if isinstance(inner, MethodType):
        return f"{type(inner.__self__).__name__}.{inner.__name__}"
    return own_name(inner)


def _of_class(guide: Any, loops: tuple[Loop, ...], model: Callable[..., Any]) -> Any:
    """Make a guide of a family or class."""
    seen = seen_by_guide(model, loops)
    return make_guide(guide, seen) if isinstance(guide, str) else guide(seen)


def _taken(
    guide: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], caller: object, model: Callable[..., Any]
) -> Any:
    """Take a guide as it is; a function as an object of its own, so that what is kept of two fits is told apart.

    `caller` is the loss where it can call what cannot be called by itself.
    """
    instance = guide if isinstance(guide, (nn.Module, GuideMessenger)) else partial(guide)
    try:
        remember_live(instance, model, args, kwargs, caller)
    except ValueError:
        if caller is None:
            raise
        remember_uncalled(instance, model, args, kwargs)
    return instance


def _chosen(
    model: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    elbo: ELBO | None,
    family: str | None = None,
) -> GuideChoice:
    """Choose a guide for a model: of a family, where one is named, for the latents that are not discrete."""
    latents = latents_of_model(model, args, kwargs)
    refuse_changing(latents.loops)
    names = listed(latents.discrete)
    facts: dict[str, int | str] = {"elements": latents.elements, "limit": MAX_NORMAL, "latents": names}
    family = family or ("delta" if latents.elements > MAX_NORMAL else "normal")
    candidates = _candidates(model, latents, elbo, family)
    problems = []
    for reason, trained, used, build in candidates:
        problem = _problem(build, trained, used or elbo or Trace_ELBO(), args, kwargs)
        if reason in {"enumerated", "parallel"} and not problem:
            problem = _misuse(config_enumerate(trained), latents, args, kwargs)
        if not problem:
            try:
                said = disagreements(Program(trained, build(trained), args, kwargs))
            except ValueError as error:  # a model whose latents vary from call to call
                problem = str(error)
            else:
                make = partial(_built, build, args, kwargs)
                return GuideChoice(
                    make, *_named(reason, latents, family), trained, used, GuideNote(reason, facts), said
                )
        problems.append(problem)
    why = f"the discrete latents {names} can be neither summed over nor drawn from probabilities"
    if candidates:
        why = f"with the discrete latents {names} {problems[0]}" if latents.discrete else problems[0]
    raise ValueError(f"no guide can be chosen for this model: {why}. Pass guide=, such as a function")


_Candidate: TypeAlias = tuple[Reason, Callable[..., Any], ELBO | None, Callable[[Callable[..., Any]], Any]]


def _candidates(model: Callable[..., Any], latents: ModelLatents, elbo: ELBO | None, family: str) -> list[_Candidate]:
    """Return guides that may suit the latents, the best first: reason, model, the ELBO needed and what builds them."""
    of_continuous = partial(_of_continuous, latents, family)
    if not latents.discrete:
        reason: Reason = "nothing"
        if latents.continuous:
            reason = "point" if latents.elements > MAX_NORMAL else "normal"
        return [(reason, model, None, of_continuous)]
    candidates: list[_Candidate] = []
    enumerating = elbo or TraceEnum_ELBO(max_plate_nesting=latents.max_plate_nesting)
    if isinstance(enumerating, TraceEnum_ELBO) and not latents.endless:
        marked = model if latents.enumerated else config_enumerate(model)
        candidates.append(("enumerated", marked, enumerating, of_continuous))
    if not latents.without_probabilities:
        if isinstance(enumerating, TraceEnum_ELBO):
            candidates.append(
                ("parallel", model, enumerating, partial(_in_parts, latents, of_continuous, AutoDiscreteParallel))
            )
        candidates.append(
            ("sampled", model, elbo or Trace_ELBO(), partial(_in_parts, latents, of_continuous, AutoDiscreteSampled))
        )
    return candidates


def _of_continuous(latents: ModelLatents, family: str, model: Callable[..., Any]) -> Any:
    if not latents.continuous:
        return partial(_nothing)
    seen = seen_by_guide(model, latents.loops)
    return make_guide(family, poutine.block(seen, hide=list(latents.discrete)) if latents.discrete else seen)


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Draw nothing: the guide of a model without latents, or with none but those that it sums over."""


def _in_parts(
    latents: ModelLatents,
    of_continuous: Callable[[Callable[..., Any]], Any],
    kind: type[AutoDiscreteParallel],
    model: Callable[..., Any],
) -> Any:
    seen = seen_by_guide(model, latents.loops)
    guide: Any = AutoGuideList(seen)
    if latents.continuous:
        guide.append(of_continuous(model))
    guide.append(kind(poutine.block(seen, expose=list(latents.discrete))))
    return guide


def _built(
    build: Callable[[Callable[..., Any]], Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    model: Callable[..., Any],
) -> Any:
    guide = build(model)
    remember_live(guide, model, args, kwargs)
    return guide


def _problem(
    build: Callable[[Callable[..., Any]], Any],
    model: Callable[..., Any],
    elbo: ELBO,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> str:
    """Return what goes wrong when the ELBO of a model and a guide is estimated once; "" where nothing does.

    A loss of one's own, which may have arguments of its own, is not tried: the plain ELBO is in its place.
    """
    is_own = not isinstance(elbo, ELBO) or not type(elbo).__module__.startswith("pyro.")
    loss = Trace_ELBO() if is_own else elbo
    return problem_of_calling(loss, lambda: Program(model, build(model), args, kwargs))


def _misuse(model: Callable[..., Any], latents: ModelLatents, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return what is wrong with a model that is called with all values of a latent at once; "" where nothing is."""
    try:
        with undone(model), torch.no_grad(), poutine.block(), pyro.validation_enabled(False):
            name = misused_latent(model, latents.discrete, args, kwargs, latents.max_plate_nesting)
    except Exception as error:
        return raised(error)
    return name and f"it takes a tensor of all values of {name!r} for one of its rows"


def _named(reason: Reason, latents: ModelLatents, family: str) -> tuple[str, str]:
    """Return key and label of a chosen guide."""
    if not latents.continuous and reason in {"nothing", "enumerated"}:
        return CUSTOM, "no guide"
    if reason in {"parallel", "sampled"}:
        discrete = "probabilities of discrete values"
        return CUSTOM, f"{guide_label(family)}; {discrete}" if latents.continuous else discrete
    return family, guide_label(family)
