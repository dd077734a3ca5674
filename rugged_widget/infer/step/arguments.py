"""What model and guide are called with in each step: the same arguments, or a batch a step."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch.nn.utils.rnn import PackedSequence

from rugged_widget.infer.step.numbers import Number, VaryingNumbers, as_tensor, is_number, with_tensors

SIMPLE = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
"""Values that are alike where they are equal."""

NO_LIMIT = 1 << 62


class _Itself:
    """Compares a thing by its identity, and keeps it, so that no other takes that."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


@dataclass(frozen=True, eq=False)
class Call:
    """Arguments of model and guide in one step.

    Attributes
    ----------
    args, kwargs
        The arguments.
    constant
        Those of them that all steps have in common, by position or name.
    tensors
        Tensors of the batch, each once, in order; none where the arguments are the same in all steps.
    form
        Everything else about the call: two calls of one form differ by the values in `tensors` alone. None where the
        batch holds something that cannot be compared.
    numbers
        Numbers of the batch that change from step to step; each is the last of `tensors` too.
    opened
        The call as a step is captured, with those tensors in the place of the numbers; None where there are none.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    constant: Mapping[int | str, Any] = field(default_factory=dict)
    tensors: tuple[torch.Tensor, ...] = ()
    form: Hashable = None
    numbers: tuple[Number, ...] = ()
    opened: Self | None = None

    @classmethod
    def fixed(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Self:
        """Return the call of every step, where all are alike."""
        constant: dict[int | str, Any] = dict([*enumerate(args), *kwargs.items()])
        return cls(tuple(args), dict(kwargs), constant, (), _identities(constant))

    @classmethod
    def of_batch(
        cls, batch: Any, args: Sequence[Any], kwargs: Mapping[str, Any], varying: VaryingNumbers | None = None
    ) -> Self:
        """Return the call of one batch, with arguments that are the same in all steps behind it.

        A tuple or a list is spread over the first arguments, a dict of names over keyword arguments; anything else is
        the first argument. `varying` knows the batches before.
        """
        by_name = isinstance(batch, Mapping) and all(isinstance(name, str) for name in batch)
        spread = isinstance(batch, (tuple, list)) and not isinstance(batch, PackedSequence)
        first = () if by_name else tuple(batch) if spread else (batch,)
        named = dict(batch) if by_name else {}
        if both := [name for name in named if name in kwargs]:
            raise ValueError(f"the batch and the keyword arguments both give {both[0]!r}")
        constant: dict[int | str, Any] = dict([*enumerate(args, len(first)), *kwargs.items()])
        tensors: dict[int, torch.Tensor] = {}
        numbers: list[Number] = []
        form = _form_of((first, named), tensors, numbers)
        whole: Hashable = None if form is None else (form, _identities(constant))
        held, opened = tuple(tensors.values()), None
        inputs: tuple[Number, ...] = ()
        if numbers and whole is not None:
            places = () if varying is None else varying.places(whole, numbers)
            fixed = tuple((i, number) for i, number in enumerate(numbers) if i not in places)
            whole, inputs = (whole, fixed), tuple(numbers[i] for i in places)
        if inputs:
            made = [as_tensor(number) for number in inputs]
            held = (*held, *made)
            parts, names = with_tensors((first, named), dict(zip(places, made, strict=True)))
            opened = cls((*parts, *args), {**names, **kwargs}, constant, held, whole)
        return cls((*first, *args), {**named, **kwargs}, constant, held, whole, inputs, opened)

    @property
    def stackable(self) -> bool:
        """True if stacking the tensors with those of other calls leaves each laid out in memory as it is."""
        return all(tensor.is_contiguous() for tensor in self.tensors)


def _identities(values: Mapping[int | str, Any]) -> Hashable:
    return tuple((name, _Itself(value)) for name, value in values.items())


def _form_of(thing: Any, tensors: dict[int, torch.Tensor], numbers: list[Number]) -> Hashable:
    """Return all of a nested value but its numbers and those in its tensors, and note both; None where it has none."""
    if isinstance(thing, torch.Tensor):
        plain = type(thing) is torch.Tensor and not thing.requires_grad and thing.layout is torch.strided
        if not plain or thing.device.type != "cpu":
            return None
        tensors.setdefault(id(thing), thing)
        return list(tensors).index(id(thing)), thing.shape, thing.stride(), thing.dtype
    if isinstance(thing, (tuple, list)) and not isinstance(thing, PackedSequence):
        parts = [_form_of(part, tensors, numbers) for part in thing]
        return None if None in parts else (type(thing), *parts)
    if isinstance(thing, dict):
        parts = [_form_of(part, tensors, numbers) for part in thing.values()]
        return None if None in parts else (type(thing), tuple(thing), *parts)
    if is_number(thing):
        numbers.append(thing)
        return (type(thing),)
    return (type(thing), thing) if isinstance(thing, SIMPLE) else None  # numbers in a PackedSequence decide on a way


class FixedArguments:
    """The same arguments in every step; see `BatchArguments` for what its methods are asked."""

    reach = NO_LIMIT

    def __init__(self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> None:
        self.example = Call.fixed(args, kwargs or {})

    def __repr__(self) -> str:
        return f"FixedArguments({len(self.example.constant)})"

    def at(self, num_steps: int, *, thorough: bool = False) -> Call:  # noqa: ARG002 every step is like the first
        """Return the call of every step."""
        return self.example

    kept = at

    def begin_here(self, num_steps: int) -> None:
        """Do nothing: getting a call draws nothing."""

    def epoch(self, num_steps: int) -> None:  # noqa: ARG002 as above
        """Return None: every step has all of the data, or what the model picks of it."""
        return
