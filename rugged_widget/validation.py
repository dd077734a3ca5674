"""Checks of what a user gives: each returns the value in its proper type, or raises an error that names it.

Every error says what was given and what is needed: TypeError where the type is wrong, ValueError where the value is.
"""

from __future__ import annotations

import math
import operator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

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


def _scalar(value: object) -> Any:
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _number(value: object) -> float | None:
    """Return a number of Python or NumPy as a float, infinite where none can hold it; None for anything else."""
    scalar = _scalar(value)
    if isinstance(scalar, (bool, np.bool_)) or not isinstance(scalar, (int, float, np.integer, np.floating)):
        return None
    try:
        return float(scalar)
    except OverflowError:
        return math.inf if scalar > 0 else -math.inf


def _integer(value: object) -> int | None:
    """Return an integer of Python, NumPy or another library as an int; None for anything else."""
    scalar = _scalar(value)
    if isinstance(scalar, (bool, np.bool_)):
        return None
    try:
        return operator.index(scalar)
    except TypeError:
        return None


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
    number = _number(value)
    if number is None:
        raise TypeError(f"{name} must {needed}, got {value!r}")
    if not 0 < number < 1:
        raise ValueError(f"{name} must be in (0, 1), got {value!r}")
    return number


def checked_positive(value: float, name: str) -> float:
    """Return a number as a finite float > 0."""
    number = _number(value)
    if number is None:
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and > 0, got {value!r}")
    return number


def checked_count(value: object, name: str, least: int = 1) -> int:
    """Return a count as an int of at least `least`."""
    count = _integer(value)
    if count is None:
        raise TypeError(f"{name} must be an integer of at least {least}, got {value!r}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return count


def checked_batch_size(value: int | None) -> int | None:
    """Return a batch size as an int of at least 1; None stands for all rows."""
    return None if value is None else checked_count(value, "batch_size")


def checked_flag(value: object, name: str) -> bool:
    """Return True or False as a bool."""
    flag = _scalar(value)
    if not isinstance(flag, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(flag)


def checked_learning_rate(value: float) -> float:
    """Return a learning rate as a finite float > 0."""
    return checked_positive(value, "learning_rate")


def checked_seed(value: int) -> int:
    """Return a seed as an int in [0, 2**32)."""
    seed = _integer(value)
    if seed is None:
        raise TypeError(f"seed must be an int, got {value!r}")
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be in [0, 2**32), got {value!r}")
    return seed


def checked_speed(value: object) -> Speed:
    """Return a speed: 1 or 10 steps a frame, or "max"."""
    number = _integer(value)
    for known in SPEEDS:
        if number == known or (isinstance(value, str) and value == known):
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
