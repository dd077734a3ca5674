"""Global settings of the user's, chosen for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def chosen(choose: Callable[[Any], object], value: object, before: object) -> Iterator[None]:
    """Choose a global setting for the time of a with statement."""
    choose(value)
    try:
        yield
    finally:
        choose(before)
