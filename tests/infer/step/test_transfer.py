"""Tensors that are taken from a device together."""

from __future__ import annotations

import numpy as np
import torch

from rugged_widget.infer.step import transfer as transfers
from rugged_widget.infer.step.transfer import Transfer, arrays


def test_what_is_on_the_cpu_is_read_as_it_is() -> None:
    transfer = Transfer()
    value = torch.tensor([1.5, 2.5], requires_grad=True)
    assert transfer.tensor(value)().data_ptr() == value.data_ptr()
    copied = transfer.array(value)()
    assert copied.dtype == np.float64
    assert not np.shares_memory(copied, value.detach().numpy())
    assert [transfer.number(one)() for one in (value.sum(), 3, 0.5)] == [4.0, 3.0, 0.5]
    assert list(arrays({"a": value}, transfer)()) == ["a"]
    assert "0 tensors wait" in repr(transfer)


def test_tensors_of_any_kind_cross_as_bytes_and_arrive_as_they_were() -> None:
    values = [
        torch.tensor(True),
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(3),
        torch.tensor(2.5, dtype=torch.float64).expand(5),
        torch.zeros(0, 3),
        torch.tensor([0.1, torch.nan, torch.inf], dtype=torch.bfloat16),
        torch.tensor([1 + 2j]),
        torch.arange(3.0, requires_grad=True)[::2].detach(),
    ]
    waiting = [transfers._Waiting(value) for value in values]
    transfers._cross(waiting)
    for value, one in zip(values, waiting, strict=True):
        assert one.arrived
        assert (one.value.shape, one.value.dtype) == (value.shape, value.dtype)
        torch.testing.assert_close(one.value, value, rtol=0, atol=0, equal_nan=True)
