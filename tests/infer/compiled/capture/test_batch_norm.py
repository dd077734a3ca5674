"""A recorded batch normalization computes what torch's does, and its writes into running statistics are seen."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from rugged_widget.infer.compiled.capture.nodes import is_mutable
from rugged_widget.infer.compiled.capture.recorder import record

LAYERS = {
    "vectors": (nn.BatchNorm1d(3), (6, 3)),
    "sequences": (nn.BatchNorm1d(3), (6, 3, 4)),
    "pictures": (nn.BatchNorm2d(3, momentum=0.3, affine=False), (6, 3, 4, 4)),
    "not training": (nn.BatchNorm1d(3).eval(), (6, 3)),
    "without statistics": (nn.BatchNorm1d(3, track_running_stats=False), (6, 3)),
}


@pytest.mark.parametrize("what", LAYERS)
def test_values_gradients_and_statistics_are_those_of_torch(what: str) -> None:
    layer, shape = copy.deepcopy(LAYERS[what][0]), LAYERS[what][1]
    other = copy.deepcopy(layer)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (expected,) = torch.autograd.grad((other(x) ** 3).sum(), x)
    gradients = []

    def step(values: torch.Tensor) -> torch.Tensor:
        gradients.extend(torch.autograd.grad((layer(values) ** 3).sum(), values))
        return gradients[0]

    graph = record(step, (x,))
    torch.testing.assert_close(gradients[0], expected)
    for (name, one), reference in zip(layer.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(one, reference, msg=name)
    written = [node for node in graph.graph.nodes if is_mutable(node)]
    moves = layer.training and layer.track_running_stats
    assert len(written) == (5 if moves else 0), "two for each statistic, and the counter"
