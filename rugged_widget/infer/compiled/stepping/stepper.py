"""Take many captured steps a call, with checkpoints, and verify some of them against Pyro's own."""

import time
from typing import NamedTuple

import numpy as np
import torch

from rugged_widget.infer.compiled.program import Engine
from rugged_widget.infer.compiled.stepping.captured_step import Array, Compiled, EngineError, Mark
from rugged_widget.infer.compiled.stepping.thread_tuning import Threads
from rugged_widget.infer.compiled.stepping.verification import DisagreementError, Verification
from rugged_widget.infer.step.checkpoints import EVERY
from rugged_widget.infer.step.pyro_step import PlainStep, Taken

CALL_SECONDS = {"graph": 0.002, "jax": 0.004}
"""What one call of an engine may take; JAX has more to do around its steps."""

WAITED = {"graph": 4.0, "jax": 1.0}
"""How many times as long as the thread itself works a call may take and count as having waited for a core.

While others use the cores, a call that was interrupted would make a step look longer than it is: too few would go into
the next one, and the turns of the loop between two calls would be paid for nothing. JAX computes in threads of its own.
"""

CHECK_SHARE = 0.02
"""Part of the time that checks may take, once the first ones are done."""


class _Times(NamedTuple):
    """Seconds by the clock, and of processor time of this thread."""

    clock: float
    thread: float

    @classmethod
    def now(cls) -> "_Times":
        return cls(time.perf_counter(), time.thread_time())

    def elapsed(self) -> "_Times":
        """Return the times since these."""
        now = _Times.now()
        return _Times(now.clock - self.clock, now.thread - self.thread)

    def work(self, waited: float) -> float:
        """Return how long it would take with a core to itself, at least 1 / `waited` of the clock's time."""
        return max(self.thread, self.clock / waited)


def _checkpoint_before(num_steps: int) -> int:
    """Return where Pyro's own steps would go back to, at the earliest, after a failure of the next one."""
    return max(0, num_steps // EVERY * EVERY - EVERY)


class CompiledStepping:
    """Takes captured steps; each gap between two checks is twice the one before, until checks cost next to nothing.

    Attributes
    ----------
    compiled
        What takes them.
    careful_until
        Pyro's own steps have to be taken until so many are done.
    ran_away
        True while they are to show why the captured step led to what is not finite.
    """

    def __init__(self, plain: PlainStep, compiled: Compiled, threads: Threads) -> None:
        self._plain, self.compiled, self._threads = plain, compiled, threads
        self._shadow = Verification(plain, compiled)
        self._places: list[Mark] = []
        self._agreed: Mark | None = None
        self._next_check = self._gap = 0
        self._step_seconds = 0.0
        self._holds = False  # whether the state is with the captured step, and Pyro's may be behind
        self.careful_until = 0
        self.ran_away = False

    def __repr__(self) -> str:
        return f"CompiledStepping({self.compiled!r}, next check at step {self._next_check})"

    def use(self, engine: Engine) -> None:
        """Run the program by another engine from the next step on, which is checked."""
        self.compiled.engine = engine
        self._next_check = self._gap = 0
        self._step_seconds = 0.0

    def take(self, num_steps: int, max_steps: int, seconds: float) -> Taken:
        """Take at least one step, or none where Pyro's own have to show what is wrong (see `careful_until`).

        It goes on after `num_steps` for at most `max_steps` >= 1 steps and `seconds`. DisagreementError is raised where
        the captured step is not Pyro's own: its `num_steps` says where the two still agreed, and the fit is there
        again.
        """
        if not self._holds or self.compiled.link.touched:
            self.compiled.load()
            self._holds = True
            self._places.clear()
            self._agreed = self._mark(num_steps)
        if num_steps >= self._next_check or self.compiled.needs_check(num_steps):
            return self._check(num_steps)
        until_check = max(1, self._next_check - num_steps)
        return self._run(num_steps, min(max_steps, until_check, self._fitting(seconds)))

    @property
    def oldest(self) -> int | None:
        """Steps done at the earliest place that it may go back to; None where there is none."""
        places = [*self._places, self._agreed] if self._agreed else self._places
        return min((place.num_steps for place in places), default=None)

    def held(self) -> dict[int, torch.Tensor]:
        """Return what is here and not with Pyro: values, of parameters flat, by the identity of Pyro's tensor."""
        if not self._holds:
            return {}
        link, state = self.compiled.link, self.compiled.state
        lasting = state[1 + len(link.rule.moments) :]
        held = dict(zip(map(id, link.params), link.by_parameter(state[0]), strict=True))
        return held | dict(zip(map(id, link.lasting.tensors), lasting, strict=True))

    def store(self) -> None:
        """Give parameters and moments to Pyro."""
        if self._holds:
            self.compiled.store()

    def leave(self) -> None:
        """Give parameters and moments to Pyro, whose steps come next."""
        if self._holds:
            self.compiled.leave()
        self._holds = False

    def go_back(self, num_steps: int) -> int:
        """Return to where the last run began, after an interrupt in it; returns the steps done there."""
        if not self._places:
            return num_steps
        place = self._places.pop()
        self.compiled.go_back(place)
        return place.num_steps

    def _mark(self, num_steps: int) -> Mark:
        return self.compiled.mark(num_steps, self._plain.learning_rate)

    def _fitting(self, seconds: float) -> int:
        if not self._step_seconds:
            return 1
        engine = self.compiled.engine
        return max(1, min(engine.max_steps, int(min(seconds, CALL_SECONDS[engine.name]) / self._step_seconds)))

    def _remember(self, num_steps: int) -> Mark:
        """Mark this place, and forget those that no failure from here on goes back to."""
        place = self._mark(num_steps)
        needed = _checkpoint_before(num_steps)
        while len(self._places) > 1 and self._places[1].num_steps <= needed:
            del self._places[0]
        self._places.append(place)
        return place

    def _run(self, num_steps: int, count: int) -> Taken:
        self._remember(num_steps)
        begun = _Times.now()
        try:
            losses, rates = self.compiled.run(count, self._plain.learning_rate, num_steps)
        except EngineError as error:
            raise self._return_to_agreement(num_steps, error) from error
        count = len(losses)
        taken = begun.elapsed()
        self._threads.took(taken.clock / count)
        step_seconds = taken.work(WAITED[self.compiled.engine.name]) / count
        # A longer call shares its overhead among more steps, so that faster is believed at once and slower by and by.
        slower = 0.7 * self._step_seconds + 0.3 * step_seconds
        self._step_seconds = step_seconds if not self._step_seconds else min(step_seconds, slower)
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad) or not self.compiled.is_finite():
            self.ran_away = True
            return self._return_before(num_steps + (int(bad[0]) if len(bad) else count), margin=3)
        self._decay_to(float(rates[-1]))
        return Taken(num_steps, losses, rates)

    def _decay_to(self, learning_rate: float) -> None:
        self._plain.optimizer.follow(learning_rate)

    def _return_before(self, bad: int, margin: int) -> Taken:
        """Go back to before step `bad` (from 0), from where Pyro's own steps show what it is, until `margin` after."""
        self.careful_until = bad + margin
        target, origin = _checkpoint_before(bad), self._places[-1].num_steps
        place = next((place for place in reversed(self._places) if place.num_steps <= target), self._places[0])
        self._places.clear()
        self.compiled.go_back(place)
        again = target - place.num_steps
        losses = rates = np.empty(0)
        if again > 0:
            losses, rates = self._again(place, again)
        self._shift_rate(max(target, place.num_steps) - origin)
        return Taken(place.num_steps, losses, rates)

    def _again(self, place: Mark, count: int) -> tuple[Array, Array]:
        """Take steps from a place on once more; return losses and learning rates."""
        losses, rates = self.compiled.run(count, place.learning_rate, place.num_steps)
        while len(losses) < count:
            done = len(losses)
            more = self.compiled.run(count - done, float(rates[-1]), place.num_steps + done)
            losses, rates = np.append(losses, more[0]), np.append(rates, more[1])
        return losses, rates

    def _shift_rate(self, num_steps: int) -> None:
        """Let the optimizer's own decay of the learning rate go on, or back; what the user has set stays set."""
        if num_steps:
            decay = float(self.compiled.link.rule.decayed(1.0, abs(num_steps))[-1])
            self._decay_to(self._plain.learning_rate * (decay if num_steps > 0 else 1 / decay))

    def _check(self, num_steps: int) -> Taken:
        self.compiled.store()
        self._remember(num_steps)
        begun = _Times.now()
        try:
            loss, rates = self._shadow(num_steps)
        except (DisagreementError, EngineError) as error:
            raise self._return_to_agreement(num_steps, error) from error
        except Exception:  # Pyro's step is taken once more, by itself, and what it raises is told then
            self.ran_away = False
            return self._return_before(num_steps, margin=1)
        check_seconds = begun.elapsed().work(WAITED["graph"])
        self.compiled.was_checked(num_steps)
        self._agreed = self._mark(num_steps + 1)
        affordable = check_seconds / CHECK_SHARE / self._step_seconds if self._step_seconds else 1.0
        self._gap = max(1, min(2 * self._gap, int(affordable), self.compiled.arguments.reach // 2))
        self._next_check = num_steps + 1 + self._gap
        return Taken(num_steps, loss, rates)

    def _return_to_agreement(self, num_steps: int, error: Exception) -> DisagreementError:
        """Go back to where the steps still agreed: here, where it is the first check after Pyro's own steps."""
        agreed = self._agreed or self._places[-1]
        self.compiled.go_back(agreed)
        self._shift_rate(agreed.num_steps - num_steps)
        self.leave()
        return DisagreementError(str(error), agreed.num_steps)
