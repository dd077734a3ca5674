"""Record the norms of the gradients by parameter at some steps, without changing what the steps do."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import get_param_store, poutine

from rugged_widget.infer.step.module_state import submodules, untouched
from rugged_widget.infer.step.pyro_step import PlainStep
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.snapshot.model_values import GradientFlag, GradientNorms

MAX_POINTS = 200
"""Points that are kept, the latest included."""

MAX_VALUES = 50_000
"""Norms that are kept: of many parameters there are fewer points."""

FEWEST_POINTS = 20

MAX_NAMES = MAX_VALUES // FEWEST_POINTS
"""Parameters that are looked at, the first ones of the store."""

RECENT = 5
"""Latest points that decide on the flags: the gradient of one step may be small by chance."""

FAR = 1e3
"""Factor between the gradient per element of a parameter and that of the others from which on it is flagged.

Parameters of different units differ by a hundred in fits that are all right.
"""

FEW = 10
"""Parameters up to which each is compared with the others alone; among more, one hardly moves their median."""

FEWEST_OTHERS = 2
"""Other parameters that one is compared with, at least."""

SHARE = 0.1
"""Part of the time that looking at gradients may take."""

PAUSE_SECONDS = 0.1
"""Time between two computations of gradients while training runs, at least: a frame is not to wait for each."""

RUNNING_MEAN = "__baseline_avg_"
"""Beginning of the names under which Pyro keeps running means of costs among the parameters; they have no gradient."""


class GradientRecord:
    """Norms at some steps, at most `MAX_POINTS`: when they are too many, every other one goes."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._sizes: dict[str, int] = {}
        self._points: list[tuple[int, NDArray[np.float64]]] = []  # of the names that were known by then
        self._gap = 1

    def __repr__(self) -> str:
        return f"GradientRecord({len(self._points)} points of {len(self._names)} parameters)"

    def add(self, step: int, norms: Mapping[str, float], sizes: Mapping[str, int]) -> None:
        """Note norms by parameter at the parameters after `step` steps, and the numbers of their elements."""
        self.truncate(step - 1)
        self._names += [name for name in norms if name not in self._sizes]
        self._sizes.update(sizes)
        # The latest point gives way where it is too near to the one before it to be kept.
        if len(self._points) > 1 and self._points[-1][0] - self._points[-2][0] < self._gap:
            self._points.pop()
        self._points.append((step, np.array([norms.get(name, math.nan) for name in self._names])))
        most = max(FEWEST_POINTS, min(MAX_POINTS, MAX_VALUES // max(1, len(self._names))))
        if len(self._points) > most:
            self._gap *= 2
            self._points = [*self._points[:-1][::2], self._points[-1]]

    def truncate(self, num_steps: int) -> None:
        """Forget what lies after so many steps."""
        self._points = [point for point in self._points if point[0] <= num_steps]

    def norms(self) -> GradientNorms | None:
        """Return what is known; None where that is nothing."""
        if not self._points:
            return None
        rows = [norms for _, norms in self._points]
        if len(rows[0]) < len(self._names):  # rows of parameters that came later are longer
            rows = [np.pad(norms, (0, len(self._names) - len(norms)), constant_values=math.nan) for norms in rows]
        values = np.array(rows)
        steps = np.array([float(step) for step, _ in self._points])
        return GradientNorms(tuple(self._names), steps, values, self._flags(values[-RECENT:]))

    def _flags(self, latest: NDArray[np.float64]) -> dict[str, GradientFlag]:
        """Return the flags by norms of shape (num_points, number of names)."""
        return flags(self._names, latest, np.array([self._sizes[name] for name in self._names], dtype=np.float64))


def flags(names: Sequence[str], norms: NDArray[np.float64], sizes: NDArray[np.float64]) -> dict[str, GradientFlag]:
    """Return by name the parameters whose gradient is zero, not finite, or far from that of the others.

    The norms are of shape (>= 1, number of names), the last row the latest; nan where a parameter was not there,
    infinite where a gradient is not finite. The sizes are the numbers of elements, shape (number of names,).
    """
    moves = np.isfinite(norms) & (norms > 0)
    known = ~np.isnan(norms[-1]) & (sizes > 0)
    infinite, still = known & np.isinf(norms[-1]), known & ~np.isinf(norms[-1]) & ~moves.any(0)
    flagged: dict[int, GradientFlag] = dict.fromkeys(np.flatnonzero(infinite).tolist(), "not_finite")
    flagged |= dict.fromkeys(np.flatnonzero(still).tolist(), "zero")
    compared = np.flatnonzero(known & ~infinite & ~still)
    if len(compared) > FEWEST_OTHERS:
        typical = _medians(np.where(moves, norms, math.nan)[:, compared]) / np.sqrt(sizes[compared])
        middles = _medians_of_others(typical) if len(typical) <= FEW else np.full(len(typical), np.median(typical))
        flagged |= dict.fromkeys(compared[typical < middles / FAR].tolist(), "small")
        flagged |= dict.fromkeys(compared[typical > middles * FAR].tolist(), "large")
    return {names[number]: flagged[number] for number in sorted(flagged)}


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column's numbers that are not nan, of which there are some; np.nanmedian is slow."""
    ordered, count = np.sort(values, axis=0), (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    return np.asarray((ordered[(count - 1) // 2, columns] + ordered[count // 2, columns]) / 2)


def _medians_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of the values, shape (n,), the median of all others."""
    size = len(values)
    others = np.broadcast_to(values, (size, size))[~np.eye(size, dtype=bool)].reshape(size, size - 1)
    return np.asarray(np.median(others, axis=1))


class GradientListener:
    """Notes the norms of gradients as they are added up, before an optimizer changes them and they are set to zero.

    Attributes
    ----------
    params
        Unconstrained parameters by name: those in the present parameter store, as many as are looked at.
    norms
        Euclidean norms of the gradients by parameter, of those that have got one so far.
    """

    def __init__(self) -> None:
        self.params, self._transfer = _learned(), Transfer()
        self._norms: dict[str, Later[float]] = {}
        self._handles = [
            param.register_post_accumulate_grad_hook(partial(self._note, name)) for name, param in self.params.items()
        ]

    def _note(self, name: str, param: torch.Tensor) -> None:
        self._norms[name] = ask_norm(param.grad, self._transfer)

    @property
    def norms(self) -> dict[str, float]:  # noqa: D102 see the class
        return {name: read() for name, read in self._norms.items()}

    def __repr__(self) -> str:
        return f"GradientListener({len(self._norms)} of {len(self.params)} parameters)"

    def end(self) -> None:
        """Note nothing any more. Idempotent."""
        while self._handles:
            self._handles.pop().remove()


class GradientMonitor:
    """Looks at gradients where they arise anyway, in Pyro's own steps, and computes them at snapshots elsewhere.

    Parameters that the loss never asks for are left out: the store may hold those of other models too.
    """

    def __init__(self, plain: PlainStep, clock: Callable[[], float] = time.perf_counter) -> None:
        self._plain, self._clock = plain, clock
        self._record = GradientRecord()
        self._used: set[str] = set()
        self._wanted, self._due, self._computed_at = False, -math.inf, -1
        self._seconds = math.inf

    def __repr__(self) -> str:
        return f"GradientMonitor({self._record!r})"

    @contextmanager
    def listening(self, num_steps: int) -> Iterator[None]:
        """Note the gradients of Pyro's own step after `num_steps`, should one be taken and be wanted.

        They are seen as they are added up, before the optimizer clips them and they are set to zero.
        """
        if not self._wanted or self._clock() < self._due:
            yield
            return
        start = self._clock()
        listener = GradientListener()
        spent = self._clock() - start
        try:
            with poutine.trace(param_only=True) as asked:
                yield
        finally:
            start = self._clock()
            norms = listener.norms
            self._used.update(asked.trace.nodes, norms)
            listener.end()
            if norms:
                self._note(num_steps, norms, listener.params)
                self._wanted = False
            self._spend(spent + self._clock() - start)

    def look(
        self, num_steps: int, *, notes: bool = True, computes: bool, thorough: bool = False
    ) -> GradientNorms | None:
        """Return the norms so far, None where there are none; with `notes` those of the next step are noted.

        With `computes` the steps are not Pyro's own: the gradient of the present parameters is then computed here, now
        and then, and where it is `thorough`, which is for a fit that rests, in any case. It is then called inside the
        fit's world, whose random numbers are given back by whoever calls.
        """
        self._record.truncate(num_steps)
        self._wanted = notes and not computes
        due = thorough or self._clock() >= self._due
        if computes and num_steps and num_steps != self._computed_at and due:
            self._compute(num_steps)
        return self._record.norms()

    def _spend(self, seconds: float) -> None:
        """Leave so much time until the next look that this one takes its share; single slow ones count less."""
        self._seconds = min(seconds, 1.5 * self._seconds)
        self._due = self._clock() + self._seconds / SHARE

    def _compute(self, num_steps: int) -> None:
        start, params = self._clock(), _learned()
        try:
            with torch.enable_grad(), untouched(submodules(self._plain.model, self._plain.guide)):
                with poutine.trace(param_only=True) as asked:
                    loss = self._plain.loss(copy.copy(self._plain.elbo))
                gradients = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
        except Exception:  # a loss without such a gradient, or a model that breaks: the next step says so
            gradients = ()
        if gradients:
            pairs = [(name, one) for name, one in zip(params, gradients, strict=True) if one is not None]
            self._used.update(asked.trace.nodes, (name for name, _ in pairs))
            transfer = Transfer()
            norms = {name: ask_norm(gradient, transfer) for name, gradient in pairs}
            self._note(num_steps, {name: read() for name, read in norms.items()}, params)
        self._computed_at = num_steps
        self._spend(self._clock() - start)
        self._due = max(self._due, start + PAUSE_SECONDS)

    def _note(self, num_steps: int, norms: Mapping[str, float], params: Mapping[str, torch.Tensor]) -> None:
        used = {name: param for name, param in params.items() if name in self._used}
        every = {name: norms.get(name, 0.0) for name in used}  # no gradient at all leaves a parameter where it is
        self._record.add(num_steps, every, {name: param.numel() for name, param in used.items()})


@torch.no_grad()
def ask_norm(gradient: torch.Tensor | None, transfer: Transfer) -> Later[float]:
    """Ask for the Euclidean norm of a gradient; 0 where there is none, infinite where an element is not finite."""
    if gradient is None:
        return float
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    read = transfer.number(torch.linalg.vector_norm(values))
    return lambda: math.inf if math.isnan(norm := read()) else norm


def _learned() -> dict[str, torch.Tensor]:
    """Return the unconstrained parameters by name, as many as are looked at."""
    pairs = (
        (name, param)
        for name, param in get_param_store().named_parameters()
        if param.requires_grad and param.is_leaf and not name.startswith(RUNNING_MEAN)
    )
    return dict(pair for pair, _ in zip(pairs, range(MAX_NAMES), strict=False))
