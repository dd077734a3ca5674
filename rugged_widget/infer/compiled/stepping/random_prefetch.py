"""Draw the random numbers of many steps at once, from the stream that those steps would draw from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import fx

aten = torch.ops.aten

SERIAL = 16
"""torch fills a tensor of fewer elements with normal numbers one by one, and one that is not contiguous of any size."""


class Noise:
    """Draws the random numbers of K steps at once, bit for bit as K steps would draw them one by one.

    Where all draws are standard normal numbers and few, one call fills the numbers of all K steps. That it yields the
    same stream is a detail of torch, not a promise: it is tried when the object is made, and given up where it fails.
    `prelude` takes nothing and draws the random numbers of one step; none where the program draws them `inside`.
    """

    def __init__(self, prelude: fx.GraphModule, *, inside: bool = False) -> None:
        self._prelude, self.inside = prelude, inside
        self._fills = _fills(prelude)
        with torch.random.fork_rng(devices=[]):
            self.example: tuple[torch.Tensor, ...] = tuple(prelude())
        self.draw: Callable[[int], list[torch.Tensor]] = self._one_by_one
        if all(fill.standard for fill in self._fills) and len(self._fills) == len(self.example):
            small = all(0 < value.numel() < SERIAL for value in self.example)
            if self.example and small and self._agree(self._one_by_one, self._at_once):
                self.draw = self._at_once

    def __repr__(self) -> str:
        return f"Noise({len(self.example)} draws a step, {self.draw.__name__.strip('_')})"

    def _at_once(self, num_steps: int) -> list[torch.Tensor]:
        sizes = [value.numel() for value in self.example]
        # Every other number of a wider tensor: not contiguous, whatever its shape, so torch fills it one by one.
        numbers = torch.empty(num_steps, sum(sizes), 2, dtype=self.example[0].dtype)[..., 0].normal_().contiguous()
        parts = torch.split(numbers, sizes, dim=1)
        return [part.reshape(num_steps, *value.shape) for part, value in zip(parts, self.example, strict=True)]

    def _one_by_one(self, num_steps: int) -> list[torch.Tensor]:
        rows = [torch.empty(num_steps, *value.shape, dtype=value.dtype) for value in self.example]
        if len(self._fills) == len(rows):
            by_step = zip(*(row.unbind() for row in rows), strict=True)
            for step in by_step:
                for fill, value in zip(self._fills, step, strict=True):
                    fill.target(value, *fill.args, **fill.kwargs)
        else:
            for k in range(num_steps):
                for row, value in zip(rows, self._prelude(), strict=True):
                    row[k] = value
        return rows

    def _agree(self, one: Callable[[int], list[torch.Tensor]], other: Callable[[int], list[torch.Tensor]]) -> bool:
        """Compare numbers and generator after one step and three more, odd because normal numbers come in pairs."""
        outcomes = []
        for draw in (one, other):
            with torch.random.fork_rng(devices=[]):
                outcomes.append(([*draw(1), *draw(3)], torch.get_rng_state()))
        (numbers, state), (others, other_state) = outcomes
        same = all(torch.equal(a, b) for a, b in zip(numbers, others, strict=True))
        return same and torch.equal(state, other_state)


class _Fill(NamedTuple):
    """An operation that fills a fresh tensor with random numbers."""

    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def standard(self) -> bool:
        return self.target is aten.normal_.default and self.args in {(), (0.0,), (0.0, 1.0)} and not self.kwargs


def _fills(prelude: fx.GraphModule) -> list[_Fill]:
    """List the outputs that are fresh tensors filled once with fixed arguments; none where an output is another."""
    fills = []
    for node in prelude.graph.output_node().args[0]:  # type: ignore[union-attr]
        source, *args = node.args  # type: ignore[union-attr]
        fresh = isinstance(source, fx.Node) and source.target is aten.empty.memory_format and len(source.users) == 1
        plain = not any(isinstance(arg, fx.Node) for arg in args)
        if not (fresh and plain and node.target._schema.name.endswith("_")):  # type: ignore[union-attr]
            return []
        fills.append(_Fill(node.target, tuple(args), dict(node.kwargs)))  # type: ignore[union-attr]
    return fills
