"""Check whether a step can be captured: compute the loss twice and compare, before anything is changed."""

import copy
import itertools
import types
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from pyro import get_param_store, poutine
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.step.contents import SIMPLE, contents
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.loss import name_of, reason_against_capture
from rugged_widget.infer.step.pyro_step import PlainStep

TOO_LONG = 'the loss has very many operations, which take long to capture; engine="graph" captures them all the same'
"""Why a step that could be captured is not, where nobody has asked for it."""

MAX_COPIED = 1 << 16
"""Elements of the largest tensor of the model's that is put back after a trial has written into it."""


class NotYetError(UnsupportedError):
    """The next step is not like those after it, because something is made in it; the one after may be."""


class TooLongError(UnsupportedError):
    """The step could be captured, but that would take longer than whoever has not asked for it should wait."""

    def __init__(self) -> None:
        super().__init__(TOO_LONG)


class _Counting(TorchDispatchMode):
    """Counts the operations of torch that are called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def params_of(step: PlainStep, most: int | None = None) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Try the loss, and return the unconstrained leaves that it depends on, in order, and the others that are called.

    The optimizer leaves the others out. Random numbers are given back. NotYetError is raised where the next step makes
    parameters or draws other random numbers than the one after it; UnsupportedError where the loss cannot be
    differentiated, or depends on what a graph does not see, TooLongError where it has more operations than `most`.
    Whatever model and guide raise is raised too.
    """
    if reason := reason_against_capture(step.elbo) or _reason_of_hooks():
        raise UnsupportedError(reason)
    start, elbo = Generators.copied(), copy.copy(step.elbo)
    watch = _watch(step, [*enumerate(step.args), *step.kwargs.items()])
    names = set(get_param_store().keys())
    if watch.iterators:
        raise UnsupportedError(f"the model holds the iterator {watch.iterators[0]!r}, which calls may move on unseen")
    untouched = watch.read()
    try:
        with poutine.trace(param_only=True) as trace, _Counting() as counting:
            loss = _loss(step, elbo)
        first, before, numbers = Generators.copied(), watch.read(), _numbers(elbo)
        if new := [name for name in get_param_store().keys() if name not in names]:  # noqa: SIM118 no mapping's keys
            for name in new:
                del get_param_store()[name]
            raise NotYetError(f"the next step makes the parameter {new[0]!r}")
        start.rewind()
        again = _loss(step, elbo)
        second = Generators.copied()
        values: list[Any] = [site["value"] for site in trace.trace.nodes.values() if site["type"] == "param"]
        params: list[torch.Tensor] = [value.unconstrained() for value in values]
        grads = torch.autograd.grad(again, params, allow_unused=True) if again.requires_grad else [None] * len(params)
        changed = watch.changed(before) or _changed(numbers, _numbers(elbo))
    finally:
        start.rewind()
    if most is not None and counting.count > most:
        raise TooLongError
    if changed:
        watch.put_back(untouched)
        raise UnsupportedError(f"each call of the model changes {changed}, which a graph would hold still")
    if not (first.same_but_for_torch(start) and second.same_but_for_torch(start)):
        raise UnsupportedError("the model draws random numbers from NumPy or Python, which a graph cannot")
    if not torch.equal(first.torch_state, second.torch_state):
        raise NotYetError("two steps draw different amounts of random numbers")
    if not torch.equal(loss.isnan(), again.isnan()) or loss.nan_to_num() != again.nan_to_num():
        raise UnsupportedError("two calls of the model with the same random numbers differ")
    return _apart(params, grads)


def _apart(params: list[torch.Tensor], grads: Iterable[torch.Tensor | None]) -> tuple[list[Any], list[Any]]:
    used, others = list[Any](), list[Any]()
    for param, grad in zip(params, grads, strict=True):
        (others if grad is None else used).append(param)
    return used, others


def _reason_of_hooks() -> str | None:
    """Say which parameter the user has put a hook on, which a graph would not call; None where there is none."""
    kinds = "_backward_hooks", "_post_accumulate_grad_hooks"
    for name, param in get_param_store().named_parameters():
        if any(getattr(param, kind, None) for kind in kinds):
            return f"a hook is called with the gradient of the parameter {name!r} in each step"
    return None


def _numbers(elbo: Any) -> dict[str, Any]:
    """Return the numbers and texts that an ELBO holds; a function's are watched with the model's."""
    return {name: value for name, value in getattr(elbo, "__dict__", {}).items() if isinstance(value, SIMPLE)}


def _changed(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    return next((repr(name) for name in before.keys() | now.keys() if before.get(name) != now.get(name)), None)


def _loss(step: PlainStep, elbo: Any) -> torch.Tensor:
    try:
        return step.loss(elbo)
    except NotImplementedError as error:
        raise UnsupportedError(f"{name_of(elbo)} has no loss that can be differentiated as a whole") from error


_STILL = {"torch", "pyro", "contextlib"}
"""Packages whose objects calls do not move on; a decorator of contextlib makes its generator anew for each call."""


class Watch:
    """Looks at what calls of model and guide may change beside parameters: tensors, and numbers that Python holds.

    It sees what is reached from the named things themselves, from closures and from the globals that a function names,
    two attributes deep. What it misses, the check beside Pyro's own steps has to find.
    """

    def __init__(self, things: Mapping[str, object]) -> None:
        self._places: dict[int, tuple[str, Any]] = {}
        for name, thing in things.items():
            self._reach(name, thing, depth=3)

    def _reach(self, name: str, thing: Any, depth: int) -> None:
        if id(thing) in self._places or isinstance(thing, (*SIMPLE, types.ModuleType, type)):
            return
        if isinstance(thing, torch.Tensor):
            if not thing.requires_grad:  # what is learned is meant to change
                self._places[id(thing)] = (name, thing)
            return
        if (getattr(type(thing), "__module__", "") or "").split(".")[0] in _STILL and not isinstance(thing, nn.Module):
            return
        self._places[id(thing)] = (name, thing)
        if depth:
            for inner, value in contents(thing):
                self._reach(inner, value, depth - 1)

    @property
    def iterators(self) -> list[str]:
        """Names of iterators that do not show how far they are."""
        return [
            name
            for name, thing in self._places.values()
            if hasattr(type(thing), "__next__") and not isinstance(thing, itertools.count)
        ]

    def read(self) -> dict[tuple[int, str | None], Any]:
        """Return copies of what can change now."""
        state: dict[tuple[int, str | None], Any] = {}
        for key, (_, thing) in self._places.items():
            for name, value in contents(thing):
                if isinstance(value, SIMPLE):
                    state[key, name] = value
            if isinstance(thing, (list, dict, set, deque)):
                state[key, None] = len(thing)
            elif type(thing).__module__ == "itertools":
                state[key, None] = repr(thing)
            if isinstance(thing, torch.Tensor):
                state[key, None] = _Held(thing._version, thing.clone() if thing.numel() <= MAX_COPIED else None)
        return state

    def changed(self, before: dict[tuple[int, str | None], Any]) -> str | None:
        """Name something that is not as it was; None where all is."""
        now = self.read()
        for key in before.keys() | now.keys():
            one, other = before.get(key), now.get(key)
            if isinstance(one, _Held) and isinstance(other, _Held):
                if one.version != other.version:
                    return f"the tensor {self._places[key[0]][0]!r} in place"
            elif one != other and not (one != one and other != other):  # noqa: PLR0124 NaN is not itself
                return repr(key[1] or self._places[key[0]][0])
        return None

    @torch.no_grad()
    def put_back(self, before: dict[tuple[int, str | None], Any]) -> None:
        """Give tensors that were written into the values they had, where they are not too large to be copied."""
        for (key, _), held in before.items():
            tensor = self._places[key][1]
            if isinstance(held, _Held) and held.version != tensor._version and held.copy is not None:
                tensor.copy_(held.copy)


class _Held(NamedTuple):
    """How often a tensor has been written into, and a copy of a small one."""

    version: int
    copy: torch.Tensor | None


def watch_of(step: PlainStep) -> Watch:
    """Return a watch over model, guide, loss and what the first two are called with in all steps."""
    return _watch(step, step.call.constant.items())


def _watch(step: PlainStep, arguments: Iterable[tuple[int | str, object]]) -> Watch:
    named = {f"argument {name!r}": value for name, value in arguments}
    return Watch({"model": step.model, "guide": step.guide, "loss": step.elbo, **named})
