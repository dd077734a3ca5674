"""Build the lesson's pages and connect them to the widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

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
from rugged_widget.runs.run_store import MAX_NAME
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Factory, Page
from rugged_widget.view.pages.code import CodePage
from rugged_widget.view.pages.compare import CSV_PATH, ComparePage
from rugged_widget.view.pages.explained import ExplainedPage
from rugged_widget.view.pages.parameters import ParametersPage
from rugged_widget.view.requests import CompareRequests

NUM_SERVED = 800
"""Draws from a loaded file, as many as the lesson takes."""

Changed = Callable[[], None]
Ask = Callable[[Callable[[], None]], None]


class Widget(Protocol):
    """What the pages ask of the widget that they are part of."""

    def script(self) -> str:
        """Return the run as a script."""

    def save_torchscript(self, path: str, *, overwrite: bool) -> Path:
        """Save the guide."""

    def save_exported(self, path: str, *, overwrite: bool) -> Path:
        """Save the guide."""

    def save_run(self) -> None:
        """Keep the present run."""

    def recall(self, number: int) -> None:
        """Bring a kept run back."""

    def remove_run(self, number: int) -> None:
        """Forget a kept run."""

    def rename_run(self, number: int, name: str) -> None:
        """Give a kept run another name."""

    def export_runs(self, path: str, *, overwrite: bool) -> Path:
        """Save the table of runs."""

    @property
    def saved_runs(self) -> tuple[SavedRun, ...]:
        """The runs that are kept."""


def lesson_pages(
    subject: RegressionSubject,
    data: RegressionData,
    reference: RegressionReference,
    exact: ExactPosterior,
    widget: Widget,
    ask: Ask,
    *,
    text: Catalogue,
) -> Mapping[str, Factory]:
    """Return what builds the pages, by the names of their tabs, in order.

    Parameters
    ----------
    subject, data, reference, exact
        What they are about.
    widget
        Who saves files, writes scripts and keeps runs.
    ask
        Runs a function on the thread that computes.
    text
        In which language.
    """
    facts = facts_of(subject, reference)

    def serve(changed: Changed) -> Page:
        page = ExportPage(subject, _serving(widget, ask, text, lambda: page), changed, text=text)
        return page

    def compare(changed: Changed) -> Page:
        pair = strongest_correlation(exact)[1]
        contours = partial(exact_contours, exact)
        requests = comparing(widget, ask, text, lambda: page)
        page = ComparePage(subject, reference, requests, contours, changed, text=text, pair=pair)
        page.show_runs(widget.saved_runs)
        return page

    builders: dict[str, Callable[[Changed], Page]] = {
        "parameters": lambda _changed: ParametersPage(subject, reference, text=text),
        "predict": lambda changed: PredictPage(subject, reference, rows_of(data, text), changed, text=text),
        "compare": compare,
        "serve": serve,
        "code": lambda _changed: CodePage(widget.script, text=text),
    }

    def explained(name: str, changed: Changed) -> Page:
        return ExplainedPage(builders[name](changed), text, name, facts)

    return {name: partial(explained, name) for name in builders}


def _serving(widget: Widget, ask: Ask, text: Catalogue, page: Callable[[], ExportPage]) -> ExportRequests:
    def do(path: str, work: Callable[[], None]) -> None:
        def tried() -> None:
            try:
                work()
            except FileExistsError:
                page().failed(text("serve.said.there", path=path))
            except Exception as error:  # noqa: BLE001  # what a disk or a foreign file may raise belongs into the page
                page().failed(str(error))

        ask(tried)

    def save(write: Callable[..., Path]) -> Callable[[str, bool], None]:
        def saved(path: str, overwrite: bool) -> None:  # noqa: FBT001  # the page's
            page().saved(text("serve.said.saved", path=str(write(path, overwrite=overwrite))))

        return lambda path, overwrite: do(path, lambda: saved(path, overwrite))

    def load(path: str, one_by_one: bool) -> None:  # noqa: FBT001  # the page's
        loaded = load_torchscript(path)
        outside, inside = (density(slope) for slope in loaded.slopes(NUM_SERVED, one_by_one=one_by_one))
        way = "loaded_one_by_one" if one_by_one else "loaded_at_once"
        key = f"guides.{loaded.guide}"
        guide = text(key) if key in text else loaded.guide
        said = text(f"serve.said.{way}", path=path, guide=guide, step=loaded.step, count=NUM_SERVED)
        page().loaded((outside, inside), said)

    return ExportRequests(
        save_torchscript=save(widget.save_torchscript),
        save_exported=save(widget.save_exported),
        load=lambda path, one_by_one: do(path, lambda: load(path, one_by_one)),
    )


class _Comparing:
    """What the Compare page asks for, done on the computing thread; it says what became of it."""

    def __init__(self, widget: Widget, ask: Ask, text: Catalogue, page: Callable[[], ComparePage]) -> None:
        self._widget, self._ask, self._text, self._page = widget, ask, text, page

    def do(self, work: Callable[[], str]) -> None:
        def tried() -> None:
            try:
                said, alert = work(), False
            except FileExistsError as error:
                said, alert = self._text("compare.said.there", path=str(error.filename)), True
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                said, alert = str(error), True
            self._page().said(said, alert=alert)

        self._ask(tried)

    def keep(self) -> str:
        self._widget.save_run()
        return self._text("compare.said.kept")

    def recall(self, number: int) -> str:
        self._widget.recall(number)
        return self._text("compare.said.recalled", number=number)

    def remove(self, number: int) -> str:
        self._widget.remove_run(number)
        return ""

    def rename(self, number: int, name: str) -> str:
        if not 0 < len(name.strip()) <= MAX_NAME:
            raise ValueError(self._text("compare.said.rename_empty", most=MAX_NAME))
        self._widget.rename_run(number, name)
        return ""

    def export(self, path: str, overwrite: bool) -> str:  # noqa: FBT001  # the page's
        if not path:
            raise ValueError(self._text("compare.said.nameless", path=CSV_PATH))
        return self._text("compare.said.exported", path=str(self._widget.export_runs(path, overwrite=overwrite)))


def comparing(widget: Widget, ask: Ask, text: Catalogue, page: Callable[[], ComparePage]) -> CompareRequests:
    """Return what the Compare page asks for.

    Parameters
    ----------
    widget, ask, words
        As of `lesson_pages`.
    page
        Returns the page, which is told what became of it.
    """
    them = _Comparing(widget, ask, text, page)
    return CompareRequests(
        keep=lambda: them.do(them.keep),
        recall=lambda number: them.do(lambda: them.recall(number)),
        remove=lambda number: them.do(lambda: them.remove(number)),
        rename=lambda number, name: them.do(lambda: them.rename(number, name)),
        export=lambda path, overwrite: them.do(lambda: them.export(path, overwrite)),
    )
