"""Checks of the settings of a RuggedWidget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from rugged_widget.infer.guides.families import checked_guide
from rugged_widget.validation import (
    checked_count,
    checked_engine,
    checked_flag,
    checked_learning_rate,
    checked_seed,
    checked_speed,
)
from rugged_widget.view.i18n.catalogue import checked_language


def _flag(name: str) -> Callable[[Any], bool]:
    return lambda value: checked_flag(value, name)


CHECKS: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "guide": checked_guide,
        "learning_rate": checked_learning_rate,
        "num_steps": lambda count: checked_count(count, "num_steps"),
        "seed": checked_seed,
        "speed": checked_speed,
        "engine": checked_engine,
        "show_exact": _flag("show_exact"),
        "correct": _flag("correct"),
        "stop_when_converged": _flag("stop_when_converged"),
        "language": checked_language,
    }
)
"""Returns the value of a setting, or says what is wrong with it."""
