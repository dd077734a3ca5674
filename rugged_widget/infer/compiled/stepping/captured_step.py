"""Take steps of a captured program, on the state that it shares with Pyro's own steps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from rugged_widget.infer.compiled.capture.feasibility import Watch
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.schedule import Schedule
from rugged_widget.infer.compiled.program import Engine, State, message_of
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise

Array: TypeAlias = NDArray[np.float64]


READ_SECONDS = 0.02
"""Time from one reading of the numbers that a model holds to the next."""


class EngineError(RuntimeError):
    """An engine could not run what was captured."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A moment to come back to: parameters and moments, count of the optimizer's steps, state of torch's generator.

    The learning rate is that of the step before, which some optimizers go on from.
    """

    state: State
    count: int
    learning_rate: float
    generator: torch.Tensor


class Compiled:
    """Takes captured steps. What they change lives here from `load` to `store`, and with Pyro otherwise.

    The engine may be replaced between two runs by another of the same program. `schedule` tells the learning rates
    where a scheduler sets them. `constants` are tensors that the program
    was captured with, such as the data; `watch` sees the numbers that model and guide hold.
    """

    def __init__(
        self,
        link: Link,
        noise: Noise,
        engine: Engine,
        constants: Sequence[torch.Tensor],
        watch: Watch,
        schedule: Schedule | None = None,
    ) -> None:
        self.link, self.engine = link, engine
        self._noise, self._schedule = noise, schedule
        self._constants = [(constant, constant._version) for constant in constants]
        self._watch, self._seen, self._read_at = watch, watch.read(), time.monotonic()
        self.load()

    def __repr__(self) -> str:
        return f"Compiled({self.engine!r}, {self._noise!r}, {self.link!r})"

    @property
    def outdated(self) -> bool:
        """True if somebody has changed what was captured: a constant, or a number that the model holds.

        Numbers are read now and then only, because that takes a tenth of a millisecond.
        """
        if time.monotonic() - self._read_at > READ_SECONDS:
            self._read_at = time.monotonic()
            if self._watch.changed(self._seen) is not None:
                return True
        return any(constant._version != version for constant, version in self._constants)

    @property
    def state(self) -> State:
        """Parameters, flat, and moments."""
        return self._state

    def load(self) -> None:
        """Take the state over from Pyro."""
        self._state, self._count = self.link.read()
        if self._schedule is not None:
            self._schedule.load(self._count)

    def store(self) -> None:
        """Give the state to Pyro."""
        self.link.write(self._state, self._count)
        if self._schedule is not None:
            self._schedule.store(self._count)

    def mark(self, learning_rate: float) -> Mark:
        """Remember this moment; costs next to nothing, because runs leave the state as it was and return a new one."""
        return Mark(self._state, self._count, learning_rate, torch.get_rng_state())

    def go_back(self, mark: Mark) -> None:
        """Return to a moment, random numbers included."""
        self._state, self._count = mark.state, mark.count
        torch.set_rng_state(mark.generator)

    def run(self, num_steps: int, learning_rate: float) -> tuple[Array, Array]:
        """Take steps, >= 1, whether they lead anywhere or not; return losses and learning rates, (num_steps,) each.

        `learning_rate` is that of the next step, as the optimizer has it now; a schedule knows its own. Where the
        engine fails, EngineError is raised and the state is as before.
        """
        rule, state = self.link.rule, self._state
        learning_rates = self._learning_rates(num_steps, learning_rate)
        rates = torch.as_tensor(rule.rates(learning_rates, self._count + 1), dtype=state[0].dtype)
        try:
            self._state, losses = self.engine.run(state, [*rates, *self._noise.draw(num_steps)])
        except RuntimeError as error:
            raise EngineError(f"the {self.engine.name} engine could not run it: {message_of(error)}") from error
        self._count += num_steps
        return losses.numpy().astype(np.float64), learning_rates

    def _learning_rates(self, num_steps: int, learning_rate: float) -> Array:
        if self._schedule is None:
            return self.link.rule.decayed(learning_rate, num_steps)
        try:
            return self._schedule.rates(self._count, num_steps)
        except RuntimeError as error:
            raise EngineError(str(error)) from error

    def is_finite(self) -> bool:
        """Return whether all parameters are."""
        return bool(torch.isfinite(self._state[0]).all())
