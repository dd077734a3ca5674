"""Read the columns of a table as arrays and texts, or say what cannot be read; fast for millions of rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, TypeAlias, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

MIN_ROWS_PER_GROUP = 3  # fewer rows leave a line with an intercept, a slope and a spread undetermined


class Texts(Sequence[str]):
    """A text a row, written by its number when it is asked for: of a million rows a few thousand are shown."""

    def __init__(self, count: int, write: Callable[[int], str]) -> None:
        self._count, self._write = count, write

    def __repr__(self) -> str:
        return f"<{self._count} texts>"

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        rows = range(self._count)[place]
        return self._write(rows) if isinstance(rows, int) else tuple(map(self._write, rows))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment] # of texts that are written anew each time


def row_names(index: pd.Index[Any], labels: pd.Series[Any] | None) -> Texts:
    """Return the labels of rows, or their index where there are none or one is missing."""
    return Texts(len(index), partial(_name, index, labels))


def _name(index: pd.Index[Any], labels: pd.Series[Any] | None, row: int) -> str:
    label = pd.NA if labels is None else labels.iloc[row]
    return str(index[row] if pd.isna(label) else label)


def row_details(form: str, *columns: Array) -> Texts:
    """Return a format filled with the numbers of each row, one a column, shape (number of rows,) each."""
    return Texts(len(columns[0]), partial(_detail, form, columns))


def _detail(form: str, columns: Sequence[Array], row: int) -> str:
    return form.format(*[column[row] for column in columns])


def columns_of(df: object, roles: dict[str, Hashable]) -> dict[str, pd.Series[Any]]:
    """Find the column of each role; those of all but the label have to differ.

    TypeError where df is no DataFrame or a name cannot be one; ValueError where a column is unknown, occurs twice or is
    used twice: it says which are there.
    """
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"the data must be a pandas DataFrame, got {type(df).__name__}")
    columns: dict[str, pd.Series[Any]] = {}
    role_of: dict[Hashable, str] = {}
    for role, name in roles.items():
        if name is None or not isinstance(name, Hashable):
            raise TypeError(f"{role} must be the name of a column, got {name!r}")
        if name not in df.columns:
            available = ", ".join(map(repr, df.columns)) or "none"
            raise ValueError(f"{role}: there is no column {name!r}; the columns are {available}")
        if (count := df.loc[:, [name]].shape[1]) > 1:
            raise ValueError(f"{role}: {name!r} must name one column, {count} are called so")
        if role != "label" and name in role_of:
            raise ValueError(f"{role_of[name]} and {role} must be different columns, both are {name!r}")
        role_of[name], columns[role] = role, df[name]
    return columns


def numbers(column: pd.Series[Any], role: str) -> Array:
    """Read a column as float64, missing values as nan, shape (number of rows,); ValueError names another cell."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)
    # Missing values have many spellings (None, nan, NA, NaT), of which float() knows one.
    known = column.notna().to_numpy(dtype=bool)
    values = column.astype(object)[known]
    for value in values:
        if not isinstance(value, (Real, np.bool_, Decimal)):
            cell = f"{value!r} ({type(value).__name__})"
            raise ValueError(f"{role}: column {column.name!r} must hold numbers, found {cell}")  # noqa: TRY004 a cell
    array = np.full(len(column), np.nan)
    array[known] = values.to_numpy(dtype=np.float64)
    return array


def two_values(column: pd.Series[Any]) -> tuple[Array, tuple[str, str]]:
    """Read the group as 0, 1 or nan, shape (number of rows,), with the texts of the two values.

    ValueError where there are not two values, or they cannot be sorted.
    """
    try:
        codes, distinct = pd.factorize(column)
        cells = distinct.tolist()
        finite = [cell for cell in cells if not (isinstance(cell, float) and not np.isfinite(cell))]
        if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
            values = [value for value in column.cat.categories.tolist() if value in finite]
        else:
            values = sorted(finite)
    except TypeError as error:
        raise ValueError(f"group: column {column.name!r} must have two values of one sortable type; {error}") from error
    if len(values) != 2:
        shown = ", ".join([_text(value) for value in values[:5]] + ["..."] * (len(values) > 5)) or "none"
        raise ValueError(f"group: column {column.name!r} must have exactly two values, found {len(values)}: {shown}")
    meaning = [0.0 if cell == values[0] else 1.0 if cell == values[1] else np.nan for cell in cells]
    return np.array([*meaning, np.nan])[codes], (_text(values[0]), _text(values[1]))  # a missing cell has the code -1


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_rows(
    keep: NDArray[np.bool_], x: Array, groups: Array, roles: Mapping[str, Hashable], values: tuple[str, str]
) -> None:
    """Refuse rows that no regression can be fitted to."""
    for code, value in enumerate(values):
        count, least = int((keep & (groups == code)).sum()), MIN_ROWS_PER_GROUP
        if count < least:
            where = f"column {roles['group']!r} has {count} finite rows where it is {value}"
            raise ValueError(f"group: {where}, at least {least} are needed")
    if np.ptp(x[keep]) == 0:
        raise ValueError(f"predictor: column {roles['predictor']!r} must vary, every finite row holds {x[keep][0]:g}")
