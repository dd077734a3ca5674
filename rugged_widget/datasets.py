"""The bundled data, and the choice of columns that a regression with two groups needs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from importlib import resources
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

MIN_ROWS_PER_GROUP = 3
"""Fewer rows leave a line with an intercept, a slope and a spread undetermined."""


def load_rugged() -> pd.DataFrame:
    """Load the terrain ruggedness and the GDP of 234 countries and territories.

    Returns
    -------
    DataFrame
        One row a country or territory. `isocode`: ISO 3166-1 alpha-3 code. `country`: name. `rugged`: Terrain
        Ruggedness Index, mean over the land area, in hundreds of metres of elevation difference. `cont_africa`: 1 in
        Africa, 0 elsewhere. `rgdppc_2000`: real GDP per person in 2000 in international dollars (World Bank), missing
        in 64 rows.

    References
    ----------
    N. Nunn and D. Puga (2012), "Ruggedness: The Blessing of Bad Geography in Africa", The Review of Economics and
    Statistics 94(1), 20-36. The index is that of S. Riley, S. DeGloria and R. Elliot (1999).
    """
    source = resources.files("rugged_widget").joinpath("data", "rugged.csv")
    with source.open("rb") as file:
        # An empty GDP is missing; a code or a name is text, whatever it is spelt like.
        return pd.read_csv(file, keep_default_na=False, na_values={"rgdppc_2000": [""]})


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RegressionData:
    """Rows of a table, ready for a regression on a predictor, a group of two and their product.

    Build it with `from_frame`, or with `rugged` for the lesson. n is the number of rows kept.

    Attributes
    ----------
    predictor, group, response
        Names of the columns.
    log_response
        Whether the natural logarithm of the response is what the model sees.
    features
        Shape (n, 3): group, predictor, group x predictor. `feature_names` names its columns.
    targets
        Shape (n,): the response as the model sees it.
    predictor_values, group_values
        Shape (n,); the group's values are 0 and 1.
    response_values
        Shape (n,): the response in its original unit.
    row_names, row_details
        What to call each row, and its predictor and response in words; n of them.
    num_dropped
        Rows left out because predictor, group or response (after the logarithm) is missing or not finite.
    title, row_noun, predictor_label, response_label, group_labels, dropped_label, slope_label
        Words to show: of the whole, of many rows, of the two axes, of groups 0 and 1, of what was left out, and of
        the slope d response / d predictor. Made from the names of the columns; `dataclasses.replace` gives others.
    """

    predictor: str
    group: str
    response: str
    log_response: bool
    features: Array
    targets: Array
    predictor_values: Array
    group_values: Array
    response_values: Array
    row_names: tuple[str, ...]
    row_details: tuple[str, ...]
    num_dropped: int
    feature_names: tuple[str, str, str]
    title: str
    row_noun: str = "rows"
    predictor_label: str
    response_label: str
    group_labels: tuple[str, str]
    dropped_label: str
    slope_label: str

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        if len(set(self.group_labels)) != 2:
            raise ValueError(f"group_labels must be two different texts, got {self.group_labels!r}")

    def __repr__(self) -> str:
        response = f"log({self.response})" if self.log_response else self.response
        return f"RegressionData({response} on {self.predictor} by {self.group}, {self.num_rows} {self.row_noun})"

    @property
    def num_rows(self) -> int:
        """Number of rows kept."""
        return len(self.targets)

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        predictor: Hashable,
        group: Hashable,
        response: Hashable,
        log_response: bool = False,
        label: Hashable | None = None,
    ) -> RegressionData:
        """Pick the columns of a table.

        Parameters
        ----------
        df
            The table, a row an observation. It is not changed.
        predictor, response
            Names of two different columns of numbers.
        group
            Name of a column with exactly two values (0 and 1, booleans, texts, categories ...). The first in sorted
            order, or in the order of an ordered category, is group 0.
        log_response
            Take the natural logarithm of the response; rows where it is not positive are dropped.
        label
            Name of the column that names the rows; their index does if it is None.

        Returns
        -------
        RegressionData
            The rows that are finite, in the order of the table.

        Raises
        ------
        TypeError
            If df is not a DataFrame, or the name of a column cannot be one.
        ValueError
            If a column is unknown, occurs twice, is used twice or does not hold numbers; if the group does not have two
            values, a group has fewer than 3 finite rows or the predictor is constant.
        """
        roles = {"predictor": predictor, "group": group, "response": response}
        columns = _columns(df, roles if label is None else {**roles, "label": label})
        x, y = _numbers(columns["predictor"], "predictor"), _numbers(columns["response"], "response")
        groups, values = _two_values(columns["group"])
        targets = np.log(y, out=np.full(len(y), np.nan), where=y > 0) if log_response else y
        keep = np.isfinite(x) & np.isfinite(groups) & np.isfinite(targets)
        _check_rows(keep, x, groups, roles, values)
        x, y, groups, targets, dropped = x[keep], y[keep], groups[keep], targets[keep], int((~keep).sum())
        names = {role: str(name) for role, name in roles.items()}
        predictor, group, response = names.values()
        response_label = f"log {response}" if log_response else response
        return cls(
            **names,
            log_response=bool(log_response),
            features=np.column_stack([groups, x, groups * x]),
            targets=targets,
            predictor_values=x,
            group_values=groups,
            response_values=y,
            row_names=_row_names(df, columns.get("label"), keep),
            row_details=_joined((f"{predictor} {v:,.4g}" for v in x), (f"{response} {v:,.4g}" for v in y)),
            num_dropped=dropped,
            feature_names=(group, predictor, f"{group} \N{MULTIPLICATION SIGN} {predictor}"),
            title=f"{predictor} and {response}",
            predictor_label=predictor,
            response_label=response_label,
            group_labels=(f"{group} = {values[0]}", f"{group} = {values[1]}"),
            dropped_label=f"{dropped or 'no'} unusable row{'' if dropped == 1 else 's'} left out",
            slope_label=f"change of {response_label} per unit of {predictor}",
        )

    @classmethod
    def rugged(cls) -> RegressionData:
        """Return the lesson's data: log GDP per person on ruggedness, outside and inside Africa, 170 countries."""
        names = {"predictor": "rugged", "group": "cont_africa", "response": "rgdppc_2000", "label": "country"}
        data = cls.from_frame(load_rugged(), **names, log_response=True)
        return replace(
            data,
            title="Terrain ruggedness and GDP",
            row_noun="countries",
            row_details=_joined(
                (f"ruggedness {v:.2f}" for v in data.predictor_values),
                (f"GDP {v:,.0f} $" for v in data.response_values),
            ),
            predictor_label="Terrain Ruggedness Index (100 m)",
            response_label="log GDP per person, 2000",
            group_labels=("Outside Africa", "Inside Africa"),
            dropped_label=f"{data.num_dropped} without GDP left out",
            slope_label="change of log GDP per 100 m of ruggedness",
        )

    def grid(self, num_points: int = 64) -> Array:
        """Spread points evenly over the predictor, for drawing a line.

        Parameters
        ----------
        num_points
            Number of points, at least 2.

        Returns
        -------
        array
            Shape (num_points,), increasing, from a fortieth of the range below the smallest value to a fortieth above
            the largest. It starts at 0 instead where no value is negative and 0 is near (within one range).
        """
        low, high = float(self.predictor_values.min()), float(self.predictor_values.max())
        margin = (high - low) / 40
        start = 0.0 if 0 <= low <= high - low else low - margin
        return np.linspace(start, high + margin, num_points)


def _columns(df: object, roles: dict[str, Hashable]) -> dict[str, pd.Series[Any]]:
    """Find the column of each role, or say which are there."""
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"the data must be a pandas DataFrame, got {type(df).__name__}")
    found: dict[str, pd.Series[Any]] = {}
    taken: dict[Hashable, str] = {}
    for role, name in roles.items():
        if name is None or not isinstance(name, Hashable):
            raise TypeError(f"{role} must be the name of a column, got {name!r}")
        if name not in df.columns:
            available = ", ".join(map(repr, df.columns)) or "none"
            raise ValueError(f"{role}: there is no column {name!r}; the columns are {available}")
        if (count := df.loc[:, [name]].shape[1]) > 1:
            raise ValueError(f"{role}: {name!r} must name one column, {count} are called so")
        if role != "label" and name in taken:
            raise ValueError(f"{taken[name]} and {role} must be different columns, both are {name!r}")
        taken[name], found[role] = role, df[name]
    return found


def _numbers(column: pd.Series[Any], role: str) -> Array:
    """Read a column as float64, missing values as nan; shape (number of rows,)."""
    # Missing values have many spellings (None, nan, NA, NaT), of which float() knows one.
    known = column.notna().to_numpy(dtype=bool)
    given = column.astype(object)[known]
    for value in given:
        if not isinstance(value, (Real, np.bool_, Decimal)):
            found = f"{value!r} ({type(value).__name__})"
            raise ValueError(f"{role}: column {column.name!r} must hold numbers, found {found}")  # noqa: TRY004 a cell
    numbers = np.full(len(column), np.nan)
    numbers[known] = given.to_numpy(dtype=np.float64)
    return numbers


def _two_values(column: pd.Series[Any]) -> tuple[Array, tuple[str, str]]:
    """Read the group as 0, 1 or nan, shape (number of rows,), with the texts of the two values."""
    cells = [None if missing else cell for cell, missing in zip(column.tolist(), column.isna(), strict=True)]
    cells = [None if isinstance(cell, float) and not np.isfinite(cell) else cell for cell in cells]
    try:
        found = {cell for cell in cells if cell is not None}
        if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
            values = [value for value in column.cat.categories.tolist() if value in found]
        else:
            values = sorted(found)
    except TypeError as error:
        raise ValueError(f"group: column {column.name!r} must have two values of one sortable type; {error}") from error
    if len(values) != 2:
        shown = ", ".join([_text(value) for value in values[:5]] + ["..."] * (len(values) > 5)) or "none"
        raise ValueError(f"group: column {column.name!r} must have exactly two values, found {len(values)}: {shown}")
    codes = {values[0]: 0.0, values[1]: 1.0, None: np.nan}
    return np.array([codes[cell] for cell in cells]), (_text(values[0]), _text(values[1]))


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_rows(
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


def _row_names(df: pd.DataFrame, label: pd.Series[Any] | None, keep: NDArray[np.bool_]) -> tuple[str, ...]:
    """Name the rows that are kept; a row whose label is missing is called by its index."""
    index = df.index[keep].tolist()
    names = [pd.NA] * len(index) if label is None else label[keep].tolist()
    return tuple(str(i if pd.isna(name) else name) for i, name in zip(index, names, strict=True))


def _joined(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(" \N{MIDDLE DOT} ".join, zip(first, second, strict=True)))
