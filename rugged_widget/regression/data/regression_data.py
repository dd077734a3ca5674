"""The bundled data, and the choice of columns of a regression."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from rugged_widget.names import shown, text_of
from rugged_widget.precision import Precision
from rugged_widget.regression.data.columns import (
    Array,
    check_rows,
    columns_of,
    moments,
    numbers,
    row_details,
    row_names,
)
from rugged_widget.regression.data.covariates import Covariate, checked_covariates, read_covariate, value_labels
from rugged_widget.regression.data.design import Design
from rugged_widget.regression.data.frames import as_frame
from rugged_widget.regression.data.two_values import TwoValued, checked_groups, two_values
from rugged_widget.snapshot.dates import Dates

DOT = "\N{MIDDLE DOT}"


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
    """Rows of a table, ready for a regression on a predictor, perhaps a group of two and covariates.

    Build it with `from_frame`, or with `rugged` for the lesson. n is the number of rows kept.

    Attributes
    ----------
    predictor, group, response
        Names of the columns; the group is None where there is none.
    log_response
        Whether the natural logarithm of the response is what the model sees.
    features
        Shape (n, number of features): group, predictor, group x predictor, then the covariates; without a group the
        predictor, then the covariates. `design` says which is which, `feature_names` names them.
    targets
        Shape (n,): the response as the model sees it.
    predictor_values, group_values
        Shape (n,); the group's values are 0 and 1, for those in the table whose texts are `group_texts`. Without a
        group they are 0, and there are no texts.
    covariates
        What the covariates are called, in the order of their features.
    response_values
        Shape (n,): the response in its original unit.
    row_names, row_details
        What to call each row, and its predictor and response in words; n of them, written when they are asked for.
    num_dropped
        Rows left out because predictor, group, a covariate or the response (after the logarithm) is missing or not
        finite.
    num_others
        Rows left out because they are of a group that was not picked.
    title, row_noun, predictor_label, response_label, group_labels, dropped_label, others_label, slope_label
        Texts to show: the title, the noun for rows, labels of the two axes, names of groups 0 and 1, what was left out
        and what of other groups ("" where nothing was), and the slope d response / d predictor. Made from the names of
        the columns; `dataclasses.replace` gives others.
    short_predictor, response_word, short_response, response_unit, label
        What to call the predictor and the response in a word, and the response in the name of a column, its original
        unit ("" where that is not known), and what names the rows.
    bundled
        Whether the rows are of the table that `load_rugged` loads.
    dates
        The map to dates where the predictor is one: its values are hours, days or years after the first date.
    """

    predictor: str
    group: str | None = None
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
    num_others: int = 0
    group_texts: tuple[str, ...] = ()
    covariates: tuple[Covariate, ...] = ()
    feature_names: tuple[str, ...]
    title: str
    row_noun: str = "rows"
    predictor_label: str
    response_label: str
    group_labels: tuple[str, ...] = ()
    dropped_label: str
    others_label: str = ""
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
        if self.group is None and self.group_labels:
            raise ValueError(f"group_labels must be () where there is no group, got {self.group_labels!r}")
        if self.group is not None and len(set(self.group_labels)) != 2:
            raise ValueError(f"group_labels must be two different texts, got {self.group_labels!r}")

    def __repr__(self) -> str:
        response = f"log({self.response})" if self.log_response else self.response
        names = " + ".join([self.predictor, *(covariate.name for covariate in self.covariates)])
        by = "" if self.group is None else f" by {self.group}"
        return f"RegressionData({response} on {names}{by}, {self.num_rows} {self.row_noun})"

    @property
    def num_rows(self) -> int:
        """Number of rows kept."""
        return len(self.targets)

    @property
    def design(self) -> Design:
        """Which column of the features is what."""
        return Design(self.group is not None, tuple(covariate.two_valued for covariate in self.covariates))

    @property
    def covariate_values(self) -> Array:
        """Values of the covariates, shape (n, number of covariates)."""
        return self.features[:, self.design.covariates]

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        predictor: Hashable,
        group: Hashable | None = None,
        response: Hashable,
        log_response: bool = False,
        label: Hashable | None = None,
        groups: Sequence[object] | None = None,
        covariates: Sequence[Hashable] = (),
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
            order, or in the order of an ordered category, is group 0. Without a group there is one line for all rows.
        log_response
            Take the natural logarithm of the response; rows where it is not positive are dropped.
        label
            Name of the column that names the rows; their index does if it is None.
        groups
            Two values of the group, as the column has them or as texts: the first is group 0, the second group 1. Rows
            of other groups are left out.
        covariates
            Names of further columns: of numbers, or of two values, which are coded as 0 and 1 in sorted order, or in
            that of an ordered category. They may be collinear with other columns: the priors keep the model proper.

        Returns
        -------
        RegressionData
            The rows that are finite, in the order of the table.

        Raises
        ------
        TypeError
            If df is no table, or the name of a column cannot be one.
        ValueError
            If a column is unknown, occurs twice, is used twice or does not hold what it has to; if the group does not
            have two values, `groups` are not two of its values, a group has fewer than 3 finite rows, or the predictor
            or a covariate is constant.
        """
        roles = {"predictor": predictor, "group": group, "response": response}
        names = {role: name for role, name in roles.items() if role != "group" or name is not None}
        others = {f"covariates[{place}]": name for place, name in enumerate(checked_covariates(covariates))}
        picked, frame = checked_groups(groups), as_frame(df)
        if picked is not None and group is None:
            raise ValueError("groups: name the column of the group too, such as group='g'")
        columns = columns_of(frame, {**names, **others, **({} if label is None else {"label": label})})
        rows = _rows(columns, {**names, **others}, list(others), picked, log_response=bool(log_response))
        keep = rows.pop("keep")
        predictor, response = text_of(predictor), text_of(response)
        group = None if group is None else text_of(group)
        x, y = rows["predictor_values"], rows["response_values"]
        return cls(
            predictor=predictor,
            group=group,
            response=response,
            log_response=bool(log_response),
            **rows,
            row_names=row_names(frame.index[keep], columns["label"][keep] if "label" in columns else None),
            row_details=row_details(_details_form(predictor, response), x, y, precisions=(rows["dates"], None)),
            label=_label(frame.index, label),
            **_words(predictor, group, response, rows, log_response=log_response),
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
                f"ruggedness {{}} {DOT} GDP {{}} $",
                data.predictor_values,
                data.response_values,
                precisions=(Precision(2), Precision(0)),
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

    def points(self) -> Array:
        """Return the features of the grid in every group, group 0 first, with the covariates at their means."""
        return self.design.points(self.grid(), self.design.covariate_means(self.features))


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


def _rows(
    columns: Mapping[str, pd.Series[Any]],
    names: Mapping[str, Hashable],
    others: Sequence[str],
    picked: tuple[object, object] | None,
    *,
    log_response: bool,
) -> dict[str, Any]:
    """Read the columns by their roles, those of the covariates in `others`, and return what is kept of them."""
    (x, dates), y = _predictor(columns["predictor"]), numbers(columns["response"], "response")
    read = [read_covariate(columns[role], role) for role in others]
    group = two_values(columns["group"], "group", picked) if "group" in columns else _one_group(len(x))
    targets = np.log(y, out=np.full(len(y), np.nan), where=y > 0) if log_response else y
    finite = [np.isfinite(values) for values in (x, group.codes, targets, *[values for _, values in read])]
    keep = np.logical_and.reduce(finite)
    varying: dict[str, tuple[Hashable, Array, Sequence[str]]] = {"predictor": (names["predictor"], x, ())}
    varying |= {role: (names[role], values, it.texts) for role, (it, values) in zip(others, read, strict=True)}
    check_rows(keep, varying, group.codes, (names["group"], group.texts) if "group" in names else None, dates)
    codes, kept = group.codes[keep], [values[keep] for _, values in read]
    design = Design("group" in columns, tuple(it.two_valued for it, _ in read))
    return {
        "keep": keep,
        "features": design.features(x[keep], codes, np.column_stack(kept) if kept else ()),
        "targets": targets[keep],
        "predictor_values": x[keep],
        "group_values": codes,
        "response_values": y[keep],
        "num_dropped": int((~keep & ~group.others).sum()),
        "num_others": int(group.others.sum()),
        "group_texts": group.texts if "group" in columns else (),
        "covariates": tuple(it for it, _ in read),
        "dates": dates,
    }


def _one_group(num_rows: int) -> TwoValued:
    return TwoValued(np.zeros(num_rows), ("", ""), np.zeros(num_rows, bool))


def _words(
    x_name: str, group_name: str | None, y_name: str, rows: Mapping[str, Any], *, log_response: bool
) -> dict[str, Any]:
    """Return texts for what the model sees, made from the names of the columns and the two values of the group."""
    predictor, response = shown(x_name), shown(y_name)
    seen = f"log {response}" if log_response else response
    features, labels = [predictor], list[str]()
    if group_name is not None:
        group, labels = shown(group_name), [*value_labels(group_name, rows["group_texts"])]
        features = [group, predictor, f"{group} \N{MULTIPLICATION SIGN} {predictor}"]
    dropped, others, dates = rows["num_dropped"], rows["num_others"], rows["dates"]
    unit = "unit" if dates is None else dates.unit
    return {
        "title": f"{predictor} and {response}",
        "feature_names": (*features, *[covariate.name for covariate in rows["covariates"]]),
        "predictor_label": predictor,
        "response_label": seen,
        "group_labels": tuple(labels),
        "slope_label": f"change of {seen} per {unit} of {predictor}",
        "short_predictor": predictor,
        "short_response": response,
        "response_word": response,
        "dropped_label": f"{dropped or 'no'} unusable row{'' if dropped == 1 else 's'} left out",
        "others_label": f"{others:,} row{'' if others == 1 else 's'} of other groups left out" if others else "",
    }


def _details_form(predictor: str, response: str) -> str:
    """Return the format of a row's predictor and response, in which their names stand for themselves."""
    x, y = (shown(name).replace("{", "{{").replace("}", "}}") for name in (predictor, response))
    return f"{x} {{}} {DOT} {y} {{}}"


def regression_data(
    data: pd.DataFrame | RegressionData | None,
    columns: Mapping[str, Hashable | None],
    *,
    log_response: bool,
    label: Hashable | None,
    groups: Sequence[object] | None = None,
    covariates: Sequence[Hashable] = (),
) -> RegressionData:
    """Return the data of a regression from the arguments of a widget.

    Parameters
    ----------
    data
        A table, RegressionData, or None for the bundled table.
    columns
        Names of columns of the table by role: response, predictor and group; None where it was not given. With none
        of them the bundled table is the lesson's.
    log_response, label, groups, covariates
        As of `RegressionData.from_frame`.

    Raises
    ------
    ValueError
        If the column of a role is to be named, or was named for data that has picked its columns.
    TypeError, ValueError
        As `RegressionData.from_frame` does.
    """
    given = {role: name for role, name in columns.items() if name is not None}
    picks = {"groups": groups, "covariates": checked_covariates(covariates) or None}
    named = [*given, *(name for name, value in picks.items() if value is not None)]
    if data is None and not named:
        return RegressionData.rugged()
    if isinstance(data, RegressionData):
        if named:
            raise ValueError(f"{', '.join(named)}: RegressionData has picked its columns already; give a DataFrame")
        return data
    if missing := [role for role in columns if role not in given and role != "group"]:
        raise ValueError(f"{', '.join(missing)}: name the column of the data to use, such as {missing[0]}='x'")
    frame = load_rugged() if data is None else data
    chosen = RegressionData.from_frame(
        frame, **given, log_response=log_response, label=label, groups=groups, covariates=covariates
    )
    return replace(chosen, bundled=data is None)
