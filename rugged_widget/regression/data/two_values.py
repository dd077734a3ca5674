"""Read a column of two values as 0 and 1: a group, of which two values may be picked, or a covariate."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rugged_widget.names import text_of
from rugged_widget.regression.data.columns import Array, is_flag, same

MAX_LISTED = 5
"""Values that an error lists at most."""


@dataclass(frozen=True, eq=False)
class TwoValued:
    """A column of two values as numbers.

    Attributes
    ----------
    codes
        0, 1 or nan, shape (number of rows,).
    texts
        Texts of the two values.
    others
        Which rows hold a value that was not picked, shape (number of rows,); their code is nan.
    """

    codes: Array
    texts: tuple[str, str]
    others: NDArray[np.bool_]


def checked_groups(groups: object) -> tuple[object, object] | None:
    """Return the two values to pick, in order, None where none are given; TypeError or ValueError for anything else."""
    if groups is None:
        return None
    if isinstance(groups, (str, bytes)) or not isinstance(groups, (Sequence, np.ndarray, pd.Index)):
        raise TypeError(f"groups must be two values of the group, such as ('a', 'b'), got {groups!r}")
    values = list(groups)
    if len(values) != 2:
        raise ValueError(f"groups must be two values of the group, such as ('a', 'b'), got {len(values)}")
    return values[0], values[1]


def two_values(column: pd.Series[Any], role: str, picked: tuple[object, object] | None = None) -> TwoValued:
    """Read a column as 0 and 1.

    Parameters
    ----------
    column
        The column. The first value in sorted order, or in that of an ordered category, is 0.
    role
        What the column is for; errors begin with it.
    picked
        The values that are 0 and 1, of the type of the column or as their texts, where it may hold others.

    Raises
    ------
    ValueError
        If there are not two values, they cannot be sorted, or a picked one is not in the column.
    """
    try:
        codes, distinct = pd.factorize(column)
        cells = distinct.tolist()
        finite = [cell for cell in cells if _is_finite(cell)]
        one, two = _sorted_two(column, finite, role) if picked is None else _picked_two(column, finite, picked)
    except (TypeError, ArithmeticError) as error:
        raise ValueError(
            f"{role}: column {column.name!r} must have two values of one sortable type; {error}"
        ) from error
    meaning = [0.0 if cell == one else 1.0 if cell == two else np.nan for cell in cells]
    others = [_is_finite(cell) and bool(np.isnan(code)) for code, cell in zip(meaning, cells, strict=True)]
    coded, other = np.array([*meaning, np.nan])[codes], np.array([*others, False])[codes]  # a missing cell has code -1
    return TwoValued(coded, (_text(one, column), _text(two, column)), other)


def _is_finite(cell: object) -> bool:
    return not isinstance(cell, float) or bool(np.isfinite(cell))


def _sorted_two(column: pd.Series[Any], cells: list[Any], role: str) -> tuple[Any, Any]:
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        values = [value for value in column.cat.categories.tolist() if value in cells]
    else:
        values = sorted(cells)
    if len(values) != 2:
        needed = "exactly two values" if role == "group" else "numbers or exactly two values"
        advice = ""
        if role == "group" and len(values) > 2:
            advice = f"; pick two of them by groups=({_literal(values[0], column)}, {_literal(values[1], column)})"
        found = f"found {len(values)}: {_listed(values, column)}{advice}"
        raise ValueError(f"{role}: column {column.name!r} must have {needed}, {found}")
    return values[0], values[1]


def _picked_two(column: pd.Series[Any], cells: list[Any], picked: tuple[object, object]) -> tuple[Any, Any]:
    places = [_place(column, cells, value) for value in picked]
    for value, place in zip(picked, places, strict=True):
        if place is None:
            found = f"which holds {_listed(cells, column)}"
            raise ValueError(f"groups: {value!r} is not in column {column.name!r}, {found}")
    one, two = (cells[place] for place in places if place is not None)
    if places[0] == places[1]:
        raise ValueError(f"groups must be two different values, got {_literal(one, column)} twice")
    return one, two


def _place(column: pd.Series[Any], cells: Sequence[Any], value: object) -> int | None:
    """Return where a value is among the cells: the value itself, one that equals it, or one that is written so."""
    if isinstance(value, Hashable):
        equal = [place for place, cell in enumerate(cells) if same(cell, value)]
        typed = [place for place in equal if is_flag(cells[place]) == is_flag(value)]
        if equal:
            return (typed or equal)[0]
    texts = [_text(cell, column) for cell in cells] if isinstance(value, str) else []
    return texts.index(value) if value in texts else None


def _listed(values: Iterable[Any], column: pd.Series[Any]) -> str:
    texts = [_text(value, column) for value in values]
    return ", ".join(texts[:MAX_LISTED] + ["..."] * (len(texts) > MAX_LISTED)) or "none"


def _literal(value: object, column: pd.Series[Any]) -> str:
    text = _text(value, column)
    return text if isinstance(value, (bool, int, float)) else repr(text)


def _text(value: object, column: pd.Series[Any]) -> str:
    """Write a value with as many digits as it takes in the column's precision, as it would be typed."""
    if not isinstance(value, float):
        return text_of(value) if isinstance(value, Hashable) else str(value)
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    kind = dtype.type if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.float64
    return str(kind(value)).removesuffix(".0")
