"""Random programs of tensors that write in place, through views and aliases, as the passes over graphs must bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

Operation = Callable[[Tensor, Tensor, float], Any]

CONSTANTS = (torch.zeros(3), torch.ones(2, 3), torch.arange(3), torch.tensor([1.0, -0.0, 0.5]), torch.eye(3))
"""What programs read beside their inputs; nobody writes into them."""

EXAMPLE = (torch.linspace(-1.0, 1.0, 6).reshape(2, 3), torch.tensor([0.5, -2.0, 1.0]), torch.eye(3) - 0.25)


def refused() -> None:
    """Say no where torch would warn."""
    raise IndexError


VIEWS: dict[str, Operation] = {
    "transpose": lambda a, _, __: a.t(),
    "permute": lambda a, _, __: a.permute(-1, 0),
    "rows": lambda a, _, __: a[1:],
    "columns": lambda a, _, __: a[..., :2],
    "all rows": lambda a, _, __: a[0:],
    "every other": lambda a, _, __: a[::2],
    "row": lambda a, _, __: a[0],
    "column": lambda a, _, __: a[..., 1],
    "repeated": lambda a, _, __: a[None].expand(2, *a.shape),
    "expanded to itself": lambda a, _, __: a.expand(a.shape),
    "flat": lambda a, _, __: a.reshape(-1),
    "view": lambda a, _, __: a.view(-1),
    "there and back": lambda a, _, __: a.unsqueeze(0).squeeze(0),
    "detached": lambda a, _, __: a.detach(),
    "alias": lambda a, _, __: a.view_as(a),
    "diagonal": lambda a, _, __: a.diagonal(),
    "first part": lambda a, _, __: a.split(1)[0],
    "unbound": lambda a, _, __: a.unbind(0)[-1],
}
FRESH: dict[str, Operation] = {
    "plus": lambda a, b, _: a + b,
    "minus": lambda a, b, _: a - b,
    "times": lambda a, b, _: a * b,
    "plus some": lambda a, b, c: torch.add(a, b, alpha=int(c)),
    "minus some": lambda a, b, c: torch.sub(a, b, alpha=int(c)),
    "negative": lambda a, _, __: -a,
    "minus negative": lambda a, b, _: a - (-b),
    "negative plus": lambda a, b, _: (-a) + b,
    "negative difference": lambda a, b, _: -(a - b),
    "product of negatives": lambda a, b, _: (-a) * (-b),
    "negative times number": lambda a, _, c: (-a) * c,
    "negative over number": lambda a, _, __: (-a) / 2,
    "number minus": lambda a, _, c: c - a,
    "number times": lambda a, _, c: c * a,
    "number plus": lambda a, _, c: c + a,
    "plus nothing": lambda a, _, __: a + 0,
    "over one": lambda a, _, __: a / 1,
    "floor over one": lambda a, _, __: a // 1,
    "power": lambda a, _, __: a**1,
    "of itself": lambda a, _, __: a - a,
    "equal": lambda a, b, _: a == b,
    "equal to itself": lambda a, _, __: torch.eq(a, a),
    "greater": lambda a, b, _: a > b,
    "chosen": lambda a, b, _: torch.where(a > 0, a, b),
    "no": lambda a, _, __: ~(a > 0),
    "zeros like": lambda a, _, __: torch.zeros_like(a),
    "full like": lambda a, _, c: torch.full_like(a, c),
    "read in memory": lambda a, _, __: a.as_strided((2,), (1,)).clone(),
    "copied": lambda a, _, __: a.clone(),
    "in another order": lambda a, _, __: a.clone(memory_format=torch.contiguous_format),
    "double": lambda a, _, __: a.double(),
    "whole": lambda a, _, __: a.long(),
    "small and whole": lambda a, _, __: (a > 0).to(torch.uint8),
    "bounded": lambda a, _, __: torch.tanh(a),
    "sum": lambda a, _, __: a.sum(),
    "sums": lambda a, _, __: a.sum(-1, keepdim=True),
    "side by side": lambda a, b, _: torch.cat([a, b]),
    "number": lambda _, __, c: torch.tensor(c),
    "literal": lambda _, __, c: torch.tensor([c, 1.0, 0.0]),
    "zeros": lambda _, __, ___: torch.zeros(2, 3),
}
WRITES: dict[str, Operation] = {
    "add": lambda a, b, _: a.add_(b),
    "add some": lambda a, b, c: a.add_(b, alpha=int(c)),
    "subtract": lambda a, b, _: a.sub_(b),
    "multiply": lambda a, b, _: a.mul_(b),
    "halve": lambda a, _, __: a.div_(2),
    "copy": lambda a, b, _: a.copy_(b),
    "zero": lambda a, _, __: a.zero_(),
    "fill": lambda a, _, c: a.fill_(c),
    "negate": lambda a, _, __: a.neg_(),
    "bound": lambda a, _, __: a.tanh_(),
    "clamp": lambda a, b, _: a.clamp_(max=b),
    "ask": lambda a, b, _: a.gt_(b),
    "deny": lambda a, _, __: a.logical_not_(),
    "mask": lambda a, b, c: a.masked_fill_(b > 0, c),
    "put out": lambda a, b, _: torch.add(b, b, out=a) if a.shape == b.shape else refused(),
    "put a row": lambda a, b, _: a.__setitem__(0, b),
    "put where": lambda a, _, c: a.__setitem__(a > 0, c) if a.dim() else refused(),  # torch asks a number for its value
    "lerp": lambda a, b, _: a.lerp_(b, 0.25),
    "multiply and add": lambda a, b, _: a.addcmul_(b, b),
}
OPERATIONS = VIEWS | FRESH | WRITES


class Instruction(NamedTuple):
    """An operation on two of the values so far, counted from the last, and a number."""

    name: str
    first: int
    second: int
    number: float


class Program:
    """A function of tensors: instructions in order, each of which adds a value; the last values come out."""

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self._instructions = list(instructions)
        self._instructions = self._possible()

    def __repr__(self) -> str:
        return f"Program({self._instructions})"

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        values = [*CONSTANTS, *inputs]
        for instruction in self._instructions:
            values.append(self._done(instruction, values))
        return tuple(values[-4:])

    def _possible(self) -> list[Instruction]:
        """Keep the instructions that torch does not refuse, which depends on shapes and dtypes alone."""
        possible = []
        values = [*CONSTANTS, *(value.clone() for value in EXAMPLE)]
        kept = {value.untyped_storage().data_ptr() for value in CONSTANTS}
        for instruction in self._instructions:
            written = values[-1 - instruction.first % len(values)]
            overlaps = 0 in written.stride()  # which torch refuses for most writes, and cannot follow for the others
            if instruction.name in WRITES and (overlaps or written.untyped_storage().data_ptr() in kept):
                continue
            try:
                found = self._done(instruction, values)
            except (RuntimeError, IndexError):
                continue
            if found.dim() <= 3 and 0 < found.numel() <= 64:
                values.append(found)
                possible.append(instruction)
        return possible

    @staticmethod
    def _done(instruction: Instruction, values: Sequence[Tensor]) -> Tensor:
        first, second = (values[-1 - index % len(values)] for index in (instruction.first, instruction.second))
        found = OPERATIONS[instruction.name](first, second, instruction.number)
        return first if found is None else found


def programs(min_size: int = 1, max_size: int = 14) -> st.SearchStrategy[Program]:
    """Programs of which a third of the instructions are views, and a third writes.

    Of the instructions asked for, a program leaves out those that torch refuses.
    """
    names = st.sampled_from([VIEWS, FRESH, WRITES]).flatmap(lambda kind: st.sampled_from(list(kind)))
    index = st.integers(0, 12)
    number = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5])
    instruction = st.builds(Instruction, names, index, index, number)
    return st.lists(instruction, min_size=min_size, max_size=max_size).map(Program)
