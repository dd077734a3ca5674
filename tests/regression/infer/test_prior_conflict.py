"""Conflicts of priors and data: said where a prior decides, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.prior_conflict import cautions_of, round_up
from rugged_widget.regression.infer.reference import Comparison, comparison_of
from rugged_widget.regression.priors import Priors

if TYPE_CHECKING:
    from rugged_widget.snapshot.values import Caution

LESSON = RegressionData.rugged()


def table(num_rows: int = 333, seed: int = 1, *, noise: float = 300.0) -> RegressionData:
    """Return body mass in grams by flipper length in millimetres, of two sexes."""
    rng = np.random.default_rng(seed)
    male = np.arange(num_rows) % 2
    length = rng.normal(200 + 3 * male, 13)
    mass = -5400 + 47 * length + 350 * male + rng.normal(0, noise, num_rows)
    frame = pd.DataFrame({"mass": mass, "length": length, "sex": np.where(male, "male", "female")})
    return RegressionData.from_frame(frame, predictor="length", group="sex", response="mass")


def cautions(
    data: RegressionData, priors: Priors | None = None, *, standardize: bool | None = None
) -> tuple[Caution, ...]:
    comparison = comparison_of(data, priors, standardize=standardize)
    return cautions_of(comparison.exact, comparison.priors)


def test_the_lesson_is_silent_standardized_or_not() -> None:
    assert cautions(LESSON) == cautions(LESSON, standardize=True) == ()


@pytest.mark.parametrize("num_rows", [12, 30, 333, 2000])
def test_ordinary_standardized_tables_are_silent_in_any_unit(num_rows: int) -> None:
    for seed in range(10):
        assert cautions(table(num_rows, seed)) == ()
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, num_rows)) * 10 ** rng.uniform(-6, 6, (2, 1)) + 10 ** rng.uniform(-3, 3, (2, 1))
        frame = pd.DataFrame({"x": x, "y": y, "g": np.arange(num_rows) % 2})
        assert cautions(RegressionData.from_frame(frame, predictor="x", group="g", response="y")) == ()


def test_a_response_whose_sd_is_far_above_the_bound_of_sigma() -> None:
    first, *others = cautions(table(noise=300.0), standardize=False)
    assert (first.key, first.latent) == ("sigma_bound", (SIGMA, ()))
    assert first.numbers["percent"] == pytest.approx(100.0)
    assert first.numbers["now"] == 10.0
    assert first.numbers["estimate"] == pytest.approx(300.0, rel=0.15)
    assert first.numbers["scale"] == 1000.0
    assert [caution.key for caution in others] == ["far_weight", "far_bias"]


def test_weights_that_may_hardly_differ_from_zero() -> None:
    (caution,) = cautions(LESSON, Priors(weight=0.01))
    assert (caution.key, caution.latent) == ("far_weight", (WEIGHT, (0, 0)))
    assert caution.numbers["sds"] == pytest.approx(194.8, abs=0.1)
    assert (caution.numbers["now"], caution.numbers["scale"]) == (0.01, 2.0)


def test_a_slope_in_original_units_that_the_prior_does_not_expect() -> None:
    (caution,) = cautions(table(), Priors(weight=1.0, bias=1e4, sigma=1000.0))
    assert (caution.key, caution.latent) == ("far_weight", (WEIGHT, (0, 1)))
    assert caution.numbers["sds"] == pytest.approx(47.0, rel=0.1)
    assert caution.numbers["scale"] == 50.0


def test_a_prior_that_decides_what_the_data_leave_open() -> None:
    (caution,) = cautions(table(), Priors(weight=100.0, bias=1e4, sigma=1000.0))
    assert (caution.key, caution.latent) == ("decides_weight", (WEIGHT, (0, 0)))
    assert caution.numbers["percent"] < 50.0
    assert caution.numbers["now"] == 100.0
    (caution,) = cautions(LESSON, Priors(bias=0.5))
    assert (caution.key, caution.latent) == ("far_bias", (BIAS, (0,)))


def test_on_the_standardized_scale_the_numbers_are_of_that_scale() -> None:
    comparison = comparison_of(table(), None, standardize=True).under(Priors(weight=0.01))
    (caution,) = cautions_of(comparison.exact, comparison.priors)
    assert (caution.key, caution.latent) == ("far_weight", (WEIGHT, (0, 1)))
    assert caution.numbers["now"] == 0.01
    assert caution.numbers["scale"] == 1.0
    assert caution.numbers["sds"] == pytest.approx(85.0, abs=10.0)


@pytest.mark.parametrize(
    ("data", "priors"),
    [
        (table(), Priors()),
        (LESSON, Priors(weight=0.01)),
        (LESSON, Priors(weight=0.01, bias=0.1, sigma=0.1)),
        (table(20, 4), Priors()),
    ],
)
def test_the_scales_that_are_proposed_end_the_conflict(data: RegressionData, priors: Priors) -> None:
    for _ in range(4):
        found = cautions(data, priors)
        scales = {caution.key.removeprefix("far_").removeprefix("decides_"): caution.numbers for caution in found}
        proposed = {name.removesuffix("_bound"): numbers["scale"] for name, numbers in scales.items()}
        assert all(numbers["scale"] > numbers["now"] for numbers in scales.values())
        priors = Priors(**{**vars(priors), **proposed})
    assert cautions(data, priors) == ()


def test_nothing_is_said_of_what_the_data_say_nothing_of() -> None:
    frame = pd.DataFrame(
        {"x": [1.0, 2.0, 3.0, 5.0, 5.0, 5.0], "y": [1.0, 2.1, 2.9, 5.2, 4.8, 5.0], "g": [0] * 3 + [1] * 3}
    )
    data = RegressionData.from_frame(frame, predictor="x", group="g", response="y")
    assert {caution.latent for caution in cautions(data, Priors(weight=0.1))} <= {(WEIGHT, (0, 1)), (SIGMA, ())}
    exact = Comparison(data, Priors()).exact
    assert cautions_of(exact, Priors()) == ()


@pytest.mark.parametrize(("value", "up"), [(0.011, 0.02), (1.0, 1.0), (1.01, 2.0), (47.0, 50.0), (526.0, 1000.0)])
def test_a_proposed_scale_is_a_round_number(value: float, up: float) -> None:
    assert round_up(value) == up
