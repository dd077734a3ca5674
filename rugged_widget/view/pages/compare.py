"""The Compare page: saved runs side by side, and two latents of each."""

from collections.abc import Callable, Sequence

import ipywidgets

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.snapshot.values import Contours, Latent
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.pair import MAX_RUNS, PairFigure
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import caption, paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.runs_table import RunsTable
from rugged_widget.view.requests import CompareRequests
from rugged_widget.view.subject import Subject
from rugged_widget.view.widgets import box, button, classed, outcome, path_field, vbox

CSV_PATH = "rugged_runs.csv"


class ComparePage:
    """A table of the kept runs, and a figure of two latents with as many of them as are ticked, up to four.

    A model with fewer than two latents that have rows has a sentence in the figure's place.

    `show_runs` and `said` are the answers to its requests; they belong on the thread that computes.
    """

    def __init__(
        self,
        subject: Subject,
        reference: Reference | None,
        requests: CompareRequests,
        contours: Callable[[Latent, Latent], Contours] | None,
        changed: Callable[[], None],
        *,
        text: Catalogue,
        pair: tuple[Latent, Latent] | None = None,
        csv_path: str = CSV_PATH,
    ) -> None:
        self._requests, self._text, self._csv_path = requests, text, csv_path
        self._drawn: tuple[SavedRun, ...] = ()
        self._pair: PairFigure | None = None
        if len(subject.rows) > 1:
            self._pair = PairFigure(subject, reference, contours, changed, text=text, pair=pair)
        below = paragraph(text, "compare.pair.none", "rw-pair-none") if self._pair is None else self._pair.box
        self._table = RunsTable(requests, MAX_RUNS, changed, text=text)
        self._outcome = html_text("rw-said")
        self._empty = paragraph(text, "compare.empty", "rw-runs-empty")
        self.box = vbox("rw-compare", self._table.box, self._empty, self._actions(), self._outcome, below)
        self.targets = () if self._pair is None else self._pair.targets

    def __repr__(self) -> str:
        return f"ComparePage({self._table!r})"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class; those of the rows are others after `show_runs`."""
        names = ("runs", "pair", "pair-x", "pair-y", "pair-mode", "csv-path")
        return {f"rw-{name}": self._text(f"compare.label.{name}") for name in names} | self._table.labels

    def request(self) -> SnapshotRequest:
        """Return what the snapshots of this page must hold: draws, where two latents can be drawn."""
        return SnapshotRequest(draws=self._pair is not None)

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        self._follow_ticks()
        return [] if self._pair is None else self._pair.update(snapshot, progress)

    def show_reference(self, reference: Reference) -> None:
        """Draw other exact contours from the next frame on."""
        if self._pair is not None:
            self._pair.show_reference(reference)

    def show_exact(self, show: bool) -> None:
        """Draw the exact contours, or do not."""
        if self._pair is not None:
            self._pair.show_exact(show)

    # Answers

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Show these runs; those that are new are drawn with the next frame, as long as there are colours left."""
        self._table.show(runs)
        self._empty.layout.display = "none" if runs else None

    def said(self, message: str, *, alert: bool = False) -> None:
        """Say what became of a request; plain text. The names in the table are the runs' own again."""
        self._outcome.value = outcome(message, alert=alert)
        self._table.write()

    # Parts

    def _follow_ticks(self) -> None:
        ticked = self._table.ticked
        if ticked != self._drawn:
            self._drawn = ticked
            if self._pair is not None:
                self._pair.show_runs(ticked)
            self._table.write()

    def _actions(self) -> ipywidgets.Box:
        keep = button("rw-keep", self._requests.keep)
        caption(keep, self._text, "compare.button.keep", "compare.button.keep_tip")
        self._path = path_field(self._csv_path, "rw-csv-path")
        self._overwrite = classed(ipywidgets.Checkbox(value=False, indent=False), "rw-overwrite")
        export = button("rw-export", self._export)
        caption(self._overwrite, self._text, "serve.overwrite")
        caption(export, self._text, "compare.button.export", "compare.button.export_tip")
        return box("rw-runs-actions", keep, self._path, export, self._overwrite)

    def _export(self) -> None:
        if path := str(self._path.value).strip():
            self._requests.export(path, bool(self._overwrite.value))
        else:
            self.said(self._text("compare.said.nameless", path=self._csv_path), alert=True)
