"""The world of one widget: the present fit, its training, and its saved runs."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import pandas as pd

from rugged_widget.runs.run_store import RunStore
from rugged_widget.runs.saved_run import SavedRun, run_of
from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.snapshot.values import Presence
from rugged_widget.training.event_loop import LoopThread
from rugged_widget.training.protocols import Display, Trainable
from rugged_widget.training.training import Training
from rugged_widget.validation import Speed

T = TypeVar("T")


class SessionFit(Trainable[Snapshot], Protocol):
    """A fit that a session trains, shows and saves.

    Attributes
    ----------
    request
        What its snapshots hold beyond what they always do.
    seed
        Seed of its random numbers.
    """

    request: SnapshotRequest
    seed: int

    @property
    def guide_name(self) -> str:
        """Key of the guide's family, "custom" where it is none."""

    @property
    def seconds(self) -> float:
        """Time that the steps took, in s."""

    def history(self) -> pd.DataFrame:
        """Return the run so far, a row a step."""

    def rested(self) -> None:
        """Take note that training rests, and that its last snapshot is made."""


FitT = TypeVar("FitT", bound=SessionFit)
Report = Callable[[Progress, Snapshot | None], None]


class _Reported:
    """A display that reports what it has shown.

    Parameters
    ----------
    display
        Shows snapshots.
    report
        Told by `tell` of the latest progress, and of the snapshot where there is a new one. Whoever hears of it may
        change the run, which must therefore not be in the middle of a change.
    ended
        Told of the last snapshot of a run that has ended, after it is shown.
    rested
        Called when training rests, before that is shown.
    """

    def __init__(
        self,
        display: Display[Snapshot],
        report: Report,
        ended: Callable[[Snapshot, Progress], None],
        rested: Callable[[], None],
    ) -> None:
        self._display, self._report, self._ended, self._rested = display, report, ended, rested
        self._progress: Progress | None = None
        self._snapshot: Snapshot | None = None

    @property
    def presence(self) -> Presence:
        return self._display.presence

    def ready(self) -> bool:
        return self._display.ready()

    def show(self, snapshot: Snapshot, progress: Progress) -> None:
        self._progress, self._snapshot = progress, snapshot
        self._display.show(snapshot, progress)

    def before_rest(self) -> None:
        self._display.before_rest()

    def rest(self, snapshot: Snapshot, progress: Progress) -> None:
        self._progress, self._snapshot = progress, snapshot
        self._rested()
        self._display.rest(snapshot, progress)
        if progress.status == "finished" and (snapshot.draws or not snapshot.quantiles):
            self._ended(snapshot, progress)

    def changed(self, progress: Progress) -> None:
        self._progress = progress
        self._display.changed(progress)

    def tell(self) -> None:
        """Report what was shown since the last time."""
        progress, snapshot = self._progress, self._snapshot
        self._progress = self._snapshot = None
        if progress is not None:
            self._report(progress, snapshot)


class Session(Generic[FitT]):
    """Makes fits, trains the present one and keeps runs. Its methods may be called from any thread.

    Parameters
    ----------
    make_fit
        Makes a fit with the present settings; called now and at every reset.
    display
        Shows snapshots.
    report
        Told, on the computing thread, of the progress after each change of the run, and of the snapshot where there is
        a new one; what has ended is saved by then. It may change the run.
    on_runs
        Told, on the computing thread, that other runs are saved than before.
    run_name
        Returns what to call the run of a fit.
    request
        What the first snapshot holds beyond what all do.
    home
        The loop to train on.
    num_steps, speed, stop_when_converged
        As of `Training`.

    Attributes
    ----------
    training
        The run loop.
    """

    def __init__(
        self,
        make_fit: Callable[[], FitT],
        display: Display[Snapshot],
        *,
        report: Report,
        on_runs: Callable[[tuple[SavedRun, ...]], None],
        run_name: Callable[[FitT], str],
        request: SnapshotRequest = AT_REST,
        home: LoopThread,
        num_steps: int,
        speed: Speed,
        stop_when_converged: bool,
    ) -> None:
        self._make_fit, self._on_runs, self._run_name, self._home = make_fit, on_runs, run_name, home
        self._request = request
        self._store: RunStore[FitT] = RunStore()
        self._display = _Reported(display, report, self._save, lambda: self.training.fit.rested())  # noqa: PLW0108  # the training is made later
        self.training: Training[FitT] = Training(
            self._fresh_fit,
            self._display,
            num_steps=num_steps,
            speed=speed,
            home=home,
            stop_when_converged=stop_when_converged,
            on_change=self._display.tell,
        )

    def __repr__(self) -> str:
        return f"Session({self.training!r}, {len(self._store)} saved runs)"

    def call(self, request: Callable[[FitT], T]) -> T:
        """Return what `request` returns for the present fit, on the computing thread."""
        return self._home.call(lambda: request(self.training.fit))

    def show(self) -> None:
        """Show the present moment; raises what its snapshot raises."""
        self._home.call(self._show)

    def request(self, request: SnapshotRequest) -> None:
        """Let snapshots hold something else from now on; while training rests, a new one is shown."""
        self.training.fit.request = self._request = request
        self.training.refresh()

    def toggle(self) -> None:
        """Pause what runs; start what rests, from the beginning where it has ended."""
        self.training.ask(self._toggle)

    def _toggle(self) -> None:
        status = self.training.status
        if status == "running":
            self.training.pause()
            return
        if status in {"finished", "failed"}:
            self.training.reset()
        self.training.start()

    def close(self) -> None:
        """End training for good. Idempotent."""
        self.training.close()

    # Saved runs

    @property
    def runs(self) -> tuple[SavedRun, ...]:
        """The saved runs, the oldest first."""
        return self._store.runs

    def table(self) -> pd.DataFrame:
        """Return the saved runs, a row each; see `RunStore.table`."""
        return self._home.call(self._store.table)

    def save_run(self) -> None:
        """Save the present run, which must rest after its first step; RuntimeError where it does not."""
        self._home.call(self._save_present)

    def recall(self, number: int, engine: str) -> tuple[SavedRun, FitT]:
        """Make the fit of a saved run the present one, stepped by an engine from now on, and return both.

        Raises
        ------
        KeyError
            Where there is no such run.
        """
        return self._home.call(lambda: self._recall(number, engine))

    def rename_run(self, number: int, name: str) -> None:
        """Give a saved run another name; KeyError and ValueError as of `RunStore.rename`."""
        self._home.call(lambda: self._change_runs(lambda: self._store.rename(number, name)))

    def remove_run(self, number: int) -> None:
        """Forget a saved run; KeyError where there is none of that number."""
        self._home.call(lambda: self._change_runs(lambda: self._store.remove(number)))

    def export_runs(self, path: str | PathLike[str], *, overwrite: bool) -> Path:
        """Write `table` to a file as CSV, and return where it is; OSError where that fails."""
        table, target = self.table(), Path(path).expanduser()
        with target.open("w" if overwrite else "x", encoding="utf-8", newline="") as file:
            table.to_csv(file)
        return target.resolve()

    def _show(self) -> None:
        self._display.rest(self.training.fit.snapshot(), self.training.progress)
        self._display.tell()

    def _fresh_fit(self) -> FitT:
        fit = self._make_fit()
        fit.request = self._request
        return fit

    def _save_present(self) -> None:
        progress = self.training.progress
        if progress.step == 0:
            raise RuntimeError("there is no run to keep before the first step")
        if progress.status == "running":
            raise RuntimeError("training runs: pause it, then keep the run")
        self._save(self.training.fit.snapshot(), progress)

    def _save(self, snapshot: Snapshot, progress: Progress) -> None:
        """Save the present run, of which this is the last snapshot."""
        fit = self.training.fit
        if self._store.is_current(fit, (snapshot.step, snapshot.averaged, progress.num_steps)):
            return  # it rests, and is only looked at in another way
        rates = fit.history()["learning_rate"]
        run = run_of(
            snapshot,
            name=self._run_name(fit),
            guide=fit.guide_name,
            num_steps=progress.num_steps,
            rate=float(rates.iloc[-1]),
            rate_changed=bool((rates != rates.iloc[-1]).any()),
            seed=fit.seed,
            seconds=fit.seconds,
        )
        self._change_runs(lambda: self._store.keep(run, fit))

    def _recall(self, number: int, engine: str) -> tuple[SavedRun, FitT]:
        run, fit = self._store.run(number), self._store.fit(number)
        fit.use_engine(engine)
        fit.request = self._request
        self.training.adopt(fit, run.num_steps)
        return run, fit

    def _change_runs(self, change: Callable[[], object]) -> None:
        change()
        self._on_runs(self._store.runs)
