"""Build the lesson's pages and connect them to the widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from rugged_widget.defaults import NUM_DRAWS
from rugged_widget.infer.guides.predictive import density
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.exact.contours import exact_contours
from rugged_widget.regression.infer.exact.correlation import strongest_correlation
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.export.export import load_torchscript
from rugged_widget.regression.snapshot import RegressionReference
from rugged_widget.regression.view.data_rows import rows_of
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.export_page import ExportPage, ExportRequests
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.predict_page import PredictPage
from rugged_widget.regression.view.priors_page import PriorsPage
from rugged_widget.regression.view.train_page import train_page
from rugged_widget.snapshot.values import Contours, Latent
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Factory, Page
from rugged_widget.view.pages.code import CodePage
from rugged_widget.view.pages.compare import ComparePage
from rugged_widget.view.pages.comparing import RunKeeper, comparing
from rugged_widget.view.pages.explained import ExplainedPage
from rugged_widget.view.pages.parameters import ParametersPage
from rugged_widget.view.requests import Requests

Changed = Callable[[], None]
Ask = Callable[[Callable[[], None]], None]


class Widget(RunKeeper, Protocol):
    """What the pages ask of the widget that they are part of."""

    def exact(self) -> ExactPosterior:
        """Return the exact posterior of the present run."""

    def script(self) -> str:
        """Return the run as a script."""

    def save_torchscript(self, path: str, *, overwrite: bool) -> Path:
        """Save the guide."""

    def save_exported(self, path: str, *, overwrite: bool) -> Path:
        """Save the guide."""


def regression_pages(
    subject: RegressionSubject,
    data: RegressionData,
    reference: RegressionReference,
    widget: Widget,
    requests: Requests,
    settings: Mapping[str, object],
    ask: Ask,
    *,
    text: Catalogue,
) -> Mapping[str, Factory]:
    """Return the factories of the pages, by the names of their tabs, in order.

    Parameters
    ----------
    subject, data, reference
        What they are about.
    widget
        Saves files, writes scripts, keeps runs and has the exact posterior of the present one.
    requests, settings
        Requests and first values of the settings, for the first page.
    ask
        Runs a function on the thread that computes.
    """
    facts = facts_of(subject, reference)

    def serve(changed: Changed) -> Page:
        page = ExportPage(subject, _serving(widget, ask, text, lambda: page, len(subject.groups)), changed, text=text)
        return page

    def compare(changed: Changed) -> Page:
        pair, contours = strongest_correlation(widget.exact())[1], partial(_contours, widget)
        asking = comparing(widget, ask, text, lambda: page)
        page = ComparePage(subject, reference, asking, contours, changed, text=text, pair=pair)
        page.show_runs(widget.saved_runs)
        return page

    builders: dict[str, Callable[[Changed], Page]] = {
        "parameters": lambda _changed: ParametersPage(subject, reference, text=text, note=subject.parameters_note),
        "priors": lambda changed: PriorsPage(subject, reference, changed, partial(requests.pick, "priors"), text=text),
        "predict": lambda changed: PredictPage(subject, reference, rows_of(data, text), changed, text=text),
        "compare": compare,
        "serve": serve,
        "code": lambda _changed: CodePage(widget.script, text=text),
    }

    def explained(name: str, changed: Changed) -> Page:
        return ExplainedPage(builders[name](changed), text, name, facts)

    num_steps = int(str(settings["num_steps"]))
    train = partial(train_page, subject, num_steps, reference, text=text, requests=requests, settings=settings)
    return {"train": train, **{name: partial(explained, name) for name in builders}}


def _contours(widget: Widget, across: Latent, up: Latent) -> Contours:
    return exact_contours(widget.exact(), across, up)


def _serving(
    widget: Widget, ask: Ask, text: Catalogue, page: Callable[[], ExportPage], num_groups: int
) -> ExportRequests:
    def do(path: str, work: Callable[[], None]) -> None:
        def tried() -> None:
            try:
                work()
            except FileExistsError:
                page().failed(text("serve.said.there", path=path))
            except Exception as error:  # what a disk or a foreign file may raise belongs into the page
                page().failed(str(error))

        ask(tried)

    def save(write: Callable[..., Path]) -> Callable[[str, bool], None]:
        def saved(path: str, overwrite: bool) -> None:
            page().saved(text("serve.said.saved", path=str(write(path, overwrite=overwrite))))

        return lambda path, overwrite: do(path, lambda: saved(path, overwrite))

    def load(path: str, one_by_one: bool) -> None:
        loaded = load_torchscript(path)
        slopes = tuple(density(slope) for slope in loaded.slopes(NUM_DRAWS, one_by_one=one_by_one))
        if len(slopes) != num_groups:
            page().failed(text("serve.said.other", path=path, features=", ".join(loaded.feature_names)))
            return
        way = "loaded_one_by_one" if one_by_one else "loaded_at_once"
        key = f"guides.{loaded.guide}"
        guide = text(key) if key in text else loaded.guide
        said = text(f"serve.said.{way}", path=path, guide=guide, step=loaded.step, count=NUM_DRAWS)
        page().loaded(slopes, said)

    return ExportRequests(
        save_torchscript=save(widget.save_torchscript),
        save_exported=save(widget.save_exported),
        load=lambda path, one_by_one: do(path, lambda: load(path, one_by_one)),
    )
