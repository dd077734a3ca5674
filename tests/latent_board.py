"""A dashboard with the figure of the latents, shown snapshots that are made of numbers only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.controls.inputs import Choices
from rugged_widget.view.dashboard import Dashboard
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.figures.latents.figure import LatentFigure
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.train import PARTS, TrainPage
from rugged_widget.view.requests import Requests
from rugged_widget.view.structure_subject import StructureSubject
from tests.view.figures.latents.fakes import normal, site, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

SITES = (site("mu"), site("eta", (8,)), site("z", (3,), "discrete"), site("w", (4, 30)))
SETTINGS = {"learning_rate": 0.03, "speed": 10, "num_steps": 100, "engine": "plain", "language": "en"}


class LatentBoard(ipywidgets.VBox):
    """A dashboard of a model of four sites; `show` draws the snapshot after so many steps."""

    def __init__(self) -> None:
        text, structure = Catalogue(), ModelStructure(SITES)
        subject = StructureSubject("Board", call="model(y)", guide=lambda: "AutoNormal", structure=structure, text=text)
        requests = Requests(*[lambda: None] * 3, pick=lambda _name, _value: None)

        def train(changed: Callable[[], None]) -> TrainPage:
            names = (*(name for name in PARTS if name != "quantiles"), "latents")
            explain = {name: Explanation[Any](text, name, Facts(subject, None, text)) for name in names}
            figure = LatentFigure(changed, text=text, explain=explain["latents"])
            return TrainPage(
                subject, 100, None, changed, posterior=figure, explain=explain, text=text, requests=requests,
                settings=SETTINGS,
            )  # fmt: skip

        self.dashboard = Dashboard(
            subject,
            {"speed": partial(Choices, labels={1: "1", 10: "10"}, words="controls.speed", buttons=True)},
            SETTINGS,
            requests,
            lambda run: run(),
            text=text,
            pages={"train": train},
            static_html=lambda *_given: "",
        )
        super().__init__(self.dashboard.children)
        self.add_class("rugged-widget")
        self.show(1)

    def show(self, step: int) -> None:
        """Draw what holds after so many steps."""
        values = np.random.default_rng(step)
        quantiles = {"mu": normal(0.1 * step), "eta": normal(np.arange(8.0)), "w": normal(values.normal(size=(4, 30)))}
        probabilities = {"z": [[0.2, 0.5, 0.0], [0.8, 0.5, 1.0]]}
        shown = snapshot(quantiles, step=step, probabilities=probabilities, sites=SITES)
        self.dashboard.rest(shown, Progress("paused", step, 100, -3.0, 10.0))
