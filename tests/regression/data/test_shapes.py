"""Tables without a group, with groups that are picked, and with covariates are read as they are meant, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.design import LESSON_DESIGN, Design
from rugged_widget.regression.data.regression_data import RegressionData
from tests.regression.shapes import COLUMNS, NUM_FEATURES, SHAPES, THREE, data_of, table


def picked(frame: pd.DataFrame | None = None, **options: Any) -> RegressionData:
    return RegressionData.from_frame(table() if frame is None else frame, **(COLUMNS | options))


def island(values: Any) -> pd.DataFrame:
    return table(len(values)).assign(island=values)


@pytest.mark.parametrize("shape", SHAPES)
def test_features_are_those_of_the_design_and_have_a_name_each(shape: str) -> None:
    data = data_of(shape)
    design = data.design
    assert data.features.shape == (data.num_rows, NUM_FEATURES[shape]) == (data.num_rows, design.num_features)
    assert len(data.feature_names) == design.num_features
    assert not data.features.flags.writeable
    again = design.features(data.predictor_values, data.group_values, data.covariate_values)
    np.testing.assert_array_equal(data.features, again)
    points = data.points().reshape(design.num_groups, 64, -1)
    np.testing.assert_array_equal(points[0, :, design.predictor], data.grid())
    np.testing.assert_allclose(
        points[..., design.covariates],
        np.broadcast_to(data.covariate_values.mean(0), (design.num_groups, 64, design.num_covariates)),
    )


def test_the_slope_is_what_one_more_unit_of_the_predictor_adds_whatever_the_group_and_the_covariates() -> None:
    for design in (Design(grouped=False), LESSON_DESIGN, Design(True, (False, True)), Design(False, (True,))):
        weight = np.random.default_rng(1).normal(size=(4, 1, design.num_features))
        others = np.arange(1.0, design.num_covariates + 1)
        low, high = (design.points(np.array([x]), others) @ weight[:, 0].T for x in (2.0, 3.0))
        np.testing.assert_allclose(design.slope_draws(weight), high - low)
        np.testing.assert_allclose(design.slopes @ weight[:, 0].T, high - low)


def test_without_a_group_there_is_one_line_and_no_word_of_groups() -> None:
    data = picked()
    assert (data.group, data.group_texts, data.group_labels) == (None, (), ())
    assert not data.group_values.any()
    assert data.feature_names == ("flipper",)
    assert repr(data) == "RegressionData(mass on flipper, 120 rows)"
    assert replace(data, title="Mine").title == "Mine"
    with pytest.raises(ValueError, match="group_labels must be"):
        replace(data, group_labels=("a", "b"))


def test_two_groups_of_more_are_picked_in_order_and_the_others_counted_apart() -> None:
    frame = table()
    frame.loc[0, "flipper"] = np.nan  # in Biscoe
    frame.loc[4, "flipper"] = np.nan  # in Torgersen
    frame.loc[2, "mass"] = np.inf  # in Dream, which is left out anyway
    frame.loc[6, "island"] = None
    data = picked(frame, group="island", groups=("Torgersen", "Biscoe"))
    assert (data.num_rows, data.num_others, data.num_dropped) == (77, 40, 3)
    assert data.group_texts == ("Torgersen", "Biscoe")
    assert data.group_labels == ("island = Torgersen", "island = Biscoe")
    assert (data.others_label, data.dropped_label) == ("40 rows of other groups left out", "3 unusable rows left out")
    rows = [int(name) for name in data.row_names]
    assert (frame["island"].iloc[rows] == "Biscoe").tolist() == (data.group_values == 1).tolist()


DATES = ("2022-01-01 00:00:00", "2020-01-01 00:00:00")


@pytest.mark.parametrize(
    ("values", "groups", "texts"),
    [
        ([1, 2, 3], (3, 1), ("3", "1")),
        ([1, 2, 3], ("3", "1"), ("3", "1")),
        ([1.5, 2.0, 2.5], (2.0, "1.5"), ("2", "1.5")),
        ([1.5, 2.0, 2.5], np.array([2.5, 1.5]), ("2.5", "1.5")),
        (["a", "b", "c"], ["c", "a"], ("c", "a")),
        (["a", "b", "b"], ("b", "a"), ("b", "a")),
        ([True, False, True], (True, False), ("True", "False")),
        ([True, False, True], ("True", "False"), ("True", "False")),
        ([1, "a", None], ("a", 1), ("a", "1")),
        (list(pd.to_datetime(["2020", "2021", "2022"])), ("2022-01-01 00:00:00", pd.Timestamp("2020")), DATES),
        (pd.Categorical(["lo", "mid", "hi"], ["lo", "mid", "hi"], ordered=True), ("mid", "lo"), ("mid", "lo")),
    ],
)
def test_groups_are_values_of_the_column_or_their_texts(values: Any, groups: Any, texts: Any) -> None:
    column = pd.Series(values).repeat(4).reset_index(drop=True)
    data = picked(island(column), group="island", groups=groups)
    assert data.group_texts == texts
    for code, text in enumerate(texts):
        rows = [int(data.row_names[place]) for place in np.flatnonzero(data.group_values == code)]
        assert {str(column[row]).removesuffix(".0") for row in rows} == {text}


def test_labels_of_groups_that_are_written_alike_are_refused_as_they_cannot_be_told_apart() -> None:
    with pytest.raises(ValueError, match="two different texts"):
        picked(island([1, "1", "x"] * 4), group="island", groups=(1, "1"))


NINE = [f"place {number % 9}" for number in range(36)]


@pytest.mark.parametrize(
    ("frame", "options", "error", "words"),
    [
        (None, {"group": "island"}, ValueError, r"found 3: Biscoe, Dream, Torgersen; pick two of them by groups=\('Bi"),
        (
            island(NINE),
            {"group": "island"},
            ValueError,
            r"found 9: place 0, .*place 4, \.\.\.; pick two of them by gro",
        ),
        (
            island([1, 2, 3] * 4),
            {"group": "island"},
            ValueError,
            r"found 3: 1, 2, 3; pick two of them by groups=\(1, 2\)",
        ),
        (None, {"groups": ("a", "b")}, ValueError, "groups: name the column of the group too"),
        (None, {"group": "island", "groups": ("Biscoe",)}, ValueError, "groups must be two values .*, got 1"),
        (None, {"group": "island", "groups": "ab"}, TypeError, "groups must be two values .*, got 'ab'"),
        (None, {"group": "island", "groups": {"a", "b"}}, TypeError, "groups must be two values"),
        (None, {"group": "island", "groups": 5}, TypeError, "groups must be two values"),
        (
            None,
            {"group": "island", "groups": ("Dream", "Dream")},
            ValueError,
            "two different values, got 'Dream' twice",
        ),
        (
            island([1, 2, 3] * 4),
            {"group": "island", "groups": (2, "2")},
            ValueError,
            "two different values, got 2 twice",
        ),
        (
            None,
            {"group": "island", "groups": ("Dream", "Oz")},
            ValueError,
            "'Oz' is not in column 'island', which holds B",
        ),
        (None, {"group": "island", "groups": ("Dream", ["Oz"])}, ValueError, r"\['Oz'\] is not in column 'island'"),
        (None, {"group": "sex", "groups": ("male", "x")}, ValueError, "groups: 'x' is not in column 'sex'"),
        (None, {"covariates": "bill"}, TypeError, r"covariates must be a list of names .*, got 'bill'"),
        (None, {"covariates": {"bill"}}, TypeError, "covariates must be a list of names"),
        (None, {"covariates": [["bill"]]}, TypeError, r"covariates\[0\] must be the name of a column"),
        (None, {"covariates": ["bill", "x"]}, ValueError, r"covariates\[1\]: there is no column 'x'"),
        (None, {"covariates": ["bill", "bill"]}, ValueError, r"covariates\[0\] and covariates\[1\] must be different"),
        (None, {"covariates": ["flipper"]}, ValueError, r"predictor and covariates\[0\] must be different columns"),
        (None, {"covariates": ["mass"]}, ValueError, r"response and covariates\[0\] must be different columns"),
        (None, {"group": "sex", "covariates": ["sex"]}, ValueError, r"group and covariates\[0\] must be different"),
        (
            None,
            {"covariates": ["island"]},
            ValueError,
            r"covariates\[0\]: column 'island' must have numbers or exactly two",
        ),
        (table().assign(bill=3.0), {"covariates": ["bill"]}, ValueError, r"'bill' must vary, every finite row holds 3"),
        (table().assign(sex="f"), {"covariates": ["sex"]}, ValueError, r"numbers or exactly two values, found 1: f"),
        (table().assign(bill=[None] * 120), {"covariates": ["bill"]}, ValueError, "exactly two values, found 0: none"),
        (table().assign(bill=np.nan), {"covariates": ["bill"]}, ValueError, "the table has 0 finite rows, at least 3"),
        (table(2), {}, ValueError, "the table has 2 finite rows, at least 3 are needed"),
    ],
)
def test_what_cannot_be_picked_is_refused_by_name(
    frame: pd.DataFrame | None, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        picked(frame, **options)


def test_a_covariate_of_which_one_value_is_left_is_refused_in_the_words_of_the_table() -> None:
    frame = table()
    frame.loc[frame["sex"] == "male", "mass"] = np.nan
    with pytest.raises(ValueError, match=r"covariates\[0\]: column 'sex' must vary, every finite row holds female"):
        picked(frame, covariates=["sex"])


@pytest.mark.parametrize(
    ("values", "name", "two_valued"),
    [
        (["b", "a"], "sex = b", True),
        ([True, False], "sex = True", True),
        (np.array([True, False], dtype=object), "sex = True", True),
        (pd.Categorical(["a", "b"], ["b", "a"], ordered=True), "sex = a", True),
        ([1, 0], "sex = 1", True),
        ([1.0, 0.0], "sex = 1", True),
        ([1, 2], "sex", False),
        (np.array([1.5, 2], dtype=object), "sex", False),
        (pd.array([1, 2], dtype="Int64"), "sex", False),
        (list(pd.to_datetime(["2020", "2021"])), "sex = 2021-01-01 00:00:00", True),
    ],
)
def test_covariates_are_numbers_or_0_and_1_named_by_what_1_is(values: Any, name: str, two_valued: bool) -> None:
    column = pd.Series(values).repeat(6).reset_index(drop=True)
    data = picked(table(12).assign(sex=column), covariates=["sex"])
    (covariate,) = data.covariates
    assert (covariate.name, covariate.two_valued, data.feature_names[-1]) == (name, two_valued, name)
    if two_valued:
        ones = column[data.covariate_values[:, 0] == 1]
        assert {f"sex = {str(cell).removesuffix('.0')}" for cell in ones} == {covariate.labels[1]} == {name}
    else:
        np.testing.assert_array_equal(data.covariate_values[:, 0], column.astype(float))


def test_no_covariates_are_none() -> None:
    assert picked(covariates=None).feature_names == picked(covariates=[]).feature_names == ("flipper",)


def test_a_row_whose_covariate_is_missing_is_left_out() -> None:
    frame = table()
    frame.loc[3, "bill"], frame.loc[5, "sex"], frame.loc[7, "depth"] = np.nan, None, np.inf
    data = picked(frame, covariates=THREE)
    assert (data.num_rows, data.num_dropped, data.num_others) == (117, 3, 0)
    assert not {"3", "5", "7"} & set(data.row_names)
