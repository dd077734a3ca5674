"""The script of a guide by hand, and of parameters that are a mean."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.guides.families import guide_label
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.run_spec import recipe_of
from rugged_widget.regression.script import write_script
from rugged_widget.script.run_spec import OwnGuide
from rugged_widget.snapshot.values import Averaged
from tests.infer import own_guides
from tests.infer.own_guides import Correlated, Narrow, mean_field
from tests.regression.script.test_script import RUGGED, assert_same, executed

BY_HAND = [mean_field, Correlated(), Narrow, partial(AutoNormal, init_scale=0.2)]


@pytest.mark.slow  # 300 steps of Pyro, twice
def test_the_script_of_an_averaged_run_takes_the_mean_of_its_iterates() -> None:
    fit = RegressionFit(RUGGED, seed=5, engine="plain", learning_rate=0.05)
    fit.advance(300)
    averaged = fit.average_iterates()
    assert_same(executed(write_script(recipe_of(fit))), fit)
    fit.advance(5)  # from the mean on
    assert_same(executed(write_script(recipe_of(fit))), fit, 1e-5)
    steps = f"range({averaged.first}, {averaged.last + 1}, {averaged.stride})"
    assert f"    300: {steps},\n" in write_script(recipe_of(fit))


@pytest.mark.parametrize("guide", BY_HAND, ids=guide_label)
def test_the_script_of_a_guide_by_hand_has_its_source_and_takes_its_steps(guide: Any) -> None:
    fit = RegressionFit(RUGGED, guide=guide, seed=5, engine="plain")
    fit.advance(5)
    needed = Path(own_guides.__file__).read_text(encoding="utf-8")
    needed = needed[needed.index("import pyro") : needed.index("def mean_field")]
    script = write_script(recipe_of(fit)).replace("import numpy", f"{needed}\nimport numpy", 1)
    assert_same(executed(script), fit)


def test_the_script_says_where_the_source_of_a_guide_is_not_to_be_found() -> None:
    scope: dict[str, Any] = {"usual": mean_field}
    exec("def typed_in(x, y):\n    return usual(x, y)", scope)
    fit = RegressionFit(RUGGED, guide=scope["typed_in"], engine="plain")
    script = write_script(recipe_of(fit))
    assert "its source is not to be found. Define it here: typed_in\n" in script
    assert "\nguide = typed_in\n" in script
    nameless = RegressionFit(RUGGED, guide=lambda x, y: mean_field(x, y), engine="plain")  # noqa: PLW0108 as users write it
    assert "\nguide = guide_by_hand\n" in write_script(recipe_of(nameless))


@pytest.mark.parametrize("changes", [{"making": "guide; import os"}, {"making": "a", "source": "def a(:"}])
def test_a_guide_that_is_no_python_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be Python"):
        OwnGuide(**changes)


def test_the_mean_that_a_script_takes_is_of_the_steps_that_the_recipe_says() -> None:
    fit = RegressionFit(RUGGED, seed=5, engine="plain", learning_rate=0.05)
    places = []
    for _ in range(3):
        fit.advance(2)
        places.append(fit.param_store()["AutoDiagonalNormal.loc"])
    recipe = dataclasses.replace(recipe_of(fit), averages=((6, Averaged(2, 6, 2)),))
    found = executed(write_script(recipe))["AutoDiagonalNormal.loc"]
    np.testing.assert_allclose(found, np.mean(places, axis=0), rtol=1e-6)


def test_a_script_goes_on_from_a_mean() -> None:
    """A mean of one iterate is that iterate: at step 4 the parameters are those of step 2 again."""
    fit = RegressionFit(RUGGED, seed=5, engine="plain")
    fit.advance(6)
    recipe = recipe_of(fit)
    plain, again = (executed(write_script(dataclasses.replace(recipe, averages=means))) for means in MEANS)
    assert not np.allclose(plain["AutoDiagonalNormal.loc"], again["AutoDiagonalNormal.loc"])
    twice = executed(write_script(dataclasses.replace(recipe, averages=(*MEANS[1], (6, Averaged(2, 2, 1))))))
    early = executed(write_script(dataclasses.replace(recipe, num_steps=2)))
    np.testing.assert_allclose(twice["AutoDiagonalNormal.loc"], early["AutoDiagonalNormal.loc"], rtol=1e-6)


MEANS: tuple[tuple[tuple[int, Averaged], ...], ...] = ((), ((4, Averaged(2, 2, 1)),))
