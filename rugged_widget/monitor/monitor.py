"""Monitor: the window onto the training of any Pyro model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from rugged_widget.monitor.infer.fit import ModelFit
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.monitor.infer.run_spec import loop_of
from rugged_widget.monitor.pages import monitor_pages
from rugged_widget.monitor.script import write_loop
from rugged_widget.monitor.view.static_html import still
from rugged_widget.numpy_errors import usual_errors
from rugged_widget.setting import checked_settings, controls_of, settings_of, with_settings
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.svi_widget import Ask, SVIWidget
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.i18n.catalogue import AUTO, FALLBACK, Catalogue
from rugged_widget.view.requests import Requests

T = TypeVar("T")


@with_settings
class Monitor(SVIWidget):
    """A window onto the training of a Pyro model, as `watch` opens it.

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

    @usual_errors()
    def __init__(self, problem: Problem, **settings: Any) -> None:
        values = checked_settings(Monitor, settings)
        self._problem = problem
        super().__init__(values, self._fresh_fit, partial(self._make_dashboard, values))

    # Answers

    def script(self) -> str:
        """Return the run so far as a loop of one's own: a Python program whose model is the user's."""
        return write_loop(self._call(loop_of))

    @property
    def trained_guide(self) -> Callable[..., Any]:
        """The guide of the present run, as Pyro calls it: ``Predictive(model, guide=monitor.trained_guide, ...)``."""
        return self._call(lambda fit: cast("Callable[..., Any]", fit.guide))

    # Parts

    def _call(self, request: Callable[[ModelFit], T]) -> T:
        return self._session.call(lambda fit: request(cast("ModelFit", fit)))

    def _fresh_fit(self) -> ModelFit:
        return ModelFit(self._problem, learning_rate=self.learning_rate, seed=self.seed, engine=self.engine)

    def _make_dashboard(
        self, settings: Mapping[str, Any], requests: Requests, ask: Ask, on_request: Callable[[SnapshotRequest], None]
    ) -> Dashboard:
        text = Catalogue(FALLBACK if settings["language"] == AUTO else settings["language"])
        values = {name: setting.shown(settings[name]) for name, setting in settings_of(Monitor).items()}
        subject = self._problem.subject(text)

        def static_html(snapshot: Snapshot, status: str, _exact: bool) -> str:
            return still(subject, snapshot, status, text=text)

        return Dashboard(
            subject,
            controls_of(Monitor),
            values,
            requests,
            ask,
            text=text,
            pages=monitor_pages(subject, self, requests, values, ask, text=text),
            static_html=static_html,
            on_request=on_request,
        )
