"""State of the modules behind a guide or a model, apart from what training changes, so that a look can be undone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple, Self

import pyro
import torch
from torch import nn

MAX_DEPTH: Final = 6
"""Functions within functions that are searched for modules."""

MAX_ITEMS: Final = 10_000
"""Items of a container, and elements of a buffer in hundreds, above which it is not copied."""


def modules_of(*functions: object) -> list[nn.Module]:
    """Return the modules that functions hold or refer to, each once, with their submodules.

    A function holds what it closes over, a method its object and the modules among that object's attributes, a partial
    its function and arguments, an automatic guide its model.
    """
    seen: set[int] = set()
    modules: list[nn.Module] = []
    pending = [(function, 0) for function in functions]
    while pending:
        value, depth = pending.pop()
        if id(value) in seen or depth > MAX_DEPTH:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module) and not isinstance(value, torch.jit.ScriptModule):
            modules.append(value)
        pending.extend((part, depth + 1) for part in _parts(value))
    return modules


def _parts(value: object) -> list[Any]:
    """Return what a function, method, partial or module holds that may be, or refer to, a module."""
    if isinstance(value, nn.Module):
        models = value.__dict__.get("_model"), value.__dict__.get("_guide")
        held = [part for model in models for part in (model if isinstance(model, tuple) else (model,))]
        return [*value.children(), *held]
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__, *_module_attributes(value.__self__)]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, FunctionType):
        names = value.__code__.co_names
        used = [value.__globals__[name] for name in names if name in value.__globals__]
        cells = [_content(cell) for cell in value.__closure__ or ()]
        return [part for part in (*used, *cells) if isinstance(part, (nn.Module, partial, MethodType, FunctionType))]
    return []


def _module_attributes(value: object) -> list[nn.Module]:
    return [part for part in getattr(value, "__dict__", {}).values() if isinstance(part, nn.Module)]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return None


class _Saved(NamedTuple):
    module: nn.Module
    attributes: dict[str, Any]
    containers: dict[str, Any]
    buffers: list[tuple[torch.Tensor, torch.Tensor]]


class ModuleState:
    """Attributes and buffers of modules at one moment; the values of parameters are not copied.

    It undoes what a call of a guide leaves behind: parameters that it made when first called, running statistics,
    counters, plates.
    """

    def __init__(self, saved: list[_Saved]) -> None:
        self._saved = saved

    def __repr__(self) -> str:
        return f"ModuleState({len(self._saved)} modules)"

    @classmethod
    def of(cls, *functions: object) -> Self:
        """Copy the present state of the modules behind functions."""
        return cls([_saved(module) for module in modules_of(*functions)])

    def restore(self) -> None:
        """Put the state back as it was copied, with the same containers."""
        for module, attributes, containers, buffers in self._saved:
            for name, items in containers.items():
                _fill(attributes[name], items)
            _put(module, attributes, buffers)

    def install(self) -> None:
        """Put the state into the containers that the modules have now, so that those it was copied from stay."""
        for module, attributes, containers, buffers in self._saved:
            present = {name: module.__dict__.get(name) for name in containers}
            for name, items in containers.items():
                if type(present[name]) is type(items):
                    _fill(present[name], items)
                else:
                    present[name] = items.copy()
            _put(module, {**attributes, **present}, buffers)


def _fill(container: Any, items: Any) -> None:
    container.clear()
    (container.extend if isinstance(container, list) else container.update)(items)


def _put(module: nn.Module, attributes: dict[str, Any], buffers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    module.__dict__.clear()
    module.__dict__.update(attributes)
    with torch.no_grad():
        for buffer, value in buffers:
            buffer.copy_(value)


def _saved(module: nn.Module) -> _Saved:
    attributes = dict(module.__dict__)
    held = {
        name: value.copy()
        for name, value in attributes.items()
        if isinstance(value, (dict, list, set)) and len(value) <= MAX_ITEMS
    }
    tensors = [value for value in module._buffers.values() if value is not None and value.numel() <= 100 * MAX_ITEMS]
    return _Saved(module, attributes, held, [(value, value.clone()) for value in tensors])


@contextmanager
def untouched(*functions: object) -> Iterator[None]:
    """Let functions be called without a trace in their modules or in Pyro's parameter store.

    Parameters of the store are seen inside; those that are made inside are gone afterwards.
    """
    state = ModuleState.of(*functions)
    try:
        with store_of(copied_store()):
            yield
    finally:
        state.restore()


def copied_store() -> tuple[dict[Any, Any], ...]:
    """Return the dictionaries of the present parameter store, copied; the parameters themselves are shared."""
    store: Any = pyro.get_param_store()
    return dict(store._params), dict(store._param_to_name), dict(store._constraints)


@contextmanager
def store_of(dictionaries: tuple[dict[Any, Any], ...]) -> Iterator[None]:
    """Let the parameter store be that of these dictionaries: parameters, their names and their constraints."""
    store: Any = pyro.get_param_store()
    held = store._params, store._param_to_name, store._constraints
    store._params, store._param_to_name, store._constraints = dictionaries
    try:
        yield
    finally:
        store._params, store._param_to_name, store._constraints = held
