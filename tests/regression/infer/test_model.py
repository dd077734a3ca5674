"""The lesson's model has the tutorial's priors, and its slopes are what they are said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pyro import poutine

from rugged_widget.regression.data.design import Design
from rugged_widget.regression.infer.model import BayesianRegression
from tests.infer.plain import tensors


def test_sites_and_priors_are_those_of_the_tutorial() -> None:
    features, targets = tensors()
    trace = poutine.trace(BayesianRegression()).get_trace(features, targets)
    nodes: dict[str, Any] = {name: trace.nodes[name] for name in (*trace.stochastic_nodes, *trace.observation_nodes)}
    assert {name: tuple(node["value"].shape) for name, node in nodes.items() if name != "data"} == {
        "sigma": (),
        "linear.weight": (1, 3),
        "linear.bias": (1,),
        "obs": (170,),
    }
    weight, bias, sigma = (nodes[name]["fn"] for name in ("linear.weight", "linear.bias", "sigma"))
    assert (weight.event_dim, bias.event_dim, sigma.event_dim) == (2, 1, 0)
    assert torch.equal(weight.base_dist.scale, torch.ones(1, 3))
    assert torch.equal(weight.mean, torch.zeros(1, 3))
    assert torch.equal(bias.base_dist.scale, torch.tensor([10.0]))
    assert (float(sigma.low), float(sigma.high)) == (0.0, 10.0)
    returned: Any = trace.nodes["_RETURN"]["value"]
    expected = features @ nodes["linear.weight"]["value"].T + nodes["linear.bias"]["value"]
    assert torch.allclose(nodes["obs"]["fn"].mean, expected.squeeze(-1))
    assert torch.allclose(returned, expected.squeeze(-1))
    assert torch.equal(nodes["obs"]["fn"].scale.expand(170), nodes["sigma"]["value"].expand(170))


def test_the_slope_is_what_one_more_unit_of_the_predictor_adds_in_either_group() -> None:
    model = BayesianRegression()
    weight, bias = torch.tensor([[-1.9, -0.2, 0.4]]), torch.tensor([9.2])
    x = torch.tensor([[0.0, 2.0, 0.0], [0.0, 3.0, 0.0], [1.0, 2.0, 2.0], [1.0, 3.0, 3.0]])
    known = {"linear.weight": weight, "linear.bias": bias, "sigma": torch.tensor(1.0)}
    mean = poutine.condition(model, data=known)(x)
    outside, inside = Design().slope_draws(weight.numpy().astype(np.float64)[None])
    np.testing.assert_allclose([mean[1] - mean[0], mean[3] - mean[2]], [outside[0], inside[0]], rtol=1e-5)


def _scored(batch_size: int | None, features: torch.Tensor, targets: torch.Tensor | None) -> tuple[Any, torch.Tensor]:
    known = {"linear.weight": torch.zeros(1, 3), "linear.bias": torch.zeros(1), "sigma": torch.tensor(1.0)}
    model = poutine.condition(BayesianRegression(batch_size), data=known)
    trace: Any = poutine.trace(model).get_trace(features, targets)
    trace.compute_log_prob()
    return trace, trace.nodes["obs"]["log_prob_sum"]


def test_a_batch_is_of_different_rows_each_time_and_counts_for_all() -> None:
    torch.manual_seed(0)
    features, targets = tensors()
    _, whole = _scored(None, features, targets)
    picked, sums = set(), []
    for _ in range(400):
        trace, log_prob = _scored(17, features, targets)
        rows = trace.nodes["data"]["value"]
        assert len(set(rows.tolist())) == 17
        assert torch.equal(trace.nodes["obs"]["value"], targets[rows])
        assert trace.nodes["obs"]["scale"] == 10.0
        picked |= set(rows.tolist())
        sums.append(float(log_prob))
    assert picked == set(range(170))
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - float(whole)) < 4 * error


def test_a_mean_in_a_batch_belongs_to_the_rows_picked() -> None:
    features, targets = tensors()
    weight = torch.tensor([[0.5, -0.2, 0.3]])
    known = {"linear.weight": weight, "linear.bias": torch.ones(1), "sigma": torch.tensor(1.0)}
    trace: Any = poutine.trace(poutine.condition(BayesianRegression(9), data=known)).get_trace(features, targets)
    rows = trace.nodes["data"]["value"]
    assert torch.allclose(trace.nodes["obs"]["fn"].mean, (features[rows] @ weight.T).squeeze(-1) + 1)


def test_without_targets_every_row_is_there_whatever_the_batch() -> None:
    features, _ = tensors()
    trace, _ = _scored(9, features, None)
    assert trace.nodes["obs"]["value"].shape == (170,)
    assert trace.nodes["obs"]["scale"] == 1.0


@pytest.mark.parametrize("batch_size", [None, 170, 171])
def test_all_rows_are_taken_in_their_order_where_the_batch_holds_them(batch_size: int | None) -> None:
    features, targets = tensors()
    trace, log_prob = _scored(batch_size, features, targets)
    assert torch.equal(trace.nodes["obs"]["value"], targets)
    assert float(log_prob) == float(_scored(None, features, targets)[1])
