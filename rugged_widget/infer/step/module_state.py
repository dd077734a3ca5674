"""Contents of modules and tensors and of Pyro's parameter store: read, copy, compare and install them."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeAlias

import pyro
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from rugged_widget.infer.step.contents import MAX_ITEMS

Attributes: TypeAlias = dict[str, Any]

Params: TypeAlias = tuple[dict[str, Any], dict[Any, str], dict[str, Any]]
"""The three dictionaries of a parameter store: unconstrained tensors, their names, and constraints."""

ABSENT = object()
"""Stands for the value of an attribute that is not there."""

MAX_ATTRIBUTE = 1 << 16
"""Elements of the largest tensor that may be part of a module's state without being a parameter or a buffer."""

_CONTAINERS = (dict, OrderedDict, list, set, deque)


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
    """Copy a container of at most 1,000 items, such as a module's dictionary of parameters; return others as given."""
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


def written_in(attributes: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors of a module that calls may write into: buffers, and small tensors that are attributes."""
    plain = (value for value in attributes.values() if isinstance(value, torch.Tensor))
    yield from separable_tensors(attributes.get("_buffers", {}).values())
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


class Buffer:
    """A tensor that may be written into, and a copy of it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self._copy = tensor, Content.of(tensor).copied()

    @torch.no_grad()
    def put_back(self) -> bool:
        """Give the tensor its values back; returns whether it had others.

        Values are compared, because torch does not count the writing of batch normalization as a change.
        """
        if Content.of(self.tensor).equals(self._copy):
            return False
        self._copy.write(self.tensor)
        return True
