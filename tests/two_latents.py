"""A widget of another model than the lesson's: two latents, no bands, no exact answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch

from rugged_widget.defaults import PROB, PROBS
from rugged_widget.infer.diagnostics.approximation import approximate
from rugged_widget.infer.guides.families import (
    GUIDE_LABELS,
    checked_guide,
    correlates,
    guide_key,
    guide_label,
    make_guide,
)
from rugged_widget.infer.guides.predictive import density
from rugged_widget.infer.guides.sampling import as_float64, draw_with_density, quantiles
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.setting import Setting, checked_settings, controls_of, settings_of, with_settings
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Approximation, Array, Parameter, Snapshot
from rugged_widget.svi_widget import Ask, SVIWidget
from rugged_widget.view.controls.inputs import Choices
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Factory
from rugged_widget.view.pages.compare import ComparePage
from rugged_widget.view.pages.comparing import comparing
from rugged_widget.view.pages.parameters import ParametersPage
from rugged_widget.view.pages.train import PARTS, TrainPage
from rugged_widget.view.requests import Requests
from rugged_widget.view.subject import Row

WEIGHTS = np.random.default_rng(3).normal(3.0, 0.5, 200)


def scale_and_place(weights: torch.Tensor) -> None:
    """Weights of sacks, of which mean and spread are not known."""
    mean = pyro.sample("mean", dist.Normal(0.0, 10.0))
    spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
    with pyro.plate("sacks", len(weights)):
        pyro.sample("weight", dist.Normal(mean, spread), obs=weights)


def log_joint(draws: Mapping[str, Array]) -> Array:
    """Log density of the weights and of each draw."""
    mean, spread = (torch.tensor(draws[name]) for name in ("mean", "spread"))
    prior = dist.Normal(0.0, 10.0).log_prob(mean) + dist.LogNormal(0.0, 1.0).log_prob(spread)
    likelihood = dist.Normal(mean, spread).log_prob(torch.tensor(WEIGHTS)[:, None]).sum(0)
    return (prior + likelihood).numpy()


class SackFit(Fit):
    """Fit of the model, with snapshots that any model has."""

    def __init__(self, guide: Any, learning_rate: float, seed: int, engine: str) -> None:
        weights = torch.tensor(WEIGHTS, dtype=torch.float)
        make = partial(make_guide, guide, args=(weights,))
        super().__init__(scale_and_place, make, (weights,), learning_rate=learning_rate, seed=seed, engine=engine)
        self.request, self.seed, self.guide_given = SnapshotRequest(), seed, guide
        self.guide_name, self.guide_label, self.variant = guide_key(guide), guide_label(guide), ""

    def brief_snapshot(self) -> None:
        """Return None: a snapshot has nothing that could follow later."""

    def snapshot(self) -> Snapshot:
        request, draws = self.request, self._draws(400)[0]
        with self.inspecting():
            free = {name: as_float64(value) for name, value in pyro.get_param_store().named_parameters()}
        parameters = tuple(Parameter(name, value, free[name]) for name, value in self.param_store().items())
        return Snapshot(
            step=self.step,
            elbo=self.elbo,
            learning_rate=self.learning_rate,
            num_rows=len(WEIGHTS),
            curve=self.curve(),
            probs=PROBS,
            quantiles={name: np.quantile(value, PROBS, axis=0) for name, value in draws.items()},
            parameters=parameters if request.parameters else (),
            marginals={name: (density(value, PROB),) for name, value in draws.items()} if request.parameters else {},
            convergence=self.convergence(),
            averaged=self.averaged,
            approximation=self.approximation() if request.approximation and self.step else None,
            draws=draws if request.draws else {},
        )

    def quantiles(self, probs: Iterable[float]) -> dict[str, Any]:
        with self.inspecting():
            return quantiles(self.guide, tuple(probs), 400)

    def approximation(self) -> Approximation:
        draws, log_density = self._draws(4000)
        with self.inspecting():
            return approximate(draws, log_density, log_joint, correlates=correlates(self.guide))

    def _draws(self, count: int) -> tuple[dict[str, Array], Array | None]:
        with self.inspecting():
            draws, log_density = draw_with_density(self.guide, count)
        values = {name: as_float64(value) for name, value in draws.items()}
        return values, None if log_density is None else as_float64(log_density)


class Sacks:
    """Words of the model."""

    title, subtitle, row_noun, probs = "Sacks & <weights>", "200 sacks", "sacks", PROBS
    rows = (Row("mean", (), "mean <kg>"), Row("spread", (), "spread"))


@with_settings
class SackWidget(SVIWidget):
    """A widget of the model.

    Parameters
    ----------
    {settings}
    """

    guide: Setting[Any] = Setting(
        "diagonal",
        checked_guide,
        "Guide of the model.",
        shown=guide_key,
        control=partial(Choices, labels=GUIDE_LABELS, words="guides"),
        place=3,
        saved=lambda _run, fit: fit.guide_given,
    )

    def __init__(self, **settings: Any) -> None:
        values = checked_settings(SackWidget, settings)
        super().__init__(
            values,
            lambda: SackFit(self.guide, self.learning_rate, self.seed, self.engine),
            partial(self._make_dashboard, values),
        )

    def _make_dashboard(
        self, settings: Mapping[str, Any], requests: Requests, ask: Ask, on_request: Callable[[SnapshotRequest], None]
    ) -> Dashboard:
        text, subject = Catalogue(), Sacks()
        shown = {name: setting.shown(settings[name]) for name, setting in settings_of(SackWidget).items()}

        def train(changed: Callable[[], None]) -> TrainPage:
            explain = {name: Explanation(text, name, Facts(subject, None, text)) for name in PARTS}
            steps = settings["num_steps"]
            return TrainPage(
                subject, steps, None, changed, explain=explain, text=text, requests=requests, settings=shown
            )

        def compare(changed: Callable[[], None]) -> ComparePage:
            page = ComparePage(subject, None, comparing(self, ask, text, lambda: page), None, changed, text=text)
            page.show_runs(self.saved_runs)
            return page

        pages: dict[str, Factory] = {
            "train": train,
            "parameters": lambda _changed: ParametersPage(subject, None, text=text),
            "compare": compare,
        }
        return Dashboard(
            subject,
            controls_of(SackWidget),
            shown,
            requests,
            ask,
            text=text,
            pages=pages,
            static_html=lambda snapshot, status, _exact: f"<p>{escape(status)}: {snapshot.elbo:.1f} nats</p>",
            on_request=on_request,
        )
