"""An isolated SVI fit that is stepped in small slices."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from pyro import get_param_store
from pyro.infer import ELBO
from pyro.optim import PyroOptim

from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.compiled.stepping.thread_tuning import Threads
from rugged_widget.infer.diagnostics.elbo_terms_average import AveragedTerms
from rugged_widget.infer.diagnostics.gradient_norms import GradientMonitor
from rugged_widget.infer.guides.setup import create_parameters
from rugged_widget.infer.step.failure import describe, too_few
from rugged_widget.infer.step.isolation import Generators, Isolation
from rugged_widget.infer.step.pyro_step import ADAM, PlainStep, Settings
from rugged_widget.infer.svi.engine_selection import Stepping
from rugged_widget.infer.svi.run_log import Record
from rugged_widget.snapshot.model_values import ElboTerm, ElboTermsNote, GradientNorms
from rugged_widget.snapshot.snapshot import EngineInfo
from rugged_widget.snapshot.values import Averaged, Convergence, ElboCurve
from rugged_widget.validation import checked_engine, checked_learning_rate, checked_seed

VALIDATED_STEPS = 10
"""First steps, and those after a failure, that Pyro validates; it takes a tenth of the time, and what is wrong with
data and shapes shows at once. What runs away later is not finite, which is looked at in every step."""


class Fit:
    """Stochastic variational inference of one model with one guide.

    With the same seed it takes the same steps as Pyro's own loop: `pyro.set_rng_seed(seed)`,
    `pyro.clear_param_store()`, make guide, optimizer and SVI, then `svi.step(*args, **kwargs)` again and again; however
    the steps are sliced, and whatever else runs in between. By the engine "plain" they are the same bit for bit, by
    others but for rounding.

    Parameters
    ----------
    model
        A Pyro model.
    make_guide
        Makes the guide, given the model. Its random numbers count as the fit's.
    args, kwargs
        What model and guide are called with.
    learning_rate
        Learning rate of the optimizer, finite, > 0.
    seed
        Seed of the fit's own random numbers, in [0, 2**32).
    elbo
        Pyro's estimate of the ELBO; Trace_ELBO where None.
    optimizer
        One of Pyro's optimizers, Adam where None: it is called with a dictionary of options.
    optimizer_options
        Options of it, the learning rate aside.
    engine
        How steps are computed: "plain" by Pyro, "graph" as a captured graph of tensor operations, "jax" as the same
        graph compiled by JAX; "auto" is "graph". What cannot be captured is left to Pyro, and `engine` says why.
    captures
        Given to fits of alike models with the same arguments and guides of one family, one after the other: what the
        first captures serves them all.
    nats
        What a nat is on the scale of the ELBO, > 0: 1 where it is that of all rows, 1 / N where it is divided by their
        number N. None where that is not known; convergence then is judged by the noise of the ELBO alone.

    Raises
    ------
    TypeError, ValueError
        If learning_rate, seed or engine is not as said here.
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
        elbo: ELBO | None = None,
        optimizer: Callable[[dict[str, Any]], PyroOptim] | None = None,
        optimizer_options: Mapping[str, Any] | None = None,
        engine: str = "auto",
        captures: Captures | None = None,
        nats: float | None = None,
    ) -> None:
        learning_rate, choice = checked_learning_rate(learning_rate), checked_engine(engine)
        settings = Settings(learning_rate, elbo, optimizer or ADAM, optimizer_options or {})
        self._isolation = Isolation(checked_seed(seed))
        self._validated_until = VALIDATED_STEPS
        self.stops_when_converged = False
        self.seconds = 0.0
        self.model = model
        self._captures, self._shares = captures or Captures(), captures is not None
        threads = Threads(torch.get_num_threads(), self._isolation.use_threads)
        with self._isolation.inside():
            self.guide = make_guide(model)
            try:
                ready = create_parameters(self.guide, tuple(args), dict(kwargs or {}))
            except Exception as error:
                raise describe(error, 1, learning_rate, 0) from error
            self._plain = PlainStep(model, self.guide, tuple(args), dict(kwargs or {}), settings)
            self._stepping = Stepping(self._plain, choice, threads, self._captures, ready=ready)
            self._record = Record(self._stepping.parameters, nats=nats)
        self._terms, self._gradients = AveragedTerms(self._plain), GradientMonitor(self._plain)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step={self.step}, elbo={self.elbo:.2f}, learning_rate={self.learning_rate:g})"

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self._record)

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step in nats, total over all rows; nan before the first."""
        return self._record.history.last

    def history(self) -> pd.DataFrame:
        """Return all steps, a row each: step (from 1), elbo (nats, total over all rows) and learning_rate."""
        return self._record.history.frame()

    def curve(self) -> ElboCurve:
        """Return the ELBO of the whole run, thinned to at most 400 points."""
        return self._record.history.curve()

    def convergence(self) -> Convergence:
        """Judge whether the optimizer has converged, by the steps so far; in the same way however they were sliced."""
        return self._record.convergence(self._plain.noise_cost())

    @property
    def converged_at(self) -> int | None:
        """Step at which it was found to have converged, and has been found so since; None where it has not."""
        return self._record.converged_at

    @property
    def averaged(self) -> Averaged | None:
        """Which iterates the parameters are the mean of; None where they are none, as after every step."""
        return self._record.averaged

    @property
    def means(self) -> tuple[tuple[int, Averaged], ...]:
        """Steps after which a mean took the place of the parameters, increasing, and of which iterates each was."""
        return tuple(self._record.means)

    def elbo_terms(self, *, thorough: bool = False) -> tuple[ElboTerm, ...]:
        """Return what each site adds to the ELBO, observed sites first; () before the first step and after a failure.

        Each call takes a few draws more, and the mean is over those of the last calls. With `thorough`, which is for a
        fit that rests, they are as many as fit into a tenth of a second.
        """
        with self.inspecting():
            return self._terms.look(self.step, thorough=thorough)

    @property
    def elbo_terms_note(self) -> ElboTermsNote | None:
        """Why there are no terms, or in what they differ from the loss; None where there is nothing to say."""
        return self._terms.note

    def gradient_norms(self, *, thorough: bool = False) -> GradientNorms | None:
        """Return the norms of the gradients by parameter so far, None where none is known.

        They are noted at the next step each time this is called. Where steps are captured they are computed here, in a
        tenth of the time, or each time where it is `thorough`, which is for a fit that rests.
        """
        with self.inspecting():
            return self._gradients.look(self.step, computes=self.engine.name != "plain", thorough=thorough)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step; finite, > 0. It may be set at any time."""
        return self._plain.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._plain.learning_rate = checked_learning_rate(value)

    @property
    def engine(self) -> EngineInfo:
        """How steps are computed now, and why so."""
        return self._stepping.info

    def use_engine(self, engine: str) -> None:
        """Compute the steps by another engine from the next one on, on the same trajectory.

        Parameters
        ----------
        engine
            "auto", "plain", "graph" or "jax", as for the constructor.

        Raises
        ------
        TypeError, ValueError
            If it is none of them.
        """
        choice = checked_engine(engine)
        with self._isolation.inside():
            self._stepping.use(choice)

    def prepare(self) -> bool:
        """Do the next piece, some 0.1 s, of what the engine needs before it can start; `advance` does what is left.

        Returns
        -------
        bool
            Whether more is left.
        """
        with self._isolation.inside():
            return self._stepping.prepare(self.step)

    def release(self) -> None:
        """Let go of what only steps and pictures need, megabytes, for a fit that is kept but not looked at.

        The next step makes it anew, and the trajectory goes on. What was captured for other fits too stays theirs.
        """
        with self._isolation.inside():
            self._stepping.release()
        if not self._shares:
            self._captures.forget()

    def wait_for_engine(self, seconds: float) -> bool:
        """Wait for an engine that is being compiled beside the training.

        Parameters
        ----------
        seconds
            At most so long.

        Returns
        -------
        bool
            Whether none is being compiled any more; the next step is taken by it then.
        """
        with self._isolation.inside():
            return self._stepping.wait(seconds)

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
            Number of steps taken, in the end; it is negative where captured steps turned out to be wrong and more of
            them were taken back.

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
        start, start_time = self.step, clock()
        self._isolation.validate(on=start < self._validated_until)
        with self._isolation.inside():
            try:
                count, elapsed = 0, 0.0
                while self.step < start + max_steps and not (count and self._stops()):
                    count += self._take(start + max_steps - self.step, seconds - elapsed)
                    elapsed = clock() - start_time
                    if count and elapsed + elapsed / count > seconds:
                        break
            finally:
                self._stepping.store()
        return self.step - start

    def _take(self, max_steps: int, seconds: float) -> int:
        """Take steps and return how many, or raise FitError and go back to where steps still worked."""
        room = self._record.room(assessed=self.stops_when_converged)
        try:
            while self._stepping.prepare(self.step):
                pass
            start_time = time.perf_counter()
            with self._gradients.listening(self.step):
                steps = self._stepping.take(self.step, min(max_steps, room), seconds)
            self.seconds += time.perf_counter() - start_time
        except BaseException as error:
            failed = self.step + 1
            self._record.truncate(self._stepping.go_back(self.step))
            self._validated_until = self.step + VALIDATED_STEPS
            if isinstance(error, Exception):
                raise describe(error, failed, self.learning_rate, self.step) from error
            raise
        self._record.add(steps)
        return len(steps.losses)

    def _stops(self) -> bool:
        return self.stops_when_converged and self.converged_at is not None

    def average_iterates(self) -> Averaged:
        """Put the mean of past iterates, on the optimizer's unconstrained scale, in place of the parameters.

        The mean is over the steps since the optimizer converged, but at least the last quarter of the run; where it has
        not converged, over the last half. It has less of the noise that a learning rate leaves in the parameters. The
        optimizer's moments stay as they are.

        Returns
        -------
        Averaged
            Which iterates; `averaged` says the same until the next step.

        Raises
        ------
        FitError
            Where there are too few of them; nothing changes then.
        """
        mean = self._record.mean()
        if mean is None:
            raise too_few(self.step)
        with self._isolation.inside():
            self._stepping.put(mean.values)
        self._terms.forget()
        self._record.average(mean.averaged)
        return mean.averaged

    def param_store(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of the parameters by name, on their constrained scale."""
        with self._isolation.inside(), torch.no_grad():
            return {name: value.cpu().numpy().copy() for name, value in get_param_store().items()}

    @contextmanager
    def inspecting(self) -> Iterator[None]:
        """Enter the fit's own world to look at it: the random numbers used inside are given back, gradients are off."""
        with self._isolation.inside(), torch.no_grad():
            generators = Generators.copied()
            try:
                yield
            finally:
                generators.rewind()
