"""Every guide, of the families and of a user's own, behaves the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine
from pyro.infer import autoguide

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.families import (
    GUIDE_LABELS,
    correlates,
    make_guide,
)
from rugged_widget.infer.guides.sampling import as_float64, draw, draw_with_density, draws_at_once, same_noise
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BayesianRegression
from rugged_widget.regression.priors import Priors
from tests.infer.own_guides import OWN, SHAPES, Correlated, mean_field
from tests.infer.plain import RUGGED, PlainLoop, global_state, normal_model, tensors

ALL = {**{name: name for name in GUIDE_LABELS}, **OWN}
PROBS = (0.05, 0.5, 0.95)
POINTS = {"delta"}
CORRELATING = {"multivariate", "low_rank", "parts", "laplace", "iaf", "module", "branching", "options"}
"""A bias whose mean depends on a weight is correlated with it."""


def trained(name: str, steps: int = 30) -> RegressionFit:
    fit = RegressionFit(RUGGED, guide=ALL[name], seed=3, engine="plain", learning_rate=0.05)
    if name == "laplace" and steps:
        fit.advance(1)  # which it is looked at after, and then it is put where there is a maximum
        place_at_maximum(fit)
    else:
        fit.advance(steps)
    return fit


def place_at_maximum(fit: RegressionFit) -> None:
    exact = fit.comparison.exact.quantiles((0.5,))
    sigma = exact["sigma"][0]
    at = [np.log(sigma / (10 - sigma)), *exact["linear.weight"][0, 0], *exact["linear.bias"][0]]
    with fit.inspecting():
        fit.guide.loc.copy_(torch.tensor(at))


SLOW = {"normal", "low_rank", "branching", "class", "options"}
"""Guides that the round of all day leaves out: much like another, or called once a draw."""

EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ALL]


@pytest.fixture(scope="module", params=EACH)
def fit(request: pytest.FixtureRequest) -> RegressionFit:
    fit = trained(request.param)
    fit.called = request.param  # type: ignore[attr-defined]
    return fit


def test_draws_have_the_shape_of_the_site_lie_on_its_support_and_are_the_same_each_time(fit: RegressionFit) -> None:
    before = global_state()
    with fit.inspecting():
        draws, again, other = draw(fit.guide, 9), draw(fit.guide, 9), draw(fit.guide, 1)
    assert {name: tuple(value.shape) for name, value in draws.items()} == {n: (9, *s) for n, s in SHAPES.items()}
    assert {name: tuple(value.shape) for name, value in other.items()} == {n: (1, *s) for n, s in SHAPES.items()}
    assert all(torch.equal(value, again[name]) for name, value in draws.items())
    assert bool(((draws["sigma"] > 0) & (draws["sigma"] < 10)).all())
    assert global_state() == before


def test_quantiles_are_those_of_the_draws(fit: RegressionFit) -> None:
    count = 400 if fit.called == "branching" else 4000  # type: ignore[attr-defined]
    found = fit.quantiles(PROBS)
    with fit.inspecting():
        draws = {name: as_float64(value) for name, value in draw(fit.guide, count).items()}
    assert found.keys() == SHAPES.keys()
    for name, value in found.items():
        assert value.shape == (3, *SHAPES[name])
        for prob, quantile in zip(PROBS, value, strict=True):
            below, upto = (draws[name] < quantile - 1e-5).mean(0), (draws[name] <= quantile + 1e-5).mean(0)
            # 800 draws where there is no closed form, and `count`: 5 standard errors of both together
            error = 5 * np.sqrt(prob * (1 - prob) * (1 / 800 + 1 / count)) + 1 / 400
            assert np.all((below <= prob + error) & (upto >= prob - error)), (name, prob)


def test_the_density_of_a_draw_is_that_of_pyros_trace(fit: RegressionFit) -> None:
    with fit.inspecting():
        draws, log_density = draw_with_density(fit.guide, 1)
        found = pyros_density(fit, draws)
    assert (log_density is None) == (fit.called in POINTS)  # type: ignore[attr-defined]
    if log_density is not None:
        assert log_density.item() == pytest.approx(found, rel=1e-4, abs=1e-3)


def pyros_density(fit: RegressionFit, draws: dict[str, torch.Tensor]) -> float:
    """Trace the guide as Pyro does at the same draw: by the same noise, or where its sites can be given a value, so."""
    guide: Any = fit.guide
    if isinstance(guide, autoguide.AutoLaplaceApproximation):
        with torch.enable_grad():
            guide = guide.laplace_approximation(*tensors())
    data = {}
    if fit.called in {"function", "branching", "module"}:  # type: ignore[attr-defined]
        data = {name: value[0] for name, value in draws.items()}
    if fit.called == "module":  # type: ignore[attr-defined]
        data = {"all_four": torch.cat([data["linear.weight"][0], data["linear.bias"]]), "sigma": data["sigma"]}
    with same_noise():
        trace: Any = poutine.trace(poutine.condition(guide, data=data)).get_trace(*tensors())
    for name, value in draws.items():
        torch.testing.assert_close(trace.nodes[name]["value"], value[0], rtol=1e-4, atol=1e-4)
    return float(trace.log_prob_sum())


def test_it_is_known_whether_a_guide_can_correlate_latents(fit: RegressionFit) -> None:
    with fit.inspecting():
        assert correlates(fit.guide) == (fit.called in CORRELATING)  # type: ignore[attr-defined]


def test_only_a_guide_that_branches_on_what_it_draws_is_called_for_each_draw(fit: RegressionFit) -> None:
    assert draws_at_once(fit.guide) == (fit.called != "branching")  # type: ignore[attr-defined]


def test_a_snapshot_holds_every_site(fit: RegressionFit) -> None:
    snapshot = fit.snapshot()
    assert {name: value.shape for name, value in snapshot.quantiles.items()} == {n: (5, *s) for n, s in SHAPES.items()}
    assert (snapshot.gap is None) == (fit.called in POINTS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", EACH)
def test_looking_before_the_first_step_leaves_the_steps_as_pyros_own_loop_takes_them(name: str) -> None:
    looked_at = RegressionFit(RUGGED, guide=ALL[name], seed=3, engine="plain")
    assert looked_at.param_store() == {} or name not in {"parts", "function", "module"}
    first = looked_at.snapshot()
    assert first.quantiles["linear.weight"].shape == (5, 1, 3)
    with looked_at.inspecting():
        before = draw(looked_at.guide, 3)
    looked_at.advance(1)
    looked_at.snapshot()
    looked_at.advance(2)
    loop = PlainLoop(lambda model: make_guide(ALL[name], model), seed=3)
    assert (-looked_at.history()["elbo"]).tolist() == loop.step(3)
    assert before.keys() == SHAPES.keys()


def test_the_parameters_that_are_seen_before_the_first_step_are_those_it_begins_with() -> None:
    for name in ("parts", "function"):
        fit = RegressionFit(RUGGED, guide=ALL[name], seed=3, engine="plain", learning_rate=1e-30)
        with fit.inspecting():
            before = draw(fit.guide, 5)
        fit.advance(1)
        with fit.inspecting():
            after = draw(fit.guide, 5)
        assert all(torch.equal(value, after[site]) for site, value in before.items()), name


def test_a_module_of_the_users_is_not_trained_itself() -> None:
    guide = Correlated()
    fits = [RegressionFit(RUGGED, guide=guide, seed=3, engine="plain") for _ in range(2)]
    for fit in fits:
        fit.advance(5)
    assert bool((guide.loc == 0).all())
    assert fits[0].history().equals(fits[1].history())


def test_two_fits_share_a_function_without_meeting() -> None:
    one, other = (RegressionFit(RUGGED, guide=mean_field, seed=seed, engine="plain") for seed in (1, 2))
    one.advance(3)
    assert other.step == 0
    assert one.param_store().keys() == {"weight", "spread", "bias", "sigma_at"}
    assert not other.param_store()


def test_a_laplace_approximation_is_a_point_where_the_model_has_no_maximum() -> None:
    fit = trained("laplace", 0)
    with fit.inspecting():
        draws, log_density = draw_with_density(fit.guide, 6)
    assert log_density is None
    assert all(bool((value == value[0]).all()) for value in draws.values())
    assert fit.snapshot().gap is None


def test_a_laplace_approximation_has_the_curvature_of_all_rows_where_steps_look_at_some() -> None:
    spreads = []
    for batch_size in (None, 20):
        fit = RegressionFit(RUGGED, guide="laplace", seed=3, engine="plain", batch_size=batch_size)
        place_at_maximum(fit)
        spreads.append(fit.slopes().std().to_numpy())
    np.testing.assert_allclose(*spreads, rtol=1e-5)
    exact = fit.comparison.exact.quantiles((0.05, 0.95))["linear.weight"][:, 0, 1]
    # the posterior of the weights is normal but for sigma's: 2 % hold that and the rounding of single precision
    found = fit.quantiles((0.05, 0.95))["linear.weight"][:, 0, 1]
    np.testing.assert_allclose(np.diff(found), np.diff(exact), rtol=0.02)


def test_a_guide_that_nothing_is_known_of_cannot_be_drawn_from() -> None:
    fit = Fit(normal_model, lambda _: mean_field, (torch.zeros(4),), learning_rate=0.01, seed=1, engine="plain")
    with fit.inspecting(), pytest.raises(CannotDrawError, match="got mean_field"):
        draw(fit.guide, 10)


def test_the_model_of_all_rows_has_the_priors_of_the_other() -> None:
    model = BayesianRegression(5, Priors(weight=2.0)).of_all_rows()
    trace: Any = poutine.trace(model).get_trace(*tensors())
    assert trace.nodes["obs"]["value"].shape == (170,)
    assert float(trace.nodes["linear.weight"]["fn"].base_dist.scale.max()) == 2.0
