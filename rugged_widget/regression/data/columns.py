"""Read the columns of a table as arrays and texts, or say what cannot be read; fast for millions of rows."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, TypeAlias, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rugged_widget.names import shown, text_of
from rugged_widget.snapshot.dates import Dates, Moments

Array: TypeAlias = NDArray[np.float64]

ROUNDINGS = 16  # of its largest value: a predictor that varies by no more is constant but for rounding
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
    label = None if labels is None else labels.iloc[row]
    return shown(text_of(index[row] if _is_missing(label) else label))


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def row_details(form: str, *columns: Array, dates: Dates | None = None) -> Texts:
    """Return a format filled with the numbers of each row, one a column, shape (number of rows,) each.

    Those of the first column are dates where `dates` are given.
    """
    return Texts(len(columns[0]), partial(_detail, form, columns, dates))


def _detail(form: str, columns: Sequence[Array], dates: Dates | None, row: int) -> str:
    cells: list[object] = [column[row] for column in columns]
    if dates is not None:
        cells[0] = dates.text(float(columns[0][row]))
    return form.format(*cells)


def columns_of(df: pd.DataFrame, roles: dict[str, Hashable]) -> dict[str, pd.Series[Any]]:
    """Find the column of each role; those of all but the label have to differ.

    TypeError where a name cannot be one; ValueError where a column is unknown, occurs twice or is used twice: it says
    which are there.
    """
    columns: dict[str, pd.Series[Any]] = {}
    role_of: dict[int, str] = {}  # by the place of the column
    for role, name in roles.items():
        if name is None or not isinstance(name, Hashable):
            raise TypeError(f"{role} must be the name of a column, got {name!r}")
        places = _places(df.columns, name)
        if not places:
            available = ", ".join(map(repr, df.columns)) or "none"
            raise ValueError(f"{role}: there is no column {name!r}; the columns are {available}")
        if len(places) > 1:
            raise ValueError(f"{role}: {name!r} must name one column, {len(places)} are called so")
        place = places[0]
        if role != "label" and place in role_of:
            raise ValueError(f"{role_of[place]} and {role} must be different columns, both are {name!r}")
        role_of[place], columns[role] = role, _native(df.iloc[:, place])
    return columns


def _places(columns: pd.Index[Any], name: Hashable) -> list[int]:
    """Return where the columns of a name are; of names with several levels the first one is enough.

    True and False are names of their own, though they equal 1 and 0.
    """
    names = [(place, other) for place, other in enumerate(columns) if _is_flag(other) == _is_flag(name)]
    places = [place for place, other in names if _same(other, name)]
    if places or isinstance(name, tuple):
        return places
    return [place for place, other in names if isinstance(other, tuple) and _same(other[0], name)]


def _is_flag(name: object) -> bool:
    return isinstance(name, (bool, np.bool_))


def _same(one: object, other: object) -> bool:
    return hash(one) == hash(other) and bool(one is other or one == other)


def _native(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column in the machine's order of bytes, the only one that pandas computes with."""
    dtype = column.dtype
    return column.astype(dtype.newbyteorder("=")) if isinstance(dtype, np.dtype) and not dtype.isnative else column


def numbers(column: pd.Series[Any], role: str) -> Array:
    """Read a column as float64, missing values as nan, shape (number of rows,); ValueError names another cell."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)
    known = _known(column)
    values = column.astype(object).to_numpy()[known]
    for value in values:
        if not isinstance(value, (Real, np.bool_, Decimal)):
            cell = f"{reprlib.repr(value)} ({type(value).__name__})"
            raise ValueError(f"{role}: column {column.name!r} must hold numbers, found {cell}")  # noqa: TRY004 a cell
    array = np.full(len(column), np.nan)
    try:
        array[known] = values.astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"{role}: column {column.name!r} must hold numbers below 1.8e308; {error}") from error
    return array


def moments(column: pd.Series[Any]) -> Moments | None:
    """Read a column of dates as datetime64[us], missing ones as NaT, shape (number of rows,); None where it has none.

    A date with a time zone is read as its clock says; a period as its beginning.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    elif dtype.kind != "M":
        cells = column.astype(object).to_numpy()[_known(column)]
        if not len(cells) or not all(isinstance(cell, (date, np.datetime64)) for cell in cells):
            return None
        try:
            column = pd.to_datetime(column)
        except ValueError:  # such as dates of several time zones
            return None
    if column.dt.tz is not None:
        column = column.dt.tz_localize(None)
    return np.asarray(column.to_numpy("datetime64[us]"))


def _known(column: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which cells are not missing, which has many spellings (None, nan, NA, NaT)."""
    try:
        return column.notna().to_numpy(dtype=bool)
    except ArithmeticError:  # of a signaling NaN, which must not be compared
        return np.array([not _is_missing(cell) for cell in column])


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
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"group: column {column.name!r} must have two values of one sortable type; {error}") from error
    if len(values) != 2:
        some = ", ".join([_text(value, column) for value in values[:5]] + ["..."] * (len(values) > 5)) or "none"
        raise ValueError(f"group: column {column.name!r} must have exactly two values, found {len(values)}: {some}")
    meaning = [0.0 if cell == values[0] else 1.0 if cell == values[1] else np.nan for cell in cells]
    return np.array([*meaning, np.nan])[codes], (
        _text(values[0], column),
        _text(values[1], column),
    )  # a missing cell has the code -1


def _text(value: object, column: pd.Series[Any]) -> str:
    """Write a value of the group with as many digits as it takes in the column's precision, as it would be typed."""
    if not isinstance(value, float):
        return text_of(value) if isinstance(value, Hashable) else str(value)
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    kind = dtype.type if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.float64
    return str(kind(value)).removesuffix(".0")


def check_rows(
    keep: NDArray[np.bool_],
    x: Array,
    groups: Array,
    roles: Mapping[str, Hashable],
    values: tuple[str, str],
    dates: Dates | None = None,
) -> None:
    """Refuse rows that no regression can be fitted to."""
    for code, value in enumerate(values):
        count, least = int((keep & (groups == code)).sum()), MIN_ROWS_PER_GROUP
        if count < least:
            where = f"column {roles['group']!r} has {count} finite rows where it is {value}"
            raise ValueError(f"group: {where}, at least {least} are needed")
    low, high = float(x[keep].min()), float(x[keep].max())
    if low == high:
        cell = f"{low:g}" if dates is None else dates.text(low)
        raise ValueError(f"predictor: column {roles['predictor']!r} must vary, every finite row holds {cell}")
    if high / 2 - low / 2 <= ROUNDINGS / 2 * np.finfo(np.float64).eps * max(abs(low), abs(high)):
        raise ValueError(
            f"predictor: column {roles['predictor']!r} must vary by more than rounding, it holds {low!r} to {high!r}"
        )
