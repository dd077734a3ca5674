"""Parts of what decides on a run, as plain values."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass


def learning_rate_changes(rates: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """Shorten the learning rates of all steps to pairs (step, rate): the step, from 1, that first had the rate."""
    changes: list[tuple[int, float]] = []
    for step, rate in enumerate(rates, 1):
        if not changes or rate != changes[-1][1]:
            changes.append((step, float(rate)))
    return tuple(changes)


@dataclass(frozen=True, kw_only=True)
class OwnGuide:
    """A guide that the user wrote; ValueError where it is no Python.

    Attributes
    ----------
    making
        Expression that is the guide, in terms of `model` and of what the source defines.
    source
        Definition of it as the user wrote it; None where it is not to be found.
    imported
        Names that it takes from `pyro.infer.autoguide`.
    """

    making: str
    source: str | None = None
    imported: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            ast.parse(self.making, mode="eval")
            ast.parse(self.source or "")
        except SyntaxError as error:
            raise ValueError(f"making and source of a guide must be Python, got {self.making!r}: {error}") from error
