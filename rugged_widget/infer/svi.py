"""A fit that can be stepped a little at a time, in a world of its own."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from pyro import get_param_store
from pyro.infer.autoguide import AutoContinuous, AutoGuide, AutoGuideList

from rugged_widget.infer.failure import describe
from rugged_widget.infer.history import History
from rugged_widget.infer.isolation import Generators, Isolation
from rugged_widget.infer.step import PlainStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from rugged_widget.infer.step import Step
    from rugged_widget.snapshot import ElboCurve

CHECKPOINT_EVERY = 5
"""Steps from one checkpoint to the next: more would be lost by a failure, fewer would be felt in the speed."""

VALIDATED_STEPS = 10
"""First steps, and those after a failure, that Pyro validates; it takes a tenth of the time, and what is wrong with
data and shapes shows at once. What runs away later is not finite, which is looked at in every step."""

MAX_SEED = 2**32 - 1


class _Checkpoint(NamedTuple):
    """Everything that steps change."""

    num_steps: int
    step: Any
    history: Any
    generators: Generators


class Fit:
    """Stochastic variational inference of one model with one guide: Trace_ELBO and Adam.

    With the same seed it takes the same steps, bit for bit, as Pyro's own loop: `pyro.set_rng_seed(seed)`,
    `pyro.clear_param_store()`, make guide, optimizer and SVI, then `svi.step(*args, **kwargs)` again and again; however
    the steps are sliced, and whatever else runs in between.

    Parameters
    ----------
    model
        A Pyro model.
    make_guide
        Makes the guide, given the model. Its random numbers count as the fit's.
    args, kwargs
        What model and guide are called with.
    learning_rate
        Of Adam, finite, > 0.
    seed
        Of the fit's own random numbers, in [0, 2**32).

    Raises
    ------
    TypeError, ValueError
        If learning_rate or seed is not such a number.
    FitError
        If the model or the guide raises when the guide is set up.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        make_guide: Callable[[Callable[..., Any]], Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
        *,
        learning_rate: float,
        seed: int,
    ) -> None:
        learning_rate = checked_learning_rate(learning_rate)
        self._isolation = Isolation(checked_seed(seed))
        self._history = History()
        self._validated_until = VALIDATED_STEPS
        self.model = model
        with self._isolation.inside():
            self.guide = make_guide(model)
            try:
                _set_up(self.guide, tuple(args), dict(kwargs or {}))
            except Exception as error:
                raise describe(error, 1, learning_rate, 0) from error
            self._take_step: Step = PlainStep(model, self.guide, tuple(args), dict(kwargs or {}), learning_rate)
            self._good = self._latest = self._checkpoint()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step={self.step}, elbo={self.elbo:.2f}, learning_rate={self.learning_rate:g})"

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self._history)

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step in nats, total over all rows; nan before the first."""
        return self._history.last

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step; finite, > 0. It may be set at any time."""
        return self._take_step.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._take_step.learning_rate = checked_learning_rate(value)

    def advance(self, max_steps: int, seconds: float = math.inf, clock: Callable[[], float] = time.perf_counter) -> int:
        """Take steps until all are done or the next one would probably take too long.

        Parameters
        ----------
        max_steps
            Number of steps, >= 0.
        seconds
            Time for them by the clock. At least one step is taken where max_steps >= 1.
        clock
            Returns a time in seconds.

        Returns
        -------
        int
            Number of steps taken.

        Raises
        ------
        FitError
            If the ELBO or a parameter is not finite after a step, or the model or the guide raised. The fit is then
            back where its steps still worked, at most ten steps before the failure, and can go on from there.
        """
        if not isinstance(max_steps, (int, np.integer)) or isinstance(max_steps, bool):
            raise TypeError(f"max_steps must be an int, got {max_steps!r}")
        if max_steps < 0 or math.isnan(seconds):
            raise ValueError(f"max_steps must be >= 0 and seconds a number, got {max_steps} and {seconds}")
        if max_steps == 0:
            return 0
        start, done = clock(), 0
        self._isolation.validate(on=self.step < self._validated_until)
        with self._isolation.inside():
            while done < max_steps:
                self._step_once()
                done += 1
                elapsed = clock() - start
                if elapsed + elapsed / done > seconds:
                    break
        return done

    def _step_once(self) -> None:
        """Take one step, or raise FitError and go back to where steps still worked.

        A step says whether the parameters that it finds are good, not those that it leaves: where the first step after
        a checkpoint fails, the one before it has led astray, and going back to its result would only fail again.
        """
        if self.step - self._latest.num_steps >= CHECKPOINT_EVERY:
            self._good, self._latest = self._latest, self._checkpoint()
        try:
            self._history.append(-self._take_step(), self.learning_rate)
        except BaseException as error:
            failed = self.step + 1
            self._latest = self._latest if self.step > self._latest.num_steps else self._good
            self._go_back(self._latest)
            self._validated_until = self.step + VALIDATED_STEPS
            if isinstance(error, Exception):
                raise describe(error, failed, self.learning_rate, self.step) from error
            raise

    def _checkpoint(self) -> _Checkpoint:
        return _Checkpoint(self.step, self._take_step.checkpoint(), self._history.checkpoint(), Generators.copied())

    def _go_back(self, checkpoint: _Checkpoint) -> None:
        self._take_step.restore(checkpoint.step)
        self._history.restore(checkpoint.history)
        checkpoint.generators.rewind()

    def history(self) -> pd.DataFrame:
        """Return all steps, a row each: step (from 1), elbo (nats, total over all rows) and learning_rate."""
        return self._history.frame()

    def curve(self) -> ElboCurve:
        """Return the ELBO of the whole run, thinned to at most 400 points."""
        return self._history.curve()

    def param_store(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of the parameters by name, on their constrained scale."""
        with self._isolation.inside(), torch.no_grad():
            return {name: value.cpu().numpy().copy() for name, value in get_param_store().items()}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Enter the fit's own world to look at it: the random numbers used inside are given back, gradients are off."""
        with self._isolation.inside(), torch.no_grad():
            generators = Generators.copied()
            try:
                yield
            finally:
                generators.rewind()


def checked_learning_rate(value: float) -> float:
    """Return a learning rate as a float, or say what is wrong with it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"learning_rate must be a number, got {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"learning_rate must be finite and > 0, got {value!r}")
    return float(value)


def checked_seed(value: int) -> int:
    """Return a seed as an int, or say what is wrong with it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"seed must be an int, got {value!r}")
    if not 0 <= value <= MAX_SEED:
        raise ValueError(f"seed must be in [0, 2**32), got {value!r}")
    return int(value)


def _set_up(guide: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Give an automatic guide its parameters before the first step, with the random numbers of the first step.

    Pyro does it within the first call: the prototype, then the networks of a flow, then the draw. The first two are
    done here; a call whose random numbers are given back enters the parameters into the store. The parts of an
    AutoGuideList set themselves up one between another's draws, so they are left to the first step, as is any guide
    that is not automatic.
    """
    if not isinstance(guide, AutoGuide):
        return
    guide._setup_prototype(*args, **kwargs)  # noqa: SLF001 no public name
    if isinstance(guide, AutoGuideList):
        return
    if isinstance(guide, AutoContinuous):
        guide.get_posterior(*args, **kwargs)
    generators = Generators.copied()
    with torch.no_grad():
        guide(*args, **kwargs)
    generators.rewind()
