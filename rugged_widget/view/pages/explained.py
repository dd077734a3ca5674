"""A page with its question as heading and an explanation behind an (i)."""

from collections.abc import Mapping, Sequence
from typing import Generic

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.explanation import Explanation, SnapshotT, Tell
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import Page
from rugged_widget.view.widgets import hbox, vbox


class ExplainedPage(Generic[SnapshotT]):
    """Another page under a heading that asks a question, with an explanation behind its (i).

    Everything that the page can do, this can. The question is the title of the explanation of that `key`.
    """

    def __init__(self, page: Page, text: Catalogue, key: str, facts: Tell[SnapshotT]) -> None:
        self._page, self._text, self._title_key = page, text, f"explain.{key}.title"
        self._explanation = Explanation(text, key, facts)
        self._title = html_text("rw-question")
        head = hbox("rw-head", self._title, self._explanation.box)
        self.box = vbox("rw-explained", head, page.box)
        self.targets = (*page.targets, *self._explanation.targets)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"ExplainedPage({self._page!r}, {self._explanation!r})"

    @property
    def hover(self) -> Sequence[Mapping[str, object]]:
        """Tooltips of dots, as of `FrameStream`."""
        hover: Sequence[Mapping[str, object]] = getattr(self._page, "hover", ())
        return hover

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""
        labels: Mapping[str, str] = getattr(self._page, "labels", {})
        return labels

    def update(self, snapshot: SnapshotT, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        return [*self._page.update(snapshot, progress), *self._explanation.update(snapshot, progress)]

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of the page must hold."""
        return self._page.request()

    def show_exact(self, show: bool) -> None:
        """Draw the exact answer over the guide's, or do not, where the page can."""
        getattr(self._page, "show_exact", lambda _show: None)(show)

    def show_reference(self, reference: Reference) -> None:
        """Compare with other answers from the next frame on, where the page does."""
        getattr(self._page, "show_reference", lambda _reference: None)(reference)

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Show the runs that were kept, where the page can."""
        getattr(self._page, "show_runs", lambda _runs: None)(runs)

    def _name(self) -> None:
        self._title.value = f"<h3>{self._text.html(self._title_key)}</h3>"
