"""Norms of the gradients over the steps: a thin line for each parameter, on a logarithmic axis."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

import numpy as np

from rugged_widget.names import shown
from rugged_widget.snapshot.model_values import GradientFlag, GradientNorms
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Array, Progress, Snapshot
from rugged_widget.view.figures.chart import BACKGROUND, MUTED, Chart, Explained, Ruler, html_text
from rugged_widget.view.figures.decades import Decades
from rugged_widget.view.figures.explanation import Sentence
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.long_names import cut_html
from rugged_widget.view.frames.silent_widgets import SilentLines, SilentScatter
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

HUES = tuple(f"var(--rw-gradient-{number})" for number in range(5))
MAX_LINES = 2 * len(HUES)
"""Parameters with a line of their own; a second round of the colours is dashed."""

SMOOTHING = 0.25
"""Share by which the weight of a point in the running mean of the logarithms becomes less with each later one."""

LOYALTY = 1.5
"""How much larger a gradient has to be than one that has a line, to take its place: lines should not come and go."""

NAMED = 3
"""Flagged parameters that are named of each kind, at most."""

NAME_LENGTH = 18
"""Characters of a parameter's name that are shown under the heading."""

BESIDE_LENGTH = 15
"""Characters of a parameter's name that are shown beside its line: as many as there is room for."""

ROOM = 0.088
"""Height of a name beside the lines, as a share of the drawing."""

KINDS = frozenset({"loc", "locs", "scale", "scales", "weight", "bias"})
"""Words of a name that tell parameters of one site or layer apart; they share a colour."""

FLAGS: tuple[GradientFlag, ...] = ("not_finite", "zero", "large", "small")
MARGIN = {"top": 44, "left": 52, "right": 136}


class GradientNormsFigure(Figure):
    """Norms by parameter over the steps, the last one as a dot beside its name; what is odd about them in words."""

    def __init__(self, num_steps: int, *, text: Catalogue, explain: Explained | None = None) -> None:
        self._text = text
        self._x = Ruler("", 0.0, float(num_steps), num_steps=4, width=170.0, grouped=True)
        self._y = Decades(text)
        scales = {"x": self._x.scale, "y": self._y.scale}
        nowhere = {"x": np.zeros(2), "y": np.full((len(HUES), 2), -9.0), "scales": scales, "stroke_width": 1.2}
        self._lines = [SilentLines(**nowhere, colors=list(HUES), line_style=style) for style in ("solid", "dashed")]
        self._rest = SilentLines(
            x=np.zeros(2), y=np.full(2, -9.0), scales=scales, colors=[MUTED], stroke_width=1.2, line_style="dotted"
        )
        colors = [*HUES, *HUES, MUTED]
        self._dots = SilentScatter(
            x=np.zeros(len(colors)), y=np.full(len(colors), -9.0), scales=scales, colors=colors, stroke=BACKGROUND
        )
        self._dots.default_size, self._dots.enable_hover = 22, False
        self._about, self._names, self._empty = map(html_text, ("rw-gradients-about", "rw-gradients-names", "rw-empty"))
        self._drawn: Mapping[str, int] = {}
        self._odd = ""
        self._chart = Chart(
            "rw-gradients",
            text("gradient_norms.title"),
            marks=[self._rest, *reversed(self._lines), self._dots],
            axes=[self._x.axis, self._y.axis],
            margin=MARGIN,
            texts=[self._about, self._names, self._empty],
            explain=explain,
        )
        self.box = self._chart.box
        self.boxes = (self.box,)
        marks = (*self._lines, self._rest, self._dots)
        self.targets = (*self._x.targets, *self._y.targets, *marks, self._about, self._names, self._empty)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"GradientNormsFigure({len(self._drawn)} lines)"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {"rw-gradients": self._text("gradient_norms.label")}

    def request(self) -> SnapshotRequest:
        """Return what a snapshot has to hold for it."""
        return SnapshotRequest(gradient_norms=True)

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        norms = snapshot.gradient_norms
        series = Series.of(norms, self._drawn)
        self._drawn = dict(zip(series.names, series.slots, strict=True))
        self._odd = "" if norms is None else odd_words(self._text, norms)
        logs = smoothed(_log10(np.vstack([series.values, series.others])))
        low, high = self._y.cover(logs)
        last = logs[:, -1]
        logs = np.where(np.isnan(logs), 2 * low - high, logs)  # under the axis: bqplot draws no line with gaps
        dots = {"x": np.full(len(last), series.steps[-1]), "y": logs[:, -1]}
        about = escape(self._words(norms))
        return [
            *self._x.fix(0.0, progress.num_steps),
            *self._y.changes(),
            (self._lines[0], {"x": series.steps, "y": logs[: len(HUES)]}),
            (self._lines[1], {"x": series.steps, "y": logs[len(HUES) : MAX_LINES]}),
            (self._rest, {"x": series.steps, "y": logs[MAX_LINES]}),
            (self._dots, dots),
            (self._about, {"value": f'<p title="{about}">{about}</p>'}),
            (self._names, {"value": self._beside(series, (last - low) / (high - low))}),
            (self._empty, {"value": "" if norms is not None else self._text("gradient_norms.empty")}),
        ]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return what is odd about the gradients; empty where nothing is."""
        return "" if snapshot.gradient_norms is None else self._odd

    def _name(self) -> None:
        self._chart.rename(self._text("gradient_norms.title"))
        self._x.rename(self._text("gradient_norms.step"))
        self._y.rename()

    def _words(self, norms: GradientNorms | None) -> str:
        about = self._text("gradient_norms.about")
        if norms is None:
            return about
        return f"{about} \N{MIDDLE DOT} {self._odd or self._text('gradient_norms.all_move')}"

    def _beside(self, series: "Series", heights: Array) -> str:
        """Return the names beside the dots as HTML, none over another."""
        others = series.num_others
        rest = [self._text("gradient_norms.others", count=others)] if others else []
        named = [*zip(series.slots, series.names, short_names(series.names), strict=True)]
        named += [(MAX_LINES, name, name) for name in rest]
        seen = [(slot, full, name) for slot, full, name in named if np.isfinite(heights[slot])]
        places = spread_out([float(heights[slot]) for slot, _, _ in seen], ROOM)
        return "".join(
            f'<div class="{_look(slot)}" title="{escape(full)}" style="--rw-row: {round(1 - place, 4)}">'
            f"<i></i>{cut_html(name, BESIDE_LENGTH)}</div>"
            for (slot, full, name), place in zip(seen, places, strict=True)
        )


class Series(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    names, slots
        Parameters with a line of their own, at most `MAX_LINES`, and the row of `values` that each has.
    steps
        Shape (num_points,), two points at least.
    values
        Norms, shape (MAX_LINES, num_points), nan in the rows that no parameter has.
    others
        Norm of the gradient of all others together, shape (num_points,); nan where there are none.
    num_others
        Number of the others.
    """

    names: tuple[str, ...]
    slots: tuple[int, ...]
    steps: Array
    values: Array
    others: Array
    num_others: int

    @classmethod
    def of(cls, norms: GradientNorms | None, before: Mapping[str, int]) -> "Series":
        """Choose what is drawn: flagged parameters, those drawn `before`, by their slots, and the largest."""
        if norms is None:
            return cls((), (), np.zeros(2), np.full((MAX_LINES, 2), np.nan), np.full(2, np.nan), 0)
        steps, values = norms.steps, norms.norms
        if len(steps) == 1:  # a line needs two points
            steps, values = np.repeat(steps, 2), np.repeat(values, 2, axis=0)
        names, columns = list(norms.names), values.T
        if len(names) <= MAX_LINES:
            chosen = list(range(len(names)))
        else:
            latest = np.nan_to_num(values[-1], posinf=0.0)
            loyal = np.where(np.isin(names, list(before)), LOYALTY, 1.0)
            far = np.array([norms.flags.get(name) in {"small", "large"} for name in names])
            chosen = sorted(np.lexsort((-latest * loyal, ~far))[:MAX_LINES].tolist())
        drawn = tuple(names[number] for number in chosen)
        slots = slots_of(drawn, before)
        rows = np.full((MAX_LINES, len(steps)), np.nan)
        rows[list(slots)] = columns[chosen]
        left = np.setdiff1d(np.arange(len(names)), chosen) if len(chosen) < len(names) else chosen[:0]
        with np.errstate(over="ignore"):
            others = np.sqrt(np.nansum(np.square(columns[left]), axis=0)) if len(left) else np.full(len(steps), np.nan)
        return cls(drawn, slots, steps, rows, others, len(left))


def slots_of(names: Sequence[str], before: Mapping[str, int]) -> tuple[int, ...]:
    """Return the lines of parameters, in [0, MAX_LINES): that of `before`, where a parameter had one.

    Two of one site or layer, as locs.x and scales.x, share a colour.
    """
    slots = {name: before[name] for name in names if name in before}
    solid = {_owner(name): slot for name, slot in slots.items()}
    for name in names:
        if name not in slots:
            owner = _owner(name)
            free = [slot for slot in range(MAX_LINES) if slot not in slots.values()]
            dashed = solid.get(owner, MAX_LINES) + len(HUES)
            taken = {slot + len(HUES) for slot in solid.values()}
            slots[name] = dashed if dashed in free else next((slot for slot in free if slot not in taken), free[0])
            solid.setdefault(owner, slots[name])
    return tuple(slots[name] for name in names)


def _owner(name: str) -> tuple[str, ...]:
    """Return a name without the words that tell parameters of one site or layer apart."""
    return tuple(word for word in _words(name) if word not in KINDS)


def _words(name: str) -> list[str]:
    """Return the words of a name; Pyro writes $$$ before those of a module."""
    return name.replace("$$$", ".").split(".")


def smoothed(logs: Array) -> Array:
    """Return running means along the last axis, of the values that are known; nan before the first and after the last.

    In between the mean stays where it was: a parameter without a gradient at a step has one again at another.
    """
    known = ~np.isnan(logs)
    weights = _weights(logs.shape[-1])
    with np.errstate(invalid="ignore"):
        means = np.where(known, logs, 0.0) @ weights / (known @ weights)
    later = np.flip(np.logical_or.accumulate(np.flip(known, axis=-1), axis=-1), axis=-1)
    return np.where(later, means, np.nan)


def _weights(count: int) -> Array:
    """Return the weight of each point in the mean at each later one, shape (count, count)."""
    return _weights_of_many(1 << count.bit_length())[:count, :count]


@lru_cache(maxsize=8)
def _weights_of_many(count: int) -> Array:
    # Points come with every frame, and to compute the weights takes a third of drawing them.
    points = np.arange(count)
    return np.asarray(np.triu((1 - SMOOTHING) ** np.maximum(0, points - points[:, None]).astype(np.float64)))


def _look(slot: int) -> str:
    """Return the css classes of a name."""
    if slot == MAX_LINES:
        return "rw-gradient-rest"
    return f"rw-gradient-{slot % len(HUES)}" + (" rw-gradient-dashed" if slot >= len(HUES) else "")


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without the words before a dot that all of them begin with."""
    parts = [_words(name) for name in names]
    common = 0
    while parts and all(len(part) > common + 1 and part[common] == parts[0][common] for part in parts):
        common += 1
    return [".".join(part[common:]) for part in parts]


def spread_out(places: Sequence[float], room: float) -> list[float]:
    """Return places in [0, 1] as near to those given as they can be with `room` between them, in the same order.

    There is room for all of them: `room` times their number is at most 1 + `room`.
    """
    order = sorted(range(len(places)), key=lambda number: places[number])
    put: list[float] = []
    for number in order:
        put.append(max(places[number], put[-1] + room) if put else max(0.0, places[number]))
    limit = 1.0
    for rank in reversed(range(len(put))):
        put[rank] = min(put[rank], limit)
        limit = put[rank] - room
    result = [0.0] * len(places)
    for number, place in zip(order, put, strict=True):
        result[number] = place
    return result


def odd_words(text: Catalogue, norms: GradientNorms) -> str:
    """Return in words which parameters have a gradient that is zero, not finite or far from that of the others."""
    names = list(norms.flags)
    short = dict(zip(norms.names, short_names(norms.names), strict=True))
    parts = []
    for flag in FLAGS:
        flagged = [short.get(name, name) for name in names if norms.flags[name] == flag]
        if flagged:
            listed = ", ".join(shown(name, NAME_LENGTH) for name in flagged[:NAMED])
            more = len(flagged) - NAMED
            named = text("gradient_norms.more", names=listed, count=more) if more > 0 else listed
            parts.append(text(f"gradient_norms.flag.{flag}", names=named))
    return " \N{MIDDLE DOT} ".join(parts)


def gradient_norms_facts(_key: str, snapshot: Snapshot) -> list[Sentence]:
    """Return the sentences of the explanation that hold at a moment, as `Explanation` asks for them."""
    norms = snapshot.gradient_norms
    flagged = set() if norms is None else set(norms.flags.values())
    told: list[Sentence] = [("what", {}), ("noise", {})]
    told += [(flag, {}) for flag in FLAGS if flag in flagged]
    return [*told, ("clip", {})]


def _log10(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values)
    return np.where(np.isfinite(logs), logs, np.nan)
