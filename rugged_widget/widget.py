"""RuggedWidget: the lesson's data, model and dashboard put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Self

import pandas as pd
import traitlets

from rugged_widget.answers import Answers
from rugged_widget.datasets import RegressionData, regression_data
from rugged_widget.handover import LoopThread
from rugged_widget.infer.checks import checked_batch_size, checked_flag
from rugged_widget.infer.comparison import Comparison, checked_priors
from rugged_widget.infer.engines import checked_engine
from rugged_widget.infer.guides import GUIDE_LABELS, checked_guide
from rugged_widget.infer.lesson import DEFAULT_PROB, DEFAULT_PROBS, RegressionFit
from rugged_widget.infer.models import Priors
from rugged_widget.infer.svi import checked_learning_rate, checked_seed
from rugged_widget.infer.warm import WARM_UP
from rugged_widget.lesson_pages import lesson_pages
from rugged_widget.pace import Speed, check_count, check_speed
from rugged_widget.reference import Wanted
from rugged_widget.snapshot import EngineInfo, Progress, Snapshot
from rugged_widget.training import Training
from rugged_widget.view.controls import Requests
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.settings import Checked
from rugged_widget.view.story import story_of

CHECKS: Mapping[str, Callable[[Any], object]] = {
    "guide": checked_guide,
    "learning_rate": checked_learning_rate,
    "num_steps": lambda count: check_count("num_steps", count),
    "seed": checked_seed,
    "speed": check_speed,
    "engine": checked_engine,
    "show_exact": lambda value: checked_flag("show_exact", value),
}
"""Returns the value of a setting, or says what is wrong with it."""


class RuggedWidget(Answers, Dashboard):
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
        Family of the guide: "diagonal", "multivariate", "low_rank", "iaf" or "delta".
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

    Attributes
    ----------
    status : str
        ready, running, paused, finished or failed; read-only like the next five.
    step : int
        Steps done.
    elbo : float
        ELBO estimate of the last step in nats, total over all rows; nan before the first.
    snapshot : Snapshot
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
    status = traitlets.Unicode("ready", read_only=True)
    step = traitlets.Int(0, read_only=True)
    elbo = traitlets.Float(math.nan, read_only=True)
    snapshot = traitlets.Instance(Snapshot, allow_none=True, read_only=True)
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
        guide: str = "diagonal",
        learning_rate: float = 0.03,
        num_steps: int = 1500,
        seed: int = 1,
        speed: Speed = 10,
        engine: str = "auto",
        batch_size: int | None = None,
        priors: Priors | None = None,
        show_exact: bool = True,
    ) -> None:
        columns = {"response": response, "predictor": predictor, "group": group}
        self._data = regression_data(data, columns, log_response=log_response, label=label)
        given = {"guide": guide, "learning_rate": learning_rate, "num_steps": num_steps, "seed": seed, "speed": speed}
        given |= {"engine": engine, "show_exact": show_exact}
        settings = {name: CHECKS[name](value) for name, value in given.items()}
        self._batch_size, self._wanted = checked_batch_size(batch_size), Wanted()
        self._comparison = Comparison(self._data, checked_priors(priors))
        self._home = LoopThread()
        ask = self._home.ask
        story, reference = story_of(self._data, DEFAULT_PROBS), self._comparison.reference(DEFAULT_PROBS, DEFAULT_PROB)
        pages = lesson_pages(story, self._data, reference, self, ask)
        requests = Requests(lambda: ask(self._primary), self.advance, self.reset, self._pick)
        super().__init__(
            story, GUIDE_LABELS, settings, requests, ask, pages=pages, on_wanted=self._want, reference=reference
        )
        for name, value in settings.items():
            setattr(self, name, value)
        self._training = Training(self._make_fit, self, home=self._home, num_steps=num_steps, speed=speed)
        self.settle(self._call(RegressionFit.snapshot), self._training.progress)
        self.observe(self._use, list(settings))

    # The run

    def start(self) -> None:
        """Train on to the end; returns at once. Nothing happens where it runs or is finished.

        Raises
        ------
        RuntimeError
            In a plain script, where no event loop runs; use `fit` there.
        ClosedError
            After `close`.
        """
        self._training.start()

    def pause(self) -> None:
        """Stop training after the present slice of a few milliseconds; `start` goes on."""
        self._training.pause()

    def advance(self, num_steps: int = 1) -> None:
        """Train exactly `num_steps` more (fewer only where the end comes first), then pause.

        Raises
        ------
        ValueError, TypeError
            Where `num_steps` is not an integer of at least 1.
        """
        self._training.advance(num_steps)

    def reset(self) -> None:
        """Begin again: ready, at step 0, with the present settings and the same seed."""
        self._training.reset()

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
        await self._training.finish()
        return self

    def close(self) -> None:
        """End training for good and remove the widget from every page. Idempotent."""
        if "_training" in self.__dict__:  # absent where the constructor raised
            self._training.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        shown = super()._repr_mimebundle_(**kwargs)
        WARM_UP.begin(self._training.prepare)  # so that Start finds done what the first step would wait for
        return shown

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
            return
        if name != "num_steps":
            training.ask(lambda: self.controls.show_setting(name, getattr(self, name)))
        if name == "learning_rate":
            training.set_learning_rate(value)
        elif name == "speed":
            training.set_speed(value)
        elif name == "num_steps":
            training.set_num_steps(value)
        elif name == "engine":
            training.use_engine(value)
        else:
            training.reset(keep_running=True)

    def _make_fit(self) -> RegressionFit:
        self._fit = RegressionFit(
            self._data,
            guide=self.guide,
            learning_rate=self.learning_rate,
            seed=self.seed,
            engine=self.engine,
            batch_size=self._batch_size,
            comparison=self._comparison,
        )
        self._fit.wanted = self._wanted
        return self._fit

    def _want(self, wanted: Wanted) -> None:
        self._fit.wanted = self._wanted = wanted
        self._training.refresh()

    def _primary(self) -> None:
        if self.status == "running":
            self._training.pause()
            return
        if self.status in {"finished", "failed"}:
            self._training.reset()
        self._training.start()

    def _pick(self, name: str, value: object) -> None:
        self._home.ask(lambda: setattr(self, name, value))

    @traitlets.validate("num_steps")
    def _enough_steps(self, proposal: Mapping[str, Any]) -> int:
        num_steps: int = proposal["value"]
        if num_steps < self.step:
            raise ValueError(f"num_steps must be at least the {self.step} steps that are done, got {num_steps}")
        return num_steps
