"""Build the pages of any model and connect them to the widget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol

from rugged_widget.snapshot.snapshot import LoopPart
from rugged_widget.view.figures.elbo_terms import ElboTermsFigure, elbo_terms_facts
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.gradient_norms import GradientNormsFigure, gradient_norms_facts
from rugged_widget.view.figures.latents.figure import LatentFigure
from rugged_widget.view.figures.prediction import PredictionFigure, prediction_facts
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Factory
from rugged_widget.view.pages.all_parameters import AllParametersPage
from rugged_widget.view.pages.code import CodePage
from rugged_widget.view.pages.compare import ComparePage
from rugged_widget.view.pages.comparing import RunKeeper, comparing
from rugged_widget.view.pages.model import ModelPage
from rugged_widget.view.pages.train import PARTS, TrainPage
from rugged_widget.view.requests import Requests
from rugged_widget.view.structure_subject import StructureSubject

Ask = Callable[[Callable[[], None]], None]


class Widget(RunKeeper, Protocol):
    """What the pages ask of the widget that they are part of."""

    def script(self) -> str:
        """Return the run as a loop."""


def monitor_pages(
    subject: StructureSubject,
    widget: Widget,
    requests: Requests,
    settings: Mapping[str, object],
    ask: Ask,
    *,
    predictions: tuple[str, ...] = (),
    has_heldout: bool = False,
    text: Catalogue,
) -> Mapping[str, Factory]:
    """Return the factories of the pages, by the names of their tabs, in order.

    Parameters
    ----------
    subject
        What they are about.
    widget
        Writes the loop and keeps runs.
    requests, settings
        Requests and first values of the settings, for the first page.
    ask
        Runs a function on the thread that computes.
    predictions
        Titles of the predictions, a panel each.
    has_heldout
        Whether there is data that is not trained on.
    """

    def compare(changed: Callable[[], None]) -> ComparePage:
        requests = comparing(widget, ask, text, lambda: page)
        page = ComparePage(subject, None, requests, None, changed, text=text, csv_path="runs.csv")
        page.show_runs(widget.saved_runs)
        return page

    return {
        "train": partial(
            _train_page, subject, requests, settings, text, predictions=predictions, has_heldout=has_heldout
        ),
        "parameters": lambda changed: AllParametersPage(changed, text=text),
        "model": lambda changed: ModelPage(changed, text=text),
        "compare": compare,
        "code": lambda _changed: CodePage(widget.script, text=text),
    }


def own_loop_pages(
    subject: StructureSubject,
    requests: Requests,
    settings: Mapping[str, object],
    *,
    parts: Collection[LoopPart],
    text: Catalogue,
) -> Mapping[str, Factory]:
    """Return the factories of the pages beside a loop of one's own, by the names of their tabs, in order.

    Parameters
    ----------
    subject, requests, settings, text
        As of `monitor_pages`.
    parts
        What is known of the loop. The sites of a model can be drawn, and among those of a model and its guide the ELBO
        can be divided.
    """
    pages: dict[str, Factory] = {
        "train": partial(
            _train_page,
            subject,
            requests,
            settings,
            text,
            is_own_loop=True,
            of_steps="model and guide" in parts,
            has_heldout="heldout" in parts,
        ),
        "parameters": lambda changed: AllParametersPage(changed, text=text),
    }
    return {**pages, "model": lambda changed: ModelPage(changed, text=text)} if "model" in parts else pages


def _train_page(
    subject: StructureSubject,
    requests: Requests,
    settings: Mapping[str, object],
    text: Catalogue,
    changed: Callable[[], None],
    *,
    is_own_loop: bool = False,
    of_steps: bool = True,
    predictions: tuple[str, ...] = (),
    has_heldout: bool = False,
) -> TrainPage:
    """Build the first page; figures of where the ELBO comes from and of the gradients only where it is `of_steps`."""
    num_steps, facts = int(str(settings["num_steps"])), Facts(subject, None, text, is_of_loss=is_own_loop)
    explain: dict[str, Explanation[Any]] = {
        name: Explanation(text, name, facts) for name in (*PARTS, "latents") if name != "quantiles"
    }
    figures: list[Figure] = []
    if of_steps:
        explain["elbo_terms"] = Explanation(text, "elbo_terms", elbo_terms_facts)
        explain["gradient_norms"] = Explanation(text, "gradient_norms", gradient_norms_facts)
        figures = [
            ElboTermsFigure(text=text, explain=explain["elbo_terms"]),
            GradientNormsFigure(num_steps, text=text, explain=explain["gradient_norms"]),
        ]
    if predictions:
        explain["prediction"] = Explanation(text, "prediction", prediction_facts)
        figures.append(PredictionFigure(predictions, text=text, explain=explain["prediction"]))
    return TrainPage(
        subject,
        num_steps,
        None,
        changed,
        posterior=LatentFigure(changed, text=text, explain=explain["latents"]),
        has_heldout=has_heldout,
        figures=figures,
        explain=explain,
        text=text,
        requests=requests,
        settings=settings,
    )
