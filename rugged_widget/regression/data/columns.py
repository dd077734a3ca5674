"""Read the columns of a table as arrays and texts, or say what cannot be read; fast for millions of rows."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, Protocol, TypeAlias, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rugged_widget.names import shown, text_of
from rugged_widget.precision import of_column
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


class RowDetails(Texts):
    """A format filled with the numbers of each row, in English.

    Parameters
    ----------
    form
        Has a field for each column.
    columns
        Numbers of the rows, shape (number of rows,) each.
    precisions
        How the numbers of each column are written: as numbers, or as dates.

    Attributes
    ----------
    numbers
        Returns the numbers of a row, as they are written in English.
    """

    def __init__(self, form: str, columns: Sequence[Array], precisions: Sequence[Writer]) -> None:
        self.numbers = partial(_numbers, tuple(columns), tuple(precisions))
        super().__init__(len(columns[0]), partial(_detail, form, self.numbers))


class Writer(Protocol):
    """Writes the numbers of a column."""

    def write(self, value: float, /) -> str:
        """Return one of them as a text."""


def row_details(form: str, *columns: Array, precisions: Sequence[Writer | None] | None = None) -> RowDetails:
    """Return a format filled with the numbers of each row, each column with its own precision unless it is given."""
    given = precisions or [None] * len(columns)
    return RowDetails(form, columns, [how or of_column(column) for how, column in zip(given, columns, strict=True)])


def _numbers(columns: Sequence[Array], precisions: Sequence[Writer], row: int) -> tuple[str, ...]:
    return tuple(how.write(float(column[row])) for column, how in zip(columns, precisions, strict=True))


def _detail(form: str, numbers: Callable[[int], tuple[str, ...]], row: int) -> str:
    return form.format(*numbers(row))


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
    names = [(place, other) for place, other in enumerate(columns) if is_flag(other) == is_flag(name)]
    places = [place for place, other in names if same(other, name)]
    if places or isinstance(name, tuple):
        return places
    return [place for place, other in names if isinstance(other, tuple) and same(other[0], name)]


def is_flag(name: object) -> bool:
    """Return whether a name or a value is True or False."""
    return isinstance(name, (bool, np.bool_))


def same(one: object, other: object) -> bool:
    """Return whether two names or values are equal."""
    return hash(one) == hash(other) and bool(one is other or one == other)


def _native(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column in the machine's order of bytes, the only one that pandas computes with."""
    dtype = column.dtype
    return column.astype(dtype.newbyteorder("=")) if isinstance(dtype, np.dtype) and not dtype.isnative else column


def numbers(column: pd.Series[Any], role: str) -> Array:
    """Read a column as float64, missing values as nan, shape (number of rows,); ValueError names another cell."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)
    known = known_cells(column)
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
        cells = column.astype(object).to_numpy()[known_cells(column)]
        if not len(cells) or not all(isinstance(cell, (date, np.datetime64)) for cell in cells):
            return None
        try:
            column = pd.to_datetime(column)
        except ValueError:  # such as dates of several time zones
            return None
    if column.dt.tz is not None:
        column = column.dt.tz_localize(None)
    return np.asarray(column.to_numpy("datetime64[us]"))


def known_cells(column: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return which cells are not missing, which has many spellings (None, nan, NA, NaT)."""
    try:
        return column.notna().to_numpy(dtype=bool)
    except ArithmeticError:  # of a signaling NaN, which must not be compared
        return np.array([not _is_missing(cell) for cell in column])


def check_rows(
    keep: NDArray[np.bool_],
    columns: Mapping[str, tuple[Hashable, Array, Sequence[str]]],
    groups: Array,
    group: tuple[Hashable, tuple[str, str]] | None,
    dates: Dates | None = None,
) -> None:
    """Refuse rows that no regression can be fitted to.

    Parameters
    ----------
    keep
        Which rows are finite.
    columns
        Name and values of predictor and covariates, by their roles, and the texts of values that are 0 and 1.
    groups, group
        The group of each row, its name and texts of its two values; None where there is no group.
    dates
        The map to dates where the predictor is one.
    """
    name, texts = (None, ()) if group is None else group
    for code, value in enumerate(texts):
        if (count := int((keep & (groups == code)).sum())) < MIN_ROWS_PER_GROUP:
            where = f"column {name!r} has {count} finite rows where it is {value}"
            raise ValueError(f"group: {where}, at least {MIN_ROWS_PER_GROUP} are needed")
    if (count := int(keep.sum())) < MIN_ROWS_PER_GROUP:
        raise ValueError(f"response: the table has {count} finite rows, at least {MIN_ROWS_PER_GROUP} are needed")
    for role, (column, values, meaning) in columns.items():
        _refuse_constant(role, column, values[keep], meaning, dates if role == "predictor" else None)


def _refuse_constant(role: str, name: Hashable, values: Array, texts: Sequence[str], dates: Dates | None) -> None:
    low, high = float(values.min()), float(values.max())
    if low == high:
        held = texts[int(low)] if texts else f"{low:g}" if dates is None else dates.text(low)
        raise ValueError(f"{role}: column {name!r} must vary, every finite row holds {held}")
    if high / 2 - low / 2 <= ROUNDINGS / 2 * np.finfo(np.float64).eps * max(abs(low), abs(high)):
        raise ValueError(f"{role}: column {name!r} must vary by more than rounding, it holds {low!r} to {high!r}")
