"""A batch a step: get them one by one, and keep the last ones for steps that are taken again."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch.utils import _pytree

from rugged_widget.errors import FitError
from rugged_widget.infer.step.arguments import NO_LIMIT, Call, FixedArguments
from rugged_widget.infer.step.batch_sources import BatchError, NoBatchError, Source, check_source, source_of
from rugged_widget.infer.step.failure import in_a_line
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.numbers import VaryingNumbers
from rugged_widget.infer.step.torch_random import TorchRandom, current_torch, install_torch
from rugged_widget.snapshot.values import Epoch

MAX_KEPT_BYTES = 1 << 27
"""Memory for the batches that are kept for steps to be taken again, beside those that the user keeps anyway."""

MIN_KEPT = 32
"""Batches that are kept however large: steps by Pyro go back ten steps at most."""

GENERATOR_BYTES = 1 << 14
"""Memory of the states of the generators that are kept with a batch."""


class _Kept(NamedTuple):
    """A call, and the generators when it had been got: all of them, torch's alone, or none where none is drawn from."""

    call: Call
    generators: Generators | TorchRandom | None

    def rewind(self) -> None:
        if isinstance(self.generators, Generators):
            self.generators.rewind()
        elif self.generators is not None:
            install_torch(self.generators)


class BatchArguments:
    """A batch for each step, from a source; a step that is taken again has the batch that it had.

    It is asked inside the fit's isolation.

    Parameters
    ----------
    batches
        An iterable of batches, which is gone through again and again, or a function that returns the next batch or a
        new iterator; asked inside the fit's isolation, once for each step. TypeError is raised for anything else.
    args, kwargs
        What every call has beside the batch.
    """

    def __init__(self, batches: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> None:
        check_source(batches)
        self._batches, self._args, self._kwargs = batches, tuple(args), dict(kwargs or {})
        self._source: Source | None = None
        self._example: Call | None = None
        self._kept: deque[_Kept] = deque()
        self._first = 0  # step of the first that is kept
        self._starts: list[int] = []
        self._largest = 0
        self._waiting: Exception | None = None
        self._varying = VaryingNumbers()

    def __repr__(self) -> str:
        return f"BatchArguments({self._source!r}, {self._first + len(self._kept)} batches)"

    @property
    def draws(self) -> bool:
        """True if getting a call may draw random numbers, which then lie between those of two steps."""
        return self._source is None or self._source.draws

    @property
    def example(self) -> Call:
        """One call, always the first, for whoever has to call model or guide outside a step."""
        return self._example or self.at(0)

    @property
    def reach(self) -> int:
        """Steps, >= 1, that can be gone back without keeping too much in memory."""
        if self._source is not None and self._source.keeps:
            return NO_LIMIT
        return max(MIN_KEPT, MAX_KEPT_BYTES // max(1, self._largest))

    def at(self, num_steps: int, *, thorough: bool = False) -> Call:
        """Return the call of the step after `num_steps`, and let torch's generator be where that step begins.

        It is the next one that was never asked for, or one that is not forgotten. Where `thorough`, the generators of
        Python and NumPy come back too when it is asked for again: a step by Pyro may draw from them. BatchError is
        raised where there is no such call; the fit is untouched.
        """
        place = num_steps - self._first
        if place < 0:
            raise RuntimeError(f"the batch of step {num_steps + 1} was forgotten")
        while len(self._kept) <= place:
            self._get(self._first + len(self._kept), thorough=thorough)
        kept = self._kept[place]
        kept.rewind()
        return kept.call

    def kept(self, num_steps: int) -> Call:
        """Return a call that was asked for, that of the step after `num_steps`; generators stay."""
        return self._kept[num_steps - self._first].call

    def hold_numbers(self) -> None:
        """Take the numbers of all further calls as fixed: the model cannot do with tensors in their place."""
        self._varying.hold()

    def following(self, num_steps: int, count: int) -> Iterator[Call]:
        """Yield the calls of at most `count` >= 1 steps; an error of a later one is raised when that is asked for."""
        yield self.at(num_steps)
        for i in range(1, count):
            try:
                call = self.at(num_steps + i)
            except Exception as error:
                self._waiting = error
                return
            yield call

    def begin_here(self, num_steps: int) -> None:
        """Note that the step after `num_steps` begins with the random numbers as they are now, not where it was got."""
        place = num_steps - self._first
        self._kept[place] = self._kept[place]._replace(generators=Generators.copied())

    def forget(self, num_steps: int) -> None:
        """Forget the calls of the first steps: nothing goes back behind `num_steps`."""
        while self._kept and self._first < num_steps:
            self._kept.popleft()
            self._first += 1

    def epoch(self, num_steps: int) -> Epoch | None:
        """Return where in the data the fit is after so many steps; None where there are no passes."""
        if not self._starts or self._source is None:
            return None
        number = max(1, bisect_right(self._starts, num_steps - 1))
        whole = self._starts[max(0, number - 2) : number + 1]  # a pass is as long as it is, or as the one before was
        length = self._source.num_batches or (whole[-1] - whole[-2] if len(whole) > 1 else None)
        return Epoch(number, num_steps - self._starts[number - 1], length)

    def _get(self, num_steps: int, *, thorough: bool) -> None:
        if self._waiting is not None:
            error, self._waiting = self._waiting, None
            raise error
        try:
            self._source = self._source or source_of(self._batches)
            batch, begins = self._source.next(num_steps)
            batch = _copied(batch) if self._source.copies else batch
            call = Call.of_batch(batch, self._args, self._kwargs, self._varying)
        except BatchError:
            raise
        except Exception as error:
            message = in_a_line(error) or "no message"
            text = f"The batch of step {num_steps + 1} could not be had: {type(error).__name__}: {message}."
            raise BatchError(text) from error
        if begins:
            self._starts.append(num_steps)
        generators = (Generators.copied() if thorough else current_torch()) if self._source.draws else None
        self._kept.append(_Kept(call, generators))
        self._example = self._example or call
        self._largest = max(self._largest, sum(tensor.nbytes for tensor in call.tensors) + GENERATOR_BYTES)


Arguments: TypeAlias = FixedArguments | BatchArguments
"""What the steps of a fit call model and guide with."""


def _copied(batch: Any) -> Any:
    """Copy the tensors of a batch, which may be written over before it is used again."""
    return _pytree.tree_map_only(torch.Tensor, lambda tensor: tensor if tensor.requires_grad else tensor.clone(), batch)


def arguments_of(args: Sequence[Any], kwargs: Mapping[str, Any] | None, batches: Any) -> Arguments:
    """Return the arguments of the steps of a fit; `batches` is None where all have the same."""
    return FixedArguments(args, kwargs) if batches is None else BatchArguments(batches, args, kwargs)


def first_call(arguments: Arguments) -> Call:
    """Return the call of the first step.

    ValueError is raised where there are no batches at all, FitError where the first one cannot be had.
    """
    try:
        return arguments.at(0)
    except NoBatchError:
        raise
    except BatchError as error:
        raise FitError(str(error), step=1) from error
