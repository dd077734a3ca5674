"""Checks of numbers that a user gives, each with an error that names what was given and what is needed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable


def checked_probs(values: Iterable[float], name: str) -> tuple[float, ...]:
    """Return probabilities as floats in (0, 1), at least one, or say what is wrong with them."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of numbers, got {values!r}")
    probs = tuple(checked_prob(value, name, "hold numbers") for value in values)
    if not probs:
        raise ValueError(f"{name} must hold at least one number")
    return probs


def checked_increasing(values: Iterable[float], name: str) -> tuple[float, ...]:
    """Return probabilities as `checked_probs` does, each greater than the one before, or say that they are not."""
    probs = checked_probs(values, name)
    if any(a >= b for a, b in pairwise(probs)):
        raise ValueError(f"{name} must increase, got {probs}")
    return probs


def checked_prob(value: float, name: str, needed: str = "be a number") -> float:
    """Return a probability as a float in (0, 1), or say what is wrong with it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must {needed}, got {value!r}")
    if not 0 < value < 1:
        raise ValueError(f"{name} must be in (0, 1), got {value!r}")
    return float(value)


def checked_count(value: int, name: str, least: int = 2) -> int:
    """Return a count as an int of at least `least`, or say what is wrong with it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def checked_batch_size(value: int | None) -> int | None:
    """Return a batch size as an int, None for all rows, or say what is wrong with it."""
    return None if value is None else checked_count(value, "batch_size", 1)


def checked_flag(name: str, value: object) -> bool:
    """Return a truth value as a bool, or say that it is none."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)
