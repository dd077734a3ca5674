"""Work that is done in pieces, so that the caller can do something else in between."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def finished(pieces: Generator[None, None, T]) -> T:
    """Do all pieces at once, and return the result."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            result: T = done.value
            return result
