"""Compute the ELBO of data that is not trained on, at some of the steps, within a share of the time."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import pyro
from pyro.infer import ELBO, Trace_ELBO
from pyro.poutine.messenger import Messenger
from torch import nn

from rugged_widget.infer.diagnostics.elbo_terms_average import Objective
from rugged_widget.infer.diagnostics.overfitting import fall_of
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.elbo_traces import ask_loss
from rugged_widget.infer.step.failure import MAX_TEXT
from rugged_widget.infer.step.loss import LossWithGradients, first_of, own_loss
from rugged_widget.infer.step.module_state import behind, submodules
from rugged_widget.infer.step.pyro_step import PlainStep
from rugged_widget.infer.step.torch_random import install_torch, seeded_torch
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.heldout import HeldoutElbo, HeldoutFall
from rugged_widget.snapshot.values import Array

NOISE_SEED: Final = 1979
"""Seed of the first draw: all points are of the same draws, so that what changes from one to the next is the fit."""

MAX_DRAWS: Final = 16
"""Draws that a point is the mean of, at most."""

MAX_POINTS: Final = 400
"""Points that are kept."""


@dataclass(frozen=True)
class Budget:
    """Time for the points.

    Attributes
    ----------
    seconds
        Time for the draws of a point; one is taken whatever it needs.
    share
        Part of the time that points may take while training runs.
    pause
        Seconds between two points at first, where there are not twice as many steps by then; they double each time that
        every other point is dropped.
    ahead
        Seconds that points may take before their share comes to that: the first steps, in which most happens, have
        more of them.
    """

    seconds: float = 0.03
    share: float = 0.1
    pause: float = 0.02
    ahead: float = 0.0


@dataclass(frozen=True, eq=False)
class HeldoutPart:
    """A call of held-out data, and how it is brought to the scale of training.

    Attributes
    ----------
    call
        What model and guide are called with.
    num_rows
        Observations in it, >= 1.
    plates
        What sites in a plate of that name count for: elements of the plate in training over those here.
    sites
        The same for observed sites that are in no plate, by their names.
    """

    call: Call
    num_rows: int = 1
    plates: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, float] = field(default_factory=dict)


class Resized(Messenger):
    """Lets sites count as often as there would be of them in data of another size.

    Parameters
    ----------
    plates, sites
        As of `HeldoutPart`.
    """

    def __init__(self, plates: Mapping[str, float], sites: Mapping[str, float]) -> None:
        super().__init__()
        self._plates, self._sites = plates, sites

    def _pyro_sample(self, msg: Any) -> None:
        for frame in msg["cond_indep_stack"]:
            if frame.name in self._plates:
                msg["scale"] = msg["scale"] * self._plates[frame.name]
        if msg["is_observed"] and msg["name"] in self._sites:
            msg["scale"] = msg["scale"] * self._sites[msg["name"]]


class HeldoutLook:
    """The ELBO of held-out data over the steps of a fit; its methods but `is_due` and `elbo` are for inside its world.

    Parameters
    ----------
    plain
        What is trained: Pyro's step, or what stands for one of the user's own.
    parts
        The held-out data, one call or several batches; an attribute too.
    training
        Returns the ELBO of training of the steps from the first argument, counted from 0, to the second.
    budget
        Time for the points.
    clock
        Returns a time in seconds.

    Attributes
    ----------
    num_draws
        Draws that a point is the mean of; 0 before the first.
    """

    def __init__(
        self,
        plain: Objective | PlainStep,
        parts: Sequence[HeldoutPart],
        training: Callable[[int, int], Array],
        budget: Budget = Budget(),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._plain, self.parts, self._training = plain, tuple(parts), training
        self._budget, self._clock = budget, clock
        self._num_rows = sum(part.num_rows for part in self.parts)
        self._points: list[tuple[int, float]] = []
        self._paid = self._rested = -math.inf  # when what was spent is within the share, and when the pause ends
        self._pause, self.num_draws = budget.pause, 0
        self._problem = ""
        self._fall: HeldoutFall | None = None
        self._modules: list[nn.Module] = []

    def __repr__(self) -> str:
        return f"HeldoutLook({self._num_rows} observations, {len(self._points)} points)"

    def is_due(self, step: int) -> bool:
        """Return whether the budget has a point after `step` steps."""
        if self._problem:
            return False
        now, budget = self._clock(), self._budget
        is_far = now >= self._rested or not self._points or step >= 2 * self._points[-1][0]
        return is_far and now >= self._paid - budget.ahead / budget.share

    def elbo(self, step: int) -> HeldoutElbo:
        """Return the points up to a step."""
        self._truncate(step)
        steps, values = zip(*self._points, strict=True) if self._points else ((), ())
        step_array, elbo = np.array(steps, dtype=np.float64), np.array(values, dtype=np.float64)
        return HeldoutElbo(step_array, elbo, self._num_rows, self._fall, self._problem)

    def look(self, step: int) -> None:
        """Compute the ELBO after `step` steps, >= 1, unless that is known; a failure is told in `elbo`."""
        self.ask(step, Transfer())()

    def ask(self, step: int, transfer: Transfer) -> Later[None]:
        """Take the draws of `look`, and return what takes note of the point, once."""
        self._truncate(step)
        if self._problem or step < 1 or (self._points and self._points[-1][0] == step):
            return lambda: None
        start = self._clock()
        try:
            if not self.num_draws:
                self._modules = modules_of(self._plain.model, self._plain.guide)
                self.draw(0)  # what is done only once, and validated as the steps are
            with pyro.validation_enabled(False):
                self.num_draws = self.num_draws or self._affordable()
                draws = [self.ask_draw(number, transfer) for number in range(self.num_draws)]
        except Exception as error:  # whatever the user's code raises
            self._problem = in_a_line(error)
            return lambda: None
        return partial(self._note, step, draws, self._clock() - start)

    def _note(self, step: int, draws: Sequence[Later[float]], asking_seconds: float) -> None:
        """Take note of the mean of draws that were asked for in so much time."""
        start = self._clock()
        try:
            value = math.fsum(read() for read in draws) / len(draws)
        except Exception as error:  # as in `ask`
            self._problem = in_a_line(error)
            return
        self._points.append((step, value if math.isfinite(value) else math.nan))
        if len(self._points) >= MAX_POINTS:
            self._points = self._points[1::2]
            self._pause *= 2
        now = self._clock()
        spent = asking_seconds + now - start
        self._rested = now + self._pause
        self._paid = max(self._paid, now - spent) + spent / self._budget.share
        points = np.array(self._points, dtype=np.float64)
        self._fall = fall_of(points[:, 0], points[:, 1], self._training)

    def forget(self, step: int) -> None:
        """Forget what is known of the fit after so many steps and later: it has other parameters now."""
        self._truncate(step - 1)

    def draw(self, number: int) -> float:
        """Return the ELBO by one draw, the same noise for the same number, on the scale of training, nats."""
        return self.ask_draw(number, Transfer())()

    def ask_draw(self, number: int, transfer: Transfer) -> Later[float]:
        """Ask for what `draw` returns."""
        install_torch(seeded_torch(NOISE_SEED + number))
        with evaluating(self._modules or modules_of(self._plain.model, self._plain.guide)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asked = [(part.num_rows / self._num_rows, self._ask_loss(part, transfer)) for part in self.parts]
        return lambda: -math.fsum(share * loss() for share, loss in asked)

    def _ask_loss(self, part: HeldoutPart, transfer: Transfer) -> Later[float]:
        """Ask for the loss of a part; others than Trace_ELBO's read their values themselves."""
        model, guide, (args, kwargs) = self._plain.model, self._plain.guide, (part.call.args, part.call.kwargs)
        loss = own_loss(self._plain.elbo)
        with Resized(part.plates, part.sites):
            if isinstance(loss, Trace_ELBO) and type(loss).loss is Trace_ELBO.loss:
                return ask_loss(loss, model, guide, args, kwargs, transfer)
            compute: Any = getattr(loss, "loss", loss) if isinstance(loss, (ELBO, LossWithGradients)) else loss
            return transfer.number(first_of(compute(model, guide, *args, **kwargs)))

    def _affordable(self) -> int:
        start = self._clock()
        self.draw(0)
        return max(1, min(MAX_DRAWS, int(self._budget.seconds / max(self._clock() - start, 1e-9))))

    def _truncate(self, step: int) -> None:
        """Forget the points after a step: the fit has gone back."""
        if self._points and self._points[-1][0] > step:
            self._points = [point for point in self._points if point[0] <= step]
            self._fall, self._paid, self._rested = None, -math.inf, -math.inf


def with_heldout(history: pd.DataFrame, heldout: HeldoutElbo | None) -> pd.DataFrame:
    """Return a history, a row for each step, with heldout_elbo in nats, nan where not computed; as it is for None."""
    if heldout is None:
        return history
    values = np.full(len(history), math.nan)
    values[heldout.step.astype(np.intp) - 1] = heldout.elbo
    return history.assign(heldout_elbo=values)


def modules_of(*functions: object) -> list[nn.Module]:
    """Return the modules that functions are or lead to, each once."""
    modules = {id(one): one for one in (*behind(*functions), *submodules(*functions)) if isinstance(one, nn.Module)}
    return list(modules.values())


@contextmanager
def evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let modules be as after `eval()` inside, and afterwards as they were."""
    trained = [module for module in modules if module.training]
    for module in trained:
        module.training = False
    try:
        yield
    finally:
        for module in trained:
            module.training = True


def in_a_line(error: Exception) -> str:
    """Return an error without the table of shapes that Pyro appends."""
    words = " ".join(str(error).split("Trace Shapes:", maxsplit=1)[0].split())
    return f"{type(error).__name__}: {words}"[:MAX_TEXT]
