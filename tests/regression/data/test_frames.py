"""Tables of other packages are taken as they say they can be, or refused with what to call."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rugged_widget import RuggedWidget
from rugged_widget.regression.data.frames import as_frame
from rugged_widget.regression.data.regression_data import RegressionData

FRAME = pd.DataFrame({"x": np.arange(8.0), "g": [0, 1] * 4, "y": np.arange(8.0) ** 2})
COLUMNS = {"predictor": "x", "group": "g", "response": "y"}


def lacks_a_package(_table: object) -> pd.DataFrame:
    raise ModuleNotFoundError("No module named 'pyarrow'")


def table_of(**methods: Any) -> Any:
    """Return a table of a package called polars, with methods."""
    return type("LazyFrame", (), {"__module__": "polars.lazyframe.frame", **methods})()


@pytest.mark.parametrize(
    "table",
    [
        table_of(to_pandas=lambda _table: FRAME),
        table_of(__dataframe__=lambda _table, **_options: FRAME.__dataframe__()),
        table_of(to_pandas=lacks_a_package, __dataframe__=lambda _table, **_options: FRAME.__dataframe__()),
    ],
    ids=["method", "protocol", "protocol where the method fails"],
)
@pytest.mark.filterwarnings("error")
def test_a_table_that_can_become_one_of_pandas_is_taken(table: Any) -> None:
    data = RegressionData.from_frame(table, **COLUMNS)
    np.testing.assert_array_equal(data.features, RegressionData.from_frame(FRAME, **COLUMNS).features)
    assert RuggedWidget(table, **COLUMNS).history().empty


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (table_of(to_pandas=lacks_a_package), r"to_pandas\(\) returns, which raised .*'pyarrow'"),
        (
            table_of(__dataframe__=lambda _table, **_: lacks_a_package(_)),
            r"__dataframe__\(\) returns, which .*'pyarrow'",
        ),
        (table_of(collect=lambda _table: FRAME), r"collect\(\) returns$"),
        (table_of(toPandas=lambda _table: FRAME), r"toPandas\(\) returns$"),
    ],
)
def test_a_table_that_cannot_is_refused_naming_its_module_and_what_to_call(table: Any, words: str) -> None:
    with pytest.raises(TypeError, match=r"got LazyFrame of polars: give the table that data\." + words):
        RuggedWidget(table, **COLUMNS)


def test_a_column_of_another_package_is_no_table() -> None:
    with pytest.raises(TypeError, match="got LazyFrame that is one column"):
        as_frame(table_of(to_pandas=lambda _table: FRAME["x"]))


@pytest.mark.parametrize("data", [type("Frame", (), {"to_pandas": None}), ModuleType("m"), 3, "x", FRAME["x"]])
def test_what_is_no_table_is_refused_by_its_type(data: Any) -> None:
    with pytest.raises(TypeError, match=f"must be a pandas DataFrame, got {type(data).__name__}$"):
        as_frame(data)
