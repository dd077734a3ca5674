"""Check whether a step can be captured: compute the loss twice and compare, before anything is changed."""

import itertools
import types
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from pyro import get_param_store, poutine
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from rugged_widget.infer.compiled.capture.devices import refuse_parameters_elsewhere
from rugged_widget.infer.compiled.lasting import Lasting
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.step.contents import SIMPLE, contents
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.loss import name_of, reason_against_capture, uncompiled, waits_for_compilation
from rugged_widget.infer.step.module_state import Content, copied_params, params_of, present_params
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
    """Counts the operations of torch that are called, and notes by identity the tensors that they write into."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self.written: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += 1
        if func is aten.native_batch_norm.default:  # which does not say that it writes into running statistics
            self.written |= {id(args[3]), id(args[4])}
        elif func._schema.is_mutable:
            operands = zip(func._schema.arguments, args, strict=False)  # some arguments have defaults
            self.written |= {id(value) for argument, value in operands if argument.is_write}
        return func(*args, **(kwargs or {}))


class Tried(NamedTuple):
    """What a step turned out to be in a trial.

    Attributes
    ----------
    params
        The unconstrained leaves that its loss depends on, in order.
    others
        Leaves that it calls too; the optimizer leaves them out.
    lasting
        Tensors beside parameters that it changes.
    """

    params: list[torch.Tensor]
    others: list[torch.Tensor]
    lasting: Lasting


def tried(step: PlainStep, most: int | None = None) -> Tried:
    """Try the loss twice, and return what the step depends on and changes.

    Random numbers are given back, and so are the values of tensors that it changes. NotYetError is raised where the
    next step makes parameters, compiles itself or draws other random numbers than the one after it; UnsupportedError
    where the loss cannot be differentiated, or depends on what a graph does not see, TooLongError where it has more
    operations than `most`. Whatever model and guide raise is raised too.
    """
    if reason := reason_against_capture(step.elbo) or _reason_of_hooks():
        raise UnsupportedError(reason)
    refuse_parameters_elsewhere()
    if waits_for_compilation(step.elbo):
        raise NotYetError(f"{name_of(step.elbo)} compiles itself in the next step")
    watch = _watch(step, [*enumerate(step.args), *step.kwargs.items()])
    if watch.iterators:
        raise UnsupportedError(f"the model holds the iterator {watch.iterators[0]!r}, which calls may move on unseen")
    start, untouched = Generators.copied(), watch.read()
    try:
        return _tried(step, watch, start, most)
    finally:
        start.rewind()
        watch.put_back(untouched)


def _tried(step: PlainStep, watch: "Watch", start: Generators, most: int | None) -> Tried:
    elbo, untouched = uncompiled(step.elbo), watch.read()
    with _store_kept() as new, _Counting() as counting:
        loss = _loss(step, elbo)
    if most is not None and counting.count > most:
        raise TooLongError
    if new:
        raise NotYetError(f"the next step makes the parameter {new[0]!r}")
    first = Generators.copied()
    start.rewind()
    watch.put_back(untouched)
    before, numbers, replaced = watch.read(), _numbers(elbo), list[str]()
    with _store_kept(replaced), poutine.trace(param_only=True) as trace:
        again = _loss(step, elbo)
    second, written = Generators.copied(), watch.written(before, counting.written)
    if changed := watch.changed(before, written) or _changed(numbers, _numbers(elbo)):
        raise UnsupportedError(f"each call of the model changes {changed}, which a graph would hold still")
    if not (first.same_but_for_torch(start) and second.same_but_for_torch(start)):
        raise UnsupportedError("the model draws random numbers from NumPy or Python, which a graph cannot")
    if not torch.equal(first.torch_random.cpu, second.torch_random.cpu):
        raise NotYetError("two steps draw different amounts of random numbers")
    if not torch.equal(loss.isnan(), again.isnan()) or loss.nan_to_num() != again.nan_to_num():
        raise UnsupportedError("two calls of the model with the same random numbers differ")
    nodes: Iterable[Any] = trace.trace.nodes.values()
    values = [site["value"] for site in nodes if site["type"] == "param" and site["name"] not in replaced]
    params: list[torch.Tensor] = [value.unconstrained() for value in values]
    grads = torch.autograd.grad(again, params, allow_unused=True) if again.requires_grad else [None] * len(params)
    return Tried(*_apart(params, grads), Lasting(written, replaced))


@contextmanager
def _store_kept(replaced: list[str] | None = None) -> Iterator[list[str]]:
    """Let the parameter store be as before at the end; yields the names that were made by then.

    Names that have got another tensor are added to `replaced`.
    """
    params, new = present_params(), list[str]()
    with params_of(copied_params(params)):
        yield new
        now = present_params()[0]
        new += [name for name in now if name not in params[0]]
        if replaced is not None:
            replaced += [name for name, tensor in params[0].items() if now.get(name, tensor) is not tensor]


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


aten = torch.ops.aten

_STILL = {"torch", "pyro", "contextlib"}
"""Packages whose objects calls do not move on; a decorator of contextlib makes its generator anew for each call."""


class Watch:
    """Looks at what calls of model and guide may change beside parameters: tensors, and numbers that Python holds.

    It sees what is reached from the named things themselves, from closures and from the globals that a function names,
    two attributes deep, but for the tensors `without`. What it misses, the check beside Pyro's own steps has to find.
    """

    def __init__(self, things: Mapping[str, object], without: Iterable[torch.Tensor] = ()) -> None:
        self._places: dict[int, tuple[str, Any]] = {}
        for name, thing in things.items():
            self._reach(name, thing, depth=3)
        for tensor in without:
            self._places.pop(id(tensor), None)

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

    def changed(self, before: dict[tuple[int, str | None], Any], known: Collection[torch.Tensor] = ()) -> str | None:
        """Name something that is not as it was, but for the tensors that are known to change; None where all is."""
        now, known_ids = self.read(), set(map(id, known))
        for key in before.keys() | now.keys():
            if key[0] in known_ids:
                continue
            one, other = before.get(key), now.get(key)
            if isinstance(one, _Held) and isinstance(other, _Held):
                if one.version != other.version:
                    return f"the tensor {self._places[key[0]][0]!r} in place"
            elif one != other and not (one != one and other != other):  # noqa: PLR0124 NaN is not itself
                return repr(key[1] or self._places[key[0]][0])
        return None

    def written(self, before: dict[tuple[int, str | None], Any], noted: Collection[int]) -> list[torch.Tensor]:
        """Return the tensors of at most 65,536 elements that were written into, as is seen or was noted of them.

        torch does not count all writing, such as that of a batch normalization: values are compared.
        """
        tensors = ((self._places[key][1], held) for (key, _), held in before.items() if isinstance(held, _Held))
        return [
            tensor
            for tensor, held in tensors
            if held.is_written(tensor) or (id(tensor) in noted and held.copy is not None)
        ]

    @torch.no_grad()
    def put_back(self, before: dict[tuple[int, str | None], Any]) -> None:
        """Give tensors that were written into the values they had, where they are not too large to be copied."""
        for (key, _), held in before.items():
            tensor = self._places[key][1]
            if isinstance(held, _Held) and held.is_written(tensor):
                tensor.copy_(held.copy)


class _Held(NamedTuple):
    """How often a tensor has been written into, and a copy of a small one."""

    version: int
    copy: torch.Tensor | None

    def is_written(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor, of which there is a copy, has been written into or holds other values."""
        if self.copy is None:
            return False
        return self.version != tensor._version or not Content.of(self.copy).equals(Content.of(tensor))


def watch_of(step: PlainStep, lasting: Lasting) -> Watch:
    """Return a watch over model, guide, loss and what the first two are called with in all steps.

    It leaves out the tensors that steps change themselves.
    """
    return _watch(step, step.call.constant.items(), lasting.written)


def _watch(
    step: PlainStep, arguments: Iterable[tuple[int | str, object]], without: Iterable[torch.Tensor] = ()
) -> Watch:
    named = {f"argument {name!r}": value for name, value in arguments}
    return Watch({"model": step.model, "guide": step.guide, "loss": step.elbo, **named}, without)
