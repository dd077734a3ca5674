"""RuggedWidget: the lesson's data, model and dashboard."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, cast

import pandas as pd
import traitlets

from rugged_widget.infer.guides.families import GUIDE_LABELS, Guide, guide_key
from rugged_widget.infer.svi.preload import PRELOAD
from rugged_widget.regression.answers import Answers
from rugged_widget.regression.choices import CHECKS
from rugged_widget.regression.data.regression_data import RegressionData, regression_data
from rugged_widget.regression.defaults import PROB, PROBS
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import Priors
from rugged_widget.regression.infer.reference import Comparison, checked_priors
from rugged_widget.regression.pages import lesson_pages
from rugged_widget.regression.running import Running
from rugged_widget.regression.settings import Checked
from rugged_widget.regression.snapshot import RegressionSnapshot
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.static_html import still
from rugged_widget.regression.view.train_page import TrainPage
from rugged_widget.runs.run_store import RunStore
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.session import Keeping
from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from rugged_widget.snapshot.snapshot import EngineInfo, Progress, Snapshot
from rugged_widget.training.event_loop import LoopThread
from rugged_widget.training.training import Training
from rugged_widget.validation import CUSTOM, Speed, checked_batch_size
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, FALLBACK, Catalogue
from rugged_widget.view.page import Factory
from rugged_widget.view.requests import Requests


class RuggedWidget(Answers, Running, Keeping, Dashboard):
    """A Bayesian regression that learns before your eyes: Pyro's SVI in the kernel, animated in the notebook.

    Display it, press Start. Nothing trains until it is asked to. Every setting below is a trait too: observe it, link
    it, assign to it while training runs. Another guide or seed begins again (and goes on running if it ran); whatever
    else changes, the run goes on where it is.

    Parameters
    ----------
    data
        A table, or RegressionData where words for the axes are wanted too. Without it the lesson's: terrain ruggedness
        and GDP per person of 170 countries, inside and outside Africa.
    response, predictor, group
        Names of columns of `data`; the group has two values.
    log_response
        Whether the model sees the natural logarithm of the response.
    label
        Name of the column that names the rows; their index does if it is None.
    guide
        Family of the guide: "diagonal", "normal", "multivariate", "low_rank", "parts", "laplace", "iaf" or "delta"; or
        one of your own: a subclass of AutoGuide, or a Pyro guide that is called as the model is, with features and
        targets.
    learning_rate
        Of Adam, > 0.
    num_steps
        Steps to do, >= 1.
    seed
        Of all random numbers of the fit, >= 0: the same seed gives the same run, whatever happens beside it.
    speed
        Steps a frame, 1 or 10, or "max": as fast as possible.
    engine
        How the steps are computed: "plain" (Pyro's own), "graph" (captured once, many times as fast), "jax" (compiled
        beside the training, which it then takes over; needs ``rugged_widget[fast]``), or "auto": graph where the model
        allows it. The run is the same with each, up to rounding.
    batch_size
        Rows that a step looks at, picked anew each time, for tables of many: >= 1. All of them where it is None or no
        less than there are. The ELBO is of all rows in any case. Like `priors` no trait.
    priors
        Scales of the model's priors; the lesson's where it is None.
    show_exact
        Whether the exact posterior is drawn over the guide's.
    correct
        Whether the guide's draws are drawn once more, each weighed by how probable the model finds it.
    stop_when_converged
        Whether a run ends at the first step at which the optimizer counts as converged.
    language
        Of everything that is shown: "en", "ko", or "auto", what the reader's browser prefers.

    Attributes
    ----------
    status : str
        ready, running, paused, finished or failed; read-only like the next five.
    step : int
        Steps done.
    elbo : float
        ELBO estimate of the last step in nats, total over all rows; nan before the first.
    snapshot : RegressionSnapshot
        The moment that is shown, computed when a frame can go out, at a pause and at the end.
    error : str
        Where status is failed: what happened and what to try.
    engine_info : EngineInfo
        Name of the engine at work, plain, graph or jax, and the reason why it is this one.

    Raises
    ------
    ValueError, TypeError
        At once, for data or settings that cannot be used, naming what was given and what is needed.

    Examples
    --------
    >>> widget = RuggedWidget(guide="multivariate", num_steps=1000)
    >>> widget.step
    0
    """

    learning_rate = Checked(CHECKS["learning_rate"], 0.03, "learning rate of Adam, > 0")
    num_steps = Checked(CHECKS["num_steps"], 1500, "steps to do")
    guide = Checked(CHECKS["guide"], "diagonal", "family of the guide")
    seed = Checked(CHECKS["seed"], 1, "seed of all random numbers of the fit")
    speed = Checked(CHECKS["speed"], 10, 'steps a frame, 1 or 10, or "max"')
    engine = Checked(CHECKS["engine"], "auto", "how the steps are computed")
    show_exact = Checked(CHECKS["show_exact"], default=True, help="whether the exact posterior is drawn")
    correct = Checked(CHECKS["correct"], default=False, help="whether the corrected draws are drawn")
    stop_when_converged = Checked(CHECKS["stop_when_converged"], default=False, help="whether a converged run ends")
    language = Checked(CHECKS["language"], "auto", "of everything that is shown")
    status = traitlets.Unicode("ready", read_only=True)
    step = traitlets.Int(0, read_only=True)
    elbo = traitlets.Float(math.nan, read_only=True)
    snapshot = traitlets.Instance(RegressionSnapshot, allow_none=True, read_only=True)
    error = traitlets.Unicode("", read_only=True)
    engine_info = traitlets.Instance(EngineInfo, allow_none=True, read_only=True)

    def __init__(  # noqa: PLR0913  # the settings of a run
        self,
        data: pd.DataFrame | RegressionData | None = None,
        *,
        response: Hashable | None = None,
        predictor: Hashable | None = None,
        group: Hashable | None = None,
        log_response: bool = False,
        label: Hashable | None = None,
        guide: Guide = "diagonal",
        learning_rate: float = 0.03,
        num_steps: int = 1500,
        seed: int = 1,
        speed: Speed = 10,
        engine: str = "auto",
        batch_size: int | None = None,
        priors: Priors | None = None,
        show_exact: bool = True,
        correct: bool = False,
        stop_when_converged: bool = False,
        language: str = AUTO,
    ) -> None:
        columns = {"response": response, "predictor": predictor, "group": group}
        self._data = regression_data(data, columns, log_response=log_response, label=label)
        given = {"guide": guide, "learning_rate": learning_rate, "num_steps": num_steps, "seed": seed, "speed": speed}
        given |= {"engine": engine, "show_exact": show_exact, "correct": correct, "language": language}
        given |= {"stop_when_converged": stop_when_converged}
        settings = {name: CHECKS[name](value) for name, value in given.items()}
        self._batch_size, self._wanted = checked_batch_size(batch_size), AT_REST
        self._comparison = Comparison(self._data, checked_priors(priors))
        self._home, self._kept = LoopThread(), RunStore()
        self._build(settings)
        for name, value in settings.items():
            setattr(self, name, value)
        stop, home = stop_when_converged, self._home
        self._training = Training(
            self._make_fit, self, num_steps=num_steps, speed=speed, home=home, stop_when_converged=stop
        )
        self.rest(self._call(RegressionFit.snapshot), self._training.progress)
        self.observe(self._use, list(settings))

    def _build(self, settings: Mapping[str, object]) -> None:
        """Put the dashboard together."""
        ask, reference = self._home.ask, self._comparison.reference(PROBS, PROB)
        text = Catalogue(FALLBACK if settings["language"] == AUTO else str(settings["language"]))
        subject = subject_of(self._data, PROBS, text)
        requests = Requests(
            lambda: ask(self._primary), self.advance, self.reset, self._pick, average=lambda: ask(self._average)
        )
        shown = {**settings, "guide": guide_key(cast("Guide", settings["guide"]))}
        num_steps = int(str(settings["num_steps"]))
        train = partial(TrainPage, subject, num_steps, reference, text=text, requests=requests, settings=settings)
        lesson = lesson_pages(subject, self._data, reference, self._comparison.exact, self, ask, text=text)
        pages: Mapping[str, Factory] = {"train": train, **lesson}

        def static_html(snapshot: RegressionSnapshot, status: str, exact: bool) -> str:  # noqa: FBT001  # the dashboard's
            return still(subject, snapshot, status, reference, text=text, exact=exact)

        more = partial(super().__init__, text=text, pages=pages, static_html=static_html)
        more(subject, GUIDE_LABELS, shown, requests, ask, on_wanted=self._want, reference=reference)

    def close(self) -> None:
        """End training for good and remove the widget from every page. Idempotent."""
        if "_training" in self.__dict__:  # absent where the constructor raised
            self._training.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        shown = super()._repr_mimebundle_(**kwargs)
        PRELOAD.begin(self._training.prepare)  # so that Start finds done what the first step would wait for
        return shown

    def rest(self, snapshot: Snapshot, progress: Progress) -> None:
        """Show where training rests; a run that is over is kept."""
        super().rest(snapshot, progress)
        if progress.status == "finished" and snapshot.draws:
            self._keep(snapshot, progress)

    # What the run tells becomes traits, and is then shown

    def _tell(self, progress: Progress, snapshot: Snapshot | None = None) -> None:
        told = {"step": progress.step, "elbo": progress.elbo, "error": progress.error, "engine_info": progress.engine}
        told |= {} if snapshot is None else {"snapshot": snapshot}
        for name, value in {**told, "status": progress.status}.items():  # the status last: all else is known then
            try:
                self.set_trait(name, value)
            except Exception:  # an observer's, which has nothing to do with the run
                self.log.exception("an observer of a RuggedWidget failed")

    # Settings and requests

    def _use(self, change: Mapping[str, Any]) -> None:
        name, value = change["name"], change["new"]
        training = self._training
        if name == "show_exact":
            training.ask(lambda: self.draw_exact(self.show_exact))
        elif name == "language":
            training.ask(lambda: self.speak(self.language))
        else:
            if name != "num_steps":
                training.ask(lambda: self.show_setting(name, self._shown(name)))
            if not self._adopting:
                self._apply(name, value)

    def _apply(self, name: str, value: Any) -> None:  # noqa: ANN401  # of any setting
        training = self._training
        tell: Mapping[str, Callable[[Any], None]] = {
            "learning_rate": training.set_learning_rate,
            "speed": training.set_speed,
            "num_steps": training.set_num_steps,
            "engine": training.use_engine,
            "stop_when_converged": training.set_stop_when_converged,
            "correct": lambda _on: None,  # the page that draws it wants it
        }
        if name in tell:
            tell[name](value)
        else:
            training.reset(keep_running=True)

    def _shown(self, name: str) -> object:
        value = getattr(self, name)
        return guide_key(value) if name == "guide" else value

    def _make_fit(self) -> RegressionFit:
        self._take_up(self._fit_with(self.guide))
        return self._fit

    def _take_up(self, fit: RegressionFit) -> None:
        """Make a fit the present one; the one before, which may be kept, needs less from now on."""
        if "_fit" in self.__dict__ and self._fit is not fit:
            self._fit.release()
        fit.request, self._fit = self._wanted, fit

    def _fit_with(self, guide: Guide) -> RegressionFit:
        return RegressionFit(
            self._data,
            guide=guide,
            learning_rate=self.learning_rate,
            seed=self.seed,
            engine=self.engine,
            batch_size=self._batch_size,
            comparison=self._comparison,
        )

    def _want(self, wanted: SnapshotRequest) -> None:
        self._fit.request = self._wanted = wanted
        self._training.refresh()

    def _pick(self, name: str, value: object) -> None:
        if name != "guide" or value != CUSTOM:  # the hand-written one is picked already, or nobody knows which
            self._home.ask(lambda: setattr(self, name, value))

    def _adopt(self, run: SavedRun, fit: RegressionFit) -> None:
        self._take_up(fit)
        fit.use_engine(self.engine)
        self._training.adopt(fit, run.num_steps)
        recalled = {"guide": fit.guide_given, "seed": fit.seed, "learning_rate": fit.learning_rate}
        for name, value in (recalled | {"num_steps": run.num_steps}).items():
            setattr(self, name, value)

    @traitlets.validate("guide")
    def _fitting_guide(self, proposal: Mapping[str, Any]) -> Guide:
        guide: Guide = proposal["value"]
        if guide_key(guide) == CUSTOM and "_training" in self.__dict__:  # else the first fit says what is wrong
            self._home.call(lambda: self._fit_with(guide))
        return guide

    @traitlets.validate("num_steps")
    def _enough_steps(self, proposal: Mapping[str, Any]) -> int:
        num_steps: int = proposal["value"]
        if num_steps < self.step:
            raise ValueError(f"num_steps must be at least the {self.step} steps that are done, got {num_steps}")
        return num_steps
