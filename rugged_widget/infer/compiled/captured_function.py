"""Capture a function of a fit's parameters, such as the tensors of a snapshot."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self, TypeAlias

import torch

from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.random_inputs import hoist
from rugged_widget.infer.compiled.capture.recorder import record
from rugged_widget.infer.compiled.capture.simplify import simplify
from rugged_widget.infer.compiled.capture.trace import Capturing
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.compiled.torchscript_engine import scripted

Seeded: TypeAlias = Callable[[], AbstractContextManager[None]]

TOLERANCE = 1e-4
"""Relative difference from the function itself beyond which its capture is not used."""


class Picture:
    """Computes tensors from parameters without Pyro, as a function of Pyro's did when this was made.

    The function `compute` is called twice; `seeded` enters the state of torch's generator that it begins to draw with,
    each time the same. UnsupportedError is raised where it cannot be captured, or the capture computes something else.
    """

    def __init__(
        self, compute: Callable[[], Sequence[torch.Tensor]], params: Sequence[torch.Tensor], seeded: Seeded
    ) -> None:
        self._params = list(params)
        expected = [value.clone() for value in compute()]
        try:
            with torch.no_grad(), Capturing(params):
                traced = record(lambda *_: tuple(compute()), self._params)
        except Exception as error:
            raise UnsupportedError(f"the picture could not be captured: {error}") from error
        body, prelude = hoist(traced, self._params)
        with seeded():
            self._noise = [value.clone() for value in prelude()]
        graph = functional(body, [*self._params, *self._noise])
        simplify(graph, [*self._params, *self._noise])
        self._run: Callable[..., Any] = scripted(graph, (*self._params, *self._noise))
        if not self._agrees(expected):
            raise UnsupportedError("the captured picture differs from the one drawn by Pyro")

    def of(self, params: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> Self | None:
        """Return the same function of other parameters; None where it does not compute from them what is expected."""
        if [param.shape for param in params] != [param.shape for param in self._params]:
            return None
        other = copy.copy(self)
        other._params = list(params)
        return other if other._agrees(expected) else None

    def _agrees(self, expected: Sequence[torch.Tensor]) -> bool:
        values = self()
        return len(values) == len(expected) and all(
            value.shape == reference.shape and torch.allclose(value, reference, rtol=TOLERANCE, atol=TOLERANCE)
            for value, reference in zip(values, expected, strict=True)
        )

    def of_now(self) -> Callable[[], list[torch.Tensor]]:
        """Return what computes the tensors from the parameters as they are now, whatever becomes of them."""
        now = [param.detach().clone() for param in self._params]
        return lambda: self._of(now)

    def __call__(self) -> list[torch.Tensor]:
        """Compute the tensors from the parameters; it needs no isolation, as there is nothing random about it."""
        return self._of(self._params)

    def _of(self, params: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        with _undisturbed():
            return list(self._run(*params, *self._noise))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Compute on one thread without gradients, and in no mode of torch's that the user may be in."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            torch.inference_mode(mode=False),
            torch.no_grad(),
            torch.autocast("cpu", enabled=False),
            torch._C.DisableTorchFunction(),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
