"""Find what a model is now called by its name, after the cell or module that defines it was run again."""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any, Self


@dataclass(frozen=True, eq=False)
class Origin:
    """Where the user's object came from: a global name, so that what has that name later can be found.

    Take it with `of` while the object is what the name says, as when it is given; ask for `current` later.

    Attributes
    ----------
    value
        The object itself: a function, an instance, a bound method, a partial, or anything else.
    name
        The global name of the object, or of what it is a method or a part of; "" where it has none.
    """

    value: Any
    name: str
    _held: Any
    _scope: Mapping[str, Any]
    _rebuild: Callable[[Any], Any]

    @classmethod
    def of(cls, value: Any) -> Self:
        """Note which global name an object has now; in the module that defines it, else in `__main__`."""
        for scope in _scopes(value):
            if name := _name_in(scope, value):
                return cls(value, name, value, scope, lambda present: present)
        if isinstance(value, functools.partial):
            return cls._within(value, value.func, lambda function: _partial_of(value, function))
        if inspect.ismethod(value):
            return cls._within(value, value.__self__, lambda owner: getattr(owner, value.__name__))
        return cls(value, "", None, {}, lambda present: present)

    @classmethod
    def _within(cls, value: Any, part: Any, rebuild: Callable[[Any], Any]) -> Self:
        """Return the origin of what holds a part that may have a name."""
        inner = cls.of(part)
        return cls(value, inner.name, inner._held, inner._scope, lambda present: rebuild(inner._rebuild(present)))

    def __repr__(self) -> str:
        return f"Origin({self.name or type(self.value).__name__})"

    def current(self) -> Any:
        """Return what has the name now; `value` itself where nothing was redefined.

        It is `value` too where it has no name, where the name is gone, or where it now means something that could not
        take its place: what cannot be called, or has no such method.
        """
        held = self._scope.get(self.name)
        if held is None or held is self._held or inspect.isclass(held) != inspect.isclass(self._held):
            return self.value
        try:
            present = self._rebuild(held)
        except (AttributeError, TypeError):
            return self.value
        return self.value if callable(self.value) and not callable(present) else present


def _scopes(value: Any) -> list[dict[str, Any]]:
    """Return the globals in which an object may have a name: of where it or its class is defined, and `__main__`."""
    inner = value.__func__ if isinstance(value, MethodType) else value
    scopes = [getattr(inner, "__globals__", None)]
    modules = (getattr(inner, "__module__", None), type(value).__module__, "__main__")
    scopes += [vars(sys.modules[name]) for name in modules if isinstance(name, str) and name in sys.modules]
    return [scope for scope in scopes if scope is not None]


def _name_in(scope: Mapping[str, Any], value: Any) -> str:
    """Return the global name of an object: its own where it has it, else the first that is not one of IPython's."""
    own = getattr(value, "__name__", None)
    if isinstance(own, str) and scope.get(own) is value:
        return own
    return next((name for name, held in list(scope.items()) if held is value and not name.startswith("_")), "")


def _partial_of(value: "functools.partial[Any]", function: Any) -> Any:
    return functools.partial(function, *value.args, **value.keywords)
