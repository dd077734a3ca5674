"""What each setting of a RuggedWidget may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from rugged_widget.infer.checks import checked_flag
from rugged_widget.infer.engines import checked_engine
from rugged_widget.infer.guides import checked_guide
from rugged_widget.infer.svi import checked_learning_rate, checked_seed
from rugged_widget.pace import check_count, check_speed
from rugged_widget.view.words import checked_language


def _flag(name: str) -> Callable[[Any], bool]:
    return lambda value: checked_flag(name, value)


CHECKS: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "guide": checked_guide,
        "learning_rate": checked_learning_rate,
        "num_steps": lambda count: check_count("num_steps", count),
        "seed": checked_seed,
        "speed": check_speed,
        "engine": checked_engine,
        "show_exact": _flag("show_exact"),
        "correct": _flag("correct"),
        "stop_when_settled": _flag("stop_when_settled"),
        "language": checked_language,
    }
)
"""Returns the value of a setting, or says what is wrong with it."""
