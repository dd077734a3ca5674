"""A fit takes the steps of Pyro's own loop, bit for bit, however it is sliced and whatever runs beside it."""

from __future__ import annotations

import gc
import random
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from pyro.infer import autoguide

from rugged_widget.infer.guides.families import GUIDE_LABELS, make_guide
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BayesianRegression
from tests.infer.plain import FAMILIES, RUGGED, PlainLoop, tensors

if TYPE_CHECKING:
    from collections.abc import Callable


def losses(fit: Fit) -> list[float]:
    return (-fit.history()["elbo"]).tolist()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_takes_the_steps_of_the_plain_loop(name: str) -> None:
    fit = RegressionFit(RUGGED, guide=name, seed=7, learning_rate=0.02, engine="plain")
    fit.advance(25)
    plain = PlainLoop(FAMILIES[name], seed=7, learning_rate=0.02)
    assert losses(fit) == plain.step(25)
    for key, value in fit.param_store().items():
        assert np.array_equal(value, pyro.param(key).detach().numpy())


@pytest.mark.parametrize("name", [name for name in GUIDE_LABELS if name not in FAMILIES])
def test_the_families_that_are_made_here_do_so_too(name: str) -> None:
    fit = RegressionFit(RUGGED, guide=name, seed=7, learning_rate=0.02, engine="plain")
    fit.advance(10)
    assert losses(fit) == PlainLoop(partial(make_guide, name), seed=7, learning_rate=0.02).step(10)


def guide_of_two_parts(model: Any) -> Any:
    guide = autoguide.AutoGuideList(model)
    guide.append(autoguide.AutoDiagonalNormal(poutine.block(model, hide=["sigma"])))
    guide.append(autoguide.AutoDelta(poutine.block(model, expose=["sigma"])))
    return guide


def guide_by_hand(_: Any) -> Any:
    def guide(*_args: Any) -> None:
        spread = pyro.param("spread", torch.tensor(0.1), constraint=dist.constraints.positive)
        weight = pyro.param("weight", lambda: torch.randn(1, 3))
        pyro.sample("linear.weight", dist.Normal(weight, spread).to_event(2))
        pyro.sample("linear.bias", dist.Normal(pyro.param("bias", torch.tensor([8.0])), spread).to_event(1))
        pyro.sample("sigma", dist.Delta(torch.tensor(1.0)))

    return guide


@pytest.mark.parametrize("make", [guide_of_two_parts, guide_by_hand])
def test_lists_of_guides_and_guides_by_hand_take_the_steps_of_the_plain_loop(make: Any) -> None:
    fit = Fit(BayesianRegression(), make, tensors(), learning_rate=0.03, seed=3, engine="plain")
    fit.advance(4)
    fit.advance(6)
    assert losses(fit) == PlainLoop(make, seed=3).step(10)


ACTIONS = st.sampled_from(
    ["advance 1", "advance 3", "other fit", "snapshot", "tables", "user step", "user draws", "user seed"]
)


def user_draws() -> list[float]:
    normal = np.random.randn(1)[0]
    return [float(torch.randn(())), random.random(), float(normal)]


def users_part(actions: list[str], turn: Callable[[str], None]) -> list[float]:
    """Play the user's actions and leave every other to `turn`; returns all numbers that the user sees."""
    user, drawn = PlainLoop(autoguide.AutoDiagonalNormal, seed=11), []
    for action in actions:
        if action == "user step":
            user.step()
        elif action == "user draws":
            drawn += user_draws()
        elif action == "user seed":
            pyro.set_rng_seed(5)
        else:
            turn(action)
    return user.losses + drawn


@pytest.mark.slow
@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(ACTIONS, min_size=2, max_size=12))
def test_two_fits_and_plain_pyro_code_take_turns_and_each_is_as_if_alone(actions: list[str]) -> None:
    fits = {
        "diagonal": RegressionFit(RUGGED, seed=1, engine="plain"),
        "iaf": RegressionFit(RUGGED, guide="iaf", seed=2, engine="plain"),
    }

    def turn(action: str) -> None:
        fit = fits["iaf" if action == "other fit" else "diagonal"]
        if action == "snapshot":
            fit.snapshot()
        elif action == "tables":
            fit.param_store(), fit.slopes(3), fit.quantiles([0.5])
        else:
            fit.advance(3 if action == "advance 3" else 1)

    assert users_part(actions, turn) == users_part(actions, lambda _: None)
    for name, fit in fits.items():
        assert losses(fit) == PlainLoop(FAMILIES[name], seed=1 if name == "diagonal" else 2).step(fit.step)


def test_another_learning_rate_counts_from_the_next_step_on() -> None:
    fit = RegressionFit(RUGGED, seed=1, engine="plain")
    fit.advance(5)
    fit.learning_rate = 0.3
    fit.advance(5)
    steady = PlainLoop(FAMILIES["diagonal"]).step(10)
    assert fit.history()["learning_rate"].tolist() == [0.03] * 5 + [0.3] * 5
    assert losses(fit)[:6] == steady[:6]  # the sixth loss is of parameters that the old rate made
    assert losses(fit)[6:] != steady[6:]


def test_a_slice_ends_before_the_step_that_would_take_too_long() -> None:
    now = iter(range(1000))
    fit = RegressionFit(RUGGED, engine="plain")
    assert fit.advance(50, seconds=5.0, clock=lambda: float(next(now))) == 5  # a second each
    assert fit.step == 5


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_a_slice_without_time_takes_one_step_all_the_same(seconds: float) -> None:
    assert RegressionFit(RUGGED, engine="plain").advance(50, seconds=seconds) == 1


def test_no_steps_are_no_steps() -> None:
    fit = RegressionFit(RUGGED, engine="plain")
    assert fit.advance(0) == 0
    assert fit.step == 0
    assert np.isnan(fit.elbo)
    assert fit.history().shape == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((-1,), ValueError), ((1.5,), TypeError), ((True,), TypeError), ((1, float("nan")), ValueError)],
)
def test_a_slice_refuses_what_is_no_number_of_steps_or_seconds(
    arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        RegressionFit(RUGGED, engine="plain").advance(*arguments)


def test_every_family_has_a_label_and_an_unknown_one_is_refused_with_the_names() -> None:
    assert set(FAMILIES) < set(GUIDE_LABELS)
    with pytest.raises(ValueError, match=f"{', '.join(map(repr, GUIDE_LABELS))}.*, got 'full'"):
        make_guide("full", BayesianRegression())


@pytest.mark.slow
def test_a_long_fit_keeps_nothing_else_of_its_steps() -> None:
    fit = RegressionFit(RUGGED, guide="delta", engine="plain")
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(3):
            fit.advance(60)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # One trace or gradient kept would be 12 kB a step; caches of the interpreter still grow by less than 0.2 kB.
    assert sizes[2] - sizes[1] < 60 * 1_000


def test_looks_within_one_visit_are_those_of_a_visit_each() -> None:
    fit = RegressionFit(RUGGED, guide="diagonal", seed=7, learning_rate=0.02, engine="plain")
    fit.advance(3)

    def drawn() -> float:
        with fit.inspecting():
            return float(torch.rand(()))

    apart = [drawn(), drawn()]
    with fit.visiting():
        together = [drawn(), drawn()]
    assert apart == together
    assert apart[0] == apart[1]
    fit.advance(1)
    again = RegressionFit(RUGGED, guide="diagonal", seed=7, learning_rate=0.02, engine="plain")
    again.advance(4)
    assert losses(fit) == losses(again)


def test_what_is_looked_at_within_a_visit_cannot_ask_the_fit() -> None:
    fit = RegressionFit(RUGGED, guide="diagonal", seed=7, learning_rate=0.02, engine="plain")
    with (
        pytest.raises(RuntimeError, match="computing already"),
        fit.visiting(),
        fit.inspecting(),
        fit.inspecting(),
    ):
        pass
    with fit.inspecting():  # it can be looked at again
        assert pyro.get_param_store().keys()
