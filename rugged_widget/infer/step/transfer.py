"""Take tensors from a device to the host together, in one copy."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

T = TypeVar("T")
Later: TypeAlias = Callable[[], T]
"""Returns what was asked for."""


class Transfer:
    """Tensors on their way to the host: all that were asked for cross together when the first of them is read.

    Each copy from a GPU waits until it has done all that it was told to do. Ask for everything, then read. What is on
    the CPU stays where it is, so that it has to be read before it changes.
    """

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def __repr__(self) -> str:
        return f"Transfer({len(self._waiting)} tensors wait)"

    def tensor(self, value: torch.Tensor) -> Later[torch.Tensor]:
        """Ask for a tensor, which is one on the CPU when it is read."""
        value = value.detach()
        if value.device.type == "cpu":
            return lambda: value
        if value.layout is not torch.strided:
            return value.cpu
        waiting = _Waiting(value)
        self._waiting.append(waiting)
        return lambda: self._read(waiting)

    def array(self, value: torch.Tensor) -> Later[NDArray[np.float64]]:
        """Ask for a tensor as an array, a copy of its own."""
        read = self.tensor(value)
        return lambda: as_numpy(read()).astype(np.float64)

    def number(self, value: Any) -> Later[float]:
        """Ask for a number, or for the only one of a tensor."""
        if not isinstance(value, torch.Tensor):
            return lambda: float(value)
        read = self.tensor(value)
        return lambda: float(read())

    def _read(self, waiting: "_Waiting") -> torch.Tensor:
        if not waiting.arrived:
            together, self._waiting = self._waiting, []
            for device in {one.value.device for one in together}:
                _cross([one for one in together if one.value.device == device])
        return waiting.value


def arrays(values: Mapping[str, torch.Tensor], transfer: Transfer) -> Later[dict[str, NDArray[np.float64]]]:
    """Ask for tensors by name as arrays."""
    asked = {name: transfer.array(value) for name, value in values.items()}
    return lambda: {name: read() for name, read in asked.items()}


def as_numpy(value: torch.Tensor) -> NDArray[Any]:
    """Return a tensor as an array, which shares memory with one on the CPU; of bfloat16, which NumPy lacks, float32."""
    value = value.detach().cpu()
    return (value.float() if value.dtype is torch.bfloat16 else value).numpy()


class _Waiting:
    """A tensor on a device, or on the CPU once it has arrived."""

    def __init__(self, value: torch.Tensor) -> None:
        self.value, self.arrived = value, False


def _cross(together: list[_Waiting]) -> None:
    """Copy tensors of one device as bytes, in an order in which each lies where numbers of its size may lie."""
    in_order = sorted(together, key=lambda one: -one.value.element_size())
    parts = [one.value.reshape(-1).contiguous().view(torch.uint8) for one in in_order]
    pieces = torch.cat(parts).cpu().split([len(part) for part in parts])
    for one, piece in zip(in_order, pieces, strict=True):
        one.value, one.arrived = piece.view(one.value.dtype).reshape(one.value.shape), True
