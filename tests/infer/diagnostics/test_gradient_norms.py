"""Norms of gradients: those of Pyro's own steps, thinned, and flagged where they are far from the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO, TraceGraph_ELBO, autoguide
from torch.distributions import constraints

from rugged_widget.infer.diagnostics.gradient_norms import (
    FEWEST_POINTS,
    MAX_POINTS,
    GradientMonitor,
    GradientRecord,
    ask_norm,
    flags,
)
from rugged_widget.infer.step.transfer import Transfer
from rugged_widget.infer.svi.fit import Fit

DATA = torch.tensor([1.2, -0.4, 0.8, 2.1, 0.3])


def model(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 5.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


def make(engine: str = "plain", one: Any = model, **settings: Any) -> Fit:
    return Fit(one, autoguide.AutoNormal, (DATA,), learning_rate=0.01, seed=1, engine=engine, **settings)


def expected_norms(fit: Fit) -> dict[str, float]:
    """Return the norms of the gradient of the fit's next step."""
    with fit.inspecting(), torch.enable_grad():
        names, params = zip(*pyro.get_param_store().named_parameters(), strict=True)
        loss: Any = Trace_ELBO().differentiable_loss(fit.model, fit.guide, DATA)
        return dict(zip(names, (float(one.norm()) for one in torch.autograd.grad(loss, params)), strict=True))


def test_the_norms_are_those_of_the_next_step() -> None:
    fit = make()
    fit.gradient_norms()
    expected = expected_norms(fit)
    fit.advance(3)
    norms = fit.gradient_norms()
    assert norms is not None
    assert norms.steps.tolist() == [0.0]
    assert dict(zip(norms.names, norms.norms[0].tolist(), strict=True)) == pytest.approx(expected, rel=1e-5)


def test_a_step_of_many_particles_has_one_gradient() -> None:
    fit = make(elbo=Trace_ELBO(num_particles=3))
    fit.gradient_norms()
    with fit.inspecting(), torch.enable_grad():
        params = [param for _, param in pyro.get_param_store().named_parameters()]
        loss: Any = Trace_ELBO(num_particles=3).differentiable_loss(model, fit.guide, DATA)
        expected = [float(gradient.norm()) for gradient in torch.autograd.grad(loss, params)]
    fit.advance(1)
    norms = fit.gradient_norms()
    assert norms is not None
    assert norms.norms[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_captured_steps_have_norms_too() -> None:
    fit = make("graph")
    fit.advance(5)
    expected = expected_norms(fit)
    norms = fit.gradient_norms()
    assert norms is not None
    assert norms.steps.tolist() == [5.0]
    assert norms.norms[0].tolist() == pytest.approx(list(expected.values()), rel=1e-4)


def test_looks_take_a_share_of_the_time_and_each_one_at_rest_counts() -> None:
    fit = make("graph")
    fit.advance(1)
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    monitor = GradientMonitor(fit._plain, clock)
    with fit.inspecting():
        for step in range(1, 21):
            monitor.look(step, computes=True)
        norms = monitor.look(21, computes=True, thorough=True)
    assert norms is not None
    assert 3 <= len(norms.steps) <= 5
    assert norms.steps[-1] == 21.0


def test_running_means_of_costs_are_no_parameters() -> None:
    def coin(data: torch.Tensor) -> None:
        up = pyro.sample("up", dist.Bernoulli(0.3))
        pyro.sample("seen", dist.Normal(up, 1.0), obs=data[0])

    def guide(_data: torch.Tensor) -> None:
        share = pyro.param("share", torch.tensor(0.6), constraint=constraints.unit_interval)
        pyro.sample("up", dist.Bernoulli(share), infer={"baseline": {"use_decaying_avg_baseline": True}})

    fit = Fit(coin, lambda _model: guide, (DATA,), learning_rate=0.01, seed=1, engine="plain", elbo=TraceGraph_ELBO())
    fit.advance(1)
    fit.gradient_norms()
    fit.advance(1)
    norms = fit.gradient_norms()
    assert norms is not None
    assert norms.names == ("share",)


def test_no_hook_and_no_gradient_is_left_behind() -> None:
    fit = make()
    fit.advance(1)
    fit.gradient_norms()
    fit.advance(1)
    with fit.inspecting():
        for _, param in pyro.get_param_store().named_parameters():
            assert not param._post_accumulate_grad_hooks
            assert param.grad is None or not param.grad.any()


def test_a_parameter_that_nothing_depends_on_is_zero() -> None:
    def idle(data: torch.Tensor) -> None:
        pyro.param("idle", torch.ones(3))
        model(data)

    fit = make(one=idle)
    fit.advance(1)
    for _ in range(3):
        fit.gradient_norms()
        fit.advance(1)
    norms = fit.gradient_norms()
    assert norms is not None
    assert norms.flags == {"idle": "zero"}


def test_points_beyond_a_step_that_failed_are_forgotten() -> None:
    record = GradientRecord()
    for step in range(5):
        record.add(step, {"a": 1.0 + step}, {"a": 1})
    record.truncate(2)
    record.add(2, {"a": 9.0}, {"a": 1})
    norms = record.norms()
    assert norms is not None
    assert norms.steps.tolist() == [0.0, 1.0, 2.0]
    assert norms.norms[:, 0].tolist() == [1.0, 2.0, 9.0]


def test_the_record_stays_small_and_covers_the_whole_run() -> None:
    record = GradientRecord()
    for step in range(5000):
        record.add(step, {"a": float(step)}, {"a": 1})
    norms = record.norms()
    assert norms is not None
    assert MAX_POINTS / 3 < len(norms.steps) <= MAX_POINTS
    assert (norms.steps[0], norms.steps[-1]) == (0.0, 4999.0)
    assert np.diff(norms.steps[:-1]).max() <= 2 * np.diff(norms.steps[:-1]).min()
    assert (norms.norms[:, 0] == norms.steps).all()


def test_many_parameters_have_fewer_points() -> None:
    names = [f"p{number}" for number in range(2000)]
    record = GradientRecord()
    for step in range(100):
        record.add(step, dict.fromkeys(names, 1.0), dict.fromkeys(names, 1))
    norms = record.norms()
    assert norms is not None
    assert FEWEST_POINTS / 2 <= len(norms.steps) <= 25


def test_a_parameter_that_comes_later_has_no_norm_before() -> None:
    record = GradientRecord()
    record.add(1, {"a": 1.0}, {"a": 1})
    record.add(2, {"a": 1.0, "b": 2.0}, {"a": 1, "b": 1})
    norms = record.norms()
    assert norms is not None
    assert norms.names == ("a", "b")
    assert np.isnan(norms.norms[0, 1])
    assert norms.norms[1, 1] == 2.0


def test_a_parameter_that_is_gone_is_not_flagged() -> None:
    record = GradientRecord()
    record.add(1, {"a": 0.0, "b": np.inf}, {"a": 1, "b": 1})
    record.add(2, {"b": np.inf}, {"b": 1})
    norms = record.norms()
    assert norms is not None
    assert norms.flags == {"b": "not_finite"}
    assert np.isnan(norms.norms[1, 0])


def flagged(norms: dict[str, list[float]], **sizes: int) -> dict[str, str]:
    counts = np.array([sizes.get(name, 1) for name in norms], dtype=np.float64)
    return dict(flags(list(norms), np.array(list(norms.values())).T, counts))


def test_flags_compare_norms_per_element() -> None:
    norms = {"a": [1.0], "b": [2.0], "wide": [1e3], "far": [1e5], "near": [1e-5], "none": [0.0], "bad": [np.inf]}
    expected = {"far": "large", "near": "small", "none": "zero", "bad": "not_finite"}
    assert flagged(norms, wide=1_000_000) == expected
    many = {f"p{number}": [1.0] for number in range(20)}
    assert flagged(norms | many, wide=1_000_000) == expected


def test_one_gradient_that_is_small_by_chance_is_not_flagged() -> None:
    assert flagged({"a": [1.0, 1.0, 1e-6], "b": [1.0, 1.0, 1.0], "c": [0.0, 0.0, 1.0], "d": [1.0, 1.0, 0.0]}) == {}


def test_two_parameters_are_not_compared_and_empty_ones_never() -> None:
    assert flagged({"a": [1.0], "b": [1e9]}) == {}
    assert flagged({"a": [1.0], "b": [1.0], "c": [1.0], "empty": [0.0]}, empty=0) == {}


def test_a_sparse_gradient_has_a_norm() -> None:
    sparse = torch.sparse_coo_tensor(
        torch.tensor([[0, 0, 2]]), torch.tensor([1.0, 2.0, 4.0]), (5,), check_invariants=True
    )
    assert ask_norm(sparse, Transfer())() == 5.0
    assert ask_norm(None, Transfer())() == 0.0
    assert ask_norm(torch.tensor([1.0, torch.nan]), Transfer())() == np.inf


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_parameters_of_other_models_in_the_store_are_left_out(engine: str) -> None:
    pyro.get_param_store().clear()
    pyro.param("left", torch.tensor(1.0))

    def unmoved(data: torch.Tensor) -> None:
        pyro.param("idle", torch.tensor(1.0))
        model(data)

    fit = make(engine, unmoved)
    with fit.inspecting():
        pyro.param("another", torch.tensor(1.0))
    fit.gradient_norms()
    fit.advance(3)
    norms = fit.gradient_norms()
    assert norms is not None
    assert set(norms.names) == {"idle", "AutoNormal.locs.mean", "AutoNormal.scales.mean"}
    assert norms.flags == {"idle": "zero"}
