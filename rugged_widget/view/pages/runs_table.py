"""The table of saved runs: a row each, with a tick to draw it and its name to edit."""

import math
from collections.abc import Callable, Iterator, Sequence

import ipywidgets

from rugged_widget.names import isolated
from rugged_widget.precision import NONE
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.view.figures.number_format import against, brief, ratio, short, to_decimals, with_error
from rugged_widget.view.figures.overlays import gap_words
from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import CompareRequests
from rugged_widget.view.widgets import box, button, classed, hbox

COLUMNS = ("name", "guide", "steps", "rate", "elbo", "gap", "ratio", "k_hat", "seconds")
MOST_DECIMALS = 3  # of an ELBO


class RunsTable:
    """Rows of kept runs, of which at most `max_ticked` are ticked: one more takes the tick of the first of the others.

    `on_tick` is called, in any thread, when a tick was set or taken away.
    """

    def __init__(
        self, requests: CompareRequests, max_ticked: int, on_tick: Callable[[], None], *, text: Catalogue
    ) -> None:
        self._requests, self._max, self._on_tick, self._text = requests, max_ticked, on_tick, text
        self._runs: tuple[SavedRun, ...] = ()
        self._rows: dict[int, _Row] = {}
        self._header = classed(ipywidgets.HTML(), "rw-runs-header")
        self.box = box("rw-runs", self._header)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"RunsTable({len(self._runs)} runs, {len(self.ticked)} ticked)"

    @property
    def ticked(self) -> tuple[SavedRun, ...]:
        """The runs that are ticked, in the order of the table."""
        return tuple(run for run in self._runs if self._rows[run.number].ticked)

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names of what has no words of its own, by css class."""
        return {css: name for run in self._runs for css, name in _labels(run, self._text)}

    def show(self, runs: Sequence[SavedRun]) -> None:
        """Show these runs; those that are new are ticked as long as there is room."""
        self._runs = tuple(runs)
        old_rows = [self._rows.pop(number) for number in self._rows.keys() - {run.number for run in self._runs}]
        for run in self._runs:
            if run.number not in self._rows:
                row = self._rows[run.number] = _Row(run.number, self._requests, self._tick, self._text)
                row.ticked = sum(other.ticked for other in self._rows.values()) < self._max
        self.box.children = (self._header, *(self._rows[run.number].box for run in self._runs))
        for row in old_rows:
            row.close()
        self.write()

    def write(self) -> None:
        """Write the names and numbers of all runs, and in which colour each is drawn."""
        place = {run.number: place for place, run in enumerate(self.ticked)}
        for run in self._runs:
            self._rows[run.number].show(run, self._text, place.get(run.number))

    def _tick(self, number: int) -> None:
        others = [run.number for run in self.ticked if run.number != number]
        if self._rows[number].ticked and len(others) >= self._max:
            self._rows[others[0]].ticked = False
        self._on_tick()

    def _name(self) -> None:
        html = self._text.html
        heads = [(column, html(f"compare.column.{column}"), html(f"compare.tip.{column}")) for column in COLUMNS]
        cells = "".join(f'<span class="rw-cell-{column}" title="{tip}">{name}</span>' for column, name, tip in heads)
        self._header.value = f"<span></span>{cells}<span></span>"
        self.write()


class _Row:
    """A run: a tick, its name to edit, its numbers, and what can be done with it."""

    def __init__(self, number: int, requests: CompareRequests, tick: Callable[[int], None], text: Catalogue) -> None:
        self._name, self._silent = "", False
        self._tick = classed(ipywidgets.Checkbox(value=False, indent=False), f"rw-run-tick-{number}")
        self._tick.observe(lambda _change: None if self._silent else tick(number), "value")
        self._field = classed(
            ipywidgets.Text(continuous_update=False, layout={"width": "auto"}), f"rw-run-name-{number}"
        )
        self._field.observe(lambda change: self._renamed(change["new"], number, requests), "value")
        self._cells = ipywidgets.HTML()
        recall = button(f"rw-recall-{number}", lambda: requests.recall(number))
        remove = button(f"rw-remove-{number}", lambda: requests.remove(number))
        caption(recall, text, "compare.button.recall", "compare.button.recall_tip")
        caption(remove, text, "compare.button.remove", "compare.button.remove_tip")
        self._actions = hbox("rw-run-actions", recall, remove)
        self.box = box("rw-run", self._tick, self._field, self._cells, self._actions)

    @property
    def ticked(self) -> bool:
        """Tick of the run: it is drawn where this is true."""
        return bool(self._tick.value)

    @ticked.setter
    def ticked(self, value: bool) -> None:
        self._silent = True
        self._tick.value = value
        self._silent = False

    def show(self, run: SavedRun, text: Catalogue, place: int | None) -> None:
        """Write what the run is, and show which colour it is drawn in; None for in none."""
        self._name = self._field.value = self._field.tooltip = run.name
        self._cells.value = "".join(_cells(run, text))
        others = [css for css in self.box._dom_classes if not css.startswith("rw-kept-")]  # noqa: SLF001  # has no name
        self.box._dom_classes = (*others, *([] if place is None else [f"rw-kept-{place}"]))  # noqa: SLF001

    def close(self) -> None:
        """Remove it from every page."""
        for part in (*self._actions.children, self._actions, self._tick, self._field, self._cells, self.box):
            part.close()

    def _renamed(self, name: str, number: int, requests: CompareRequests) -> None:
        if name != self._name:
            requests.rename(number, name)


def _labels(run: SavedRun, text: Catalogue) -> Iterator[tuple[str, str]]:
    yield f"rw-run-tick-{run.number}", text("compare.label.tick", name=isolated(run.name))
    yield f"rw-run-name-{run.number}", text("compare.label.name", number=run.number)


def _cells(run: SavedRun, text: Catalogue) -> Iterator[str]:
    """Yield the cells behind the name as HTML, each with its column's name for whoever cannot see that."""
    for column, cell in _texts(run, text).items():
        name = text.html(f"compare.column.{column}")
        yield f'<span class="rw-cell-{column}"><i class="rw-visually-hidden">{name}: </i><span>{cell}</span></span>'


def _texts(run: SavedRun, text: Catalogue) -> dict[str, str]:
    guide, averaged = f"guides.{run.guide}", run.averaged
    mark = ""
    if averaged is not None:
        tip = text.html("compare.averaged", first=averaged.first, last=averaged.last)
        mark = f' <abbr title="{tip}">\N{GREEK SMALL LETTER MU}</abbr>'
    return {
        "guide": text.html(guide if guide in text else "guides.custom"),
        "steps": f"{to_decimals(text, run.steps, 0)}{mark}",
        "rate": f"{short(text, run.learning_rate)}{'*' if run.rate_changed else ''}",
        "elbo": f"{_elbo(run, text)}{_heldout(run, text)}",
        "gap": NONE if run.gap is None or not math.isfinite(run.gap.nats) else gap_words(text, run.gap),
        "ratio": ratio(text, run.worst_sd_ratio),
        "k_hat": _judged(run, text),
        "seconds": brief(text, run.seconds),
    }


def _elbo(run: SavedRun, text: Catalogue) -> str:
    """Return the ELBO with the digits that its error leaves; that of a point in brackets, for it is no bound."""
    error = run.elbo_error
    if not 0.0 < error < math.inf:
        estimate = to_decimals(text, run.elbo, 2)
        is_point = run.approximation is not None and run.approximation.quality == "point"
        return f'<abbr title="{text.html("compare.no_bound")}">({estimate})</abbr>' if is_point else estimate
    return with_error(text, run.elbo, error, most=MOST_DECIMALS)


def _heldout(run: SavedRun, text: Catalogue) -> str:
    """Return the ELBO of data that was not trained on, small behind that of training; empty where there was none."""
    if not math.isfinite(run.heldout_elbo):
        return ""
    return f" <small>{text.html('heldout.line', value=to_decimals(text, run.heldout_elbo, 2))}</small>"


def _judged(run: SavedRun, text: Catalogue) -> str:
    """Return k-hat with what it means; its number alone tells little."""
    judgement = run.approximation
    if judgement is None or math.isnan(run.k_hat):
        return NONE
    k_hat, quality = against(text, run.k_hat, judgement.threshold), text.html(f"compare.quality.{judgement.quality}")
    return f"{k_hat} <small>{quality}</small>"
