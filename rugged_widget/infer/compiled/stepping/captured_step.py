"""Take steps of a captured program, on the state that it shares with Pyro's own steps."""

import math
import operator
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from rugged_widget.infer.compiled.capture.feasibility import Watch
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.schedule import Schedule
from rugged_widget.infer.compiled.program import Engine, State, message_of
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.stepping.step_inputs import step_inputs
from rugged_widget.infer.step.arguments import FixedArguments
from rugged_widget.infer.step.batches import Arguments
from rugged_widget.infer.step.numbers import Number

Array: TypeAlias = NDArray[np.float64]


CHECKS = 2
"""Times that a program beside the first is checked, each at the first steps that it takes."""

VALUES = 3
"""Values of the numbers that change from step to step with which a program is checked before others are believed."""

MEASURED_RUNS, MEASURED_CHECKS = 6, range(3, 8)
"""Runs, and checks beside Pyro's own step, after which one that is slower is given up: in the first steps only."""

READ_SECONDS = 0.02
"""Time from one reading of the numbers that a model holds to the next."""


class EngineError(RuntimeError):
    """An engine could not run what was captured."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A moment to come back to, after `num_steps`: all that steps change, and the state of torch's generator.

    `count` is how many steps the optimizer has taken; the learning rate is that of the step before, which some
    optimizers go on from.
    """

    num_steps: int
    state: State
    count: int
    learning_rate: float
    generator: torch.Tensor


@dataclass(eq=False)
class _Ready:
    """A captured program that is ready to run, how often it was checked beside Pyro's own step, with what numbers.

    `seconds` and `plain_seconds` are the shortest times of a step that were measured, of the program and of Pyro's own.
    """

    noise: Noise
    engine: Engine
    checks: int = 0
    runs: int = 0
    seconds: float = math.inf
    plain_seconds: float = math.inf
    numbers: set[tuple[Number, ...]] = field(default_factory=set)

    @property
    def believed(self) -> bool:
        """True once it was checked with as many values of the numbers that change from step to step as it takes."""
        return len(self.numbers) >= VALUES


class Compiled:
    """Takes captured steps. What they change lives here from `load` to `store`, and with Pyro otherwise.

    The engine may be replaced between two runs by another of the same program. `constants` are tensors that the program
    was captured with, such as the data; `watch` sees the numbers that model and guide hold. It takes steps with calls
    of the given form, and of others once their programs are added; whoever has other than fixed `arguments` sets them.
    `schedule` tells the learning rates where a scheduler sets them.
    """

    def __init__(
        self,
        link: Link,
        noise: Noise,
        engine: Engine,
        constants: Sequence[torch.Tensor],
        watch: Watch,
        form: Hashable = None,
        schedule: Schedule | None = None,
    ) -> None:
        self.link = link
        self.arguments: Arguments = FixedArguments()
        self._main = _Ready(noise, engine)
        self._programs = {form: self._main}
        self._schedule = schedule
        self._constants = [(constant, constant._version) for constant in constants]
        self._watch, self._seen, self._read_at = watch, watch.read(), time.monotonic()
        self.load()

    def __repr__(self) -> str:
        return f"Compiled({self.engine!r}, {self._main.noise!r}, {self.link!r})"

    @property
    def engine(self) -> Engine:
        """What runs the program; where there are several, the first of them."""
        return self._main.engine

    @engine.setter
    def engine(self, engine: Engine) -> None:
        self._main.engine = engine
        self._main.runs, self._main.seconds = 0, math.inf

    @property
    def is_slower(self) -> bool:
        """True if the first steps have shown that Pyro's own are faster; the first program counts."""
        one = self._main
        known = one.runs >= MEASURED_RUNS and one.checks in MEASURED_CHECKS
        return known and one.seconds > one.plain_seconds

    @property
    def num_programs(self) -> int:
        """Forms of calls that it takes steps with."""
        return len(self._programs)

    def can_run(self, form: Hashable) -> bool:
        """Return whether it takes steps with calls of a form."""
        return isinstance(self.arguments, FixedArguments) or form in self._programs

    def add(self, other: Self) -> bool:
        """Take steps with calls of another's form too; returns False where that one has other parameters."""
        params, others = self.link.params, other.link.params
        alike = len(params) == len(others) and all(map(operator.is_, params, others))
        same = alike and self.link.rule == other.link.rule and self.link.lasting.is_same(other.link.lasting)
        if same:
            self._programs |= {form: ready for form, ready in other._programs.items() if form not in self._programs}
            self._constants += other._constants
        return same

    def needs_check(self, num_steps: int) -> bool:
        """Return whether the program of the step after `num_steps` has to be checked now.

        That is where it is new beside others that were checked for long, or was checked with few other numbers only.
        """
        ready, numbers = self._of(num_steps), self.arguments.kept(num_steps).numbers
        if numbers and not ready.believed and numbers not in ready.numbers:
            return True
        return ready is not self._main and ready.checks < CHECKS

    def note_plain(self, num_steps: int, seconds: float) -> None:
        """Note what Pyro's own step after `num_steps` took."""
        ready = self._of(num_steps)
        ready.plain_seconds = min(ready.plain_seconds, seconds)

    def was_checked(self, num_steps: int) -> None:
        """Note that the step after `num_steps` was checked."""
        ready = self._of(num_steps)
        ready.checks += 1
        if not ready.believed:
            ready.numbers.add(self.arguments.kept(num_steps).numbers)

    def _of(self, num_steps: int) -> _Ready:
        fixed = isinstance(self.arguments, FixedArguments)
        return self._main if fixed else self._programs[self.arguments.kept(num_steps).form]

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
        """Parameters, flat, moments, and the lasting tensors."""
        return self._state

    def load(self) -> None:
        """Take the state over from Pyro."""
        self._state, self._count = self.link.read()
        self._infinite = torch.isinf(self._state[0])
        if self._schedule is not None:
            self._schedule.load(self._count)

    def store(self) -> None:
        """Give the state to Pyro."""
        self.link.write(self._state, self._count)
        if self._schedule is not None:
            self._schedule.store(self._count)

    def leave(self) -> None:
        """Give the state to Pyro, whose steps come next."""
        self.store()
        if self._count:
            self.link.zero_gradients()

    def mark(self, num_steps: int, learning_rate: float) -> Mark:
        """Remember this moment; costs next to nothing, because runs leave the state as it was and return a new one."""
        return Mark(num_steps, self._state, self._count, learning_rate, torch.get_rng_state())

    def go_back(self, mark: Mark) -> None:
        """Return to a moment, random numbers included."""
        self._state, self._count = mark.state, mark.count
        torch.set_rng_state(mark.generator)

    def run(self, num_steps: int, learning_rate: float, start: int = 0) -> tuple[Array, Array]:
        """Take steps, >= 1, whether they lead anywhere or not; return losses and learning rates, (num_steps,) each.

        They come after `start` steps, and are fewer where the next batches are of another form. `learning_rate` is that
        of the next step, as the optimizer has it now; a schedule knows its own. Where the engine fails, EngineError is
        raised and the state is as before.
        """
        rule, state, ready = self.link.rule, self._state, self._of(start)
        num_steps, inputs = step_inputs(self.arguments, start, num_steps, ready.noise, alike=not ready.believed)
        learning_rates = self._learning_rates(num_steps, learning_rate)
        rates = torch.as_tensor(rule.rates(learning_rates, self._count + 1), dtype=state[0].dtype)
        began = time.perf_counter()  # batches may have to be waited for, which Pyro's own steps do elsewhere
        try:
            self._state, losses = ready.engine.run(state, [*rates, *inputs])
        except RuntimeError as error:
            raise EngineError(f"the {ready.engine.name} engine could not run it: {message_of(error)}") from error
        ready.runs, ready.seconds = ready.runs + 1, min(ready.seconds, (time.perf_counter() - began) / num_steps)
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
        """Return whether all parameters are, but for what was infinite before, as behind a probability of 0 it is.

        Their sum mostly tells, in a tenth of the time.
        """
        params = self._state[0]
        if math.isfinite(params.sum()):
            return True
        return bool((torch.isfinite(params) | (self._infinite & torch.isinf(params))).all())
