"""Contents of modules and tensors and of Pyro's parameter store: read, copy, compare, install and put them back."""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, Self, TypeAlias

import pyro
import torch
from torch import nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parameter import is_lazy

from rugged_widget.infer.step.contents import owners, reached

Attributes: TypeAlias = dict[str, Any]

Params: TypeAlias = tuple[dict[str, Any], dict[Any, str], dict[str, Any]]
"""The three dictionaries of a parameter store: unconstrained tensors, their names, and constraints."""

ABSENT = object()
"""Stands for the value of an attribute that is not there."""

MAX_ATTRIBUTE = 1 << 16
"""Elements of the largest tensor that may be part of a module's state without being a parameter or a buffer."""

LARGE = 1 << 16
"""Elements of a tensor of which a copy is kept for as long as torch counts no change."""

MAX_ITEMS = 10_000
"""Items of the largest container that is copied."""

_CONTAINERS = frozenset({dict, OrderedDict, defaultdict, Counter, list, set, deque})


class Content(NamedTuple):
    """What a tensor holds: memory, gradient, and whether it is to be differentiated by."""

    value: torch.Tensor
    grad: torch.Tensor | None
    requires_grad: bool

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Self:
        """Take hold of what a tensor has now; nothing is copied."""
        return cls(tensor.data, tensor.grad if tensor.is_leaf else None, tensor.requires_grad)

    def refreshed(self, tensor: torch.Tensor) -> Self:
        """Take hold of what a tensor has now; this itself where it is still the same, so that nothing is allocated."""
        same = tensor.is_leaf and tensor.grad is self.grad and tensor.requires_grad is self.requires_grad
        return self if same and tensor.is_set_to(self.value) else type(self).of(tensor)

    def install(self, tensor: torch.Tensor) -> None:
        """Let a tensor have this memory and gradient."""
        if not tensor.is_leaf:
            tensor.detach_()  # a call has written into a buffer what it computed from parameters
        if tensor.grad is not None:
            tensor.grad = None  # it has to be of the shape and type of the memory at any time
        tensor.data = self.value
        if tensor.requires_grad is not self.requires_grad:
            tensor.requires_grad_(self.requires_grad)
        if self.grad is not None:
            tensor.grad = self.grad

    def copied(self) -> Self:
        """Return the same values, and gradient where there is one, in memory of their own."""
        return self._replace(value=self.value.clone(), grad=None if self.grad is None else self.grad.clone())

    def equals(self, other: Self) -> bool:
        """Return whether values, types and shapes are the same; NaN equals NaN."""
        one, two = self.value, other.value
        alike = one.shape == two.shape and one.dtype == two.dtype and one.device == two.device
        if not alike or self.requires_grad != other.requires_grad:
            return False
        return torch.equal(one, two) or bool(((one == two) | (one != one) & (two != two)).all())  # noqa: PLR0124 NaN

    @torch.no_grad()
    def write(self, tensor: torch.Tensor) -> None:
        """Copy the values into the memory that a tensor has, as numbers of its type, or into new memory if too many.

        A gradient is copied too, where there is one.
        """
        if tensor.shape == self.value.shape:
            tensor.copy_(self.value)
        else:
            self.copied().install(tensor)
        if tensor.is_leaf and tensor.requires_grad is not self.requires_grad:
            tensor.requires_grad_(self.requires_grad)
        if tensor.is_leaf and self.grad is not None:  # of zeros, but optimizers leave alone what has none
            tensor.grad = self.grad.to(tensor.dtype, copy=True)


def separable(module: object) -> bool:
    """Return whether attributes of an object can be exchanged; those of TorchScript lie outside Python."""
    return not isinstance(module, torch.jit.ScriptModule)


def install_attributes(module: object, attributes: Attributes) -> None:
    """Let an object have these attributes; they are not copied."""
    object.__setattr__(module, "__dict__", attributes)


def copied_attributes(attributes: Mapping[str, Any]) -> Attributes:
    """Copy attributes and the containers among them, but not what these hold; hooks are shared."""
    return {name: value if "hook" in name else copied_value(value) for name, value in attributes.items()}


def copied_value(value: Any) -> Any:
    """Copy a container of at most 10,000 items, such as a module's dictionary of parameters; return others as given."""
    return value.copy() if type(value) in _CONTAINERS and len(value) <= MAX_ITEMS else value


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return names of attributes that are not as before, or hold other objects."""
    names = before.keys() | after.keys()
    return {name for name in names if not _same(before.get(name, ABSENT), after.get(name, ABSENT))}


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or type(one) not in _CONTAINERS or len(one) != len(other):
        return False
    if isinstance(one, dict):
        return all(name in other and other[name] is value for name, value in one.items())
    return one == other if isinstance(one, set) else all(a is b for a, b in zip(one, other, strict=True))


def tensors_in(states: Iterable[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
    """Yield the parameters and buffers of modules with these attributes."""
    for attributes in states:
        yield from separable_tensors(attributes.get("_parameters", {}).values())
        yield from separable_tensors(attributes.get("_buffers", {}).values())


def written_in(holders: Iterable[object]) -> Iterator[torch.Tensor]:
    """Yield the tensors that calls may write into: buffers of modules, and small tensors that are attributes."""
    for holder in holders:
        plain = (value for value in vars(holder).values() if isinstance(value, torch.Tensor))
        yield from separable_tensors(vars(holder).get("_buffers", {}).values())
        yield from separable_tensors(value for value in plain if value.numel() <= MAX_ATTRIBUTE)


def separable_tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """Leave out what has no memory as yet or memory of a special kind, or comes of a computation."""
    for value in values:
        if isinstance(value, torch.Tensor) and not is_lazy(value) and value.is_leaf and value.layout is torch.strided:
            yield value


def modules_in(attributes: Mapping[str, Any]) -> Iterator[nn.Module]:
    """Yield the modules that lie directly in an object with these attributes."""
    for value in (*attributes.get("_modules", {}).values(), *attributes.values()):
        if isinstance(value, nn.Module):
            yield value


def present_params() -> Params:
    """Return the dictionaries of the present parameter store, themselves."""
    store: Any = pyro.get_param_store()
    return store._params, store._param_to_name, store._constraints


def use_params(params: Params) -> None:
    """Let the parameter store have other dictionaries."""
    store: Any = pyro.get_param_store()
    store._params, store._param_to_name, store._constraints = params


def copied_params(params: Params) -> Params:
    """Copy the dictionaries, but not the tensors."""
    return params[0].copy(), params[1].copy(), params[2].copy()


@contextmanager
def params_of(params: Params) -> Iterator[None]:
    """Let the parameter store have other dictionaries for the time of a with statement."""
    present = present_params()
    use_params(params)
    try:
        yield
    finally:
        use_params(present)


class Kept:
    """A tensor that may be written into, and a copy of it.

    Values are compared, because torch does not count all writing, such as that of batch normalization. Those of a large
    tensor are compared until a call has left it alone; torch's count of changes tells from there on.
    """

    def __init__(self, tensor: torch.Tensor, copy: Content | None = None) -> None:
        self.tensor, self._copy = tensor, Content.of(tensor).copied() if copy is None else copy
        has_count = not tensor.is_inference()
        self.is_large, self._is_told = has_count and tensor.numel() > LARGE, False
        self._version = tensor._version if has_count else 0
        self._count = _unsafe_preserve_version_counter(tensor) if has_count and not self.is_large else nullcontext()

    def __repr__(self) -> str:
        return f"Kept(shape {tuple(self.tensor.shape)})"

    def is_current(self) -> bool:
        """Return whether the tensor holds what was copied."""
        if self._is_told:
            return self.tensor._version == self._version
        return Content.of(self.tensor).equals(self._copy)

    def put_back(self) -> None:
        """Give the tensor its values back, unless it has them still."""
        if self.is_current():
            self._is_told = self.is_large and self.tensor._version == self._version
        else:
            self._copy.write(self.tensor)
            self._version = self.tensor._version if self.is_large else 0

    def undo(self) -> None:
        """Put values back that the tensor had a moment ago, and torch's count of changes unless it is large."""
        with self._count:
            self.put_back()


class Copies:
    """Makes copies of tensors; that of a large one serves again as long as the tensor is as it was."""

    def __init__(self, kept: Iterable[Kept] = ()) -> None:
        self._large = {id(one.tensor): one for one in kept if one.is_large}

    def __repr__(self) -> str:
        return f"Copies({len(self._large)} large)"

    def of(self, tensors: Iterable[torch.Tensor]) -> list[Kept]:
        """Return a copy of each of different tensors; those of other tensors are forgotten."""
        kept = [self._of(tensor) for tensor in {id(tensor): tensor for tensor in tensors}.values()]
        self._large = {id(one.tensor): one for one in kept if one.is_large}
        return kept

    def _of(self, tensor: torch.Tensor) -> Kept:
        held = self._large.get(id(tensor))
        return Kept(tensor) if held is None or not held.is_current() else held


class ModuleState(NamedTuple):
    """Copies of what calls change in modules, and in other objects, beside parameters: attributes and buffers."""

    attributes: list[tuple[object, Attributes]]
    tensors: list[Kept]

    @classmethod
    def of(cls, holders: Iterable[object], copies: Copies) -> Self:
        """Copy the present state of holders."""
        holders = list(holders)
        return cls([(holder, _copied_for(holder)) for holder in holders], copies.of(written_in(holders)))

    def restore(self) -> None:
        """Go back to the state, in the dictionaries of attributes that the holders have now; it can be done again."""
        for holder, attributes in self.attributes:
            copied = _copied_for(holder, attributes)
            vars(holder).clear()
            vars(holder).update(copied)
        for kept in self.tensors:
            kept.put_back()


def _copied_for(holder: object, attributes: Attributes | None = None) -> Attributes:
    """Copy attributes, or those of an object, but not the containers of torch's own layers, which calls leave alone."""
    attributes = vars(holder) if attributes is None else attributes
    _, _, file = type(holder).__module__.partition("torch.nn.modules.")
    return attributes.copy() if file and file not in {"container", "module"} else copied_attributes(attributes)


def behind(*functions: object) -> list[object]:
    """Return the modules that functions lead to, and the objects whose methods they are, each once."""
    return list(filter(separable, [*reached(functions)[0], *owners(functions)]))


def submodules(*things: object) -> list[object]:
    """Return those of things that are modules, with all modules in them, each once."""
    modules = (module for thing in things if isinstance(thing, nn.Module) for module in thing.modules())
    return list(filter(separable, {id(module): module for module in modules}.values()))


@contextmanager
def untouched(holders: Iterable[object], copies: Copies | None = None, *, called: bool = True) -> Iterator[None]:
    """Let functions be called without a trace in modules, other objects or Pyro's parameter store.

    Attributes, buffers, and the parameters that there are come back; those that are made inside are gone afterwards.

    Parameters
    ----------
    holders
        Modules and other objects that come back.
    copies
        What copies their tensors.
    called
        True if modules that are called inside come back too, wherever the functions find them.
    """
    held: dict[int, tuple[object, Attributes]] = {}
    holders = list(holders)
    tensors = (copies or Copies()).of(written_in(holders))

    def exchange(holder: object) -> None:
        held[id(holder)] = holder, vars(holder)
        install_attributes(holder, _copied_for(holder))

    def hold(module: nn.Module, _inputs: object) -> None:
        if id(module) not in held and separable(module):
            tensors.extend(Copies().of(written_in([module])))
            exchange(module)

    handle = register_module_forward_pre_hook(hold) if called else None
    try:
        with params_of(copied_params(present_params())):
            for holder in holders:
                exchange(holder)
            yield
    finally:
        if handle is not None:
            handle.remove()
        for holder, attributes in held.values():
            install_attributes(holder, attributes)
        for kept in tensors:
            kept.undo()
