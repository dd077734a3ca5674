"""Tensors beside the parameters that each step changes: running statistics of layers, averages in Pyro's store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeAlias

import torch
from pyro import get_param_store
from pyro.ops.provenance import detach_provenance

from rugged_widget.infer.step.module_state import Kept, copied_params, params_of, present_params

Signature: TypeAlias = tuple[torch.Size, torch.dtype]


class Lasting:
    """Reads and writes the tensors that steps change beside the parameters and moments, which they go on from.

    Parameters
    ----------
    written
        Tensors that steps write into in place, such as the buffers of a batch normalization.
    replaced
        Names in Pyro's parameter store that steps give other tensors, such as a baseline that is an average of costs.
    """

    def __init__(self, written: Sequence[torch.Tensor] = (), replaced: Sequence[str] = ()) -> None:
        self.written, self.replaced = tuple(written), tuple(replaced)

    def __repr__(self) -> str:
        return f"Lasting({len(self.written)} written, {len(self.replaced)} replaced)"

    def __len__(self) -> int:
        return len(self.written) + len(self.replaced)

    @property
    def tensors(self) -> list[torch.Tensor]:
        """The tensors as they are now, those that are written into first."""
        store: Any = get_param_store()
        return [*self.written, *(detach_provenance(store._params[name]) for name in self.replaced)]

    @property
    def signature(self) -> list[Signature]:
        """Shape and type of each."""
        return [(tensor.shape, tensor.dtype) for tensor in self.tensors]

    def is_same(self, other: Self) -> bool:
        """Return whether another one is of the very same tensors and names."""
        return self.replaced == other.replaced and list(map(id, self.written)) == list(map(id, other.written))

    def read(self) -> tuple[torch.Tensor, ...]:
        """Return the present values, of new memory."""
        return tuple(tensor.detach().clone() for tensor in self.tensors)

    @torch.no_grad()
    def write(self, values: Sequence[torch.Tensor]) -> None:
        """Put values into the present tensors."""
        for tensor, value in zip(self.tensors, values, strict=True):
            tensor.copy_(value)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Enter to take a step whose changes to these tensors are gone afterwards."""
        kept = [Kept(tensor) for tensor in self.written]
        try:
            with params_of(copied_params(present_params())):
                yield
        finally:
            for one in kept:
                one.undo()
