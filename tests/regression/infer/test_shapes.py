"""A fit of any shape of table: its draws, slopes, tables, predictions, correction, files and script."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from rugged_widget.regression.data.regression_data import regression_data
from rugged_widget.regression.infer.export.export import load_torchscript, save_exported, save_torchscript
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.infer.run_spec import recipe_of
from rugged_widget.regression.infer.tables import least_squares_of, predictions_of, summary_of
from rugged_widget.regression.script import write_script
from rugged_widget.regression.snapshot import Point, RegressionRequest
from tests.regression.script.test_script import assert_same, executed
from tests.regression.shapes import COLUMNS, NUM_FEATURES, SHAPES, THREE, data_of, table

pytestmark = pytest.mark.slow  # each shape of table trains

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
EVERY = pytest.mark.parametrize("shape", SHAPES)
TWO = pytest.mark.parametrize("shape", ["line", "groups and three"])


def fit_to(shape: str, steps: int, **options: Any) -> RegressionFit:
    data = data_of(shape)
    comparison = comparison_of(data, None, standardize=options.pop("standardize", None))
    fit = RegressionFit(data, **{"seed": 5, "engine": "plain", "comparison": comparison, **options})
    fit.advance(steps)
    return fit


@cache
def fitted(shape: str) -> RegressionFit:
    fit = fit_to(shape, 400, guide="multivariate", engine="graph", learning_rate=0.05)
    fit.learning_rate = 0.005
    fit.advance(200)
    return fit


@pytest.mark.slow  # trains for seconds
@EVERY
def test_what_is_learnt_is_the_exact_answer(shape: str) -> None:
    fit = fitted(shape)
    exact = fit.comparison.exact
    draws, mean, sd = fit.latents(2000), exact.mean(), exact.sd()
    assert draws[WEIGHT].shape == (2000, 1, NUM_FEATURES[shape])
    for site in (WEIGHT, BIAS, SIGMA):
        # The parameters still stray by a part of a standard deviation.
        assert np.all(np.abs(draws[site].mean(0) - mean[site]) < 0.7 * sd[site])
        np.testing.assert_allclose(draws[site].std(0), sd[site], rtol=0.35)
    gap = fit.snapshot().gap
    assert gap is not None
    assert -0.5 < gap.nats < 2
    quantiles = fit.quantiles(PROBS)
    for site, value in draws.items():
        # The error of a 5 % quantile of 2,000 draws is 5 % of a standard deviation.
        error = 0.2 * value.std(0) + 1e-5 * np.abs(value).max(0)
        assert np.all(np.abs(quantiles[site] - np.quantile(value, PROBS, axis=0)) < error)


@EVERY
def test_a_snapshot_has_a_band_and_a_slope_a_group_also_corrected(shape: str) -> None:
    fit = fitted(shape)
    design, exact = fit.data.design, fit.comparison.exact
    fit.request = RegressionRequest(parameters=True, correction=True, approximation=True)
    snapshot = fit.snapshot()
    assert snapshot.correction is not None
    assert snapshot.approximation is not None
    assert [len(snapshot.marginals[site]) for site in (WEIGHT, BIAS, SIGMA)] == [design.num_features, 1, 1]
    reference = fit.reference()
    assert reference.exact is not None
    assert len(reference.lines) == len(exact.slopes()) == design.num_groups
    for moment in (snapshot, snapshot.correction, reference.exact):
        assert len(moment.slopes) == len(moment.bands["line"]) == len(moment.bands["prediction"]) == design.num_groups
        for band, other in zip(moment.bands["line"], exact.bands()["line"], strict=True):
            assert np.all(np.abs(band.median - other.median) < 150)  # of masses of 3,000 to 5,500
        for slope in moment.slopes:
            assert slope.median == pytest.approx(47, abs=8)
    for line, band in zip(reference.lines, exact.bands()["line"], strict=True):
        assert np.all(np.abs(line - band.median) < 150)


@EVERY
def test_a_prediction_is_at_its_covariates(shape: str) -> None:
    fit = fitted(shape)
    data, group = fit.data, fit.data.design.num_groups - 1
    point = Point(205.0, group, tuple(data.covariate_values[4] + 1.0))
    fit.request = RegressionRequest(what_if=point)
    found = fit.snapshot().what_if
    assert found is not None
    assert found.point == point
    assert found.exact is not None
    draws = fit.latents(4000)
    (features,) = data.design.features(np.array([205.0]), group, point.covariates)
    mean = draws[WEIGHT][:, 0] @ features + draws[BIAS][:, 0]
    assert found.guide.median == pytest.approx(mean.mean(), abs=0.2 * mean.std())
    assert found.guide.upper - found.guide.lower > 3 * draws[SIGMA].mean()
    assert found.exact.median == pytest.approx(mean.mean(), abs=mean.std())


def test_the_tables_name_groups_and_covariates_as_far_as_there_are_any() -> None:
    line, grouped = fitted("line"), fitted("groups and three")
    assert line.slopes().columns.tolist() == ["slope"]
    assert grouped.slopes().columns.tolist() == ["island = Torgersen", "island = Biscoe"]
    tail = ["mu_mean", "mu_perc_5", "mu_perc_95", "y_mean", "y_perc_5", "y_perc_95", "true_mass"]
    assert predictions_of(line, 50, 0.9).columns.tolist() == ["flipper", *tail]
    predictions = predictions_of(grouped, 800, 0.9)
    assert predictions.columns.tolist() == ["island", "flipper", "bill", "sex", "depth", *tail]
    np.testing.assert_array_equal(predictions[THREE], grouped.data.covariate_values)
    inside = predictions["true_mass"].between(predictions["y_perc_5"], predictions["y_perc_95"])
    assert 0.8 < inside.mean() <= 1
    names = ["island", "flipper", "island \N{MULTIPLICATION SIGN} flipper", "bill", "sex = male", "depth"]
    assert summary_of(grouped, 50, 0.9)[WEIGHT].index.tolist() == names
    assert least_squares_of(line, 3).index.tolist() == ["flipper", "bias"]
    squares = least_squares_of(grouped, 1500)
    assert squares.index.tolist() == [*names, "bias"]
    np.testing.assert_allclose(squares["adam"], squares["exact"], rtol=0.02)


@EVERY
def test_a_table_that_is_not_standardized_is_fitted_as_it_is(shape: str) -> None:
    fit = fit_to(shape, 3, standardize=False)
    assert fit.comparison.scale.is_identity
    features, _ = fit.comparison.tensors(torch.float64)
    np.testing.assert_array_equal(features.numpy(), fit.data.features)
    assert fit.snapshot().quantiles[WEIGHT].shape == (5, 1, NUM_FEATURES[shape])


@pytest.mark.parametrize("shape", ["line", "line and three", "groups and three"])
@pytest.mark.parametrize("guide", ["parts", pytest.param("iaf", marks=pytest.mark.slow)])
@pytest.mark.parametrize("standardize", [True, False])
def test_saved_files_draw_what_the_fit_draws(shape: str, guide: str, standardize: bool, tmp_path: Path) -> None:
    fit = fit_to(shape, 30, guide=guide, standardize=standardize)
    loaded = load_torchscript(save_torchscript(fit, tmp_path / "guide.pt"))
    assert (loaded.feature_names, loaded.group_labels) == (fit.data.feature_names, fit.data.group_labels)
    assert [slope.shape for slope in loaded.slopes(7)] == [(7,)] * fit.data.design.num_groups
    features = fit.data.features[:5]
    drawn, draws = loaded.draws(4000, features, seed=1), fit.latents(4000)
    mean = draws[WEIGHT][:, 0] @ features.T + draws[BIAS]
    for one, two in ((drawn[WEIGHT], draws[WEIGHT]), (drawn[SIGMA], draws[SIGMA]), (drawn["obs"], mean)):
        ours, theirs = one.reshape(4000, -1), two.reshape(4000, -1)
        error = 5 * np.hypot(ours.std(0), theirs.std(0)) / np.sqrt(4000)
        assert np.all(np.abs(ours.mean(0) - theirs.mean(0)) <= error + 1e-6 * np.abs(theirs).max(0))
    again = drawn[WEIGHT][:, 0] @ features.T + drawn[BIAS]
    assert np.all(np.abs(drawn["obs"] - again).std(0) < 3 * drawn[SIGMA].mean())  # of the same draw
    with pytest.raises(ValueError, match=rf"features must have the shape \(n, {features.shape[1]}\)"):
        loaded.draw(np.zeros((2, 9)))
    program = torch.export.load(save_exported(fit, tmp_path / "guide.pt2")).module()
    weight, _, _, obs = program(torch.tensor(features, dtype=torch.float32), torch.tensor(3))
    assert (tuple(weight.shape), tuple(obs.shape)) == ((3, 1, features.shape[1]), (3, 5))


@pytest.mark.parametrize("shape", ["line", "line and three", "groups", "groups and three"])
@pytest.mark.parametrize("standardize", [True, False])
def test_the_script_reproduces_the_run(shape: str, standardize: bool, tmp_path: Path) -> None:
    fit = fit_to(shape, 20, standardize=standardize)
    frame = table()
    with contextlib.chdir(tmp_path):
        frame.to_csv("data.csv")
        found = executed(write_script(recipe_of(fit)))
    assert_same(found, fit, 0.0 if standardize else 1e-6)


def test_the_script_reads_odd_columns_as_the_widget_did(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frame = table(60).assign(
        island=random.choice([1.5, 2.0, 7.25], 60),
        sex=random.choice([True, False], 60),
        bill=pd.Categorical(random.choice(["NA", "n/a"], 60), ["n/a", "NA"], ordered=True),
        depth=random.integers(0, 2, 60),
    )
    frame.loc[3, "island"], frame.loc[5, "depth"], frame.loc[7, "bill"] = np.nan, np.nan, np.nan
    frame = frame.rename(columns={"sex": "a 'b'\n{c}"})
    names: dict[str, Any] = {**COLUMNS, "group": "island", "groups": (7.25, 1.5)}
    data = data_of("line").from_frame(frame, **names, covariates=["a 'b'\n{c}", "bill", "depth"])
    assert data.num_others > 0
    fit = RegressionFit(data, seed=5, engine="plain", comparison=comparison_of(data, None, standardize=None))
    fit.advance(5)
    with contextlib.chdir(tmp_path):
        frame.to_csv("data.csv")
        assert_same(executed(write_script(recipe_of(fit))), fit, 0.0)


def test_the_script_reads_other_columns_of_the_bundled_table() -> None:
    columns = {"predictor": "rugged", "response": "rgdppc_2000", "group": None}
    data = regression_data(None, columns, log_response=True, label=None, covariates=["cont_africa"])
    assert data.feature_names == ("rugged", "cont_africa = 1")
    comparison = comparison_of(data, None, standardize=None)
    assert not comparison.scale.is_identity  # it is not the lesson
    fit = RegressionFit(data, seed=5, engine="plain", comparison=comparison)
    fit.advance(5)
    script = write_script(recipe_of(fit))
    assert "load_rugged()" in script
    assert_same(executed(script), fit, 0.0)


@TWO
@pytest.mark.parametrize("guide", ["parts", pytest.param("laplace", marks=pytest.mark.slow)])
def test_the_script_maps_its_draws_to_the_units_of_the_table(shape: str, guide: str, tmp_path: Path) -> None:
    fit = fit_to(shape, 30, guide=guide)
    script = write_script(recipe_of(fit)).replace(
        'print(name, "mean"', 'MEANS[name] = value.mean(0)\n    print(name, "mean"'
    )
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(None):
        table().to_csv("data.csv")
        state = torch.get_rng_state()
        exec(compile("MEANS = {}\n" + script, "script.py", "exec"), world := {"__name__": "__main__"})
        torch.set_rng_state(state)
    draws = fit.latents(2000)
    for name, value in world["MEANS"].items():
        error = 6 * draws[name].std(0) / np.sqrt(400) + 1e-5 * np.abs(draws[name]).max()
        assert np.all(np.abs(value.numpy() - draws[name].mean(0)) < error)
