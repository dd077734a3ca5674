"""Global variables that functions assign, as attributes of an object, so that they can be exchanged like those."""

import dis
import functools
import sysconfig
import types
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

MAX_FUNCTIONS = 1000
"""Functions that a search looks at."""


class _Values(MutableMapping[str, Any]):
    """Values that variables had; what is changed here is changed in their namespace too."""

    def __init__(self, namespace: dict[str, Any], names: Iterable[str]) -> None:
        self._namespace, self._names = namespace, names
        self._values = {name: namespace[name] for name in names if name in namespace}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = self._namespace[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self._namespace.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        self._values.clear()
        for name in self._names:
            self._namespace.pop(name, None)

    def copy(self) -> dict[str, Any]:
        return self._values.copy()


class Variables:
    """Some global variables of one namespace, read and set as the attributes of an object are by its `__dict__`.

    What was read of it stays as it was when the variables change, and they change when it is changed. A model may make
    a network in its first call and keep it in a global variable.
    """

    __slots__ = ("_names", "_namespace")

    def __init__(self, namespace: dict[str, Any], names: Iterable[str]) -> None:
        self._namespace, self._names = namespace, frozenset(names)

    def __repr__(self) -> str:
        return f"Variables({', '.join(sorted(self._names))})"

    @property
    def __dict__(self) -> Any:
        return _Values(self._namespace, self._names)

    @__dict__.setter
    def __dict__(self, values: Mapping[str, Any]) -> None:
        for name in self._names:
            if name in values:
                self._namespace[name] = values[name]
            else:
                self._namespace.pop(name, None)


def variables_of(things: Iterable[object]) -> list[Variables]:
    """Return the global variables that functions assign, one object for each namespace.

    The functions are the things themselves, those of methods and partials, and those that they name or close over.
    """
    assigned: dict[int, tuple[dict[str, Any], set[str]]] = {}
    queue, seen = list(things), set[int]()
    while queue and len(seen) < MAX_FUNCTIONS:
        thing = queue.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, types.FunctionType) and not _is_of_a_library(thing):
            names = _assigned_by(thing.__code__)
            if names:
                assigned.setdefault(id(thing.__globals__), (thing.__globals__, set()))[1].update(names)
        queue.extend(_functions_in(thing))
    return [Variables(namespace, names) for namespace, names in assigned.values()]


@functools.cache
def _assigned_by(code: types.CodeType) -> frozenset[str]:
    """Return the global names that code, or a function inside it, assigns or deletes."""
    inner = [_assigned_by(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    own = (str(part.argval) for part in dis.get_instructions(code) if part.opname in _ASSIGNING)
    return frozenset(own).union(*inner)


_ASSIGNING = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})


def _functions_in(thing: object) -> Iterator[object]:
    """Yield the functions, methods and partials that one of them leads to; libraries are not gone through."""
    held: Iterable[object] = ()
    if isinstance(thing, types.MethodType):
        held = (thing.__func__,)
    elif isinstance(thing, functools.partial):
        held = (thing.func, *thing.args)
    elif isinstance(thing, types.FunctionType):
        names = () if _is_of_a_library(thing) else thing.__code__.co_names
        held = (*map(thing.__globals__.get, names), *(value for _, value in closed_over(thing)))
    yield from (value for value in held if isinstance(value, _CALLED))


_CALLED = (types.FunctionType, types.MethodType, functools.partial)

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
"""Folders of what was not written for this model; what functions there keep in global variables is their own."""


def _is_of_a_library(function: types.FunctionType) -> bool:
    return function.__code__.co_filename.startswith(_LIBRARIES)


def closed_over(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, with its name."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # nothing in it yet
            continue
