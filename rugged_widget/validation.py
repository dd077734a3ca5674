"""Checks of what a user gives: each returns the value in its proper type, or raises an error that names it.

Every error says what was given and what is needed: TypeError where the type is wrong, ValueError where the value is.
"""

from __future__ import annotations

import math
import operator
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, SupportsIndex, TypeAlias, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

Engine: TypeAlias = Literal["auto", "plain", "graph", "jax"]
Speed: TypeAlias = Literal[1, 10, "max"]

ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
"""Ways to compute the steps: "auto" is graph where the model allows it."""

SPEEDS: Final[tuple[Speed, ...]] = get_args(Speed)
"""Steps a frame, or as fast as possible."""

CUSTOM: Final = "custom"
"""Key of a guide that belongs to none of the families."""

MAX_SEED = 2**32 - 1
"""Largest seed that torch and numpy both take."""


def checked_probs(values: Iterable[float], name: str) -> tuple[float, ...]:
    """Return probabilities as floats in (0, 1), at least one."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of numbers, got {values!r}")
    probs = tuple(checked_prob(value, name, "hold numbers") for value in values)
    if not probs:
        raise ValueError(f"{name} must hold at least one number")
    return probs


def checked_increasing(values: Iterable[float], name: str) -> tuple[float, ...]:
    """Return probabilities as `checked_probs` does, each greater than the one before."""
    probs = checked_probs(values, name)
    if any(a >= b for a, b in pairwise(probs)):
        raise ValueError(f"{name} must increase, got {probs}")
    return probs


def checked_prob(value: float, name: str, needed: str = "be a number") -> float:
    """Return a probability as a float in (0, 1)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must {needed}, got {value!r}")
    if not 0 < value < 1:
        raise ValueError(f"{name} must be in (0, 1), got {value!r}")
    return float(value)


def checked_count(value: object, name: str, least: int = 1) -> int:
    """Return a count as an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be an integer of at least {least}, got {value!r}")
    if operator.index(value) < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return operator.index(value)


def checked_batch_size(value: int | None) -> int | None:
    """Return a batch size as an int of at least 1; None stands for all rows."""
    return None if value is None else checked_count(value, "batch_size")


def checked_flag(value: object, name: str) -> bool:
    """Return True or False as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def checked_learning_rate(value: float) -> float:
    """Return a learning rate as a finite float > 0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"learning_rate must be a number, got {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"learning_rate must be finite and > 0, got {value!r}")
    return float(value)


def checked_seed(value: int) -> int:
    """Return a seed as an int in [0, 2**32)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"seed must be an int, got {value!r}")
    if not 0 <= value <= MAX_SEED:
        raise ValueError(f"seed must be in [0, 2**32), got {value!r}")
    return int(value)


def checked_speed(value: object) -> Speed:
    """Return a speed: 1 or 10 steps a frame, or "max"."""
    for known in SPEEDS:
        if type(value) is type(known) and value == known:
            return known
    raise ValueError(f"speed must be 1, 10 (steps a frame) or 'max', got {value!r}")


def checked_engine(value: str) -> Engine:
    """Return the name of an engine, one of `ENGINES`."""
    if not isinstance(value, str):
        raise TypeError(f"engine must be a text, got {value!r}")
    for known in ENGINES:
        if value == known:
            return known
    raise ValueError(f"engine must be one of {', '.join(map(repr, ENGINES))}, got {value!r}")
