"""Save runs and bring them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from rugged_widget.infer.guides.families import guide_key, guide_label
from rugged_widget.runs.run_store import RunStore
from rugged_widget.runs.saved_run import SavedRun, run_of
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.training.event_loop import LoopThread
from rugged_widget.training.training import Training
from rugged_widget.validation import CUSTOM
from rugged_widget.view.i18n.catalogue import Catalogue


class SavableFit(Protocol):
    """What a fit tells of itself when its run is saved.

    Attributes
    ----------
    guide_given, guide_name
        The guide as it was asked for, and the key of its family.
    seed, seconds
        Seed of its random numbers, and the time that its steps took, in s.
    """

    guide_given: Any
    seed: int

    @property
    def guide_name(self) -> str:
        """Key of the guide's family, custom where it is none."""

    @property
    def seconds(self) -> float:
        """Time that the steps took, in s."""

    def history(self) -> pd.DataFrame:
        """Return the run so far, a row a step."""

    def snapshot(self) -> Snapshot:
        """Return the present moment."""


class Keeping:
    """Keeps runs, and brings them back; a base of RuggedWidget. Its public methods may be called from any thread."""

    _home: LoopThread
    _fit: Any  # a SavableFit; the class that puts everything together says which
    _training: Training[Snapshot]
    _text: Catalogue
    _kept: RunStore[Any]
    show_runs: Callable[[Sequence[SavedRun]], None]
    _adopting = False

    def runs(self) -> pd.DataFrame:
        """Return the runs that are kept, a row each: every one that ended, and those that `save_run` was called for.

        Returns
        -------
        DataFrame
            By the run's number: name, guide, seed, steps, learning_rate (of the last step), elbo and elbo_error (nats,
            total over all rows, at the end), kl and kl_error (nats, from the exact posterior), worst_sd_ratio (guide /
            exact, of the latent where that is furthest from 1), k_hat, effective (share of the draws that count),
            quality, averaged (steps "first-last") and seconds; nan or an empty text where something is not known.
        """
        return self._home.call(self._kept.table)

    @property
    def saved_runs(self) -> tuple[SavedRun, ...]:
        """The runs that are kept, with their curves and draws, the oldest first."""
        return self._kept.runs

    def save_run(self) -> None:
        """Keep the run as it is now, though it has not ended: pause it first.

        Raises
        ------
        RuntimeError
            Where no step is done, or training runs.
        """
        self._home.call(self._keep_present)

    def recall(self, number: int) -> None:
        """Bring a kept run back, with its guide, seed, learning rate and steps; it can go on from there.

        The present run is gone then, unless it is kept too.

        Parameters
        ----------
        number
            Of the run, as in `runs`.

        Raises
        ------
        KeyError
            Where there is no such run.
        """
        self._home.call(lambda: self._bring_back(number))

    def _keep_present(self) -> None:
        progress = self._training.progress
        if progress.step == 0:
            raise RuntimeError("there is no run to keep before the first step")
        if progress.status == "running":
            raise RuntimeError("training runs: pause it, then keep the run")
        self._keep(self._fit.snapshot(), progress)

    def _keep(self, snapshot: Snapshot, progress: Progress) -> None:
        """Keep the present run, of which this is the last snapshot, and show so."""
        fit = self._fit
        if self._kept.is_current(fit, (snapshot.step, snapshot.averaged, progress.num_steps)):
            return  # it rests, and is only looked at in another way
        rates = fit.history()["learning_rate"]
        run = run_of(
            snapshot,
            name=self._name_of(fit),
            guide=fit.guide_name,
            num_steps=progress.num_steps,
            rate=float(rates.iloc[-1]),
            rate_changed=bool((rates != rates.iloc[-1]).any()),
            seed=fit.seed,
            seconds=fit.seconds,
        )
        self._kept.keep(run, fit)
        self.show_runs(self._kept.runs)

    def _name_of(self, fit: SavableFit) -> str:
        given: Any = fit.guide_given
        guide = guide_label(given) if guide_key(given) == CUSTOM else self._text(f"guides.{fit.guide_name}")
        return self._text("compare.run_name", guide=guide, seed=fit.seed)

    def _bring_back(self, number: int) -> None:
        run, fit = self._kept.run(number), self._kept.fit(number)
        self._adopting = True
        try:
            self._adopt(run, fit)
        finally:
            self._adopting = False

    def _adopt(self, run: SavedRun, fit: Any) -> None:  # noqa: ANN401  # of the kind that the store holds
        raise NotImplementedError

    def rename_run(self, number: int, name: str) -> None:
        """Give a kept run another name.

        Raises
        ------
        KeyError
            Where there is no such run.
        ValueError
            Where the name is empty, longer than 60 characters or that of another run.
        """
        self._home.call(lambda: self._rename(number, name))

    def remove_run(self, number: int) -> None:
        """Forget a kept run; KeyError where there is none of that number. What is shown does not change."""
        self._home.call(lambda: self._remove(number))

    def _rename(self, number: int, name: str) -> None:
        self._kept.rename(number, name)
        self.show_runs(self._kept.runs)

    def _remove(self, number: int) -> None:
        self._kept.remove(number)
        self.show_runs(self._kept.runs)

    def export_runs(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the table of `runs` to a file, as CSV.

        Parameters
        ----------
        path
            Where to.
        overwrite
            Whether a file that is there already is replaced.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        FileExistsError
            Where there is a file that is not to be replaced.
        OSError
            Where it cannot be written.
        """
        table, target = self.runs(), Path(path).expanduser()
        with target.open("w" if overwrite else "x", encoding="utf-8", newline="") as file:
            table.to_csv(file)
        return target.resolve()
