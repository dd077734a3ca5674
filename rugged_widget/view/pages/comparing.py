"""Requests of the Compare page, done by whoever keeps the runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from rugged_widget.runs.run_store import MAX_NAME
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.compare import CSV_PATH, ComparePage
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


class _Comparing:
    """Does what the Compare page asks for, on the computing thread, and tells the page what became of it."""

    def __init__(
        self,
        keeper: RunKeeper,
        ask: Callable[[Callable[[], None]], None],
        text: Catalogue,
        page: Callable[[], ComparePage],
    ) -> None:
        self._keeper, self._ask, self._text, self._page = keeper, ask, text, page

    def do(self, work: Callable[[], str]) -> None:
        def attempt() -> None:
            try:
                message, alert = work(), False
            except FileExistsError as error:
                message, alert = self._text("compare.said.there", path=str(error.filename)), True
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                message, alert = str(error), True
            self._page().said(message, alert=alert)

        self._ask(attempt)

    def keep(self) -> str:
        self._keeper.save_run()
        return self._text("compare.said.kept")

    def recall(self, number: int) -> str:
        self._keeper.recall(number)
        return self._text("compare.said.recalled", number=number)

    def remove(self, number: int) -> str:
        self._keeper.remove_run(number)
        return ""

    def rename(self, number: int, name: str) -> str:
        if not 0 < len(name.strip()) <= MAX_NAME:
            raise ValueError(self._text("compare.said.rename_empty", most=MAX_NAME))
        self._keeper.rename_run(number, name)
        return ""

    def export(self, path: str, overwrite: bool) -> str:
        if not path:
            raise ValueError(self._text("compare.said.nameless", path=CSV_PATH))
        return self._text("compare.said.exported", path=str(self._keeper.export_runs(path, overwrite=overwrite)))


def comparing(
    keeper: RunKeeper, ask: Callable[[Callable[[], None]], None], text: Catalogue, page: Callable[[], ComparePage]
) -> CompareRequests:
    """Return requests that `keeper` does on the thread where `ask` runs functions; `page` is told the outcome."""
    them = _Comparing(keeper, ask, text, page)
    return CompareRequests(
        keep=lambda: them.do(them.keep),
        recall=lambda number: them.do(lambda: them.recall(number)),
        remove=lambda number: them.do(lambda: them.remove(number)),
        rename=lambda number, name: them.do(lambda: them.rename(number, name)),
        export=lambda path, overwrite: them.do(lambda: them.export(path, overwrite)),
    )
