"""Predictions of any model by draws of its guide, within a budget of time."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NoReturn

import numpy as np
import torch

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.diagnostics.heldout import in_a_line
from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.predictive import band_probs
from rugged_widget.infer.guides.sampling import order_statistics, same_noise
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.monitor.infer.predict_form import Curves, FormError, Predict, SitePrediction, curves_of
from rugged_widget.monitor.infer.site_prediction import SitePredictor
from rugged_widget.snapshot.model_values import Prediction
from rugged_widget.snapshot.values import Array, Band

PROBS: Final = (0.9, 0.5)
"""Probabilities inside the bands."""

COUNTS: Final = (20, 50, 100, 200, 400)
"""Numbers of draws, of which the largest that is affordable is taken."""

SECONDS: Final = 0.005
"""Time for a prediction while training runs."""

REST_SECONDS: Final = 0.2
"""Time for a prediction where training rests."""

SHARE: Final = 0.1
"""Part of the time that predictions may take while training runs, where the fewest draws need more than is given."""

SLIGHTLY: Final = 1.2
"""Factor of the time of the fewest draws that more of them may need."""

HARDLY: Final = 1.5
"""Factor of the time of the fewest draws that more of them may need at rest, where the fewest need long already."""

LONGEST: Final = 0.5
"""Time of the fewest draws from which on no more of them are tried, s."""

MAX_POINTS: Final = 300
"""Points of a grid that are drawn."""

MAX_ROWS: Final = 1000
"""Observed points that are drawn."""

NUMERICAL = (ArithmeticError, torch.linalg.LinAlgError)  # type: ignore[attr-defined]  # public by its documentation
"""What may be raised of numbers that training will change."""


class Predictor:
    """Makes the predictions of a fit; its methods are called inside `Fit.inspecting`, which gives all state back.

    Parameters
    ----------
    predict
        What to predict.
    model
        A Pyro model.
    example
        What it is trained with; None where that changes from step to step.
    clock
        Returns a time in seconds.
    """

    def __init__(
        self,
        predict: Predict,
        model: Callable[..., Any],
        example: Call | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._compute: Callable[[Mapping[str, torch.Tensor], int, Transfer], Later[dict[str, Curves]]]
        if isinstance(predict, SitePrediction):
            self._compute = SitePredictor(predict, model, example).ask
        else:
            self._compute = partial(_ask_curves, predict)
        self._counts: tuple[int, int] | None = None
        self._due = -math.inf
        self._seen: tuple[tuple[int, bool], tuple[Prediction, ...]] | None = None

    def __repr__(self) -> str:
        return f"Predictor(draws {self._counts})"

    def check(self, guide: Callable[..., Any]) -> tuple[str, ...]:
        """Predict once with few draws and return the titles, one where the numbers do not allow it yet.

        Raises
        ------
        FormError
            If what is returned, or the site, does not have the form that is needed, or the function raises.
        """
        try:
            return tuple(self._curves(guide, COUNTS[0]))
        except (*NUMERICAL, CannotDrawError):
            return ("",)
        except FormError:
            raise
        except Exception as error:
            raise FormError(f"predict raised {in_a_line(error)}, at draws of the guide as it is at first") from error

    def look(self, guide: Callable[..., Any], step: int, *, thorough: bool) -> tuple[Prediction, ...]:
        """Return the predictions after `step` steps; those of before where others are not due.

        With `thorough`, which is for a fit that rests, more draws are taken. A failure is told in the prediction.
        """
        return self.ask(guide, step, Transfer(), thorough=thorough)()

    def ask(
        self, guide: Callable[..., Any], step: int, transfer: Transfer, *, thorough: bool
    ) -> Later[tuple[Prediction, ...]]:
        """Ask for what `look` returns."""
        key, seen = (step, thorough), self._seen
        if seen is not None and (seen[0] == key or not (thorough or self._clock() >= self._due)):
            return lambda: seen[1]
        start = self._clock()
        try:
            counts = self._counts = self._counts or self._affordable(guide)
            start = self._clock()
            read = self._ask_curves(guide, counts[thorough], transfer)
        except Exception as error:  # whatever the user's code raises
            read = partial(_raise, error)
        return partial(self._told, key, read, self._clock() - start)

    def _told(
        self, key: tuple[int, bool], read: Later[dict[str, Curves]], asking_seconds: float
    ) -> tuple[Prediction, ...]:
        """Return the predictions of curves that were asked for, or why there are none."""
        start = self._clock()
        try:
            predictions = tuple(_prediction(title, curves) for title, curves in read().items())
            spent = asking_seconds + self._clock() - start
            self._due = self._clock() + (spent * (1 / SHARE - 1) if spent > 2 * SECONDS else 0.0)
        except Exception as error:  # as in `ask`
            problem = str(error) if isinstance(error, (FormError, CannotDrawError)) else in_a_line(error)
            predictions = (_failed("", problem),)
        self._seen = key, predictions
        return predictions

    def _curves(self, guide: Callable[..., Any], count: int) -> dict[str, Curves]:
        return self._ask_curves(guide, count, Transfer())()

    def _ask_curves(self, guide: Callable[..., Any], count: int, transfer: Transfer) -> Later[dict[str, Curves]]:
        drawn = sample_guide(guide, count, max_seconds=REST_SECONDS)
        with same_noise(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._compute(drawn.values, drawn.num_draws if drawn.values else count, transfer)

    def _affordable(self, guide: Callable[..., Any]) -> tuple[int, int]:
        """Return how many draws a prediction may have while training runs, and where it rests."""
        seconds: list[float] = []
        self._curves(guide, COUNTS[0])  # what is done only once
        for count in (COUNTS[0], COUNTS[2]):
            start = self._clock()
            self._curves(guide, count)
            seconds.append(self._clock() - start)
            if seconds[0] > REST_SECONDS / 2:
                return COUNTS[0], self._affordable_at_rest(guide, seconds[0])
        each = max(seconds[1] - seconds[0], 0.0) / (COUNTS[2] - COUNTS[0])
        fixed = seconds[0] - COUNTS[0] * each
        running, resting = (
            max(count for count in COUNTS if fixed + count * each <= max(budget, SLIGHTLY * seconds[0]))
            for budget in (SECONDS, REST_SECONDS)
        )
        return running, resting

    def _affordable_at_rest(self, guide: Callable[..., Any], fewest_seconds: float) -> int:
        """Return how many draws need hardly more time than the fewest, as of a model that takes them all at once."""
        count = COUNTS[0]
        for more in COUNTS[1:] if fewest_seconds <= LONGEST else ():
            start = self._clock()
            self._curves(guide, more)
            if self._clock() - start > HARDLY * fewest_seconds:
                break
            count = more
        return count


def _ask_curves(
    predict: Callable[[dict[str, torch.Tensor]], Any], draws: Mapping[str, torch.Tensor], count: int, transfer: Transfer
) -> Later[dict[str, Curves]]:
    """Ask for the curves that a function returns."""
    result = _asked(predict(dict(draws)), transfer)
    return lambda: curves_of(result(), count if draws else 0)


def _asked(value: Any, transfer: Transfer) -> Later[Any]:
    """Ask for the tensors in tuples, lists and dictionaries; anything else is as it is."""
    if isinstance(value, torch.Tensor):
        return transfer.tensor(value)
    if isinstance(value, Mapping):
        entries = {name: _asked(entry, transfer) for name, entry in value.items()}
        return lambda: {name: read() for name, read in entries.items()}
    if isinstance(value, (tuple, list)) and any(isinstance(part, (torch.Tensor, tuple, list)) for part in value):
        parts = [_asked(part, transfer) for part in value]
        return lambda: tuple(read() for read in parts)
    return lambda: value


def _raise(error: Exception) -> NoReturn:
    raise error


def _prediction(title: str, curves: Curves) -> Prediction:
    """Return the bands of curves at points in order, not more of them than can be seen."""
    finite = np.isfinite(curves.values).all(1)
    if curves.observations is not None:
        finite &= np.isfinite(curves.observations).all(1)
    if not finite.any():
        return _failed(title, "no curve is finite")
    order = np.argsort(curves.x, kind="stable")
    if len(order) > MAX_POINTS:
        order = order[np.linspace(0, len(order) - 1, MAX_POINTS).round().astype(np.intp)]
    x, values = curves.x[order], curves.values[finite][:, order]
    bands = tuple(_band(x, values, prob) for prob in PROBS)
    new = None if curves.observations is None else _band(x, curves.observations[finite][:, order], PROBS[0])
    points = None if curves.points is None else _thinned(*curves.points)
    return Prediction(title, x, bands[0].median, bands, int(finite.sum()), new, points, curves.x_label, curves.dates)


def _band(x: Array, values: Array, prob: float) -> Band:
    lower, median, upper = order_statistics(values, band_probs(prob))
    return Band(x, lower, median, upper, prob)


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) > MAX_ROWS:
        rows = np.linspace(0, len(x) - 1, MAX_ROWS).round().astype(np.intp)
        x, y = x[rows], y[rows]
    return x, y


def _failed(title: str, problem: str) -> Prediction:
    return Prediction(title, np.zeros(0), np.zeros(0), (), 0, problem=problem)
