"""The script of a run takes the run's steps, and texts of the user stay texts in it."""

from __future__ import annotations

import ast
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer import run_spec
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.reference import comparison_of
from rugged_widget.regression.script import LARGE, Columns, Recipe, write_script
from rugged_widget.script.run_spec import learning_rate_changes
from rugged_widget.snapshot.values import Averaged

RUGGED = RegressionData.rugged()
NAMES = {"predictor": "x", "group": "g", "response": "y"}


def recipe_of(fit: RegressionFit, columns: Columns | None = None, **changes: Any) -> Recipe:
    rates = learning_rate_changes(fit.history()["learning_rate"].tolist()) or ((1, fit.learning_rate),)
    settings: dict[str, Any] = {"num_rows": fit.data.num_rows, "seed": 5, "learning_rates": rates}
    settings |= {"guide": type(fit.guide).__name__, "num_steps": fit.step}
    return Recipe(columns=columns, **(settings | changes))


def executed(script: str) -> dict[str, Any]:
    """Run a script here, and return its parameters; the world of the other tests stays as it was."""
    store, state = pyro.get_param_store().get_state(), torch.get_rng_state()
    with contextlib.redirect_stdout(None):
        try:
            exec(compile(script, "script.py", "exec"), {"__name__": "__main__"})
            return {name: value.detach().numpy().copy() for name, value in pyro.get_param_store().items()}
        finally:
            pyro.get_param_store().set_state(store)
            torch.set_rng_state(state)


def assert_same(found: dict[str, Any], fit: RegressionFit, tolerance: float = 1e-6) -> None:
    store = fit.param_store()
    assert found.keys() == store.keys()
    for name, value in store.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize(
    "guide",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in {"multivariate", "low_rank", "normal", "iaf"} else [])
        for name in GUIDE_LABELS
    ],
)
def test_the_script_takes_the_steps_of_the_run(guide: str) -> None:
    fit = RegressionFit(RUGGED, guide=guide, seed=5, engine="plain", learning_rate=0.05)
    fit.advance(41)
    fit.learning_rate = 0.01
    fit.advance(19)
    recipe = recipe_of(fit)
    assert recipe.learning_rates == ((1, 0.05), (42, 0.01))
    assert_same(executed(write_script(recipe)), fit)


@pytest.mark.parametrize("guide", [name for name in GUIDE_LABELS if name != "parts"])
def test_a_run_without_steps_has_a_script_of_its_first_parameters(guide: str) -> None:
    fit = RegressionFit(RUGGED, guide=guide, seed=5, engine="plain")
    assert_same(executed(write_script(recipe_of(fit))), fit)


def test_parts_that_make_their_parameters_in_the_first_step_have_a_script_before_it() -> None:
    fit = RegressionFit(RUGGED, guide="parts", seed=5, engine="plain", learning_rate=1e-30)
    found = executed(write_script(recipe_of(fit)))
    fit.advance(1)
    assert_same(found, fit)


def test_the_script_picks_the_batches_of_the_run() -> None:
    fit = RegressionFit(RUGGED, seed=5, engine="plain", batch_size=20)
    fit.advance(30)
    script = write_script(recipe_of(fit, batch_size=20))
    assert_same(executed(script), fit)
    assert "quicker way" not in script


def test_the_script_has_the_scales_of_the_priors() -> None:
    text = write_script(recipe_of(RegressionFit(RUGGED, seed=5), weight_scale=2.5, bias_scale=0.125, sigma_max=3e6))
    for part in ("Normal(0.0, 2.5)", "Normal(0.0, 0.125)", "Uniform(0.0, 3000000.0)"):
        assert part in text


@pytest.mark.slow  # 200 steps of Pyro
def test_the_graph_takes_the_scripts_steps_but_for_rounding() -> None:
    fit = RegressionFit(RUGGED, seed=5, engine="graph", learning_rate=0.03)
    fit.advance(150)
    fit.learning_rate = 0.01
    fit.advance(50)
    assert_same(executed(write_script(recipe_of(fit))), fit, 2e-5)


@pytest.mark.slow  # a process that imports Pyro
def test_the_script_runs_as_a_file(tmp_path: Path) -> None:
    fit = RegressionFit(RUGGED, seed=5, engine="plain")
    fit.advance(20)
    script = tmp_path / "run.py"
    script.write_text(
        write_script(recipe_of(fit)) + "np.savez('store.npz', **{name: value.detach().numpy()"
        " for name, value in pyro.get_param_store().items()})\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "AutoDiagonalNormal.loc\n[" in done.stdout
    assert_same(dict(np.load(tmp_path / "store.npz")), fit)


def table(names: dict[str, str], values: list[Any], *, log: bool) -> pd.DataFrame:
    """A table with gaps, of 40 rows."""
    random = np.random.default_rng(3)
    x, group = random.normal(size=40), random.integers(0, 2, 40)
    y = 5 + x * (1 + group) + random.normal(size=40)
    frame = pd.DataFrame({names["predictor"]: x, names["response"]: y})
    frame[names["group"]] = [values[code] for code in group]
    frame.loc[3, names["predictor"]] = np.nan
    frame.loc[7, names["response"]] = np.inf if not log else -1.0
    return frame


def assert_reproduced(frame: pd.DataFrame, names: dict[str, str], folder: Path, *, log: bool = False) -> None:
    """The script of a run on this table, and the table as a file, give the run's parameters."""
    data = RegressionData.from_frame(frame, **names, log_response=log)
    fit = RegressionFit(data, seed=5, engine="plain")
    fit.advance(3)
    start = len(names["group"]) + len(" = ")
    zero, one = (label[start:] for label in data.group_labels)
    columns = Columns(**names, log_response=log, group_values=(zero, one))
    with contextlib.chdir(folder):
        frame.to_csv("data.csv")
        assert_same(executed(write_script(recipe_of(fit, columns))), fit)


VALUES = [[0, 1], ["b", "a"], [True, False], ["10", "9"], [1.5, 1e-9], ["NA", "n/a"], ["x\n'", '"{y}"'], ["0", "1"]]


@pytest.mark.parametrize("values", VALUES, ids=map(str, range(len(VALUES))))
@pytest.mark.parametrize("log", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_script_reads_the_users_table_as_the_widget_did(tmp_path: Path, values: list[Any], log: bool) -> None:
    assert_reproduced(table(NAMES, values, log=log), NAMES, tmp_path, log=log)


def test_missing_groups_and_ordered_categories_are_read_as_the_widget_did(tmp_path: Path) -> None:
    frame = table(NAMES, ["low", "high"], log=False)
    frame["g"] = pd.Categorical(frame["g"], ["low", "high"], ordered=True)
    frame.loc[11, "g"] = None
    assert_reproduced(frame, NAMES, tmp_path)
    numbers = table(NAMES, [2.0, 3.0], log=False)
    numbers.loc[11, "g"] = np.nan
    assert_reproduced(numbers, NAMES, tmp_path)


def test_odd_names_of_columns_are_read(tmp_path: Path) -> None:
    names = {"predictor": 'a "quoted"\n{x}', "group": "\N{SNOWMAN}, '", "response": "\\n'''"}
    assert_reproduced(table(names, ["b", "a"], log=False), names, tmp_path)


TEXTS = st.text(max_size=20)


@settings(max_examples=30)
@given(TEXTS, TEXTS, TEXTS, st.tuples(TEXTS, TEXTS), st.booleans())
def test_texts_of_the_user_stay_texts(x: str, g: str, y: str, values: tuple[str, str], log: bool) -> None:
    def shape(columns: Columns) -> tuple[str, list[str]]:
        script = write_script(
            Recipe(columns=columns, num_rows=9, guide="AutoDelta", learning_rates=((1, 0.1),), seed=0, num_steps=1)
        )
        tree = ast.parse(script)
        texts = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
                node.value = ""
        return ast.dump(tree), texts

    tree, texts = shape(
        Columns(predictor=x, group=g, response=y, log_response=log, group_values=("u", "v" + values[1]))
    )
    plain, _ = shape(Columns(**NAMES, log_response=log, group_values=("u", "v")))
    assert tree == plain
    assert {x, g, y, "v" + values[1]} <= set(texts)
    ast.parse(
        write_script(
            Recipe(
                columns=Columns(predictor=x, group=g, response=y, log_response=log, group_values=values),
                num_rows=9,
                guide="AutoDelta",
                learning_rates=((1, 0.1),),
                seed=0,
                num_steps=1,
            )
        )
    )


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), max_size=30))
def test_learning_rates_come_back_from_their_changes(rates: list[float]) -> None:
    changes = dict(learning_rate_changes(rates))
    found, rate = [], 0.0
    for step in range(1, len(rates) + 1):
        rate = changes.get(step, rate)
        found.append(rate)
    assert found == rates
    assert len(changes) == sum(a != b for a, b in zip([None, *rates], rates, strict=False))


def test_the_script_says_where_the_widget_drew_other_batches() -> None:
    fit = RegressionFit(RUGGED, seed=5)
    assert "quicker way" in write_script(recipe_of(fit, num_rows=LARGE, batch_size=50))
    assert "quicker way" not in write_script(recipe_of(fit, num_rows=LARGE, batch_size=None))
    assert "BATCH_SIZE" not in write_script(recipe_of(fit, batch_size=170))


def test_large_is_where_the_fit_begins_to_draw_batches_itself() -> None:
    from rugged_widget.infer.step import pyro_step

    assert pyro_step.LARGE_PLATE == LARGE


def test_the_script_is_calm() -> None:
    recipe = Recipe(num_rows=170, guide="AutoIAFNormal", learning_rates=((1, 0.1),), seed=0, num_steps=1)
    script = write_script(recipe)
    assert max(map(len, script.splitlines())) <= 110
    assert len(script.splitlines()) < 75


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"guide": "Auto; import os"}, "guide must be the name of a class"),
        ({"optimizer": ""}, "optimizer must be the name of a class"),
        ({"learning_rates": ()}, "must begin with step 1"),
        ({"learning_rates": ((2, 0.1),)}, "must begin with step 1"),
        ({"learning_rates": ((1, 0.1), (1, 0.2))}, "must begin with step 1"),
        ({"learning_rates": ((1, float("inf")),)}, "finite and > 0"),
        ({"sigma_max": 0.0}, "finite and > 0"),
        ({"num_steps": -1}, "num_steps must be >= 0"),
        ({"batch_size": -1}, "batch_size >= 1"),
        ({"averages": ((1, Averaged(1, 2, 1)),)}, "averages must be of steps that were taken"),
    ],
)
def test_a_recipe_that_no_run_has_is_refused(changes: dict[str, Any], words: str) -> None:
    good: dict[str, Any] = {
        "num_rows": 9,
        "guide": "AutoDelta",
        "learning_rates": ((1, 0.1),),
        "seed": 0,
        "num_steps": 1,
    }
    with pytest.raises(ValueError, match=words):
        Recipe(**(good | changes))


@pytest.mark.slow  # trains or integrates for seconds
@pytest.mark.parametrize("guide", ["diagonal", "parts", pytest.param("laplace", marks=pytest.mark.slow), "delta"])
@pytest.mark.parametrize("batch_size", [None, 12])
def test_the_script_of_a_standardized_run_takes_its_steps_and_maps_its_draws(
    tmp_path: Path, guide: str, batch_size: int | None
) -> None:
    frame = table(NAMES, ["b", "a"], log=False)
    frame["y"] *= 1e6
    frame["x"] += 300
    data = RegressionData.from_frame(frame, **NAMES)
    comparison = comparison_of(data, None, standardize=None)
    fit = RegressionFit(data, guide=guide, seed=5, engine="plain", batch_size=batch_size, comparison=comparison)
    fit.advance(30)
    with contextlib.chdir(tmp_path):
        frame.to_csv("data.csv")
        script = write_script(run_spec.recipe_of(fit)).replace(
            'print(name, "mean"', 'MEANS[name] = value.mean(0)\n    print(name, "mean"'
        )
        found = executed("MEANS = {}\n" + script)
        assert_same(found, fit, 0.0)
        exec(compile("MEANS = {}\n" + script, "script.py", "exec"), world := {"__name__": "__main__"})
    draws = fit.latents(2000)
    for name, value in world["MEANS"].items():
        error = 6 * draws[name].std(0) / np.sqrt(400) + 1e-5 * np.abs(draws[name]).max()
        if guide != "laplace" or batch_size is None:  # a script with batches draws its point
            assert np.all(np.abs(value.numpy() - draws[name].mean(0)) < error)
