"""A predictor that is a date."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.tables import predictions_table
from rugged_widget.regression.script import Columns
from rugged_widget.regression.script.table import _read_table
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.snapshot.dates import Dates
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn

DAYS = pd.date_range("2021-03-04", periods=40, freq="7D")
PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)


def data_of(dates: Any, name: str = "when") -> RegressionData:
    count = len(dates)
    table = pd.DataFrame({name: dates, "y": np.arange(count) % 7, "g": np.arange(count) % 2})
    return RegressionData.from_frame(table, predictor=name, response="y", group="g")


@pytest.mark.parametrize(
    "dates",
    [
        DAYS,
        DAYS.astype("datetime64[s]"),
        DAYS.tz_localize("Asia/Seoul"),
        DAYS.to_period("D"),
        [day.date() for day in DAYS],
        [day.to_pydatetime() for day in DAYS],
        pd.Series(DAYS).astype("object"),
    ],
    ids=["ns", "s", "zone", "period", "date", "datetime", "object"],
)
def test_dates_of_every_kind_are_days_after_the_first(dates: Any) -> None:
    data = data_of(dates)
    assert data.predictor_values.tolist() == [7.0 * row for row in range(40)]
    assert data.dates == Dates(np.datetime64("2021-03-04", "us"), "day")


@pytest.mark.parametrize(
    ("freq", "unit", "last"), [("h", "hour", 39.0), ("D", "day", 39.0), ("365D", "year", 39 * 365 / 365.2425)]
)
def test_the_unit_is_as_long_as_the_range(freq: str, unit: str, last: float) -> None:
    data = data_of(pd.date_range("1950-01-01", periods=40, freq=freq))
    assert data.dates is not None
    assert data.dates.unit == unit
    assert data.predictor_values[-1] == pytest.approx(last)
    assert data.slope_label == f"change of y per {unit} of when"
    korean = subject_of(data, PROBS, Catalogue("ko")).labels.slope_label
    assert (
        korean == {"hour": "when 1시간당 y의 변화", "day": "when 하루당 y의 변화", "year": "when 1년당 y의 변화"}[unit]
    )


def test_a_missing_date_is_left_out_and_the_others_come_back_as_they_were() -> None:
    dates = pd.Series(DAYS)
    dates[3] = pd.NaT
    data = data_of(dates)
    assert (data.num_rows, data.num_dropped) == (39, 1)
    draws = np.zeros((2, 1, 3)), np.zeros((2, 1)), np.ones(2)
    assert predictions_table(data, *draws)["when"].tolist() == dates.dropna().tolist()


def test_dates_that_do_not_vary_or_are_mixed_with_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="every finite row holds 2021-03-04 00:00"):
        data_of([DAYS[0]] * 8)
    with pytest.raises(ValueError, match="must hold numbers"):
        data_of([dt.date(2021, 3, 4), 5.0] * 4)
    with pytest.raises(ValueError, match="must hold numbers"):  # of the group, which is none
        RegressionData.from_frame(
            pd.DataFrame({"x": range(8), "y": DAYS[:8], "g": [0, 1] * 4}), predictor="x", response="y", group="g"
        )


def test_panels_tooltips_and_axis_show_dates() -> None:
    subject = subject_of(data_of(DAYS), PROBS)
    panels = Panels(subject, lambda: None, text=Catalogue())
    axis = drawn.axis(panels.boxes[0])
    assert list(axis.tick_labels.values()) == ["2021-04", "2021-07", "2021-10"]
    assert subject.groups[1].details[0] == "when 2021-03-11 \N{MIDDLE DOT} y 1"
    assert subject.grid[0] < 0  # a first date is no zero


def test_a_script_reads_the_same_numbers(tmp_path: Any) -> None:
    data = data_of(DAYS + pd.Timedelta(hours=5))
    path = tmp_path / "table.csv"
    pd.DataFrame({"when": DAYS + pd.Timedelta(hours=5), "y": 1.0, "g": [0, 1] * 20}).to_csv(path)
    columns = Columns(
        predictor="when", group="g", response="y", log_response=False, group_values=("0", "1"), dates=data.dates
    )
    names: dict[str, Any] = {"pd": pd, "np": np}
    exec(_read_table(columns).replace("data.csv", str(path)), names)
    assert names["x"] == pytest.approx(data.predictor_values, abs=1e-9)
