"""The bundled data, and the choice of columns that a regression with two groups needs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from rugged_widget.names import NAME_LENGTH, isolated, shown, text_of
from rugged_widget.regression.data.columns import (
    Array,
    check_rows,
    columns_of,
    moments,
    numbers,
    row_details,
    row_names,
    two_values,
)
from rugged_widget.regression.data.frames import as_frame
from rugged_widget.snapshot.dates import Dates

DOT = "\N{MIDDLE DOT}"
VALUE_LENGTH = 24
"""Characters of a value of the group that are shown at most."""


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
    source = resources.files("rugged_widget.regression.data").joinpath("rugged.csv")
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
        Shape (n,); the group's values are 0 and 1, for those in the table whose texts are `group_texts`.
    response_values
        Shape (n,): the response in its original unit.
    row_names, row_details
        What to call each row, and its predictor and response in words; n of them, written when they are asked for.
    num_dropped
        Rows left out because predictor, group or response (after the logarithm) is missing or not finite.
    title, row_noun, predictor_label, response_label, group_labels, dropped_label, slope_label
        Texts to show: the title, the noun for rows, labels of the two axes, names of groups 0 and 1, what was left out,
        and the slope d response / d predictor. Made from the names of the columns; `dataclasses.replace` gives others.
    short_predictor, response_word, short_response, response_unit, label
        What to call the predictor and the response in a word, and the response in the name of a column, its original
        unit ("" where that is not known), and what names the rows.
    bundled
        Whether the rows are of the table that `load_rugged` loads.
    dates
        The map to dates where the predictor is one: its values are hours, days or years after the first date.
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
    row_names: Sequence[str]
    row_details: Sequence[str]
    num_dropped: int
    group_texts: tuple[str, str]
    feature_names: tuple[str, str, str]
    title: str
    row_noun: str = "rows"
    predictor_label: str
    response_label: str
    group_labels: tuple[str, str]
    dropped_label: str
    slope_label: str
    short_predictor: str
    response_word: str
    short_response: str
    response_unit: str = ""
    label: str = ""
    bundled: bool = False
    dates: Dates | None = None

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
            The table, a row an observation, of pandas or what has a method `to_pandas`, as tables of polars and pyarrow
            do. It is not changed.
        predictor, response
            Names of two different columns of numbers. The predictor may hold dates: what the model sees is the time
            after the first one, in hours, days or years as the range is short or long.
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
            If df is no table, or the name of a column cannot be one.
        ValueError
            If a column is unknown, occurs twice, is used twice or does not hold numbers; if the group does not have two
            values, a group has fewer than 3 finite rows or the predictor is constant.
        """
        roles, frame = {"predictor": predictor, "group": group, "response": response}, as_frame(df)
        columns = columns_of(frame, roles if label is None else {**roles, "label": label})
        x, dates = _predictor(columns["predictor"])
        y = numbers(columns["response"], "response")
        groups, values = two_values(columns["group"])
        targets = np.log(y, out=np.full(len(y), np.nan), where=y > 0) if log_response else y
        keep = np.isfinite(x) & np.isfinite(groups) & np.isfinite(targets)
        check_rows(keep, x, groups, roles, values, dates)
        x, y, groups, targets, dropped = x[keep], y[keep], groups[keep], targets[keep], int((~keep).sum())
        predictor, group, response = (text_of(name) for name in roles.values())
        unit = "unit" if dates is None else dates.unit
        return cls(
            predictor=predictor,
            group=group,
            response=response,
            log_response=bool(log_response),
            features=np.column_stack([groups, x, groups * x]),
            targets=targets,
            predictor_values=x,
            group_values=groups,
            response_values=y,
            row_names=row_names(frame.index[keep], columns["label"][keep] if "label" in columns else None),
            row_details=row_details(_details_form(predictor, response, dates), x, y, dates=dates),
            dates=dates,
            num_dropped=dropped,
            group_texts=values,
            label=_label(frame.index, label),
            **_words(predictor, group, response, values, log_response=log_response, unit=unit),
            dropped_label=f"{dropped or 'no'} unusable row{'' if dropped == 1 else 's'} left out",
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
            row_details=row_details(
                f"ruggedness {{:.2f}} {DOT} GDP {{:,.0f}} $", data.predictor_values, data.response_values
            ),
            predictor_label="Terrain Ruggedness Index (100 m)",
            response_label="log GDP per person, 2000",
            group_labels=("Outside Africa", "Inside Africa"),
            dropped_label=f"{data.num_dropped} without GDP left out",
            slope_label="change of log GDP per 100 m of ruggedness",
            short_predictor="ruggedness",
            response_word="GDP",
            short_response="gdp",
            response_unit="$",
            bundled=True,
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
            the largest. It starts at 0 instead where no value is negative and 0 is near (within one range), unless that
            is a date.
        """
        low, high = float(self.predictor_values.min()), float(self.predictor_values.max())
        margin = (high - low) / 40
        start = 0.0 if 0 <= low <= high - low and self.dates is None else low - margin
        return np.linspace(start, high + margin, num_points)


def _label(index: pd.Index[Any], label: Hashable | None) -> str:
    """Return what names the rows: a column, or the levels of the index that have a name; "" where there are none."""
    names = [name for name in index.names if name is not None] if label is None else [label]
    return shown(", ".join(map(text_of, names)))


def _predictor(column: pd.Series[Any]) -> tuple[Array, Dates | None]:
    """Read the predictor, shape (number of rows,), with the map to dates where it holds them."""
    dates = moments(column)
    if dates is None or np.isnat(dates).all():
        return numbers(column, "predictor"), None
    scale = Dates.of(dates)
    return scale.numbers(dates), scale


def _words(
    x_name: str, group_name: str, y_name: str, values: tuple[str, str], *, log_response: bool, unit: str
) -> dict[str, Any]:
    """Return texts for what the model sees, made from the names of the columns and the two values of the group.

    `unit` is what one more of the predictor is called.
    """
    predictor, group, response = (shown(name) for name in (x_name, group_name, y_name))
    seen = f"log {response}" if log_response else response
    return {
        "title": f"{predictor} and {response}",
        "feature_names": (group, predictor, f"{group} \N{MULTIPLICATION SIGN} {predictor}"),
        "predictor_label": predictor,
        "response_label": seen,
        "group_labels": _labels(group_name, values),
        "slope_label": f"change of {seen} per {unit} of {predictor}",
        "short_predictor": predictor,
        "short_response": response,
        "response_word": response,
    }


def _labels(group: str, values: tuple[str, str]) -> tuple[str, str]:
    """Return names of the groups; they differ as the values do."""
    one, two = (shown(value, VALUE_LENGTH) for value in values)
    if one == two:  # but for what was cut out
        one, two = (isolated(value) for value in values)
    name = shown(group, max(NAME_LENGTH - max(len(one), len(two)), VALUE_LENGTH // 2))
    return f"{name} = {one}", f"{name} = {two}"


def _details_form(predictor: str, response: str, dates: Dates | None) -> str:
    """Return the format of a row's predictor and response, in which their names stand for themselves."""
    x, y = (shown(name).replace("{", "{{").replace("}", "}}") for name in (predictor, response))
    return f"{x} {{{':,.4g' if dates is None else ''}}} {DOT} {y} {{:,.4g}}"


def regression_data(
    data: pd.DataFrame | RegressionData | None,
    columns: Mapping[str, Hashable | None],
    *,
    log_response: bool,
    label: Hashable | None,
) -> RegressionData:
    """Return the data of a regression from the arguments of a widget.

    Parameters
    ----------
    data
        A table, RegressionData, or None for the bundled table.
    columns
        Names of columns of the table by role: response, predictor and group; None where it was not given. With none
        of them the bundled table is the lesson's.

    Raises
    ------
    ValueError
        If the column of a role is to be named, or was named for data that has picked its columns.
    TypeError, ValueError
        As `RegressionData.from_frame` does.
    """
    names = {role: name for role, name in columns.items() if name is not None}
    if data is None and not names:
        return RegressionData.rugged()
    if isinstance(data, RegressionData):
        if names:
            raise ValueError(f"{', '.join(names)}: RegressionData has picked its columns already; give a DataFrame")
        return data
    if missing := [role for role in columns if role not in names]:
        raise ValueError(f"{', '.join(missing)}: name the column of the data to use, such as {missing[0]}='x'")
    frame = load_rugged() if data is None else data
    chosen = RegressionData.from_frame(frame, **names, log_response=log_response, label=label)
    return replace(chosen, bundled=data is None)
