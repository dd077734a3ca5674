"""NumPy's own handling of floating-point errors, for what must not depend on the user's `numpy.seterr`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np

NUMPY_ERRORS: Final[Mapping[str, Any]] = MappingProxyType(
    {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
)
"""What NumPy does by default about each kind of error, as `numpy.seterr` takes it."""

TypeT = TypeVar("TypeT", bound=type)


def usual_errors() -> np.errstate:
    """Return a context, and decorator of functions, in which NumPy handles errors as it does by default."""
    return np.errstate(**NUMPY_ERRORS)


def with_usual_errors(cls: TypeT) -> TypeT:
    """Let NumPy handle errors as it does by default in all methods and properties of a class."""
    for name, member in list(vars(cls).items()):
        if inspect.isfunction(member):
            setattr(cls, name, usual_errors()(member))
        elif isinstance(member, property):
            getter: Any = member.fget
            setattr(cls, name, property(usual_errors()(getter), doc=member.__doc__))
    return cls
