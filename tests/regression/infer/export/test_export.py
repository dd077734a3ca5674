"""A saved fit draws elsewhere as the fit does here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.export.export import (
    ExportError,
    LoadedSampler,
    load_torchscript,
    save_exported,
    save_torchscript,
)
from rugged_widget.regression.infer.export.sampler import Affine, make_sampler
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.reference import comparison_of
from tests.infer.own_guides import mean_field
from tests.infer.plain import RUGGED, global_state

pytestmark = pytest.mark.slow  # each file is traced and loaded

QUICK = ("parts", "iaf")
"""Guides whose files are made in the round of all day: one that is normal in the end, and one that is not."""

ALL = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in GUIDE_LABELS]
SOME = [pytest.param(name, marks=[] if name == "iaf" else [pytest.mark.slow]) for name in GUIDE_LABELS]
"""All guides in the round of everything, one in that of all day: for tests that take half a second each."""

FEATURES = np.array([[0.0, 1.0, 0.0], [1.0, 2.0, 2.0]])


@pytest.fixture(scope="module", params=ALL)
def fit(request: pytest.FixtureRequest) -> RegressionFit:
    fit = RegressionFit(RUGGED, guide=request.param, seed=7, learning_rate=0.05, engine="plain")
    fit.advance(30)
    return fit


@pytest.fixture(scope="module")
def archive(fit: RegressionFit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_torchscript(fit, tmp_path_factory.mktemp("a folder \N{SNOWMAN}") / "serv\u00e9 it.pt")


@pytest.fixture(scope="module")
def loaded(archive: Path) -> LoadedSampler:
    return load_torchscript(archive)


def assert_same_distribution(one: Any, two: Any) -> None:
    """Means and spreads of columns of draws agree within 5 standard errors of the difference."""
    one, two = one.reshape(len(one), -1), two.reshape(len(two), -1)
    spread = np.hypot(one.std(0) / np.sqrt(len(one)), two.std(0) / np.sqrt(len(two)))
    assert np.all(np.abs(one.mean(0) - two.mean(0)) <= 5 * spread + 1e-5)
    # a standard deviation has the relative error 1 / sqrt(2 n), some more where tails are heavier than normal
    relative = np.sqrt(0.5 / len(one) + 0.5 / len(two))
    assert np.all(np.abs(one.std(0) - two.std(0)) <= 7.5 * relative * two.std(0) + 1e-5)


def test_loaded_slopes_are_those_of_the_fit(fit: RegressionFit, loaded: LoadedSampler) -> None:
    served = loaded.slopes(4000, seed=1)
    for served_slope, column in zip(served, fit.slopes(4000).to_numpy().T, strict=True):
        assert_same_distribution(served_slope, column)
        probs = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        # a quantile at p lies between those at p -+ 5 sqrt(p (1 - p) / n), of both draws
        error = 5 * np.sqrt(2 * probs * (1 - probs) / 4000)
        low, high = (np.quantile(column, np.clip(probs + sign * error, 0, 1)) for sign in (-1, 1))
        assert np.all(
            (np.quantile(served_slope, probs) >= low - 1e-5) & (np.quantile(served_slope, probs) <= high + 1e-5)
        )


def test_all_latents_have_the_quantiles_of_the_fit(fit: RegressionFit, loaded: LoadedSampler) -> None:
    drawn = loaded.draws(4000, seed=2)
    assert list(drawn) == ["linear.weight", "linear.bias", "sigma"]
    probs = np.array([0.25, 0.5, 0.75])
    low, high = (fit.quantiles(probs + sign * 0.05) for sign in (-1, 1))  # 5 standard errors of two samples of 4000
    for name, value in drawn.items():
        found = np.quantile(value, probs, axis=0)
        assert np.all((found >= low[name] - 1e-5) & (found <= high[name] + 1e-5)), name


@pytest.mark.parametrize("fit", SOME, indirect=True)
def test_800_single_calls_are_distributed_as_one_call_for_800(loaded: LoadedSampler) -> None:
    for single, several in zip(loaded.slopes(one_by_one=True, seed=3), loaded.slopes(4000, seed=4), strict=True):
        assert single.shape == (800,)
        assert_same_distribution(single, several)


def test_the_response_is_the_mean_and_noise_of_width_sigma(loaded: LoadedSampler) -> None:
    drawn = loaded.draws(4000, FEATURES, seed=5)
    mean = np.einsum("dik,nk->dn", drawn["linear.weight"], FEATURES) + drawn["linear.bias"]
    noise = (drawn["obs"] - mean) / drawn["sigma"][:, None]
    assert np.all(np.abs(noise.mean(0)) < 5 / np.sqrt(4000))
    assert np.all(np.abs(noise.std(0) - 1) < 5 / np.sqrt(8000))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(4000)


def test_a_single_draw_has_the_shapes_of_the_sites(loaded: LoadedSampler) -> None:
    shapes = {name: value.shape for name, value in loaded.draw(FEATURES).items()}
    assert shapes == {"linear.weight": (1, 3), "linear.bias": (1,), "sigma": (), "obs": (2,)}
    assert all(value.dtype == np.float64 for value in loaded.draw().values())
    assert "obs" not in loaded.draw()


def test_a_loaded_sampler_says_what_it_is(fit: RegressionFit, loaded: LoadedSampler) -> None:
    assert type(fit.guide).__name__ == type(RegressionFit(RUGGED, guide=loaded.guide).guide).__name__
    assert loaded.feature_names == RUGGED.feature_names
    assert loaded.group_labels == ("Outside Africa", "Inside Africa")
    assert loaded.step == 30
    assert loaded.seed in (7, None)
    assert repr(loaded).startswith(f"LoadedSampler({loaded.guide} guide after 30 steps, features cont_africa, rugged")


@pytest.mark.parametrize("fit", SOME, indirect=True)
def test_the_exported_program_draws_as_the_module_does_for_any_number_of_rows_and_draws(
    fit: RegressionFit, loaded: LoadedSampler, tmp_path: Path
) -> None:
    program = torch.export.load(save_exported(fit, tmp_path / "a.pt2")).module()
    for num_samples, num_rows in ((0, 2), (1, 1), (1, 0), (3, 170), (5, 7)):
        features = np.arange(num_rows * 3.0).reshape(num_rows, 3)
        torch.manual_seed(11)
        drawn = program(torch.tensor(features, dtype=torch.float32), torch.tensor(num_samples))
        shapes = [tuple(value.shape) for value in drawn]
        assert shapes == [(num_samples, 1, 3), (num_samples, 1), (num_samples,), (num_samples, num_rows)]
        if num_samples:
            same = loaded.draws(num_samples, features, seed=11)
            for value, expected in zip(drawn, same.values(), strict=True):
                np.testing.assert_allclose(value.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fit", SOME, indirect=True)
def test_saving_changes_nothing_of_the_fit_and_of_the_user(fit: RegressionFit, tmp_path: Path) -> None:
    twin = RegressionFit(RUGGED, guide=load_torchscript(save_torchscript(fit, tmp_path / "t.pt")).guide, engine="plain")
    other = RegressionFit(RUGGED, guide=load_torchscript(tmp_path / "t.pt").guide, engine="plain")
    for each in (twin, other):
        each.advance(3)
    before = global_state()
    save_torchscript(twin, tmp_path / "a.pt")
    save_exported(twin, tmp_path / "a.pt2")
    load_torchscript(tmp_path / "a.pt").slopes(5, seed=3)
    assert global_state() == before
    for each in (twin, other):
        each.advance(3)
    np.testing.assert_array_equal(twin.history(), other.history())
    for name, value in twin.param_store().items():
        np.testing.assert_array_equal(value, other.param_store()[name])


def test_without_a_seed_draws_go_on_with_torchs_generator(loaded: LoadedSampler) -> None:
    torch.manual_seed(21)
    one, two = loaded.draws(3, FEATURES), loaded.draws(3, FEATURES)
    assert not np.array_equal(one["obs"], two["obs"])
    torch.manual_seed(21)
    np.testing.assert_array_equal(loaded.draws(3, FEATURES)["obs"], one["obs"])
    np.testing.assert_array_equal(loaded.draws(3, FEATURES, seed=21)["obs"], one["obs"])


@pytest.mark.parametrize("name", ["multivariate", "low_rank"])
def test_a_normal_guide_is_served_with_its_covariance(name: str) -> None:
    fit = RegressionFit(RUGGED, guide=name, engine="plain", learning_rate=0.05)
    fit.advance(20)
    with fit.inspecting():
        latent = make_sampler(fit.guide).latent
        assert isinstance(latent, Affine)
        covariance: Any = fit.guide.get_posterior().covariance_matrix  # type: ignore[operator]
        torch.testing.assert_close(latent.factor @ latent.factor.T, covariance)


ALONE = """
import sys
from importlib.machinery import PathFinder

class WithoutOurs(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {"pyro", "rugged_widget", "pandas", "numpy", "ipywidgets"}
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path = [WithoutOurs if finder is PathFinder else finder for finder in sys.meta_path]
import torch
script, exported = torch.jit.load(sys.argv[1]), torch.export.load(sys.argv[2]).module()
torch.manual_seed(1)
for rows in (0, 1, 5, 234):
    features = torch.ones(rows, 3)
    draw = script(features)
    assert [tuple(x.shape) for x in draw] == [(1, 3), (1,), (), (rows,)], draw
    assert draw.obs is not None and draw.sigma > 0
    several = script.draws(3, features)
    assert several.obs.shape == (3, rows)
    assert several.obs.numel() == 0 or several.obs.std() > 0
    assert exported(features, torch.tensor(4))[3].shape == (4, rows)
print(torch.stack([script(features).weight for _ in range(50)]).std(0).min().item() > 0)
"""


@pytest.mark.slow  # two processes that import torch
@pytest.mark.parametrize("name", ["diagonal", "iaf"])
def test_both_files_draw_in_a_fresh_process_with_torch_alone(name: str, tmp_path: Path) -> None:
    fit = RegressionFit(RUGGED, guide=name)
    fit.advance(30)
    files = [str(save_torchscript(fit, tmp_path / "a b.pt")), str(save_exported(fit, tmp_path / "a b.pt2"))]
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("fit", SOME, indirect=True)
def test_neither_file_tells_of_the_computer_it_was_made_on(fit: RegressionFit, archive: Path, tmp_path: Path) -> None:
    for path in (archive, save_exported(fit, tmp_path / "a.pt2")):
        with zipfile.ZipFile(path) as opened:
            parts = {name: opened.read(name) for name in opened.namelist()}
        assert any(name.endswith("extra/rugged_widget.json") for name in parts)
        assert not [name for name, part in parts.items() if str(Path(__file__).parents[4]).encode() in part]
        assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.draws(0), ValueError, "num_samples must be at least 1, got 0"),
        (lambda s: s.draws(2.0), TypeError, "num_samples must be an integer of at least 1, got 2.0"),
        (lambda s: s.slopes(True), TypeError, "num_samples must be an integer of at least 1, got True"),
        (lambda s: s.draw([1.0, 2.0, 3.0]), ValueError, r"shape \(n, 3\), got \(3,\)"),
        (lambda s: s.draw([[1.0, 2.0, np.nan]]), ValueError, "features must be finite"),
        (lambda s: s.draw(seed=-1), ValueError, "seed must be in"),
        (lambda s: s.draw(seed=1.5), TypeError, "seed must be an int"),
    ],
)
def test_wrong_arguments_are_named(loaded: LoadedSampler, call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(loaded)


def test_a_guide_by_hand_cannot_be_saved_and_nothing_is_written(tmp_path: Path) -> None:
    fit = RegressionFit(RUGGED, guide=mean_field, engine="plain")
    for save in (save_torchscript, save_exported):
        with pytest.raises(ExportError, match="guide of your own cannot be saved"):
            save(fit, tmp_path / "own.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("guide", ["parts", "laplace"])
def test_a_guide_can_be_saved_before_its_first_step(guide: str, tmp_path: Path) -> None:
    fit = RegressionFit(RUGGED, guide=guide, engine="plain")
    loaded = load_torchscript(save_torchscript(fit, tmp_path / "early.pt"))
    assert (loaded.guide, loaded.step) == (guide, 0)
    found = loaded.draws(2000, seed=1)["sigma"]
    low, high = (fit.quantiles((prob,))["sigma"][0] for prob in (0.01, 0.99))
    # of 2,000 draws 98 % lie in between: 5 standard errors are 1.6 %; a point lies on both
    assert ((found >= low - 1e-5) & (found <= high + 1e-5)).mean() > 0.964


def test_an_affine_guide_in_parts_is_served_in_the_order_of_the_sampler() -> None:
    fit = RegressionFit(RUGGED, guide="parts", seed=3, engine="plain")
    fit.advance(20)
    with fit.inspecting():
        sampler = make_sampler(fit.guide)
    store = fit.param_store()
    loc = np.concatenate([store["AutoGuideList.1.loc"], store["AutoGuideList.0.loc"]])
    np.testing.assert_allclose(sampler.latent.loc.numpy(), loc)
    assert not sampler.latent.factor[0, :4].any()
    assert not sampler.latent.factor[1:, 4:].any()


@pytest.mark.parametrize("guide", SOME)
def test_files_of_a_standardized_table_draw_in_its_units(guide: str, tmp_path: Path) -> None:
    random, group = np.random.default_rng(4), np.arange(60) % 2
    x = random.normal(2e6, 10, 60)
    frame = pd.DataFrame({"x": x, "g": group, "y": 1e5 * (3 + 0.5 * (x - 2e6) + group + random.normal(size=60))})
    data = RegressionData.from_frame(frame, predictor="x", group="g", response="y")
    comparison = comparison_of(data, None, standardize=None)
    fit = RegressionFit(data, guide=guide, seed=7, learning_rate=0.05, engine="plain", comparison=comparison)
    fit.advance(60)
    features = data.features[:2]
    loaded = load_torchscript(save_torchscript(fit, tmp_path / "guide.pt"))
    drawn, draws = loaded.draws(4000, features, seed=1), fit.latents(4000)
    mean = draws["linear.weight"][:, 0] @ features.T + draws["linear.bias"]
    expected = mean + draws["sigma"][:, None] * random.normal(size=mean.shape)
    scale = comparison.scale.y_spread
    for site in ("linear.weight", "linear.bias", "sigma"):
        one, two = drawn[site].reshape(4000, -1), draws[site].reshape(4000, -1)
        error = 5 * np.hypot(one.std(0), two.std(0)) / np.sqrt(4000)
        assert np.all(np.abs(one.mean(0) - two.mean(0)) <= error + 1e-6 * np.abs(two).max(0))
    assert_same_distribution(drawn["obs"] / scale, expected / scale)
    again = drawn["linear.weight"][:, 0] @ features.T + drawn["linear.bias"]
    assert np.all(np.abs(drawn["obs"] - again).std(0) < 3 * drawn["sigma"].mean())  # of the same draw
    program = torch.export.load(save_exported(fit, tmp_path / "guide.pt2")).module()
    weight, bias, sigma, obs = program(torch.tensor(features, dtype=torch.float32), torch.tensor(4000))
    assert_same_distribution(weight[:, :, 1:].numpy() / scale, drawn["linear.weight"][:, :, 1:] / scale)
    assert_same_distribution(sigma.numpy() / scale, drawn["sigma"] / scale)
    assert_same_distribution(obs.numpy() / scale, drawn["obs"] / scale)
    assert bias.shape == (4000, 1)
