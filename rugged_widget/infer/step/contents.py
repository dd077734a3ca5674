"""Contents of Python objects: what functions, containers and instances hold, and the modules that they reach."""

import functools
import itertools
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from rugged_widget.infer.step.variables import closed_over, variables_of

MAX_ITEMS = 1000
"""Items of a list or a dictionary that are looked at."""

SIMPLE = (bool, int, float, complex, str, bytes, type(None))
"""Types of values that hold nothing."""


def contents(thing: Any) -> Iterator[tuple[str, Any]]:  # noqa: C901 a branch for each kind of object
    """Yield what an object holds, with its name."""
    if isinstance(thing, types.MethodType):
        yield "self", thing.__self__
        yield "function", thing.__func__
    elif isinstance(thing, (types.BuiltinMethodType, types.MethodWrapperType)):
        yield "self", thing.__self__
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, functools.partial):
        yield "function", thing.func
        yield from thing.keywords.items()
        yield from ((str(i), value) for i, value in enumerate(thing.args))
    elif isinstance(thing, dict):
        yield from itertools.islice(((str(key), value) for key, value in thing.items()), MAX_ITEMS)
    elif isinstance(thing, (list, tuple, deque)):
        yield from ((str(i), value) for i, value in enumerate(itertools.islice(thing, MAX_ITEMS)))
    elif isinstance(thing, torch.Tensor):
        return
    elif hasattr(thing, "__dict__"):
        yield from vars(thing).items()
        if isinstance(thing, nn.Module):
            yield from thing.named_children()
            yield from thing.named_buffers()
            yield "forward", type(thing).forward
        elif callable(thing):
            yield "__call__", type(thing).__call__


def _names(code: types.CodeType) -> set[str]:
    """Return the names that a function and those inside it look up."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*inner)


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    code: types.CodeType = function.__code__
    yield from closed_over(function)
    for name in _names(code):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    defaults = function.__defaults__ or ()
    yield from zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()
    yield from vars(function).items()


MAX_REACHED = 10_000
"""Objects that a search looks at."""


def reached(things: Iterable[object]) -> tuple[list[nn.Module], list[torch.Tensor]]:
    """Return the modules and tensors that things lead to, those that are near first.

    The way is by attributes, methods, closures, partials, globals that code names, and containers; at most 10,000
    objects are looked at. Submodules are among the modules.
    """
    modules: dict[int, nn.Module] = {}
    tensors: dict[int, torch.Tensor] = {}
    queue, seen = deque(things), set[int]()
    while queue and len(seen) < MAX_REACHED:
        thing = queue.popleft()
        if isinstance(thing, torch.Tensor):
            tensors[id(thing)] = thing
        if id(thing) in seen or isinstance(thing, (*SIMPLE, *_OPAQUE)):
            continue
        seen.add(id(thing))
        if isinstance(thing, nn.Module):
            modules.update((id(module), module) for module in thing.modules() if id(module) not in modules)
        queue.extend(value for _, value in contents(thing))
        queue.extend(_named_by_code(thing))
    return list(modules.values()), list(tensors.values())


_OPAQUE = (torch.Tensor, np.ndarray, types.ModuleType, type)


def owners(things: Iterable[object]) -> list[object]:
    """Return objects whose methods things are, and objects of the user's own classes that are called themselves.

    The global variables that functions assign are among them, as an object.

    A partial and what one of Pyro's handlers wraps count as what is inside. Modules are left out, and so is what torch
    and Python bring; an object of Pyro's that has a model as its method, such as an epidemic, is not.
    """
    things = list(things)
    found: dict[int, object] = {id(variables): variables for variables in variables_of(things)}
    queue = list(things)
    while queue:
        thing = queue.pop()
        if isinstance(thing, functools.partial):
            queue += [thing.func, *thing.args]
            continue
        if isinstance(thing, types.MethodType):
            owner, libraries = thing.__self__, _LIBRARIES - {"pyro"}
        else:
            owner, libraries = thing, _LIBRARIES
        called = owner is not thing or callable(thing)
        if called and _is_plain(owner, libraries):
            found[id(owner)] = owner
    return list(found.values())


_LIBRARIES = frozenset({"torch", "pyro", "builtins"})


def _is_plain(thing: object, libraries: frozenset[str]) -> bool:
    """Return whether a thing is an object with attributes, of a class that is neither a library's nor a module's."""
    library = isinstance(thing, (nn.Module, type)) or is_library(type(thing), libraries)
    return not library and type(getattr(thing, "__dict__", None)) is dict


def _is_file(value: object) -> bool:
    return isinstance(value, types.ModuleType)


def is_library(cls: type, libraries: frozenset[str] = _LIBRARIES) -> bool:
    """Return whether a class is Python's own or of one of these libraries, by default torch's and Pyro's."""
    top = (cls.__module__ or "").split(".")[0]
    return top in libraries or (top in sys.stdlib_module_names and top != "__main__")


def _named_by_code(thing: object) -> Iterator[object]:
    """Yield methods and modules of a class that the user wrote, and modules of an imported file that code names."""
    if isinstance(thing, types.FunctionType):
        names = _names(thing.__code__)
        for file in filter(_is_file, map(thing.__globals__.get, names)):
            values = (vars(file).get(name) for name in names)
            yield from (value for value in values if isinstance(value, nn.Module))
    elif hasattr(thing, "__dict__"):
        for cls in type(thing).__mro__:
            if not is_library(cls):
                held = map(_function_of, vars(cls).values())
                yield from (value for value in held if isinstance(value, (types.FunctionType, nn.Module)))


def _function_of(value: object) -> object:
    """Return the function behind a property, a static method or a class method."""
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)
