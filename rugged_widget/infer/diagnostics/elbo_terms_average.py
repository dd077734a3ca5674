"""Average the terms of the ELBO over the draws of the last snapshots, within a budget of time."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugged_widget.infer.diagnostics.elbo_terms import Terms, ask_terms, is_sum_over_sites
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.failure import in_a_line
from rugged_widget.infer.step.loss import Loss
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.infer.step.pyro_step import PlainStep
from rugged_widget.infer.step.torch_random import current_torch, install_torch, seeded_torch
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.model_values import ElboTerm, ElboTermsNote, TermRole

NOISE_SEED = 2012
"""Seed of the noise behind the draws, which are the same however the fit draws its own random numbers."""

MAX_DRAWS = 64
"""Latest draws that are kept, and draws of one moment at most."""

FEW_DRAWS = 4
"""Draws at one snapshot while training runs."""

SECONDS = 0.003
"""Time for the draws of one snapshot while training runs; one draw is taken whatever it needs."""

PAUSE_SECONDS = 0.1
"""Time between snapshots with new draws while training runs, at least: more often nobody reads what they say."""

REST_SECONDS = 0.1
"""Time for the draws where training rests."""

SHARE = 0.1
"""Part of the time that draws may take while training runs, where one of them takes longer than is given."""

DECAY = 0.8
"""Weight of the draws of a snapshot, to those of the one after it."""


@dataclass
class Objective:
    """What a loop of SVI trains; `call` is what model and guide are called with, and may be set before each look."""

    model: Callable[..., Any]
    guide: Callable[..., Any]
    elbo: Loss
    call: Call = field(default_factory=lambda: Call((), {}))


class _Draw(NamedTuple):
    """One draw: at which snapshot, counted, it was taken; keys of its terms, shared by alike draws, and the terms."""

    snapshot: int
    keys: Sequence[tuple[str, TermRole]]
    values: NDArray[np.float64]


class AveragedTerms:
    """The terms of the ELBO of a fit: means over draws, of which those of earlier snapshots count ever less.

    Parameters
    ----------
    plain
        What is trained: Pyro's step, or what stands for one of the user's own.
    clock
        Returns a time in seconds.

    Attributes
    ----------
    note
        What there is to say of the terms; None where there is nothing.
    latest
        The terms that were returned last.
    """

    def __init__(self, plain: Objective | PlainStep, clock: Callable[[], float] = time.perf_counter) -> None:
        self._plain, self._clock = plain, clock
        self._draws: deque[_Draw] = deque(maxlen=MAX_DRAWS)
        self._noise = seeded_torch(NOISE_SEED)
        self._snapshot, self._step, self._due = 0, -1, -math.inf
        self._seconds = 0.0
        self._failure: ElboTermsNote | None = None
        self.latest: tuple[ElboTerm, ...] = ()

    def __repr__(self) -> str:
        return f"AveragedTerms({len(self._draws)} draws, {self.note or 'no note'})"

    @property
    def note(self) -> ElboTermsNote | None:  # noqa: D102 see the class
        if self._failure is not None or is_sum_over_sites(self._plain.elbo):
            return self._failure
        loss: Any = self._plain.elbo
        loss = loss.func if isinstance(loss, partial) else loss
        return ElboTermsNote("other_loss", getattr(loss, "__name__", type(loss).__name__))

    def look(self, step: int, *, thorough: bool = False) -> tuple[ElboTerm, ...]:
        """Return the terms after `step` steps, by some more draws of the guide; () where they are not known.

        It is called inside the fit's world, whose random numbers are given back by whoever calls. Guide and model make
        their parameters in the first step, so that nothing is known before it. With `thorough`, which is for a fit that
        rests, more draws are taken.
        """
        return self.ask(step, Transfer(), thorough=thorough)()

    def ask(self, step: int, transfer: Transfer, *, thorough: bool) -> Later[tuple[ElboTerm, ...]]:
        """Take the draws of `look`, and return what returns the terms, once."""
        if step < 1:
            return tuple
        start = self._clock()
        if not (thorough or start >= self._due):
            return lambda: self.latest
        asked = self._take(step, transfer, MAX_DRAWS if thorough else FEW_DRAWS, REST_SECONDS if thorough else SECONDS)
        self._due = max(self._due, start + PAUSE_SECONDS)
        return lambda: self._told(asked)

    def _told(self, asked: Sequence[Later[Terms]]) -> tuple[ElboTerm, ...]:
        """Add draws that were asked for, and return the average."""
        for read in asked:
            self._draws.append(self._draw(read()))
        self.latest = self._average() if self._failure is None else ()
        return self.latest

    def forget(self) -> None:
        """Forget the draws: other parameters have taken the place of the present ones."""
        self._draws.clear()
        self.latest, self._due = (), -math.inf

    def _take(self, step: int, transfer: Transfer, count: int, seconds: float) -> list[Later[Terms]]:
        """Take up to `count` draws, as many as there is time for, and ask for their terms."""
        asked: list[Later[Terms]] = []
        if step != self._step:
            self._snapshot, self._step = self._snapshot + 1, step
        present = sum(draw.snapshot == self._snapshot for draw in self._draws)
        if present >= MAX_DRAWS or (present and self._seconds > REST_SECONDS):
            return asked
        start, number = self._clock(), 1
        install_torch(self._noise)
        try:
            plain = self._plain
            call = call_of_model(plain.call, plain.model, plain.elbo)
            for number in range(1, count + 1):
                asked.append(ask_terms(plain.model, plain.guide, call.args, call.kwargs, plain.elbo, transfer))
                if (self._clock() - start) * (1 + 1 / number) > seconds:
                    break
            self._failure = None
        except Exception as error:  # whatever a model raises that is called once more than it should be
            self._failure = ElboTermsNote("failed", f"{type(error).__name__}: {in_a_line(error)}")
        finally:
            self._noise = current_torch()
        spent = self._clock() - start
        self._seconds = spent / number
        self._due = self._clock() + (spent * (1 / SHARE - 1) if spent > seconds else 0.0)
        return asked

    def _draw(self, terms: Terms) -> _Draw:
        keys: Sequence[tuple[str, TermRole]] = list(terms)
        if self._draws and self._draws[-1].keys == keys:
            keys = self._draws[-1].keys
        return _Draw(self._snapshot, keys, np.array(list(terms.values())))

    def _average(self) -> tuple[ElboTerm, ...]:
        draws = [draw for draw in self._draws if draw.snapshot == self._snapshot]
        if len(draws) < MAX_DRAWS // 2:  # too few of this moment
            draws = list(self._draws)
        if not draws:
            return ()
        keys = list(dict.fromkeys(key for draw in reversed(draws) for key in draw.keys))
        values = np.array([draw.values if list(draw.keys) == keys else _aligned(draw, keys) for draw in draws])
        weights = DECAY ** np.array([self._snapshot - draw.snapshot for draw in draws], dtype=np.float64)
        number = max(1, round(weights.sum() ** 2 / np.square(weights).sum()))
        with np.errstate(invalid="ignore"):
            means, sds = np.average(values, axis=0, weights=weights), _sds(values, weights)
        rows = zip(keys, means.tolist(), sds.tolist(), strict=True)
        return tuple(ElboTerm(site, role, mean, sd, number) for (site, role), mean, sd in rows)


def _aligned(draw: _Draw, keys: Sequence[tuple[str, TermRole]]) -> NDArray[np.float64]:
    """Return the terms of a draw by other keys; a site that it does not have adds nothing."""
    terms = dict(zip(draw.keys, draw.values, strict=True))
    return np.array([terms.get(key, 0.0) for key in keys])


def _sds(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of single draws, shape (number of terms,), from draws of shape (n, that number).

    By the differences of each draw from the next one: the fit moves little between them, and far over all of them.
    """
    if len(values) < 2:
        return np.full(values.shape[1], math.nan)
    return np.asarray(np.sqrt(np.average(np.square(np.diff(values, axis=0)) / 2, axis=0, weights=weights[1:])))
