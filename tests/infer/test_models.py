"""The lesson's model has the tutorial's priors, and its slopes are what they are said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro import poutine

from rugged_widget.infer.models import BayesianRegression, slopes_by_group

from .plain import tensors


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
    outside, inside = slopes_by_group(weight.numpy().astype(np.float64)[None])
    np.testing.assert_allclose([mean[1] - mean[0], mean[3] - mean[2]], [outside[0], inside[0]], rtol=1e-5)
