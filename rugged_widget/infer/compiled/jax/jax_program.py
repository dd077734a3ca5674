"""A step as a list of calls of JAX functions, without torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counterpart: TypeAlias = Callable[..., Any]
"""Computes in JAX what an operation of torch computes: called with the result to come, then as the operation is."""

Dtype: TypeAlias = np.dtype[Any]


@dataclass(frozen=True)
class Result:
    """Shape and type of torch's own result; a counterpart's must be the same, and it computes in that type."""

    shape: tuple[int, ...]
    dtype: Dtype


@dataclass(frozen=True)
class Slot:
    """Stands for a value that a step computes or is given."""

    index: int


@dataclass(frozen=True, eq=False)
class Call:
    """One operation of a step.

    Attributes
    ----------
    name
        Name of the operation, as torch writes it: aten.add.Tensor.
    arguments, keywords
        What its counterpart is called with after the result: numbers, arrays, slots, and lists of them.
    results, slots
        What must come out, and where that is kept.
    several
        True if the operation returns a tuple; otherwise there is one result and one slot.
    """

    name: str
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]
    results: tuple[Result, ...]
    slots: tuple[Slot, ...]
    several: bool


@dataclass(frozen=True, eq=False)
class Recipe:
    """A step: the calls in order, and where its values come from and go to.

    Attributes
    ----------
    state, inputs
        Slots of what a step is given, and what it looks like.
    constants
        Values that no step changes, by slot.
    loss, loss_dtype
        Slot of the loss, one number, and its type.
    next_state
        Slots of the state after the step, each of the shape and type of its part of `state`.
    """

    calls: Sequence[Call]
    state: Mapping[Slot, Result]
    inputs: Mapping[Slot, Result]
    constants: Mapping[Slot, NDArray[Any]]
    loss: Slot
    loss_dtype: Dtype
    next_state: Sequence[Slot]
