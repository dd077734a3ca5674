"""ModelWidget: the window onto the training of any Pyro model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import traitlets

from rugged_widget.infer.guides.choice import checked_watch_guide
from rugged_widget.monitor.infer.fit import ModelFit
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.monitor.infer.run_spec import call_of, loop_of
from rugged_widget.monitor.pages import monitor_pages
from rugged_widget.monitor.script import write_loop
from rugged_widget.monitor.view.static_html import still
from rugged_widget.numpy_errors import usual_errors
from rugged_widget.setting import Setting, checked_settings, controls_of, settings_of, with_settings
from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.svi_widget import Ask, SVIWidget
from rugged_widget.training.training import Training
from rugged_widget.validation import checked_learning_rate, checked_positive
from rugged_widget.view.controls.inputs import LogSlider
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, FALLBACK, Catalogue
from rugged_widget.view.requests import Requests
from rugged_widget.view.structure_subject import StructureSubject

T = TypeVar("T")

LEARNING_RATE = 0.01
"""Learning rate of Adam where no optimizer is given: lower than the lesson's, for networks train too."""


def _scale_rates(training: Training[Any], factor: float) -> None:
    training.change_fit(lambda fit: setattr(fit, "rate_factor", factor))


@with_settings
class ModelWidget(SVIWidget):
    """A window onto the training of a Pyro model, which `watch` opens.

    Display it, press Start. Nothing trains until it is asked to. Every setting is a trait too: observe it, link it,
    assign to it while training runs.

    Parameters
    ----------
    problem
        The model with its guide, arguments, objective and optimizer.
    {settings}

    Attributes
    ----------
    {attributes}
    """

    learning_rate = Setting(
        LEARNING_RATE,
        checked_learning_rate,
        "Learning rate of Adam, > 0, where no optimizer was given; one that was given has rates of its own, which "
        "`rate_factor` scales.",
        apply=Training.set_learning_rate,
        control=partial(LogSlider, lowest=-5, highest=0),
        place=2,
        saved=lambda run, fit: fit.learning_rate if fit.problem.optimizer is None else run.learning_rate,
    )
    rate_factor = Setting(
        1.0,
        partial(checked_positive, name="rate_factor"),
        "What all rates of an optimizer that was given are multiplied by, those of its schedule too, > 0.",
        apply=_scale_rates,
        control=partial(LogSlider, lowest=-2, highest=2),
        place=2,
        saved=lambda _run, fit: fit.rate_factor,
    )
    guide: Setting[Any] = Setting(
        None,
        checked_watch_guide,
        "The guide: the name of a family, a subclass of AutoGuide, a guide; None chooses one.",
        shown=lambda _guide: "",
        show=lambda dashboard, _guide: dashboard.retitle(),
        saved=lambda _run, fit: fit.problem.guide,
    )

    @usual_errors()
    def __init__(self, problem: Problem, **settings: Any) -> None:
        values = checked_settings(ModelWidget, {**settings, "guide": problem.guide})
        self._problem = problem
        self._first_fit: ModelFit | None = None
        titles: tuple[str, ...] = ()
        if problem.predict is not None or problem.heldout:  # a prediction's panels depend on what it returns
            self._first_fit = self._make_fit(values)
            titles = self._first_fit.check_predictions()
            self._first_fit.check_heldout()
        super().__init__(values, self._fresh_fit, partial(self._make_dashboard, values, titles))
        self.add_class("rw-monitor")

    # Answers

    def script(self) -> str:
        """Return the run so far as a loop of one's own: a Python program whose model is the user's."""
        return write_loop(self._call(loop_of))

    @property
    def heldout(self) -> HeldoutElbo | None:
        """The ELBO of the held-out data so far: ``step``, ``elbo`` in nats on the scale of training, ``fall`` and more.

        None where there is no held-out data. `history` has it too, as heldout_elbo.
        """
        return self._call(lambda fit: fit.heldout)

    @property
    def trained_guide(self) -> Callable[..., Any]:
        """The guide of the present run, as Pyro calls it: ``Predictive(model, guide=monitor.trained_guide, ...)``."""
        return self._call(lambda fit: cast("Callable[..., Any]", fit.guide))

    # Parts

    def _call(self, request: Callable[[ModelFit], T]) -> T:
        return self._session.call(lambda fit: request(cast("ModelFit", fit)))

    def _fresh_fit(self) -> ModelFit:
        if self._first_fit is not None:
            fit, self._first_fit = self._first_fit, None
            return fit
        self._problem = self._problem.present()
        return self._make_fit(
            {name: getattr(self, name) for name in ("learning_rate", "seed", "engine", "rate_factor")}
        )

    def _make_fit(self, values: Mapping[str, Any]) -> ModelFit:
        fit = ModelFit(
            self._problem, learning_rate=values["learning_rate"], seed=values["seed"], engine=values["engine"]
        )
        if self._problem.optimizer is not None:
            fit.rate_factor = values["rate_factor"]
        return fit

    def _make_dashboard(
        self,
        settings: Mapping[str, Any],
        predictions: tuple[str, ...],
        requests: Requests,
        ask: Ask,
        on_request: Callable[[SnapshotRequest], None],
    ) -> Dashboard:
        problem = self._problem
        text = Catalogue(FALLBACK if settings["language"] == AUTO else settings["language"])
        values = {name: setting.shown(settings[name]) for name, setting in settings_of(ModelWidget).items()}
        subject = self._subject(text)
        unused = "rate_factor" if problem.optimizer is None else "learning_rate"
        controls = {name: control for name, control in controls_of(ModelWidget).items() if name != unused}

        def static_html(snapshot: Snapshot, status: str, _exact: bool) -> str:
            return still(subject, snapshot, status, text=text)

        return Dashboard(
            subject,
            controls,
            values,
            requests,
            ask,
            text=text,
            pages=monitor_pages(
                subject,
                self,
                requests,
                values,
                ask,
                predictions=predictions,
                has_heldout=bool(problem.heldout),
                text=text,
            ),
            static_html=static_html,
            on_request=on_request,
        )

    def _subject(self, text: Catalogue) -> StructureSubject:
        problem = self._problem
        return StructureSubject(
            problem.title,
            call=f"{problem.name}({call_of(problem)})",
            guide=lambda: self._problem.guide_name,
            structure=problem.first_structure(),
            text=text,
        )

    def _recall(self, number: int) -> None:
        super()._recall(number)
        self._problem = self._call(lambda fit: fit.problem)
        self._dashboard.retitle()

    @traitlets.validate("guide")
    def _fitting_guide(self, proposal: Mapping[str, Any]) -> Any:
        """Try another guide before the present run is given up for it."""
        guide = proposal["value"]
        if not self._recalling:
            self._problem = self._call(lambda _fit: self._problem.with_guide(guide))
        return guide

    @traitlets.validate("learning_rate")
    def _only_of_adam(self, proposal: Mapping[str, Any]) -> float:
        if self._problem.optimizer is not None and not self._recalling:
            raise ValueError(
                "learning_rate is for Adam, and an optimizer with rates of its own was given: set rate_factor"
            )
        return float(proposal["value"])
