"""Find the numbers of batches that change from step to step, and put tensors in their place."""

import copy
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

import torch

Number: TypeAlias = int | float

MAX_STRUCTURES: Final = 64
"""Kinds of batches whose numbers are remembered."""


def is_number(thing: object) -> bool:
    """Return whether a value of a batch may become a tensor: a float or an int, but no bool, which decides on a way."""
    return isinstance(thing, (int, float)) and not isinstance(thing, bool)


class VaryingNumbers:
    """Remembers the numbers of batches, and tells which of them change from step to step."""

    def __init__(self) -> None:
        self._first: OrderedDict[Hashable, tuple[Sequence[Number], set[int]]] = OrderedDict()
        self._held = False

    def __repr__(self) -> str:
        return f"VaryingNumbers({'held' if self._held else len(self._first)})"

    def places(self, structure: Hashable, numbers: Sequence[Number]) -> tuple[int, ...]:
        """Note the numbers of a batch; return the places, increasing, of those that have ever been others.

        Batches of one structure differ by tensors and numbers alone.
        """
        if self._held:
            return ()
        first, varying = self._first.setdefault(structure, (numbers, set()))
        varying.update(i for i, (one, other) in enumerate(zip(first, numbers, strict=True)) if one != other)
        if len(self._first) > MAX_STRUCTURES:
            self._first.popitem(last=False)
        return tuple(sorted(varying))

    def hold(self) -> None:
        """Take all numbers as fixed from now on: the model cannot do with tensors in their place."""
        self._held = True


def as_tensor(number: Number) -> torch.Tensor:
    """Return the tensor of a number, shape (): of the default type, or of whole numbers."""
    return torch.tensor(number, dtype=torch.int64 if isinstance(number, int) else torch.get_default_dtype())


def with_tensors(thing: Any, tensors: Mapping[int, torch.Tensor]) -> Any:
    """Return a nested value with tensors in the place of numbers, which are counted as they come, depth first."""
    return _replaced(thing, tensors, count())


def _replaced(thing: Any, tensors: Mapping[int, torch.Tensor], places: Iterator[int]) -> Any:
    if is_number(thing):
        return tensors.get(next(places), thing)
    if isinstance(thing, (tuple, list)):
        parts = [_replaced(part, tensors, places) for part in thing]
        return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)
    if isinstance(thing, dict):
        result = copy.copy(thing)
        result.update({key: _replaced(part, tensors, places) for key, part in thing.items()})
        return result
    return thing
