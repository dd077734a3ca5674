"""An isolated SVI fit that is stepped in small slices."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pandas as pd
import torch
from pyro import get_param_store
from pyro.optim import PyroOptim

from rugged_widget.errors import FitError
from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.compiled.stepping.thread_tuning import Threads
from rugged_widget.infer.diagnostics.elbo_terms_average import AveragedTerms
from rugged_widget.infer.diagnostics.gradient_norms import GradientMonitor
from rugged_widget.infer.guides.setup import create_parameters
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.batch_sources import BatchError
from rugged_widget.infer.step.batches import arguments_of, first_call
from rugged_widget.infer.step.failure import describe, too_few
from rugged_widget.infer.step.hints import hints_of
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.step.looking import Looking
from rugged_widget.infer.step.loss import Loss
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.infer.step.optimizer import OptimizerStart, give_back
from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.step.pyro_step import PlainStep, Settings
from rugged_widget.infer.step.traceback_reading import Program
from rugged_widget.infer.step.transfer import Later, Transfer, as_numpy
from rugged_widget.infer.svi.engine_selection import Stepping
from rugged_widget.infer.svi.run_log import Record
from rugged_widget.snapshot.hints import Hint
from rugged_widget.snapshot.model_values import ElboTerm, ElboTermsNote, GradientNorms
from rugged_widget.snapshot.snapshot import EngineInfo
from rugged_widget.snapshot.values import Averaged, Convergence, ElboCurve, Epoch
from rugged_widget.validation import (
    checked_engine,
    checked_learning_rate,
    checked_positive,
    checked_seed,
)

VALIDATED_STEPS = 10
"""First steps, and those after a failure, that Pyro validates; it takes a tenth of the time, and what is wrong with
data and shapes shows at once. What runs away later is not finite, which is looked at in every step."""


class Fit:
    """Stochastic variational inference of one model with one guide.

    With the same seed it takes the same steps as Pyro's own loop: `pyro.set_rng_seed(seed)`,
    `pyro.clear_param_store()`, make guide, optimizer and SVI, then `svi.step(*args, **kwargs)` again and again; however
    the steps are sliced, and whatever else runs in between. By the engine "plain" they are the same bit for bit, by
    others but for rounding; where a draw is accepted or not by its value, as that of a gamma, rounding may turn it into
    another, very rarely.

    Parameters
    ----------
    model
        A Pyro model.
    make_guide
        Makes the guide, given the model. Its random numbers count as the fit's.
    args, kwargs
        What model and guide are called with.
    batches
        Where each step has a batch of its own, in front of `args`: an iterable or a DataLoader, which is gone through
        again and again; a function that returns a new iterator, or the next batch, and may take the number of steps
        done. A tuple or list is spread over the first arguments, a dict over keyword arguments. None for no batches.
    learning_rate
        Learning rate of Adam, finite, > 0; None where `optimizer` is given, which has its own.
    seed
        Seed of the fit's own random numbers, in [0, 2**32).
    elbo
        What is minimized: an ELBO of Pyro's or one's own, or a function of model, guide, args and kwargs, as
        `pyro.infer.SVI` takes it; `LossWithGradients` where it computes gradients by itself. Trace_ELBO where None.
    optimizer
        One of Pyro's optimizers or schedulers, an object; the fit makes its own from it, with the state that it has,
        and leaves it as it is. Adam where None, with `betas` where they are not torch's.
    schedule_every
        Steps, >= 1, after which a scheduler is stepped, again and again: the number of batches of an epoch where it
        counts epochs. One that watches a value is given the mean loss of these steps.
    engine
        How steps are computed: "plain" by Pyro, "graph" as a captured graph of tensor operations, "jax" as the same
        graph compiled by JAX; "auto" is "graph". What cannot be captured is left to Pyro, and `engine` says why.
    captures
        Given to fits of alike models, arguments and guides, one after the other: what the first captures serves all.
    nats
        What a nat is on the scale of the ELBO, > 0: 1 where it is that of all rows, 1 / N where it is divided by their
        number N. None where that is not known; convergence then is judged by the noise of the ELBO alone.
    ownership
        What the user brings: modules of model and guide, and the parameter store. The fit begins from it, computes with
        values of its own, and gives them to the user with `hand_over`; its default dtype is the user's as it is when
        the fit is made. Where it is None, the fit begins with an empty store, modules are trained in place, and the
        default dtype is float32.
    skip_nonfinite
        Steps in a row, >= 0, that may be skipped because their loss, a gradient or a parameter is not finite:
        parameters and optimizer stay as they were, and the next step draws other random numbers. Where one more
        follows, the fit fails, and goes back to before the first of them.

    Raises
    ------
    TypeError, ValueError
        If learning_rate, seed, engine, skip_nonfinite or batches is not as said here; there has to be a batch at least.
    FitError
        If the first batch cannot be had, or the model or the guide raises when the guide is set up.
    """

    stops_when_converged = False
    seconds = 0.0
    _validated_until = VALIDATED_STEPS

    def __init__(
        self,
        model: Callable[..., Any],
        make_guide: Callable[[Callable[..., Any]], Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        batches: Any = None,
        learning_rate: float | None = None,
        seed: int,
        elbo: Loss | None = None,
        optimizer: PyroOptim | OptimizerStart | None = None,
        betas: tuple[float, float] | None = None,
        schedule_every: int = 1,
        engine: str = "auto",
        captures: Captures | None = None,
        nats: float | None = None,
        ownership: Ownership | None = None,
        skip_nonfinite: int = 0,
    ) -> None:
        choice = checked_engine(engine)
        settings = Settings.checked(learning_rate, elbo, optimizer, schedule_every, skip_nonfinite, betas)
        self._own = None if ownership is None else ownership.begin()
        self._isolation = Isolation(checked_seed(seed), self._own)
        self._looking = Looking(self._isolation, self._own)
        self.model, self._arguments = model, arguments_of(args, kwargs, batches)
        self._captures, self._shares = captures or Captures(), captures is not None
        threads = Threads(torch.get_num_threads(), self._isolation.use_threads)
        with self._isolation.inside():
            call, ready = self._set_up_guide(make_guide, learning_rate, elbo)
            self._plain = PlainStep(model, self.guide, call.args, dict(call.kwargs), settings)
            self._plain.call = call
            self._arguments.begin_here(0)  # setting up the guide may have drawn some
            self._stepping = Stepping(
                self._plain, choice, threads, self._captures, self._arguments, ready=ready, own=self._own
            )
            self._record = Record(self._stepping.parameters, nats=nats)
        self._terms, self._gradients = AveragedTerms(self._plain), GradientMonitor(self._plain)

    def _set_up_guide(
        self, make_guide: Callable[[Callable[..., Any]], Any], learning_rate: float | None, loss: Loss | None
    ) -> tuple[Call, bool]:
        """Make the guide, and its parameters where it is automatic; return the first call, and whether it has them."""
        unmoved = nullcontext if self._own is None else self._own.unmoved
        with unmoved():
            self.guide = make_guide(self.model)
        if self._own is not None:
            self._own.guide = self.guide
        call = first_call(self._arguments)
        try:
            return call, create_parameters(self.guide, call_of_model(call, self.model, loss), unmoved)
        except Exception as error:
            program = Program(self.model, self.guide, call.args, dict(call.kwargs))
            raise describe(error, 1, learning_rate or math.nan, 0, program) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step={self.step}, elbo={self.elbo:.2f}, learning_rate={self.learning_rate:g})"

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self._record)

    @property
    def skipped(self) -> int:
        """Steps that were skipped because they were not finite, >= 0."""
        return self._record.history.num_unknown if self._plain.skip_nonfinite else 0

    @property
    def elbo(self) -> float:
        """ELBO estimate of the last step that was not skipped, nats, total over all rows; nan before the first."""
        return self._record.history.last

    @property
    def epoch(self) -> Epoch | None:
        """Where in the data the fit is; None where it has no batches, or they come without end."""
        return self._arguments.epoch(self.step)

    @property
    def example(self) -> Call:
        """What model and guide are called with outside a step: the first batch, always, where each step has one."""
        return self._arguments.example

    def history(self) -> pd.DataFrame:
        """Return all steps, a row each: step (from 1), elbo (nats, total over all rows) and learning_rate.

        The ELBO of a step that was skipped is nan.
        """
        return self._record.history.frame()

    def curve(self) -> ElboCurve:
        """Return the ELBO of the whole run, thinned to at most 400 points."""
        return self._record.history.curve()

    def convergence(self) -> Convergence:
        """Judge whether the optimizer has converged, by the steps so far; in the same way however they were sliced."""
        return self.ask_convergence(Transfer())()

    def ask_convergence(self, transfer: Transfer) -> Later[Convergence]:
        """Ask for what `convergence` returns."""
        cost = self._plain.ask_noise_cost(transfer)
        return lambda: self._record.convergence(cost())

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

    def elbo_terms(self, *, thorough: bool = False, anew: bool = True) -> tuple[ElboTerm, ...]:
        """Return what each site adds to the ELBO, observed sites first; () before the first step and after a failure.

        A call takes a few draws more, some times a second, and as many as fit into a tenth of a second where it is
        `thorough`, for a fit that rests; the mean is over those of the last calls. Without `anew` it takes none.
        """
        return self.ask_elbo_terms(Transfer(), thorough=thorough, anew=anew)()

    def ask_elbo_terms(self, transfer: Transfer, *, thorough: bool, anew: bool) -> Later[tuple[ElboTerm, ...]]:
        """Ask for what `elbo_terms` returns."""
        if not (anew or thorough):
            return lambda: self._terms.latest
        with self.inspecting():
            return self._terms.ask(self.step, transfer, thorough=thorough)

    @property
    def elbo_terms_note(self) -> ElboTermsNote | None:
        """Why there are no terms, or in what they differ from the loss; None where there is nothing to say."""
        return self._terms.note

    def gradient_norms(self, *, thorough: bool = False, anew: bool = True) -> GradientNorms | None:
        """Return the norms of the gradients by parameter so far, None where none is known.

        They are noted at the next step each time this is called. Captured steps have them computed here, some times a
        second, or each time where it is `thorough`, for a fit that rests; without `anew` not now.
        """
        captured = self.engine.name != "plain"
        computes = captured and (anew or thorough)
        with self.inspecting() if computes else nullcontext():
            return self._gradients.look(self.step, notes=not captured, computes=computes, thorough=thorough)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step; finite, > 0. It may be set at any time.

        Of an optimizer object it is that of the first parameter, `rate_factor` included, and may be 0, or nan before
        the first step where parameters have rates of their own; setting it scales the rates of all parameters.
        """
        return self._plain.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._plain.learning_rate = checked_learning_rate(value)

    @property
    def rate_factor(self) -> float:
        """What all learning rates are multiplied by, those of a scheduler too; finite, > 0, 1 at first.

        It may be set at any time, and is no part of the state that `give_optimizer_back` gives.
        """
        return self._plain.optimizer.rate_factor

    @rate_factor.setter
    def rate_factor(self, value: float) -> None:
        self._plain.optimizer.rate_factor = checked_positive(value, "rate_factor")

    def give_optimizer_back(self, optim: PyroOptim) -> None:
        """Put the state of the fit's optimizer into the user's, moments and schedule, as if that had taken the steps.

        To be called where the trained parameters are in the user's parameter store: the state is found by their names.

        Raises
        ------
        TypeError
            If it is no optimizer of the kind that the fit was made with.
        """
        with self._isolation.inside():
            states = self._plain.optimizer.states()
        give_back(states, optim, self._plain.optimizer.name)

    @property
    def engine(self) -> EngineInfo:
        """How steps are computed now, and why so."""
        return self._stepping.info

    def hints(self, batch_rows: int | None = None, num_rows: int | None = None) -> tuple[Hint, ...]:
        """Return hints at what is probably not meant in model and guide, as the first step showed them.

        There are none before the first step. `batch_rows` are the rows of a batch where each step has its own, and
        `num_rows` those of all batches together, where that is known.
        """
        first = self._plain.guard.first
        return () if first is None else hints_of(first, batch_rows, num_rows)

    def use_engine(self, engine: str) -> None:
        """Compute the steps by another engine from the next one on, on the same trajectory.

        Parameters
        ----------
        engine
            "auto", "plain", "graph" or "jax", as for the constructor, which raises the same errors for others.
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
        """Wait, for at most so many seconds, for an engine that is being compiled beside the training.

        Returns whether none is being compiled any more; the next step is taken by it then.
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
            If the ELBO, a gradient or a parameter is not finite, or something raised. The fit is then back where its
            steps still worked, at most ten steps before the failure or the steps skipped just before it, and can go on
            from there, with the batches that those steps had. Also if there is no next batch; the fit then stays where
            it is.
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
            self._stepping.fetch(self.step)
        except BatchError as error:  # nothing has changed
            raise FitError(str(error), step=self.step + 1) from error
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
                raise describe(error, failed, self.learning_rate, self.step, self._plain.program) from error
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
        """Return copies of the parameters by name, on their constrained scale; those of other models are left out."""
        foreign = self.foreign
        with self._isolation.inside(), torch.no_grad():
            store = get_param_store().items()
            return {name: as_numpy(value).copy() for name, value in store if name not in foreign}

    @property
    def foreign(self) -> frozenset[str]:
        """Names of the parameters in the fit's store that were in the user's, and belong neither to model nor guide."""
        if self._own is None or not self.step:  # a step asks for all that model and guide have
            return frozenset()
        return self._own.unused

    def hand_over(self) -> None:
        """Give the user what the fit has, where he would expect it after steps of his own.

        Modules of model and guide get parameters and buffers, an automatic guide is set up, and the present parameter
        store gets the parameters under the same names. They are copies: the fit goes on from its own values, whatever
        the user does with his. What the fit has not changed stays as it is. Nothing happens without an `ownership`.

        Raises
        ------
        RuntimeError
            While the fit computes.
        """
        if self._own is not None:
            self._own.hand_over(self._isolation.params_outside())

    def rested(self) -> None:
        """Take note that training rests: what is trained is the user's then."""
        self.hand_over()

    def visiting(self) -> AbstractContextManager[None]:
        """Enter the fit's own world for several uses of `inspecting`, each of which then costs less."""
        return self._looking.visiting()

    def inspecting(self) -> AbstractContextManager[None]:
        """Enter the fit's own world to look at it, without a trace; gradients are off. See `Looking.inspecting`."""
        return self._looking.inspecting()
