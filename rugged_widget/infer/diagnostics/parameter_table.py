"""Summaries of the parameters of a fit: what a page shows of them, however many numbers they are."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pyro
import torch

from rugged_widget.infer.diagnostics.supports import kind_of
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.model_values import ParameterSummary, ParameterTable, SiteKind
from rugged_widget.snapshot.values import Array

MAX_LISTED: Final = 12
"""A parameter of no more numbers is given in full, and so many alike parameters are told apart."""

MAX_VALUES: Final = 240
"""Numbers that are given in full in all of a table."""

MAX_ROWS: Final = 200
NUM_BINS: Final = 20
SAMPLE: Final = 20_000
"""Median and histogram of more numbers than that are those of every other, third, ... of them."""


TAKEN: Final = 1_000_000
"""A parameter of more numbers is summarized where it is, on a GPU for example; others are copied from there."""


def parameter_table(foreign: Collection[str] = ()) -> ParameterTable:
    """Return what `ask_parameter_table` asks for."""
    return ask_parameter_table(Transfer(), foreign)()


@torch.no_grad()
def ask_parameter_table(transfer: Transfer, foreign: Collection[str] = ()) -> Later[ParameterTable]:
    """Summarize the parameters in the present parameter store; call it inside `Fit.inspecting`.

    Those of the names `foreign`, which are of other models, are left out.

    Parameters whose names differ by numbers only, as those of the steps of a time series do, share a row where they are
    more than 12.
    """
    store: Any = pyro.get_param_store()
    constrained = {str(name): value.detach() for name, value in store.items() if name not in foreign}
    asked = {
        name: _Row(
            transfer.tensor(value) if value.numel() <= TAKEN else partial(_itself, value),
            transfer.tensor(store._params[name]) if value.numel() <= MAX_LISTED else None,
            kind_of(store._constraints[name]),
        )
        for name, value in constrained.items()
    }
    return lambda: _table(asked)


class _Row(NamedTuple):
    """A parameter that was asked for, its unconstrained numbers where they may be listed, and its kind."""

    constrained: Later[torch.Tensor]
    unconstrained: Later[torch.Tensor] | None
    kind: SiteKind


def _itself(value: torch.Tensor) -> torch.Tensor:
    return value


@torch.no_grad()
def _table(asked: Mapping[str, _Row]) -> ParameterTable:
    constrained = {name: row.constrained() for name, row in asked.items()}
    groups = _grouped(list(constrained))
    rows, left = [], MAX_VALUES
    for names in groups[:MAX_ROWS]:
        row = _summary(names, constrained, asked[names[0]], listed=left)
        left -= row.constrained.size
        rows.append(row)
    return ParameterTable(tuple(rows), len(constrained), sum(value.numel() for value in constrained.values()))


def _grouped(names: Sequence[str]) -> list[list[str]]:
    patterns = {name: re.sub(r"\d+", "#", name) for name in names}
    counts = Counter(patterns.values())
    groups: dict[str, list[str]] = {}
    for name, pattern in patterns.items():
        groups.setdefault(pattern if counts[pattern] > MAX_LISTED else f"={name}", []).append(name)
    return list(groups.values())


def _summary(
    names: Sequence[str], constrained: Mapping[str, torch.Tensor], first: _Row, *, listed: int
) -> ParameterSummary:
    values = [constrained[name] for name in names]
    num_elements = sum(value.numel() for value in values)
    low, median, high, counts, num_not_finite = _spread(values)
    full = len(names) == 1 and num_elements <= min(MAX_LISTED, listed)
    return ParameterSummary(
        name=names[0],
        last_name=names[-1] if len(names) > 1 else "",
        constraint=first.kind,
        shape=tuple(values[0].shape),
        num_elements=num_elements,
        low=low,
        median=median,
        high=high,
        counts=counts,
        constrained=_numbers(values[0]) if full else np.empty(0),
        unconstrained=_numbers(first.unconstrained()) if full and first.unconstrained is not None else np.empty(0),
        num_not_finite=num_not_finite,
        num_parameters=len(names),
    )


def _numbers(value: torch.Tensor) -> Array:
    return value.detach().cpu().double().reshape(-1).numpy().copy()


def _spread(values: Sequence[torch.Tensor]) -> tuple[float, float, float, Array, int]:
    """Return the smallest number, the median, the largest, the histogram, and how many numbers are not finite."""
    finite = [_finite(value.reshape(-1)) for value in values]
    num_not_finite = sum(value.numel() for value in values) - sum(len(value) for value in finite)
    finite = [value for value in finite if len(value)]
    if not finite:
        return float("nan"), float("nan"), float("nan"), np.zeros(NUM_BINS), num_not_finite
    ends = [value.aminmax() for value in finite]
    low, high = float(min(end.min for end in ends)), float(max(end.max for end in ends))
    stride = -(-sum(map(len, finite)) // SAMPLE)
    sample = torch.cat([value[::stride].cpu().double() for value in finite]).numpy()
    edges = (low, high) if low < high else (low - 0.5, high + 0.5)
    counts = np.histogram(sample, NUM_BINS, edges)[0].astype(np.float64)
    return low, float(np.median(sample)), high, counts, num_not_finite


def _finite(value: torch.Tensor) -> torch.Tensor:
    finite = value.isfinite()
    return value if bool(finite.all()) else value[finite]
