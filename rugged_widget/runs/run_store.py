"""Store saved runs with their fits, so that each can be recalled."""

import math
from dataclasses import replace
from typing import Generic, TypeAlias, TypeVar

import pandas as pd

from rugged_widget.runs.saved_run import SavedRun, unique_name
from rugged_widget.snapshot.values import Averaged

MAX_RUNS = 20
"""Runs that are kept; the oldest makes room. A fit of the lesson that has been released is less than a megabyte."""

MAX_NAME = 60

Moment: TypeAlias = tuple[int, Averaged | None, int]

FitT = TypeVar("FitT")


class RunStore(Generic[FitT]):
    """Kept runs with their fits, at most `max_runs` >= 1, in the order in which they were kept.

    A fit is kept once. Kept again where it is, it stays as it was; where it trained on or was averaged meanwhile, its
    numbers are those of now, under the name and number that it had: what it was before is gone with the steps.
    """

    def __init__(self, max_runs: int = MAX_RUNS) -> None:
        self._max_runs = max_runs
        self._entries: dict[int, tuple[SavedRun, FitT]] = {}
        self._next = 1

    def __repr__(self) -> str:
        return f"RunStore({len(self._entries)} runs)"

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def runs(self) -> tuple[SavedRun, ...]:
        """All of them, the oldest first."""
        return tuple(run for run, _ in self._entries.values())

    def run(self, number: int) -> SavedRun:
        """Return a run; KeyError where there is none of that number."""
        return self._entries[self._known(number)][0]

    def fit(self, number: int) -> FitT:
        """Return the fit of a run; KeyError where there is none of that number."""
        return self._entries[self._known(number)][1]

    def number_of(self, fit: FitT) -> int | None:
        """Return the number under which a fit is kept; None where it is not."""
        return next((number for number, (_, kept) in self._entries.items() if kept is fit), None)

    def is_current(self, fit: FitT, moment: Moment) -> bool:
        """Return whether a fit is kept as of a moment: its steps, what its parameters are the mean of, its end."""
        number = self.number_of(fit)
        return number is not None and _moment(self._entries[number][0]) == moment

    def keep(self, run: SavedRun, fit: FitT) -> SavedRun:
        """Keep a run, the oldest making room where there are too many; return it as it is kept.

        Its number is given here, and its name a number behind it where another run is called so.
        """
        number = self.number_of(fit)
        if number is not None:
            before = self._entries[number][0]
            if self.is_current(fit, _moment(run)):
                return before
            kept = replace(run, number=number, name=before.name)
        else:
            number, self._next = self._next, self._next + 1
            name = unique_name(run.name[:MAX_NAME], (other.name for other in self.runs))
            kept = replace(run, number=number, name=name)
        self._entries[number] = kept, fit
        while len(self._entries) > self._max_runs:
            del self._entries[next(iter(self._entries))]
        return kept

    def rename(self, number: int, name: str) -> None:
        """Give a run another name; KeyError where there is no such run, ValueError where the name cannot be used."""
        run, fit = self._entries[self._known(number)]
        name = name.strip()
        if not 0 < len(name) <= MAX_NAME:
            raise ValueError(f"a run's name must have 1 to {MAX_NAME} characters, got {len(name)}")
        if any(other.name == name for other in self.runs if other.number != number):
            raise ValueError(f"another run is called {name!r}")
        self._entries[number] = run.renamed(name), fit

    def remove(self, number: int) -> None:
        """Forget a run; KeyError where there is none of that number."""
        del self._entries[self._known(number)]

    def table(self) -> pd.DataFrame:
        """Return all of them, a row each, by their number.

        Returns
        -------
        DataFrame
            name, guide, seed, steps, learning_rate (of the last step), elbo and elbo_error (nats, total over all rows),
            kl and kl_error (nats), log_evidence (nats), worst_sd_ratio, k_hat, effective (share of the draws), quality,
            averaged (steps, "first-last") and seconds; nan or an empty text where something is not known. Where data
            was held out, heldout_elbo (nats) is the last one.
        """
        rows = [_row(run) for run in self.runs]
        columns = [*COLUMNS, HELDOUT] if any(math.isfinite(run.heldout_elbo) for run in self.runs) else COLUMNS
        return pd.DataFrame(rows, columns=columns, index=pd.Index([run.number for run in self.runs], name="run"))

    def _known(self, number: int) -> int:
        if number not in self._entries:
            raise KeyError(f"there is no run {number}; kept are {', '.join(map(str, self._entries)) or 'none'}")
        return number


COLUMNS = [
    *("name", "guide", "seed", "steps", "learning_rate", "elbo", "elbo_error", "kl", "kl_error"),
    *("log_evidence", "worst_sd_ratio", "k_hat", "effective", "quality", "averaged", "seconds"),
]

HELDOUT = "heldout_elbo"


def _moment(run: SavedRun) -> Moment:
    return run.steps, run.averaged, run.num_steps


def _row(run: SavedRun) -> dict[str, object]:
    judgement, gap, averaged = run.approximation, run.gap, run.averaged
    return {
        "name": run.name,
        "guide": run.guide,
        "seed": run.seed,
        "steps": run.steps,
        "learning_rate": run.learning_rate,
        "elbo": run.elbo,
        "elbo_error": run.elbo_error,
        "kl": None if gap is None else gap.nats,
        "kl_error": None if gap is None else gap.standard_error,
        "log_evidence": run.log_evidence,
        "worst_sd_ratio": run.worst_sd_ratio,
        "k_hat": run.k_hat,
        "effective": None if judgement is None else judgement.effective,
        "quality": "" if judgement is None else judgement.quality,
        "averaged": "" if averaged is None else f"{averaged.first}-{averaged.last}",
        "seconds": run.seconds,
        HELDOUT: run.heldout_elbo,
    }
