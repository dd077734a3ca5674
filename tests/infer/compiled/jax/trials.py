"""What it takes to try a counterpart on a call of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from rugged_widget.infer.compiled.jax.jax_program import Result
from rugged_widget.infer.compiled.jax.ops import COUNTERPARTS, FUSED
from tests.infer.compiled.jax import cases as jax_cases
from tests.infer.compiled.jax import cases_places as jax_cases_places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.infer.compiled.jax.cases import Call


class Trial(NamedTuple):
    """A call of torch, a table of counterparts, and the type of the arguments that are known before the first step."""

    call: Call
    table: Mapping[str, Any] = COUNTERPARTS
    known: torch.dtype | None = None

    def __str__(self) -> str:
        return f"{self.call[0]}{' fused' if self.table is FUSED else ''}{' known' if self.known else ''}"


AGREE = [
    *map(Trial, (*jax_cases.ELEMENTS, *jax_cases.PAIRS, *jax_cases.CHOICES, *jax_cases.REDUCTIONS)),
    *map(Trial, (*jax_cases_places.SHAPES, *jax_cases_places.MADE, *jax_cases_places.GRADIENTS)),
    *(Trial(call, table) for call in jax_cases.MATRICES for table in (COUNTERPARTS, FUSED)),
    *(Trial(call, known=known) for call in jax_cases_places.PLACES for known in (None, torch.int64)),
    *(Trial(call, known=torch.bool) for call in jax_cases_places.MASKED),
    *map(Trial, jax_cases_places.FILLED),
]


def parts(outcome: Any) -> list[Any]:
    return list(outcome) if isinstance(outcome, (list, tuple)) else [outcome]


def mapped(tree: Any, function: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(tree, torch.Tensor):
        return function(tree)
    if isinstance(tree, torch.dtype):
        return None  # counterparts go by the result's
    return [mapped(part, function) for part in tree] if isinstance(tree, (list, tuple)) else tree


def given(trial: Trial) -> list[Any]:
    """Return the tensors of a call that a step would be given, as arrays."""
    found: list[Any] = []
    mapped(trial.call[1], lambda value: found.append(value.numpy()) if value.dtype != trial.known else None)
    return found


def tried(trial: Trial, arrays: list[Any]) -> list[Any] | str:
    """Call the counterpart; returns an error's text in the place of the outcome."""
    (operation, args, kwargs), table, known = trial
    remaining, expected = iter(arrays), operation(*args, **kwargs)
    results = tuple(Result(tuple(value.shape), value.numpy().dtype) for value in parts(expected))
    arguments = mapped(args, lambda value: value.numpy() if value.dtype == known else next(remaining))
    keywords = {key: mapped(value, lambda value: value) for key, value in kwargs.items()}
    result = results if isinstance(expected, (list, tuple)) else results[0]
    try:
        return parts(table[str(operation)](result, *arguments, **keywords))
    except Exception as error:
        return repr(error)
