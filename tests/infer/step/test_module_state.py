"""What modules hold while a model is looked at, and copies of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rugged_widget.infer.step.module_state import LARGE, Copies, ModuleState, submodules, untouched


def test_a_module_that_is_called_writes_into_copies_of_its_buffers() -> None:
    norm = nn.BatchNorm1d(2)
    mean, count = norm.running_mean, norm.num_batches_tracked
    versions = mean._version, count._version
    with untouched([]):
        norm(torch.randn(5, 2))
        norm(torch.randn(5, 2))
        assert int(norm.num_batches_tracked) == 2
    assert norm.running_mean is mean
    assert norm.num_batches_tracked is count
    assert int(count) == 0
    assert (mean._version, count._version) == versions


def test_modules_that_are_given_are_covered_without_a_call() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2))
    with untouched(submodules(net, object())):
        net[0].running_mean.add_(1.0)
    assert net[0].running_mean.tolist() == [0.0, 0.0]


def test_buffers_come_back_after_an_error() -> None:
    norm = nn.BatchNorm1d(2)
    mean = norm.running_mean
    with pytest.raises(ValueError, match="expected 2D or 3D"), untouched([]):
        norm(torch.randn(5))
    assert norm.running_mean is mean
    norm(torch.randn(5, 2))  # nothing looks on any more
    assert int(norm.num_batches_tracked) == 1


def with_data() -> nn.Module:
    net = nn.Linear(1, 1)
    net.register_buffer("data", torch.zeros(LARGE + 1))
    return net


def test_large_buffers_come_back_whether_torch_counts_the_writing_or_not() -> None:
    for place in (lambda data: data, lambda data: data.detach(), lambda data: data.data):
        net, copies = with_data(), Copies()
        data = net.data
        for _ in range(3):
            with untouched(submodules(net), copies):
                place(data).add_(1.0)
            assert net.data is data
            assert not data.any()


def test_a_large_buffer_that_a_call_has_left_alone_comes_back_from_a_later_one() -> None:
    net, copies = with_data(), Copies()
    for increment in (0.0, 1.0, 0.0, 1.0):
        with untouched(submodules(net), copies):
            if increment:
                net.data.add_(increment)
        assert not net.data.any()


def test_a_large_buffer_is_copied_again_only_after_a_change() -> None:
    net, copies = with_data(), Copies()
    (first,) = copies.of([net.data])
    assert copies.of([net.data, net.data]) == [first]
    net.data.add_(1.0)
    (second,) = copies.of([net.data])
    assert second is not first
    net.data.add_(1.0)
    second.put_back()
    assert net.data.eq(1.0).all()
    assert copies.of([net.data]) == [second]
    first.put_back()
    assert not net.data.any()


def test_attributes_and_containers_come_back_and_are_the_same_objects() -> None:
    net = nn.Module()
    net.seen, net.calls = [], 0  # type: ignore[assignment]
    seen = net.seen
    with untouched([net]):
        net.seen.append(1)  # type: ignore[operator, union-attr]
        net.calls, net.more = 1, 2  # type: ignore[assignment]
    assert (net.seen, net.calls, hasattr(net, "more")) == ([], 0, False)
    assert net.seen is seen


def test_a_state_can_be_gone_back_to_again_and_again() -> None:
    net = nn.BatchNorm1d(2)
    state = ModuleState.of([net], Copies())
    for _ in range(2):
        net(torch.randn(5, 2))
        net.extra = 1  # type: ignore[assignment]
        state.restore()
        assert int(net.num_batches_tracked or 0) == 0
        assert not hasattr(net, "extra")
