"""The table of predictions and the summary, against what each is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.tables import kth_smallest, percentiles, predictions_table, summary
from tests.infer.plain import RUGGED

COUNT = 800


def draws(count: int = COUNT, sigma: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    weight = np.array([-1.84, -0.18, 0.35]) + random.normal(size=(count, 1, 3)) * [0.22, 0.08, 0.13]
    return weight, 9.18 + 0.14 * random.normal(size=(count, 1)), np.full(count, sigma)


def table(count: int, column: str = "rugged") -> RegressionData:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"g": np.arange(count) % 2, column: random.uniform(size=count), "y": random.normal(size=count)}
    )
    return RegressionData.from_frame(frame, predictor=column, group="g", response="y")


def test_the_lessons_table_has_its_columns_and_its_countries() -> None:
    found = predictions_table(RUGGED, *draws())
    expected = "cont_africa rugged mu_mean mu_perc_5 mu_perc_95 y_mean y_perc_5 y_perc_95 true_gdp"
    assert list(found.columns) == expected.split()
    assert found.index.name == "country"
    assert list(found.index) == list(RUGGED.row_names)
    np.testing.assert_array_equal(found["true_gdp"], RUGGED.targets)
    np.testing.assert_array_equal(found[["cont_africa", "rugged"]], RUGGED.features[:, :2])
    assert not found.isna().any().any()


def test_the_mean_and_its_percentiles_are_those_of_the_draws() -> None:
    weight, bias, sigma = draws()
    found = predictions_table(RUGGED, weight, bias, sigma)
    means = np.sort(weight[:, 0] @ RUGGED.features.T + bias, axis=0)
    np.testing.assert_allclose(found["mu_mean"], means.mean(0))
    np.testing.assert_allclose(found["mu_perc_5"], means[40 - 1])
    np.testing.assert_allclose(found["mu_perc_95"], means[760 - 1])


def test_a_new_observation_adds_the_noise() -> None:
    found = predictions_table(RUGGED, *draws())
    error = 0.95 / np.sqrt(COUNT)
    assert np.all(np.abs(found["y_mean"] - found["mu_mean"]) < 5 * error)
    line = (found["mu_perc_95"] - found["mu_perc_5"]) / (2 * 1.645)
    whole = (found["y_perc_95"] - found["y_perc_5"]) / (2 * 1.645)
    # The standard error of such a spread is 1.7 of one number's standard deviation over the root of the draws.
    np.testing.assert_allclose(whole, np.hypot(line, 0.95), atol=5 * 1.7 / np.sqrt(COUNT))


def test_without_noise_both_are_the_same() -> None:
    found = predictions_table(RUGGED, *draws(sigma=0.0))
    for what in ("mean", "perc_5", "perc_95"):
        np.testing.assert_array_equal(found[f"mu_{what}"], found[f"y_{what}"])


def test_the_seed_decides_on_the_noise() -> None:
    first, same, other = (predictions_table(RUGGED, *draws(50), rng_seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, same)
    assert not first["y_mean"].equals(other["y_mean"])


def test_rows_in_parts_give_what_they_give_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predictions_table(RUGGED, *draws(50))
    monkeypatch.setattr("rugged_widget.regression.infer.tables.MAX_NUMBERS", 350)
    pd.testing.assert_frame_equal(predictions_table(RUGGED, *draws(50)), whole)


@pytest.mark.parametrize(("prob", "names"), [(0.9, ("5", "95")), (0.8, ("10", "90")), (0.95, ("2.5", "97.5"))])
def test_percentiles_are_named_by_their_per_cent(prob: float, names: tuple[str, str]) -> None:
    columns = predictions_table(RUGGED, *draws(9), prob).columns
    assert [f"y_perc_{name}" in columns for name in names] == [True, True]
    assert f"mu_perc_{names[0]}" in columns


def test_other_data_keep_their_names() -> None:
    found = predictions_table(table(8), *draws(9))
    assert list(found.columns)[:2] == ["g", "rugged"]
    assert found.columns[-1] == "true_y"
    assert found.index.name is None
    assert predictions_table(table(8), *draws(9), truth_name="seen").columns[-1] == "seen"


@pytest.mark.parametrize("column", ["mu_mean", "y_perc_95", "true_y"])
def test_a_column_is_never_lost_to_another_of_its_name(column: str) -> None:
    with pytest.raises(ValueError, match=f"two columns '{column}'"):
        predictions_table(table(8, column), *draws(9))


def test_percentiles_are_the_kth_smallest_with_k_rounded_down() -> None:
    values = np.random.default_rng(1).permutation(800.0 + np.arange(800))
    assert kth_smallest(values, (5, 95)) == [800 + 40 - 1, 800 + 760 - 1]
    assert kth_smallest(np.arange(1.0, 20.0), (5, 95)) == [1, 18]  # 19 draws: k = 0 becomes 1, and int(18.05)
    for count in (20, 100, 1000, 4000):
        for per_cent in range(1, 100):
            assert kth_smallest(np.arange(1.0, count + 1), (per_cent,)) == [max(count * per_cent // 100, 1)]
    assert percentiles(0.9) == (5, 95)


def test_the_summary_is_of_each_site() -> None:
    weight, bias, _ = draws()
    found = summary({"linear.weight": weight, "_RETURN": bias})
    assert list(found) == ["linear.weight", "_RETURN"]
    assert list(found["_RETURN"]) == ["mean", "std", "5%", "95%"]
    assert {value.shape for value in found["linear.weight"].values()} == {(1, 3)}
    np.testing.assert_allclose(found["_RETURN"]["mean"], bias.mean(0))
    np.testing.assert_allclose(found["_RETURN"]["std"], bias.std(0, ddof=1))
    np.testing.assert_array_equal(found["_RETURN"]["5%"], np.sort(bias, axis=0)[39])
    np.testing.assert_array_equal(found["linear.weight"]["95%"], np.sort(weight, axis=0)[759])


def test_bad_arguments_are_refused() -> None:
    weight, bias, sigma = draws(9)
    with pytest.raises(ValueError, match=r"weight must be of shape \(num_draws, 1, 3\)"):
        predictions_table(RUGGED, weight[:, 0], bias, sigma)
    with pytest.raises(ValueError, match="bias must be of shape"):
        predictions_table(RUGGED, weight, bias[:3], sigma)
    with pytest.raises(ValueError, match="num_draws >= 1"):
        predictions_table(RUGGED, weight[:0], bias[:0], sigma[:0])
    with pytest.raises(ValueError, match="prob must be in"):
        predictions_table(RUGGED, weight, bias, sigma, 90)
    with pytest.raises(ValueError, match="at least one draw"):
        summary({"obs": np.zeros((0, 3))})


def test_the_word_for_the_response_names_the_truth() -> None:
    assert predictions_table(replace(RUGGED, short_response="wealth"), *draws(9)).columns[-1] == "true_wealth"
