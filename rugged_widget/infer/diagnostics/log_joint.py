"""Log joint density of any model at many draws of its latents."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample

from rugged_widget.infer.diagnostics.plate_of_draws import Dimensions, log_joint_in_plate
from rugged_widget.infer.step.module_state import behind, untouched
from rugged_widget.infer.step.transfer import as_numpy
from rugged_widget.infer.step.with_gradients import called_with_gradients, needs_gradients
from rugged_widget.snapshot.values import Array

TRIAL_DRAWS: Final = 4
"""Draws at which both ways of computing are compared and timed."""

TIMED: Final = (16, 64, 256)
"""Draws that are timed where they are computed at once: a call takes some time, and hardly more for many."""

TIMING_SECONDS: Final = 0.1
"""Time of a call after which no larger one is timed: it takes at most as many times as long as it has more draws."""

CHUNK: Final = 500
"""Draws that are computed at once at least, where that can be; not many more, so that memory stays bounded."""

MOST_AT_ONCE: Final = 20_000
"""Draws that are computed at once at most."""

CHUNK_SECONDS: Final = 0.02
"""Time that more than `CHUNK` draws at once may take: what is so quick needs little memory."""

MAX_NUMBERS: Final = 20_000_000
"""Numbers that the draws behind a verdict may hold, 160 MB."""

FEWEST: Final = 100
"""Draws of a repeat below which the tail of the weights cannot be told."""


class UnknownJointError(ValueError):
    """The log joint of a model cannot be computed at draws of its guide; `key` names the reason.

    The reasons are no_latents, subsampled (a step looks at a part of the data), enumerated (the model sums over latents
    that the guide does not draw), drawn (the model draws what the guide does not), discrete and failed.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class LogJoint:
    """The log density of data and latents at draws of the latents.

    It is computed for many draws at once where the model can be, as where it branches on no value and draws nothing:
    by vmap, or by a plate over the draws, and one by one elsewhere. Call it where the model may be run: it changes no
    parameters.

    Parameters
    ----------
    model
        A Pyro model.
    args, kwargs
        Its arguments.
    example
        A few draws by site, shape (num_draws, *site shape), at least `TRIAL_DRAWS`.

    Attributes
    ----------
    seconds
        Time that one draw takes, by the faster way that is right.

    Raises
    ------
    UnknownJointError
        Where it cannot be computed.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        example: Mapping[str, torch.Tensor],
    ) -> None:
        self._model, self._args, self._kwargs = model, args, dict(kwargs)
        self._holders, self._shapes = behind(model), _shapes(example)
        if not example:
            raise UnknownJointError("no_latents")
        few = {name: values[:TRIAL_DRAWS] for name, values in example.items()}
        self._dimensions = self._check(few)
        self._dim: int | None = None
        start = time.perf_counter()
        one_by_one = self._one_by_one(few)
        self.seconds = (time.perf_counter() - start) / TRIAL_DRAWS
        self._at_once = self._agrees_at_once(few, one_by_one) or self._agrees_in_plate(few, one_by_one)

    def __repr__(self) -> str:
        way = "one at once" if not self._at_once else "many at once" if self._dim is None else "many in a plate"
        return f"LogJoint({self.seconds:.2g} s a draw, {way})"

    def __call__(self, draws: Mapping[str, torch.Tensor]) -> Array:
        """Return the log joint at each draw, shape (num_draws,), nats; -inf where the model rules a draw out."""
        compute = self._together if self._at_once else self._one_by_one
        count = len(next(iter(draws.values())))
        size = max(CHUNK, min(MOST_AT_ONCE, int(CHUNK_SECONDS / max(self.seconds, 1e-9))))
        parts = [
            compute({name: values[start : start + size] for name, values in draws.items()})
            for start in range(0, count, size)
        ]
        return as_numpy(torch.cat(parts)).astype(np.float64)

    def takes(self, draws: Mapping[str, torch.Tensor]) -> bool:
        """Return whether draws are of the sites and shapes that it was made for."""
        return _shapes(draws) == self._shapes

    def _check(self, draws: Mapping[str, torch.Tensor]) -> Dimensions:
        first = {name: values[0] for name, values in draws.items()}
        try:
            trace = self._first_trace(first)
        except Exception as error:
            raise UnknownJointError("failed") from error
        for name, site in trace.nodes.items():
            if site["type"] != "sample" or name in first:
                continue
            if site_is_subsample(site):
                if len(site["value"]) < site["fn"].size:
                    raise UnknownJointError("subsampled")
            elif not site["is_observed"]:
                raise UnknownJointError("enumerated" if site["infer"].get("enumerate") else "drawn")
        if any(trace.nodes[name]["fn"].has_enumerate_support for name in first if name in trace.nodes):
            raise UnknownJointError("discrete")
        return Dimensions.of(trace)

    def _first_trace(self, draw: Mapping[str, torch.Tensor]) -> Any:
        """Run the model at a draw; from there on with gradients switched on where it computes some itself."""
        try:
            return self._traced(draw)
        except RuntimeError as error:
            if not needs_gradients(error):
                raise
        self._model = partial(called_with_gradients, self._model)
        return self._traced(draw)

    def _traced(self, draw: Mapping[str, torch.Tensor]) -> Any:
        conditioned: Any = poutine.trace(poutine.condition(self._model, data=dict(draw)))
        return conditioned.get_trace(*self._args, **self._kwargs)

    def _agrees_at_once(self, draws: Mapping[str, torch.Tensor], one_by_one: torch.Tensor) -> bool:
        try:
            together, seconds = self._timed(draws)
        except Exception:  # whatever a model raises where values are not numbers
            return False
        finite = torch.isfinite(one_by_one)
        same = bool((torch.isfinite(together) == finite).all()) and torch.allclose(
            together[finite], one_by_one[finite], rtol=1e-4, atol=1e-3
        )
        if same:
            self.seconds = min(self.seconds, seconds)
        return same

    def _agrees_in_plate(self, draws: Mapping[str, torch.Tensor], one_by_one: torch.Tensor) -> bool:
        """Return whether a plate over the draws gives the same, as where vmap cannot look into the model's functions.

        A dimension between it and the model's plates is tried too, for a model may reckon with a plate that it has not.
        """
        for width in (self._dimensions.plates, self._dimensions.plates + 1):
            self._dim = -1 - width
            if self._agrees_at_once(draws, one_by_one):
                return True
        return False

    def _timed(self, draws: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, float]:
        """Return the log joint at draws, computed at once, and the time that one of many takes so."""
        together, elapsed = self._clocked(draws)
        if elapsed > TIMING_SECONDS:  # the first call of all may load something
            together, elapsed = self._clocked(draws)
        seconds = elapsed / TRIAL_DRAWS
        for count in TIMED:
            if elapsed > TIMING_SECONDS:
                break
            repeats = count // TRIAL_DRAWS
            many = {name: values.repeat(repeats, *[1] * (values.ndim - 1)) for name, values in draws.items()}
            elapsed = self._clocked(many)[1]
            seconds = min(seconds, elapsed / count)
        return together, seconds

    def _clocked(self, draws: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, float]:
        start = time.perf_counter()
        result = self._together(draws)
        return result, time.perf_counter() - start

    def _of_one(self, draw: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.as_tensor(self._traced(draw).log_prob_sum())

    def _together(self, draws: Mapping[str, torch.Tensor]) -> torch.Tensor:
        # A module that keeps what it was called with would be left with a tensor that only vmap may read.
        with pyro.validation_enabled(False), untouched(self._holders):
            if self._dim is not None:
                model = partial(self._model, *self._args, **self._kwargs)
                return log_joint_in_plate(model, draws, self._dimensions, self._dim)
            return torch.func.vmap(self._of_one)(dict(draws))

    def _one_by_one(self, draws: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with pyro.validation_enabled(False):
            count = len(next(iter(draws.values())))
            return torch.stack(
                [self._of_one({name: values[number] for name, values in draws.items()}) for number in range(count)]
            )


def _shapes(draws: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: values.shape[1:] for name, values in draws.items()}


def affordable_draws(seconds: float, num_elements: int, *, budget: float, repeats: int) -> int:
    """Return how many draws a repeat may have, at most 2,000; 0 where there are too few to judge by.

    A draw takes `seconds` > 0 and holds so many numbers; all repeats together may take the budget, in seconds.
    """
    by_time = budget / (seconds * repeats)
    by_memory = MAX_NUMBERS / (max(num_elements, 1) * repeats)
    count = int(min(2000.0, by_time, by_memory))
    return count if count >= FEWEST else 0
