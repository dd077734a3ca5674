"""Traits whose values are checked at once, with an error that names the setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets


class Checked(traitlets.TraitType[Any, Any]):
    """A trait whose values pass through a function, which returns them or raises ValueError or TypeError.

    traitlets' own types raise TraitError, which is neither, and whose text does not say what would do.

    Parameters
    ----------
    check
        Returns the value in its proper type, or raises.
    default
        First value.
    help
        What the trait is.
    """

    def __init__(self, check: Callable[[Any], object], default: object, help: str) -> None:  # noqa: A002  # traitlets' word
        self._check = check
        super().__init__(default_value=default, help=help)

    def validate(self, _owner: object, value: object) -> object:
        """Return `value` checked."""
        return self._check(value)
