"""The bundled table is what its source says, and only tables that can be fitted are taken."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rugged_widget.regression.data.regression_data import RegressionData, load_rugged

SHA256 = "34f9dbf82ad8351f9ce5c9a1aee048ff7e747ed4f3939696949bef43c2daec46"
COLUMNS = {"predictor": "x", "group": "g", "response": "y"}


def table(**columns: Any) -> pd.DataFrame:
    start = {"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "g": [0, 1, 0, 1, 0, 1, 0], "y": [1, 2, 3, 4, 5, 6, 7]}
    return pd.DataFrame(start | columns)


def picked(frame: Any, **options: Any) -> RegressionData:
    return RegressionData.from_frame(frame, **(COLUMNS | options))


def test_the_bundled_file_is_the_one_that_was_checked() -> None:
    content = resources.files("rugged_widget.regression.data").joinpath("rugged.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256


def test_the_bundled_table_has_234_rows_of_which_170_have_a_gdp_49_of_them_in_africa() -> None:
    frame = load_rugged()
    assert list(frame) == ["isocode", "country", "rugged", "cont_africa", "rgdppc_2000"]
    assert frame.shape == (234, 5)
    known = frame["rgdppc_2000"].notna()
    assert (known.sum(), frame.loc[known, "cont_africa"].sum()) == (170, 49)
    assert frame["isocode"].str.fullmatch("[A-Z]{3}").all()
    assert frame.notna().all().drop("rgdppc_2000").all()
    assert frame["country"].nunique() == 234


def test_the_lesson_has_words_for_everything() -> None:
    data = RegressionData.rugged()
    assert (data.num_rows, data.num_dropped, data.dropped_label) == (170, 64, "64 without GDP left out")
    assert data.feature_names == ("cont_africa", "rugged", "cont_africa \N{MULTIPLICATION SIGN} rugged")
    assert (data.title, data.row_noun) == ("Terrain ruggedness and GDP", "countries")
    assert data.group_labels == ("Outside Africa", "Inside Africa")
    assert (data.row_names[0], data.row_details[0]) == ("Angola", "ruggedness 0.86 \N{MIDDLE DOT} GDP 1,795 $")
    assert data.response_values[0] == pytest.approx(1794.729)
    assert data.targets[0] == pytest.approx(np.log(1794.729))
    assert repr(data) == "RegressionData(log(rgdppc_2000) on rugged by cont_africa, 170 countries)"


def test_features_are_group_predictor_and_product_in_double_precision_and_read_only() -> None:
    data = picked(table())
    np.testing.assert_array_equal(
        data.features, np.stack([data.group_values, data.predictor_values, [0, 1, 0, 3, 0, 5, 0]], 1)
    )
    for values in (data.features, data.targets, data.predictor_values, data.group_values, data.response_values):
        assert values.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1
    with pytest.raises(FrozenInstanceError):
        data.title = "other"  # type: ignore[misc] # that is the point


def test_words_are_made_from_the_columns_and_can_be_replaced() -> None:
    data = picked(table(y=[1, 2, 3, 4, 5, 6, -7.0]), log_response=True)
    assert (data.title, data.predictor_label, data.response_label, data.row_noun) == ("x and y", "x", "log y", "rows")
    assert (data.group_labels, data.dropped_label) == (("g = 0", "g = 1"), "1 unusable row left out")
    assert data.slope_label == "change of log y per unit of x"
    assert data.row_details[1] == "x 1 \N{MIDDLE DOT} y 2"
    assert picked(table()).dropped_label == "no unusable rows left out"
    assert replace(data, title="Mine").title == "Mine"
    with pytest.raises(ValueError, match="two different texts"):
        replace(data, group_labels=("a", "a"))


def test_rows_are_called_by_a_column_or_by_their_index() -> None:
    frame = table(name=["a", None, "c", "d", np.nan, "f", "g"])
    assert picked(frame.set_axis(list("ABCDEFG"))).row_names == tuple("ABCDEFG")
    assert picked(frame, label="name").row_names == ("a", "1", "c", "d", "4", "f", "g")
    assert picked(frame.set_axis([7] * 7), label="name").row_names == ("a", "7", "c", "d", "7", "f", "g")
    assert picked(frame, label="g").row_names[0] == "0"


def test_words_of_rows_are_a_sequence_and_stay_when_the_table_changes() -> None:
    frame = table(name=list("abcdefg")).rename(columns={"x": "x {0}", "y": "y }"})
    data = RegressionData.from_frame(frame, predictor="x {0}", group="g", response="y }", label="name")
    frame["name"], frame["x {0}"] = "changed", -1.0
    assert (data.row_names[2], data.row_names[-1], data.row_names[1:3]) == ("c", "g", ("b", "c"))
    assert list(reversed(data.row_names)) == list("gfedcba")
    assert data.row_details[6] == "x {0} 6 \N{MIDDLE DOT} y } 7"
    assert data.row_names != tuple("abcdefx")
    with pytest.raises(IndexError):
        data.row_names[7]
    again = pickle.loads(pickle.dumps(data))
    assert again.row_details == data.row_details


@pytest.mark.parametrize(
    "values",
    [
        pd.array([0, 1, None, 3, 4, 5, 6], dtype="Int64"),
        pd.array([0, 1, None, 3, 4, 5, 6], dtype="Float64"),
        np.array([0, 1, np.nan, 3, 4, 5, 6], dtype=np.float32),
        np.array([0, 1, np.inf, 3, 4, 5, 6]),
        np.array([0, 1, -np.inf, 3, 4, 5, 6]),
        np.array([0, 1, None, 3, 4, 5, 6], dtype=object),
        np.array([Decimal(0), 1.0, pd.NA, 3, np.int8(4), np.float32(5), 6], dtype=object),
        pd.Categorical([0, 1, None, 3, 4, 5, 6]),
    ],
    ids=["Int64", "Float64", "float32", "inf", "-inf", "object", "mixed numbers", "category"],
)
def test_numbers_of_every_kind_are_taken_and_missing_ones_dropped(values: Any) -> None:
    data = picked(table(x=values))
    assert data.predictor_values.tolist() == [0, 1, 3, 4, 5, 6]
    assert (data.num_dropped, data.row_names) == (1, ("0", "1", "3", "4", "5", "6"))
    assert picked(table(y=values)).response_values.tolist() == [0, 1, 3, 4, 5, 6]


def test_truth_values_count_as_0_and_1_in_any_column() -> None:
    flags = [False, True, True, False, True, False, True]
    for values in (flags, pd.array(flags, dtype="boolean"), np.array(flags, dtype=object)):
        data = picked(table(x=values, g=values, y=[1, 2, 3, 4, 5, 6, 7]))
        assert data.predictor_values.tolist() == data.group_values.tolist() == [0, 1, 1, 0, 1, 0, 1]
    assert data.group_labels == ("g = False", "g = True")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1, 0, 1, 0, 1, 0], ("0", "1")),
        ([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, np.nan], ("0", "1")),
        ([1, 2, 1, 2, 1, 2, np.inf], ("1", "2")),
        (["in", "out", "in", "out", "in", "out", None], ("in", "out")),
        (pd.Categorical(["in", "out", "in", "out", "in", "out", None]), ("in", "out")),
        (pd.Categorical(["lo", "hi", "lo", "hi", "lo", "hi", "lo"], ["lo", "mid", "hi"], ordered=True), ("lo", "hi")),
        (pd.array([0, 1, 0, 1, 0, 1, None], dtype="Int64"), ("0", "1")),
        (pd.array(["a", "b", "a", "b", "a", "b", None], dtype="string"), ("a", "b")),
    ],
    ids=["int", "float", "1 and 2", "text", "category", "ordered", "Int64", "string"],
)
def test_any_two_values_make_a_group_in_their_order(values: Any, labels: tuple[str, str]) -> None:
    data = picked(table(g=values))
    assert data.group_values.tolist()[:6] == [0, 1, 0, 1, 0, 1]
    assert data.group_labels == (f"g = {labels[0]}", f"g = {labels[1]}")
    assert data.num_rows == 7 - pd.isna(values).sum() - (isinstance(values, list) and np.inf in values)


@pytest.mark.parametrize(
    ("values", "dtype", "texts"),
    [
        ((20200101.0, 20200102.0), "float64", ("20200101", "20200102")),
        ((1234567.25, 1234567.5), "float64", ("1234567.25", "1234567.5")),
        ((1000000.0, 2000000.0), "float64", ("1000000", "2000000")),
        ((0.3, 0.1 + 0.2), "float64", ("0.3", "0.30000000000000004")),
        ((1e-9, 1.5), "float64", ("1e-09", "1.5")),
        ((0.1, 0.2), "float32", ("0.1", "0.2")),
        ((0.1, 0.2), "float16", ("0.1", "0.2")),
        ((0.1, 0.2), "Float32", ("0.1", "0.2")),
        ((20200101.0, 20200102.0), "object", ("20200101", "20200102")),
        ((20200101.0, 20200102.0), "category", ("20200101", "20200102")),
    ],
)
def test_a_group_of_numbers_reads_as_it_was_typed(values: Any, dtype: str, texts: tuple[str, str]) -> None:
    one, two = values
    data = picked(table(g=pd.Series([one, two] * 3 + [one]).astype(dtype)))  # type: ignore[call-overload]
    assert data.group_texts == texts
    assert data.group_labels == tuple(f"g = {text}" for text in texts)


@pytest.mark.parametrize("kind", [">f8", ">f4", ">i4", ">u2", ">i8"])
def test_numbers_of_the_other_order_of_bytes_are_taken_in_every_column(kind: str) -> None:
    values = {name: np.array(column, kind) for name, column in table().items()}
    data = picked(table(**values, name=np.arange(7).astype(kind)), label="name")
    usual = picked(table())
    np.testing.assert_array_equal(data.features, usual.features)
    assert data.targets.tolist() == usual.targets.tolist()
    assert data.group_labels == usual.group_labels
    assert [float(name) for name in data.row_names] == list(range(7))
    indexed = table(**values).set_index(pd.Index(np.arange(7).astype(kind)))
    assert [float(name) for name in picked(indexed).row_names] == list(range(7))


@pytest.mark.parametrize("names", [(True, False, "y"), (True, 0, 1), (1, 0, True), (np.True_, np.False_, "y")])
def test_columns_may_be_called_true_and_false(names: Any) -> None:
    x, g, y = names
    frame = table().set_axis(pd.Index(names, dtype=object), axis=1)
    data = picked(frame, predictor=x, group=g, response=y)
    assert data.predictor_values.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert (data.predictor, data.group, data.response) == (str(x), str(g), str(y))
    two = table()[["x", "g"]].set_axis([True, False], axis=1)
    with pytest.raises(ValueError, match="response: there is no column 1; the columns are True, False"):
        picked(two, predictor=True, group=False, response=1)


def test_columns_of_two_levels_are_named_in_words_or_by_the_first() -> None:
    frame = table().set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("g", ""), ("b", "y")]), axis=1)
    for names in ((("a", "x"), ("g", ""), ("b", "y")), ("a", "g", "b")):
        data = picked(frame, **dict(zip(("predictor", "group", "response"), names, strict=True)))
        assert data.title == ("a, x and b, y" if names[0] != "a" else "a and b")
        assert data.group_labels == ("g = 0", "g = 1")


def test_rows_of_two_levels_are_named_in_words() -> None:
    index = pd.MultiIndex.from_product([["a", "b"], range(4)], names=["place", "time"])[:7]
    data = picked(table().set_index(index))
    assert (data.row_names[0], data.row_names[6], data.label) == ("a, 0", "b, 2", "place, time")
    assert picked(table().set_index(index.set_names([None, None]))).label == ""


def test_cells_that_no_number_can_be_made_of_are_missing_or_named() -> None:
    signaling = [Decimal("sNaN"), Decimal(1), 2.0, 3, 4, 5, 6]
    data = picked(table(x=signaling, y=[Decimal("NaN"), 2, 3, 4, 5, 6, 7]))
    assert (data.predictor_values.tolist(), data.num_dropped) == ([1, 2, 3, 4, 5, 6], 1)
    with pytest.raises(ValueError, match="response: column 'y' must hold numbers below"):
        picked(table(y=[1, 2, 3, 10**400, 5, 6, 7]))
    for cell in ([1.0, 2.0], np.ones(2), (1,), {"a": 1}, "9" * 400):
        with pytest.raises(ValueError, match=r"predictor: column 'x' must hold numbers, found .{1,60} \("):
            picked(table(x=pd.Series([cell, 1, 2, 3, 4, 5, 6], dtype=object)))
    for cell in ([1.0], Decimal("sNaN")):
        with pytest.raises(ValueError, match="group: column 'g' must have two values of one sortable type"):
            picked(table(g=pd.Series([cell, 1, 2, 1, 2, 1, 2], dtype=object)))
    names = pd.Series([[1, 2], Decimal("sNaN"), (1, "a"), pd.NaT, 10**50, "f", None], dtype=object)
    assert picked(table(n=names), label="n").row_names[:4] == ("[1, 2]", "1", "1, a", "3")


@pytest.mark.parametrize("x", [[0.3, 0.1 * 3] * 4, [1e15, 1e15 + 0.125] * 4, [1e-300, 1e-300 * (1 + 1e-15)] * 4])
def test_a_predictor_that_varies_by_rounding_only_is_refused(x: list[float]) -> None:
    with pytest.raises(ValueError, match=r"predictor: column 'x' must vary by more than rounding, it holds"):
        picked(table(x=x[:7], g=[0, 0, 1, 1, 0, 0, 1]))


def test_a_predictor_that_varies_little_or_vastly_is_taken() -> None:
    for x in (1.7e9 + np.arange(7) / 3600, 1e-14 * np.arange(7), 1e308 * np.linspace(-1, 1, 7)):
        assert picked(table(x=x)).num_rows == 7


def test_long_names_are_cut_and_those_that_turn_text_are_isolated() -> None:
    fsi, pdi, override = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}", "\N{RIGHT-TO-LEFT OVERRIDE}"
    long, turned = "a very long name of a column " * 9, f"{override}evil"
    frame = table(name=[f"{override}a" * 40] * 7).rename(columns={"x": turned, "g": long, "y": "y" * 500})
    data = RegressionData.from_frame(frame, predictor=turned, group=long, response="y" * 500, label="name")
    assert (data.predictor, data.group, data.response) == (turned, long, "y" * 500)  # as the table has them
    assert data.predictor_label == f"{fsi}{turned}{pdi}"
    assert data.group_labels[0] == "a very long name of\N{HORIZONTAL ELLIPSIS}g name of a column  = 0"
    texts = [data.title, data.response_label, data.slope_label, *data.feature_names, data.row_details[0]]
    texts += [*data.group_labels, data.row_names[0], data.label, data.short_response, data.response_word]
    assert max(map(len, texts)) <= 120
    assert all(text.count(fsi) == text.count(pdi) for text in texts)
    assert not any(override in text and fsi not in text for text in texts)
    alike = picked(table(g=["a" * 60 + end + "a" * 60 for end in "bcbcbcb"]))
    assert len(set(alike.group_labels)) == 2


@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, np.nan, -np.inf, np.inf])
def test_the_logarithm_drops_what_has_none(value: float) -> None:
    data = picked(table(y=[value, 2, 3, 4, 5, 6, 7]), log_response=True)
    assert data.num_dropped == 1
    np.testing.assert_allclose(data.targets, np.log([2, 3, 4, 5, 6, 7]))
    assert data.response_values.tolist() == [2, 3, 4, 5, 6, 7]
    assert picked(table(y=[value, 2, 3, 4, 5, 6, 7])).num_dropped == (not np.isfinite(value))


MANY = table(g=[0, 1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (table(), {"predictor": "X"}, "predictor: there is no column 'X'; the columns are 'x', 'g', 'y'"),
        (table(), {"label": "name"}, "label: there is no column 'name'"),
        (pd.DataFrame(), {}, "no column 'x'; the columns are none"),
        (table(), {"group": "x"}, "predictor and group must be different columns, both are 'x'"),
        (table(), {"response": "g"}, "group and response must be different columns, both are 'g'"),
        (table().set_axis(["x", "g", "x"], axis=1), {"response": "g"}, "predictor: 'x' must name one column, 2 are"),
        (table(x=list("abcdefg")), {}, r"predictor: column 'x' must hold numbers, found 'a' \(str\)"),
        (table(y=[1, 2, 3, "4", 5, 6, 7]), {}, r"response: column 'y' must hold numbers, found '4' \(str\)"),
        (table(y=[1j] * 7), {}, r"response: column 'y' must hold numbers, found 1j \(complex\)"),
        (table(y=pd.date_range("2000", periods=7)), {}, r"response: column 'y' must hold numbers, found Timestamp"),
        (MANY, {}, r"group: column 'g' must have exactly two values, found 7: 0, 1, 2, 3, 4, \.\.\."),
        (table(g=[1.5] * 7), {}, r"group: column 'g' must have exactly two values, found 1: 1\.5"),
        (table(g=[None] * 7), {}, "group: column 'g' must have exactly two values, found 0: none"),
        (table(g=[1, "a"] * 3 + [1]), {}, "group: column 'g' must have two values of one sortable type"),
        (table(g=[[1], [2]] * 3 + [[1]]), {}, "group: column 'g' must have two values of one sortable type"),
        (table(g=[0, 0, 0, 0, 0, 1, 1]), {}, "group: column 'g' has 2 finite rows where it is 1, at least 3"),
        (table(y=[1, np.nan] * 3 + [1]), {}, "group: column 'g' has 0 finite rows where it is 1, at least 3"),
        (table(y=[-1] * 7), {"log_response": True}, "group: column 'g' has 0 finite rows where it is 0"),
        (table(x=[2.5] * 7), {}, "predictor: column 'x' must vary, every finite row holds 2.5"),
        (table(x=[2, 2, 2, 2, 2, 2, np.inf]), {}, "predictor: column 'x' must vary, every finite row holds 2"),
    ],
)
def test_a_table_that_cannot_be_fitted_is_refused_naming_column_and_finding(
    frame: pd.DataFrame, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        picked(frame, **options)


@pytest.mark.parametrize("frame", [None, [[1, 2]], np.ones((7, 3)), table()["x"], {"x": [1]}])
def test_what_is_no_table_is_refused_by_its_type(frame: Any) -> None:
    with pytest.raises(TypeError, match=f"must be a pandas DataFrame, got {type(frame).__name__}"):
        picked(frame)


@pytest.mark.parametrize("name", [None, ["x"], {"x": 1}])
def test_what_is_no_name_of_a_column_is_refused(name: Any) -> None:
    with pytest.raises(TypeError, match="predictor must be the name of a column"):
        picked(table(), predictor=name)


def test_columns_may_be_called_by_numbers_or_tuples() -> None:
    numbered = table().set_axis([0, 1, 2], axis=1)
    data = picked(numbered, predictor=0, group=1, response=2)
    assert data.feature_names[1] == data.predictor == "0"
    levels = table().set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "g"), ("b", "y")]), axis=1)
    assert picked(levels, predictor=("a", "x"), group=("a", "g"), response=("b", "y")).num_rows == 7
    with pytest.raises(ValueError, match="'a' must name one column, 2 are"):
        picked(levels, predictor="a", group=("a", "g"), response=("b", "y"))


def test_the_grid_begins_at_zero_where_zero_is_near_and_ends_a_little_beyond_the_data() -> None:
    grid = RegressionData.rugged().grid()
    assert (len(grid), grid[0]) == (64, 0)
    assert 6.202 < grid[-1] < 6.5
    years = picked(table(x=[1990.0, 1991, 1992, 1993, 1994, 1995, 1996])).grid(10)
    assert (years[0], years[-1]) == pytest.approx((1989.85, 1996.15))
    negative = picked(table(x=[-3.0, -2, -1, 0, 1, 2, 3])).grid(10)
    assert (negative[0], negative[-1]) == pytest.approx((-3.15, 3.15))


NUMBERS = st.one_of(st.none(), st.floats(width=32), st.integers(-1000, 1000), st.booleans(), st.text(max_size=2))
ROWS = st.lists(st.tuples(NUMBERS, st.sampled_from([0, 1, None, np.nan]), NUMBERS), max_size=30)


@pytest.mark.slow  # trains or integrates for seconds
@settings(max_examples=150, deadline=None, derandomize=True)
@given(rows=ROWS, log=st.booleans())
def test_any_table_is_either_refused_by_column_or_ready_to_be_fitted(rows: list[Any], *, log: bool) -> None:
    frame = pd.DataFrame(rows, columns=["x", "g", "y"], dtype=object)
    kept = frame.copy(deep=True)
    try:
        data = picked(frame, log_response=log)
    except ValueError as error:
        assert str(error).split(":")[0] in {"predictor", "group", "response"}  # noqa: PT017 either is right
    else:
        assert data.num_rows + data.num_dropped == len(rows)
        assert data.features.shape == (data.num_rows, 3)
        assert np.isfinite(data.features).all()
        assert np.isfinite(data.targets).all()
        assert min(np.bincount(data.group_values.astype(int))) >= 3
        assert np.all(np.diff(data.grid()) > 0)
        assert len(data.row_names) == len(data.row_details) == data.num_rows
    pd.testing.assert_frame_equal(frame, kept)
