"""A widget that trains a fit by SVI and shows how: what is common to the lesson and to any other model."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeAlias

import ipywidgets
import numpy as np
import pandas as pd
import traitlets

from rugged_widget.defaults import LEARNING_RATE, NUM_STEPS, PROBS
from rugged_widget.errors import FitError
from rugged_widget.infer.svi.preload import PRELOAD
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.session import Session, SessionFit
from rugged_widget.setting import Setting, keep_training, settings_of
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import EngineInfo, Progress, Snapshot
from rugged_widget.snapshot.values import Approximation
from rugged_widget.training.event_loop import LoopThread
from rugged_widget.training.training import Training
from rugged_widget.validation import (
    MAX_SEED,
    SPEEDS,
    Speed,
    checked_count,
    checked_engine,
    checked_flag,
    checked_learning_rate,
    checked_seed,
    checked_speed,
)
from rugged_widget.view.controls.inputs import Choices, IntegerBox, LogSlider
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, checked_language
from rugged_widget.view.requests import Requests

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
Ask: TypeAlias = Callable[[Callable[[], None]], None]
MakeDashboard: TypeAlias = Callable[[Requests, Ask, Callable[[SnapshotRequest], None]], Dashboard]
"""Makes a dashboard, given the requests of its controls, what runs a function on the computing thread, and whom it asks
for other snapshots."""

NAMES: Final = {speed: str(speed) for speed in SPEEDS}


class SVIFit(SessionFit, Protocol):
    """A fit that a widget answers questions about."""

    @property
    def guide_label(self) -> str:
        """Name of a guide that is none of the families: that of its function or class."""

    @property
    def variant(self) -> str:
        """What else tells its run from those of the same guide and seed, in a few words; empty where nothing does."""

    def param_store(self) -> Arrays:
        """Return copies of the guide's parameters by name."""

    def quantiles(self, probs: Sequence[float]) -> Arrays:
        """Return quantiles of the guide by site."""

    def approximation(self) -> Approximation:
        """Judge how good the guide is, as it is now."""


class SVIWidget(ipywidgets.VBox):
    """A box that has a session, which trains a fit, and a dashboard, which shows it.

    Its methods may be called from any thread.

    Parameters
    ----------
    settings
        Values of all settings by name, checked.
    make_fit
        Makes a fit with the present settings.
    make_dashboard
        Makes the dashboard.
    """

    learning_rate = Setting(
        LEARNING_RATE,
        checked_learning_rate,
        "Learning rate of Adam, > 0.",
        apply=Training.set_learning_rate,
        control=partial(LogSlider, lowest=-5, highest=0),
        place=2,
        saved=lambda _run, fit: fit.learning_rate,
    )
    num_steps = Setting(
        NUM_STEPS,
        partial(checked_count, name="num_steps"),
        "Number of steps, >= 1.",
        apply=Training.set_num_steps,
        show=lambda _dashboard, _num_steps: None,
        saved=lambda run, _fit: run.num_steps,
    )
    seed = Setting(
        1,
        checked_seed,
        "Seed of all random numbers of the fit, in [0, 2**32): the same seed gives the same run, whatever happens "
        "beside it.",
        control=partial(IntegerBox, lowest=0, highest=MAX_SEED),
        place=4,
        saved=lambda _run, fit: fit.seed,
    )
    speed: Setting[Speed] = Setting(
        10,
        checked_speed,
        'Steps a frame, 1 or 10, or "max": as fast as possible.',
        apply=Training.set_speed,
        control=partial(Choices, labels=NAMES, words="controls.speed", buttons=True),
        place=1,
    )
    engine = Setting(
        "auto",
        checked_engine,
        'How the steps are computed: "plain" (Pyro\'s own), "graph" (captured once, many times as fast), "jax" '
        '(compiled beside the training, which it then takes over; needs ``rugged_widget[fast]``), or "auto": graph '
        "where the model allows it. The run is the same with each, up to rounding.",
        apply=Training.use_engine,
    )
    stop_when_converged = Setting(
        False,
        partial(checked_flag, name="stop_when_converged"),
        "End a run at the first step at which the optimizer counts as converged.",
        apply=Training.set_stop_when_converged,
    )
    language = Setting(
        AUTO,
        checked_language,
        'Language of everything that is shown: "en", "ko", or "auto", what the reader\'s browser prefers.',
        apply=keep_training,
        show=Dashboard.speak,
    )
    status = traitlets.Unicode("ready", read_only=True, help="ready, running, paused, finished or failed.")
    step = traitlets.Int(0, read_only=True, help="Steps done.")
    elbo = traitlets.Float(
        math.nan,
        read_only=True,
        help="ELBO estimate of the last step in nats, total over all rows; nan before the first.",
    )
    snapshot = traitlets.Instance(
        Snapshot,
        allow_none=True,
        read_only=True,
        help="Snapshot that is shown, computed when a frame can go out, at a pause and at the end.",
    )
    error = traitlets.Unicode("", read_only=True, help="What happened and what to try, where status is failed.")
    engine_info = traitlets.Instance(
        EngineInfo,
        allow_none=True,
        read_only=True,
        help="Name of the engine at work, plain, graph or jax, and the reason why it is this one.",
    )

    _parts: tuple[Session[Any] | Dashboard, ...] = ()  # none as long as the constructor has not come so far
    _recalling = False
    _reporting = False

    def __init__(
        self, settings: Mapping[str, Any], make_fit: Callable[[], SVIFit], make_dashboard: MakeDashboard
    ) -> None:
        super().__init__()
        self._news: deque[tuple[str, object]] = deque()
        with ExitStack() as on_error:
            on_error.callback(self.close)
            self.add_class("rugged-widget")
            with self.cross_validation_lock:  # the fit is not there yet, and says what is wrong itself
                for name, value in settings.items():
                    setattr(self, name, value)
            home = LoopThread()
            self._dashboard = make_dashboard(self._requests(home.ask), home.ask, self._request)
            self._parts = (self._dashboard,)
            self._session: Session[SVIFit] = Session(
                make_fit,
                self._dashboard,
                report=self._report,
                on_runs=self._dashboard.show_runs,
                run_name=lambda fit: self._dashboard.run_name(fit.guide_name, fit.guide_label, fit.seed, fit.variant),
                request=self._dashboard.request,
                home=home,
                **{name: settings[name] for name in ("num_steps", "speed", "stop_when_converged")},
            )
            self._parts = self._session, self._dashboard
            self.children = self._dashboard.children
            self._session.show()
            self.observe(self._change, list(settings))
            on_error.pop_all()

    def __repr__(self) -> str:
        return repr(self._dashboard).replace("Dashboard", type(self).__name__, 1)

    # Training

    def start(self) -> None:
        """Train on to the end; returns at once. Nothing happens where it runs or is finished.

        Raises
        ------
        RuntimeError
            In a plain script, where no event loop runs; use `fit` there.
        ClosedError
            After `close`.
        """
        self._session.training.start()

    def pause(self) -> None:
        """Stop training after the present slice of a few milliseconds; `start` goes on."""
        self._session.training.pause()

    def advance(self, num_steps: int = 1) -> None:
        """Train exactly `num_steps` more (fewer only where the end comes first), then pause.

        Raises
        ------
        ValueError, TypeError
            Where `num_steps` is not an integer of at least 1.
        """
        self._session.training.advance(num_steps)

    def reset(self) -> None:
        """Begin again: ready, at step 0, with the present settings and the same seed."""
        self._session.training.reset()

    async def fit(self) -> Self:
        """Train to the end and return the widget; pauses meanwhile only delay it, cancelling it pauses.

        In a plain script: ``asyncio.run(widget.fit())``.

        Raises
        ------
        FitError
            Where the loss or a parameter is not finite any more, or the model raises.
        ClosedError
            Where it is closed meanwhile.
        """
        await self._session.training.finish()
        return self

    def average_iterates(self) -> None:
        """Put the mean of the last parameters in place of the present ones; a run that goes on is paused first.

        At a fixed learning rate parameters move about for ever. Their mean since the optimizer converged (over the last
        half of the run where it has not), on the scale that the optimizer moves them on, has most of that taken out.
        Steps taken afterwards go on from the mean; `snapshot.averaged` says of which iterates it is.

        Raises
        ------
        FitError
            Where there are too few of them as yet; nothing changes then.
        """
        self._session.training.average_iterates()

    def close(self) -> None:
        """End training for good and remove the widget from every page. Idempotent."""
        for part in self._parts:
            part.close()
        self.layout.close()
        super().close()

    # Answers of the present fit

    def history(self) -> pd.DataFrame:
        """Return the run so far, a row a step: step (from 1), elbo (nats, total), learning_rate."""
        return self._session.call(lambda fit: fit.history())

    def param_store(self) -> Arrays:
        """Return copies of the guide's parameters by name, constrained, as arrays."""
        return self._session.call(lambda fit: fit.param_store())

    def quantiles(self, probs: Sequence[float] = PROBS) -> Arrays:
        """Return quantiles of the guide by site, on the site's support, shape (num_probs, *site shape).

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).

        Raises
        ------
        ValueError
            Where a probability is not in (0, 1).
        """
        return self._session.call(lambda fit: fit.quantiles(probs))

    def approximation(self) -> Approximation:
        """Judge how good the guide is, as it is now: k-hat over repeats, its means, widths and gap by the exact answer.

        Returns
        -------
        Approximation
            With ``quality``, "good", "borderline", "poor" or, of a guide without a density, "point"; ``reason``, the
            worst about it; ``k_hats``, ``sd_ratios``, ``mean_shifts``, ``gap`` and more.
        """
        return self._session.call(lambda fit: fit.approximation())

    # Saved runs

    def runs(self) -> pd.DataFrame:
        """Return the saved runs, a row each: every one that ended, and those that `save_run` was called for.

        Returns
        -------
        DataFrame
            By the run's number: name, guide, seed, steps, learning_rate (of the last step), elbo and elbo_error (nats,
            total over all rows, at the end), kl and kl_error (nats, from the exact posterior), log_evidence (nats,
            under the priors of the run), worst_sd_ratio (guide / exact, of the latent where that is furthest from 1),
            k_hat, effective (share of the draws that count), quality, averaged (steps "first-last") and seconds; nan or
            an empty text where something is not known.
        """
        return self._session.table()

    @property
    def saved_runs(self) -> tuple[SavedRun, ...]:
        """The saved runs, with their curves and draws, the oldest first."""
        return self._session.runs

    def save_run(self) -> None:
        """Save the run as it is now, though it has not ended: pause it first.

        Raises
        ------
        RuntimeError
            Where no step is done, or training runs.
        """
        self._session.save_run()

    def recall(self, number: int) -> None:
        """Bring a saved run back, with its guide, priors, seed, learning rate and steps; it can go on from there.

        The present run is gone then, unless it is saved too.

        Parameters
        ----------
        number
            Number of the run, as in `runs`.

        Raises
        ------
        KeyError
            Where there is no such run.
        """
        session = self._session
        session.call(lambda _fit: session.training.ask(lambda: self._recall(number)))

    def rename_run(self, number: int, name: str) -> None:
        """Give a saved run another name.

        Raises
        ------
        KeyError
            Where there is no such run.
        ValueError
            Where the name is empty, longer than 60 characters or that of another run.
        """
        self._session.rename_run(number, name)

    def remove_run(self, number: int) -> None:
        """Forget a saved run; KeyError where there is none of that number. What is shown does not change."""
        self._session.remove_run(number)

    def export_runs(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the table of `runs` to a file, as CSV.

        Parameters
        ----------
        path
            Path of the file.
        overwrite
            Replace a file that is there already.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            Where there is a file that is not to be replaced.
        OSError
            Where it cannot be written.
        """
        return self._session.export_runs(path, overwrite=overwrite)

    # What happens on the computing thread

    def _requests(self, ask: Ask) -> Requests:
        return Requests(
            primary=lambda: self._session.toggle(),  # noqa: PLW0108  # the session is made later
            step=self.advance,
            reset=self.reset,
            pick=lambda name, value: ask(lambda: setattr(self, name, value)),
            average=lambda: ask(self._average),
        )

    def _request(self, request: SnapshotRequest) -> None:
        self._session.request(request)

    def _average(self) -> None:
        try:
            self.average_iterates()
        except FitError as error:
            self._dashboard.notify(str(error))

    def _report(self, progress: Progress, snapshot: Snapshot | None) -> None:
        """Make traits of what the run tells.

        An observer may change the run: what it then tells is next, so that observers see one thing after the other.
        """
        values = {"step": progress.step, "elbo": progress.elbo, "error": progress.error, "engine_info": progress.engine}
        values |= {} if snapshot is None else {"snapshot": snapshot, **self._settings_by(snapshot)}
        self._news += {**values, "status": progress.status}.items()  # the status last: all else is known then
        if self._reporting:
            return
        self._reporting = True
        try:
            while self._news:
                self._set_reported(*self._news.popleft())
        finally:
            self._reporting = False

    def _settings_by(self, snapshot: Snapshot) -> dict[str, object]:  # noqa: ARG002  # a subclass may have some
        """Return the settings that the run itself changes, by name, as they are in a snapshot."""
        return {}

    def _set_reported(self, name: str, value: object) -> None:
        if getattr(self, name) is value:  # most of them, and to set a trait takes longer
            return
        try:
            self.set_trait(name, value)
        except Exception:  # an observer's, which has nothing to do with the run
            self.log.exception("an observer of a %s failed", type(self).__name__)

    def _change(self, change: Mapping[str, Any]) -> None:
        """Let a setting have its effect."""
        name, value, training = change["name"], change["new"], self._session.training
        setting = settings_of(type(self))[name]
        training.ask(lambda: setting.show(self._dashboard, value))
        if not self._recalling:
            setting.apply(training, value)

    def _recall(self, number: int) -> None:
        run, fit = self._session.recall(number, self.engine)
        self._recalling = True
        try:
            for name, setting in settings_of(type(self)).items():
                if setting.saved is not None:
                    setattr(self, name, setting.saved(run, fit))
        finally:
            self._recalling = False

    @traitlets.validate("num_steps")
    def _enough_steps(self, proposal: Mapping[str, Any]) -> int:
        num_steps: int = proposal["value"]
        done = self._session.training.fit.step  # the trait is told later where an observer begins again
        if num_steps < done:
            raise ValueError(f"num_steps must be at least the {done} steps that are done, got {num_steps}")
        return num_steps

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        prepare = self._session.training.prepare
        # Start finds done then what the first step would wait for; earlier, it would keep the page from being drawn.
        self._dashboard.expect_page(lambda: PRELOAD.begin(prepare))
        bundle: dict[str, object] = super()._repr_mimebundle_(**kwargs)
        if html := self._dashboard.html():
            bundle["text/html"] = html
        return bundle
