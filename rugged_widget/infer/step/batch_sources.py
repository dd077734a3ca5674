"""Where batches come from: passes through an iterable again and again, or a function that gives the next."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from torch.utils.data import DataLoader, Dataset, IterableDataset

from rugged_widget.errors import RuggedWidgetError
from rugged_widget.infer.step.quick_loader import batches_of

TAKES: Final = "an iterable of batches, a DataLoader, or a function that returns the next batch or a new iterator"
HINT: Final = (
    "Pass a list, a DataLoader or a function that returns a new iterator, to go through the batches again and again"
)


class BatchError(RuggedWidgetError):
    """The next batch cannot be had; the text says why, in complete sentences for the reader of the widget."""


class NoBatchError(BatchError, ValueError):
    """There is not even a first batch."""


class Passes:
    """Goes through an iterable again and again.

    Parameters
    ----------
    begin
        Returns a new iterator, or the one that there is where the batches can be gone through once only.
    given
        What the user gave.
    first
        An iterator that has been made already, for the first pass.

    Attributes
    ----------
    draws
        True if getting a batch may run code that draws random numbers.
    keeps
        True if the batches stay in memory anyway.
    copies
        True if a batch may be written over when the next is made.
    """

    def __init__(self, begin: Callable[[int], Iterator[Any]], given: Any, first: Iterator[Any] | None = None) -> None:
        self._begin, self._given = begin, given
        self.keeps = isinstance(given, (list, tuple))
        self.draws = not self.keeps
        self.copies = not isinstance(given, (list, tuple, DataLoader))
        self._once = isinstance(given, Iterator)
        self._iterator: Iterator[Any] | None = first
        self._is_new = True
        self._any = False

    def __repr__(self) -> str:
        return f"Passes({type(self._given).__name__})"

    @property
    def num_batches(self) -> int | None:
        """Batches of a pass, >= 1; None where that is not known beforehand."""
        try:
            return len(self._given) or None
        except TypeError:
            return None

    def next(self, num_steps: int) -> tuple[Any, bool]:
        """Return the batch of the step after `num_steps`, and whether it is the first of a pass.

        BatchError is raised where there is none.
        """
        for _ in range(2):
            if self._iterator is None:
                self._iterator, self._is_new = self._begin(num_steps), True
            try:
                batch, is_new = next(self._iterator), self._is_new
            except StopIteration:
                self._end(num_steps)
                continue
            self._is_new, self._any = False, True
            return batch, is_new
        raise BatchError(f"The batches ended after step {num_steps}: the {self._name} gave none any more. {HINT}.")

    def _end(self, num_steps: int) -> None:
        """End a pass; raise where no other can begin."""
        if not self._any:
            again = f"; one that was gone through before cannot begin again. {HINT}" if self._once else ""
            raise NoBatchError(f"batches must give at least one batch, got an empty {self._name}{again}")
        if self._once:
            raise BatchError(f"The batches ended after step {num_steps}: a {self._name} cannot begin again. {HINT}.")
        self._iterator = None

    @property
    def _name(self) -> str:
        return type(self._given).__name__


class Function:
    """Calls a function for each batch; it is given the number of steps done where it takes an argument."""

    draws = copies = True
    keeps = False
    num_batches = None

    def __init__(self, function: Callable[[int], Any], first: Any) -> None:
        self._function = function
        self._waiting = [first]

    def __repr__(self) -> str:
        return f"Function({self._function!r})"

    def next(self, num_steps: int) -> tuple[Any, bool]:
        """Return the next batch; there are no passes."""
        return (self._waiting.pop() if self._waiting else self._function(num_steps)), False


Source: TypeAlias = Passes | Function


def check_source(batches: Any) -> None:
    """Raise TypeError for what cannot be a source of batches, whatever it gives."""
    if isinstance(batches, Dataset) and not isinstance(batches, IterableDataset):
        name = type(batches).__name__
        raise TypeError(f"batches must be {TAKES}, got {name}, which gives single rows: use DataLoader({name}, ...)")
    if isinstance(batches, Mapping):
        raise TypeError(f"batches must be {TAKES}, got {type(batches).__name__}: one batch is given as [batch]")
    if isinstance(batches, (str, bytes)) or not (isinstance(batches, Iterable) or callable(batches)):
        raise TypeError(f"batches must be {TAKES}, got {batches!r}")


def source_of(batches: Any) -> Source:
    """Return a source of what the user gave; a function is called, which may draw random numbers, for the first batch.

    TypeError is raised for what gives no batches; whatever a function raises is raised too.
    """
    check_source(batches)
    if isinstance(batches, Iterable):
        return Passes(lambda _: _begun(batches), batches)
    call = _with_steps(batches)
    first = call(0)
    if isinstance(first, Iterator):
        return Passes(lambda num_steps: _begun(call(num_steps)), batches, first)
    if isinstance(first, DataLoader):
        return Passes(lambda num_steps: _begun(call(num_steps)), batches, _begun(first))
    return Function(call, first)


def _begun(batches: Any) -> Iterator[Any]:
    return batches_of(batches) if isinstance(batches, DataLoader) else iter(batches)


def _with_steps(function: Callable[..., Any]) -> Callable[[int], Any]:
    """Return a function of the number of steps, whether the user's takes it or nothing."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some of C's have no signature
        parameters = ()  # type: ignore[assignment] # a view otherwise
    needed = [p for p in parameters if p.default is p.empty and p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    return function if needed else lambda _: function()
