"""What is watched: a model with its guide, arguments, objective and optimizer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.infer import SVI, autoguide

from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.diagnostics.structure import Trained, structure_of
from rugged_widget.infer.guides.choice import GuideChoice, choose_guide
from rugged_widget.infer.guides.families import class_name, makes_automatic, own_name
from rugged_widget.infer.guides.sampling import ready_to_draw
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.batches import arguments_of, first_call
from rugged_widget.infer.step.heldout_arguments import HeldoutCall, heldout_calls
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.step.loss import checked_loss
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.infer.step.module_state import copied_params, params_of, present_params
from rugged_widget.infer.step.optimizer import OptimizerStart, checked_optimizer
from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.step.plain_shapes import broadcasting_plainly
from rugged_widget.infer.step.redefined import Origin
from rugged_widget.infer.step.svi_settings import settings_of_svi
from rugged_widget.monitor.infer.heldout import Shape, shape_of
from rugged_widget.monitor.infer.predict_form import Predict, checked_predict
from rugged_widget.monitor.infer.refusals import refuse_no_model
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.validation import CUSTOM, checked_count


@dataclass(frozen=True, eq=False)
class Problem:
    """What is trained, as the user gave it, and the state of everything that training changes, as it was then.

    Attributes
    ----------
    model
        A Pyro model.
    guide
        What was given as its guide; None where it is to be chosen.
    choice
        The guide to train.
    args, kwargs, batches
        What a step calls both with, as of `Fit`.
    example
        The call of one step.
    loss
        As `elbo` of `Fit`; None where it was not given.
    optimizer, users_optimizer
        The user's optimizer as it was, and the object itself; None for Adam.
    schedule_every, skip_nonfinite
        As of `Fit`.
    origins
        Where model and guide were defined.
    ownership
        The user's modules and parameters as they were.
    stored
        Names of the parameters that were in Pyro's store: those that model and guide have go on from there.
    title
        What to call it; plain text.
    predict
        What it predicts on the first page; None for nothing.
    parts
        Parts of a guide that is a list of guides, as they were.
    heldout
        Data that is not trained on, one call or one of each batch; () for none.
    captures
        What was captured of its fits, which a reset begins with again.
    """

    model: Callable[..., Any]
    guide: Any
    choice: GuideChoice
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    batches: Any
    example: Call
    loss: Any
    optimizer: OptimizerStart | None
    users_optimizer: Any
    schedule_every: int
    skip_nonfinite: int
    origins: tuple[Origin, Origin]
    ownership: Ownership
    stored: frozenset[str]
    title: str
    predict: Predict | None = None
    heldout: tuple[HeldoutCall, ...] = ()
    captures: Captures = field(default_factory=Captures)
    parts: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _parts_of(self.guide))

    def with_guide(self, guide: Any) -> Problem:
        """Return the same with another guide; errors as of `choose_guide`."""
        with without_leftovers(guide), broadcasting_plainly():
            choice = choose_guide(guide, self.model, self.example.args, self.example.kwargs, elbo=self.loss)
        origins = self.origins[0], Origin.of(guide)
        return replace(self, guide=guide, choice=choice, origins=origins, captures=Captures())

    def present(self) -> Problem:
        """Return the problem of what model and guide are now called by their names, as after a cell was run again.

        The same is returned where neither was redefined, nor a part added to a list of guides; errors as of `watch`.
        """
        model, guide = (origin.current() for origin in self.origins)
        has_parts = [*map(id, _parts_of(guide))] == [*map(id, self.parts)]
        if model is self.model and guide is self.guide and has_parts:
            return self
        self.take_back()
        renewed = problem_of(
            model,
            guide,
            self.args,
            self.kwargs,
            batches=self.batches,
            loss=self.loss,
            schedule_every=self.schedule_every,
            skip_nonfinite=self.skip_nonfinite,
            title=self.title,
        )
        kept = {name: getattr(self, name) for name in ("optimizer", "users_optimizer", "predict", "heldout")}
        return replace(renewed, **kept)

    def take_back(self) -> None:
        """Give the user back what he brought, where a fit has given him something else since."""
        if self.optimizer is not None and self.ownership.has_given:
            self.optimizer.take_back(self.users_optimizer, self.ownership.given_params)
        self.ownership.take_back()

    @property
    def name(self) -> str:
        """Name of the model, of a method behind that of its class: Autoencoder.model."""
        return full_name(self.model)

    @property
    def guide_name(self) -> str:
        """Name of the guide: that of its class, such as AutoNormal, or of its function."""
        return self.choice.label if self.choice.key == CUSTOM else class_name(self.choice.key)

    def first_structure(self) -> ModelStructure:
        """Return the structure of the model before there is a fit of it."""
        state = self.ownership.begin()
        with Isolation(0, state).inside(), state.looking():
            return self._structure(None, None if _is_made(self.guide) else self.guide)

    def structure(self, guide: Any) -> ModelStructure:
        """Return the structure of the model; call it inside `Fit.inspecting`, with the fit's guide."""
        with ready_to_draw(guide) as (ready, _):
            return self._structure(ready, guide)

    def _structure(self, ready: Any, guide: Any) -> ModelStructure:
        """Return the structure of the model, given a guide that can be called for draws, and the one that is trained.

        Each may be None.
        """
        loss = self.choice.elbo if self.loss is None else self.loss
        trained = None if guide is None else Trained(guide, loss)
        return structure_of(self.choice.model, ready, self.example.args, self.example.kwargs, trained)

    def heldout_shape(self, guide: Any, call: Call) -> Shape:
        """Return the shape of the model with a call of held-out data, inside `Fit.inspecting`, with the fit's guide."""
        with ready_to_draw(guide) as (ready, _):
            return shape_of(self.choice.model, ready, self.call_of_model(call))

    def call_of_model(self, call: Call) -> Call:
        """Return what the model is called with in a step with a call: a loss may keep arguments to itself."""
        return call_of_model(call, self.model, self.loss)


def problem_of(
    model: Any,
    guide: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    batches: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    schedule_every: int = 1,
    skip_nonfinite: int = 0,
    title: str | None = None,
    predict: Any = None,
    heldout: Any = None,
) -> Problem:
    """Check what `watch` was given, with guide None to choose one; model, guide and store are afterwards as before."""
    loss, batches = None if loss is None else checked_loss(loss, "loss"), _peeked(batches)
    with without_leftovers(guide), broadcasting_plainly():
        ownership = Ownership(model, guide, loss, args, dict(kwargs))
        example = call_of_model(step := _example(args, kwargs, batches), model, loss)
        choice = choose_guide(guide, model, example.args, example.kwargs, elbo=loss)
    return Problem(
        model=model,
        guide=guide,
        choice=choice,
        args=args,
        kwargs=dict(kwargs),
        batches=batches,
        example=example,
        loss=loss,
        optimizer=None if optimizer is None else OptimizerStart.of(checked_optimizer(optimizer)),
        users_optimizer=optimizer,
        schedule_every=schedule_every,
        skip_nonfinite=checked_count(skip_nonfinite, "skip_nonfinite", 0),
        origins=(Origin.of(model), Origin.of(guide)),
        ownership=ownership,
        stored=frozenset(pyro.get_param_store().keys()),
        title=title or _title_of(model),
        predict=checked_predict(predict),
        heldout=heldout_calls(heldout, model, step),
    )


@contextmanager
def without_leftovers(guide: Any) -> Iterator[None]:
    """Enter, to begin anew with a guide that is made here, whatever such guides have left in Pyro's parameter store.

    Their parameters all have the same names, so that those of another model would be taken for its own. What the user
    brings, a guide that is an object or a function, goes on from its parameters.
    """
    made = _is_made(guide)
    params, names, constraints = without = copied_params(present_params())
    for name in [name for name in params if made and name.split(".")[0] in AUTOMATIC]:
        names.pop(params.pop(name), None)
        del constraints[name]
    with params_of(without):
        yield


def _parts_of(guide: Any) -> tuple[Any, ...]:
    return tuple(guide) if isinstance(guide, autoguide.AutoGuideList) else ()


def _is_made(guide: Any) -> bool:
    """Return whether a guide is made here, and not one that the user brings."""
    return guide is None or isinstance(guide, str) or makes_automatic(guide)


AUTOMATIC = frozenset(name for name in dir(autoguide) if name.startswith("Auto"))
"""Names of Pyro's automatic guides, with which the names of their parameters begin."""


def _example(args: tuple[Any, ...], kwargs: Mapping[str, Any], batches: Any) -> Call:
    with Isolation(0, dtype=torch.get_default_dtype()).inside():
        return first_call(arguments_of(args, kwargs, batches))


def taken_apart(given: Any) -> dict[str, Any] | None:
    """Return model, guide, optimizer and loss of a `pyro.infer.SVI` by name; None for what is called as a model is.

    Raises
    ------
    TypeError
        If it is neither; the text says what is needed.
    """
    if isinstance(given, SVI):
        return settings_of_svi(given)._asdict()
    refuse_no_model(given)
    return None


def full_name(model: Callable[..., Any]) -> str:
    """Return the name of a model, of a method behind that of its class."""
    inner = _unwrapped(model)
    owner = getattr(inner, "__self__", None)
    return own_name(inner) if owner is None else f"{type(owner).__name__}.{own_name(inner)}"


def _unwrapped(model: Any) -> Any:
    """Return a model without the handlers and partial calls around it."""
    inner = poutine.unwrap(model)
    while isinstance(inner, functools.partial):
        inner = poutine.unwrap(inner.func)
    return inner


def _title_of(model: Callable[..., Any]) -> str:
    inner = _unwrapped(model)
    owner = getattr(inner, "__self__", None)
    return own_name(inner).replace("_", " ").strip() if owner is None else type(owner).__name__


def _peeked(batches: Any) -> Any:
    """Return batches of which the first can be looked at: an iterator gives it again."""
    if not isinstance(batches, Iterator):
        return batches
    for first in batches:
        return chain([first], batches)
    return iter(())
