"""Requests of the Compare page, done by whoever keeps the runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from rugged_widget.runs.run_store import MAX_NAME
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.compare import ComparePage
from rugged_widget.view.requests import CompareRequests


class RunKeeper(Protocol):
    """Keeps runs; a widget does."""

    def save_run(self) -> None:
        """Save the present run."""

    def recall(self, number: int) -> None:
        """Bring a saved run back."""

    def remove_run(self, number: int) -> None:
        """Forget a saved run."""

    def rename_run(self, number: int, name: str) -> None:
        """Give a saved run another name."""

    def export_runs(self, path: str, *, overwrite: bool) -> Path:
        """Write the table of runs to a file."""

    @property
    def saved_runs(self) -> Sequence[SavedRun]:
        """The saved runs."""


def comparing(
    keeper: RunKeeper, ask: Callable[[Callable[[], None]], None], text: Catalogue, page: Callable[[], ComparePage]
) -> CompareRequests:
    """Return requests that `keeper` does on the thread where `ask` runs functions; `page` is told the outcome."""

    def do(work: Callable[[], object], done: Callable[[Any], str] = lambda _result: "") -> None:
        def attempt() -> None:
            try:
                message, alert = done(work()), False
            except FileExistsError as error:
                message, alert = text("compare.said.there", path=str(error.filename)), True
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                message, alert = str(error), True
            page().said(message, alert=alert)

        ask(attempt)

    def rename(number: int, name: str) -> None:
        if not 0 < len(name.strip()) <= MAX_NAME:
            raise ValueError(text("compare.said.rename_empty", most=MAX_NAME))
        keeper.rename_run(number, name)

    return CompareRequests(
        keep=lambda: do(keeper.save_run, lambda _: text("compare.said.kept")),
        recall=lambda number: do(lambda: keeper.recall(number), lambda _: text("compare.said.recalled", number=number)),
        remove=lambda number: do(lambda: keeper.remove_run(number)),
        rename=lambda number, name: do(lambda: rename(number, name)),
        export=lambda path, overwrite: do(
            lambda: keeper.export_runs(path, overwrite=overwrite),
            lambda file: text("compare.said.exported", path=str(file)),
        ),
    )
