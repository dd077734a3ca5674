"""Figure of the latents of any model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape

from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import Explained, html_picture, html_text
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.latents.heat_map import grid, heat_map_html
from rugged_widget.view.figures.latents.names import movers_html, names_html, words_html
from rugged_widget.view.figures.latents.picker import Picker
from rugged_widget.view.figures.latents.plan import PagePlan, Pages, RowPlan
from rugged_widget.view.figures.latents.rows import DrawnRows, RowDrawer
from rugged_widget.view.figures.latents.search import Indices, Selection, find
from rugged_widget.view.figures.latents.values import ShownSite, ShownValues, ValueReader
from rugged_widget.view.figures.number_format import level
from rugged_widget.view.frames.silent_widgets import LateText
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, hbox, vbox

MAX_SAID = 8  # medians in the sentence for who does not see the rows


class LatentFigure(Figure):
    """A row for each of up to 24 elements; for more, a row a site and below it the element that moves most.

    A search opens any site or element. Elements of a site share a scale as long as all of them can be seen on it, and
    what a row shows is written at its right. Elements of a simplex are bars, discrete elements have a column a value,
    and two dimensions can be seen as a heat map. A model without latents has its parameters shown instead.

    The figure is built once: sites may come, vanish and change their shapes with any snapshot. What a frame costs
    depends on the rows that are shown, for all rows are one drawing of a few paths, and hardly on the latents.

    Parameters
    ----------
    changed
        Called, in any thread, when another drawing or another snapshot is wanted.
    """

    def __init__(self, changed: Callable[[], None], *, text: Catalogue, explain: Explained | None = None) -> None:
        self._changed, self._text = changed, text
        self._reader, self._drawer = ValueReader(), RowDrawer(text)
        self._picker = Picker(changed, text=text)
        self._key: tuple[tuple[ShownSite, ...], str] = ((), "")
        self._selection = Selection(())
        self._pages, self._grid = Pages(self._selection), grid(self._selection)
        self._corrects = self._wants_parameters = False
        self._said: Callable[[], list[str]] = list
        self._named: tuple[PagePlan, str, str] | None = None
        self._title, self._about = html_text(), html_text("rw-latents-about")
        self._names, self._drawing = html_picture("rw-rows-names"), html_picture("rw-rows-drawing")
        self._movers, self._words = html_text("rw-rows-movers"), html_text("rw-rows-words")
        head = hbox("rw-head", self._title, *([] if explain is None else [explain.box]), self._picker.search)
        rows = box("rw-rows", self._names, self._movers, self._drawing, self._words)
        self.box = vbox("rw-chart rw-latents-figure", head, self._about, rows, self._picker.foot)
        self.boxes = (self.box,)
        parts = (self._title, self._about, self._names, self._movers, self._drawing, self._words)
        self.targets = (*parts, *self._picker.targets)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"LatentFigure({self._pages!r}, {self._picker!r})"

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""
        return {"rw-rows": self._text("latents.label.rows")} | self._picker.labels

    def request(self) -> SnapshotRequest:
        """Return what its snapshots must hold: the parameters, where there are no latents."""
        return SnapshotRequest(parameters=self._wants_parameters)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change."""
        values = self._reader.read(snapshot, corrected=self._corrects)
        self._ask(snapshot)
        self._select(values)
        page = self._pages.page(self._picker.page)
        places = self._grid if self._picker.as_heat_map and not self._selection.problem else None
        changes = self._draw(snapshot, values, page, places)
        shown = page if page.rows else None
        return [
            *changes,
            (self._title, {"value": LateText(self._title_html, self._shows_parameters(values))}),
            (self._about, {"value": LateText(self._about_html, snapshot, values)}),
            *self._picker.show(shown, len(self._pages), has_heat_map=self._grid is not None),
        ]

    def correct(self, on: bool) -> None:
        """Draw the corrected intervals from the next frame on, or do not."""
        self._corrects = on

    def sentence(self, _snapshot: Snapshot) -> str:
        """Return the values of the first rows as a sentence."""
        return ", ".join(self._said())

    def _select(self, values: ShownValues) -> None:
        """Find what is looked at, anew only where the sites or the query have changed."""
        key = values.sites, self._picker.query
        if key[0] is not self._key[0] or key[1] != self._key[1]:
            self._key = key
            self._selection = find(*key)
            self._pages, self._grid = Pages(self._selection), grid(self._selection)
            self._picker.offer(values.sites)

    def _ask(self, snapshot: Snapshot) -> None:
        """Ask for parameters where a snapshot of a model that has been run shows no latents."""
        wants = snapshot.step > 0 and not snapshot.quantiles and not snapshot.probabilities
        if wants != self._wants_parameters:
            self._wants_parameters = wants
            self._changed()

    def _draw(self, snapshot: Snapshot, values: ShownValues, page: PagePlan, places: Indices | None) -> Changes:
        opened = self._selection.opened
        if places is not None and opened is not None:
            self._said = list
            return self._put("", "", heat_map_html(self._text, opened, places, values), "")
        if not page.rows:
            self._said = list
            return self._put("", "", f'<p class="rw-rows-empty">{escape(self._empty(snapshot, values))}</p>', "")
        drawn = self._drawer.draw(page.rows, values, snapshot.step)
        self._said = partial(self._sentences, page.rows, drawn)
        return self._put(
            self._names_html(page),
            LateText(lambda: movers_html(self._text, page.rows, drawn.words)),
            drawn.strokes.html(len(page.rows)),
            LateText(lambda: words_html(drawn.words)),
        )

    def _names_html(self, page: PagePlan) -> str:
        language = self._text.language
        if self._named is None or self._named[0] is not page or self._named[1] != language:
            self._named = page, language, names_html(self._text, page.rows)
        return self._named[2]

    def _put(self, *values: str | LateText) -> Changes:
        parts = (self._names, self._movers, self._drawing, self._words)
        return [(part, {"value": value}) for part, value in zip(parts, values, strict=True)]

    def _sentences(self, rows: tuple[RowPlan, ...], drawn: DrawnRows) -> list[str]:
        own = [word for row, word in zip(rows, drawn.words, strict=True) if row.kind in {"element", "mover"}]
        return [self._text("latents.median", name=word.label, median=word.value) for word in own[:MAX_SAID]]

    def _empty(self, snapshot: Snapshot, values: ShownValues) -> str:
        problem = self._selection.problem
        if problem == "no_site":
            return self._text("latents.no_site", query=self._picker.query.strip())
        if problem == "no_element":
            site = self._selection.sites[0]
            shape = f"({', '.join(map(str, site.shape))})"
            return self._text("latents.no_element", query=self._picker.query.strip(), name=site.name, shape=shape)
        if values.sites:
            return self._text("latents.nothing")
        return self._text("latents.none" if snapshot.step else "latents.waiting")

    def _shows_parameters(self, values: ShownValues) -> bool:
        return any(site.kind == "parameter" for site in values.sites[:1])

    def _title_html(self, parameters: bool) -> str:
        key = "latents.title_parameters" if parameters else "latents.title"
        return f'<h3 class="rw-title">{self._text.html(key)}</h3>'

    def _about_html(self, snapshot: Snapshot, values: ShownValues) -> str:
        if self._shows_parameters(values):
            structure = snapshot.structure
            has_latents = structure is not None and any(site.role == "latent" for site in structure.sites)
            return self._text.html("latents.about_undrawn" if has_latents else "latents.about_parameters")
        percent = [level(self._text, prob) for prob in snapshot.probs]
        if len(percent) < 4 or not snapshot.quantiles:
            return self._text.html("latents.about_other")
        ends, middle = (f"{percent[a]}\N{EN DASH}{percent[b]} %" for a, b in ((0, -1), (1, -2)))
        return self._text.html("latents.about", ends=ends, middle=middle)

    def _name(self) -> None:
        self._title.value = self._title_html(False)
        if not self._drawing.value:
            self._drawing.value = f'<p class="rw-rows-empty">{self._text.html("latents.waiting")}</p>'
