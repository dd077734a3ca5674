"""Buffers of modules while a model is looked at."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rugged_widget.infer.step.buffers import MAX_COPIED, buffers_kept


def test_a_module_that_is_called_writes_into_copies_of_its_buffers() -> None:
    norm = nn.BatchNorm1d(2)
    mean, count = norm.running_mean, norm.num_batches_tracked
    versions = mean._version, count._version
    with buffers_kept():
        norm(torch.randn(5, 2))
        norm(torch.randn(5, 2))
        assert int(norm.num_batches_tracked) == 2
    assert norm.running_mean is mean
    assert norm.num_batches_tracked is count
    assert int(count) == 0
    assert (mean._version, count._version) == versions


def test_modules_that_are_given_are_covered_without_a_call() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2))
    with buffers_kept(net, object()):
        net[0].running_mean.add_(1.0)
    assert net[0].running_mean.tolist() == [0.0, 0.0]


def test_buffers_come_back_after_an_error() -> None:
    norm = nn.BatchNorm1d(2)
    mean = norm.running_mean
    with pytest.raises(ValueError, match="expected 2D or 3D"), buffers_kept():
        norm(torch.randn(5))
    assert norm.running_mean is mean
    norm(torch.randn(5, 2))  # nothing looks on any more
    assert int(norm.num_batches_tracked) == 1


def test_large_buffers_are_not_copied() -> None:
    net = nn.Linear(1, 1)
    net.register_buffer("data", torch.zeros(MAX_COPIED + 1))
    data = net.data
    with buffers_kept(net):
        assert net.data is data
