"""The few latents whose densities are open, and a field that opens others by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product, starmap, zip_longest

import ipywidgets
import numpy as np

from rugged_widget.names import shown
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Latent
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.densities import NOWHERE, DensityFigure, is_point
from rugged_widget.view.figures.number_format import rounded, within
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import element_label
from rugged_widget.view.widgets import box, classed, outcome, vbox

MAX_OPEN = 6
MAX_OPTIONS = 400
"""Names that the field offers; any other can be typed."""

TITLE_LENGTH = 22

ABSENT = "rw-absent"
"""Css class of a figure without a latent: unseen, but not without a size, in which bqplot draws with errors."""


def latents_named(name: str, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Latent, ...]:
    """Return the latents of a name: one, or the first ones of a site; empty where there is none of that name."""
    name = name.strip()
    if name in shapes:
        return tuple(islice(_elements(name, shapes[name]), MAX_OPEN))
    match = re.fullmatch(r"(.+?)\s*\[([\d,\s]+)\]", name, re.DOTALL)
    if match is None or match[1] not in shapes:
        return ()
    index = tuple(int(place) for place in match[2].split(",") if place.strip())
    shape = shapes[match[1]]
    fits = len(index) == len(shape) and all(place < size for place, size in zip(index, shape, strict=True))
    return ((match[1], index),) if fits else ()


def first_latents(shapes: Mapping[str, tuple[int, ...]], count: int) -> list[Latent]:
    """Return the first element of each site, then the second ones, and so on, in the order of the sites.

    Sites whose names differ by numbers only, as those of a time series do, take turns as the elements of one do.
    """
    seen: Counter[str] = Counter()
    turns: list[tuple[int, int, Latent]] = []
    for place, (name, shape) in enumerate(shapes.items()):
        pattern = re.sub(r"\d+", "#", name)
        if seen[pattern] < count:
            turns += [
                (seen[pattern] + k, place, latent) for k, latent in enumerate(islice(_elements(name, shape), count))
            ]
        seen[pattern] += 1
    first = sorted(turns, key=lambda turn: turn[0])[:count]
    return [latent for _, _, latent in sorted(first, key=lambda turn: (turn[1], turn[2][1]))]


def _elements(name: str, shape: tuple[int, ...]) -> Iterator[Latent]:
    return ((name, index) for index in product(*map(range, shape)))


class OpenLatents:
    """Densities of at most six latents; `changed` asks for another snapshot, from any thread, when one is picked."""

    def __init__(self, changed: Callable[[], None], *, text: Catalogue) -> None:
        self._text, self._changed = text, changed
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._open: tuple[Latent, ...] = ()
        self._places = [_Place(number, text) for number in range(MAX_OPEN)]
        self._field = classed(ipywidgets.Combobox(continuous_update=False, ensure_option=False), "rw-pick-latent")
        self._field.observe(lambda change: self._pick(change["new"]), "value")
        self._said, self._unknown = classed(ipywidgets.HTML(""), "rw-pick-said"), ""
        text.follow(self._say)
        text.follow(lambda: setattr(self._field, "placeholder", text("parameter_rows.pick")))
        figures = box("rw-latents", *[place.figure.box for place in self._places])
        self.box = vbox("rw-main rw-open-latents", self._field, self._said, figures)
        self.targets: tuple[Silent, ...] = tuple(one for place in self._places for one in place.targets)

    def __repr__(self) -> str:
        return f"OpenLatents({', '.join(starmap(element_label, self._open)) or 'none'})"

    @property
    def open(self) -> tuple[Latent, ...]:
        """The latents whose densities are open, first to last."""
        return self._open

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        density = self._text("parameter_rows.density")
        return {"rw-pick-latent": self._text("parameter_rows.pick")} | {
            f"rw-latent-{number}": density for number in range(MAX_OPEN)
        }

    def update(self, snapshot: Snapshot) -> Changes:
        """Return what a frame has to change."""
        discrete = snapshot.probabilities
        shapes = {
            name: tuple(np.shape(value)[1:])
            for name, value in snapshot.quantiles.items()
            if name not in discrete and 0 not in np.shape(value)
        }
        if shapes != self._shapes:
            self._offer(shapes)
        pairs = zip_longest(self._places, self._open)
        return [change for place, latent in pairs for change in place.update(latent, snapshot)]

    def _offer(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Begin with other latents: those that are open and still there stay open."""
        self._shapes, before = shapes, self._open
        kept = [latent for latent in self._open if latents_named(element_label(*latent), shapes) == (latent,)]
        first = [latent for latent in first_latents(shapes, MAX_OPEN) if latent not in kept]
        self._open = tuple([*kept, *first][:MAX_OPEN])
        names = (element_label(*latent) for name, shape in shapes.items() for latent in _elements(name, shape))
        self._field.options = tuple(islice(names, MAX_OPTIONS))
        self._field.layout.display = None if sum(1 for _ in islice(self._all(), MAX_OPEN + 1)) > MAX_OPEN else "none"
        if self._open != before:
            self._changed()

    def _all(self) -> Iterator[Latent]:
        return (latent for name, shape in self._shapes.items() for latent in _elements(name, shape))

    def _pick(self, name: str) -> None:
        if not name.strip():
            return
        picked = latents_named(name, self._shapes)
        self._unknown = "" if picked else shown(name)
        self._say()
        if picked:
            kept = [latent for latent in self._open if latent not in picked]
            self._open = tuple([*picked, *kept][:MAX_OPEN])
            self._field.value = ""
            self._changed()

    def _say(self) -> None:
        """Say which name is that of no latent, where the last one was none."""
        known = not self._unknown
        sentence = "" if known else self._text("parameter_rows.unknown", name=self._unknown)
        self._said.value = outcome(sentence, alert=True)


class _Place:
    """A small density with the median beside its name, of one latent at a time."""

    def __init__(self, number: int, text: Catalogue) -> None:
        self._text, self._shown = text, NOWHERE
        self._latent: Latent | None = None
        self._median = html_text("rw-value")
        self.figure = DensityFigure(f"rw-latent-{number}", "", controls=[self._median])
        self.figure.box.add_class(ABSENT)
        self.targets = (*self.figure.targets, self._median)

    def update(self, latent: Latent | None, snapshot: Snapshot) -> Changes:
        """Return what a frame has to change; where the density is missing, it stays as it was."""
        if latent != self._latent:
            self._latent, self._shown = latent, NOWHERE
            self.figure.rename("" if latent is None else element_label(*latent), length=TITLE_LENGTH)
            (self.figure.box.add_class if latent is None else self.figure.box.remove_class)(ABSENT)
        if latent is not None and latent in snapshot.densities:
            self._shown = snapshot.densities[latent]
        return [*self.figure.draw(self._shown), (self._median, {"value": self._median_html()})]

    def _median_html(self) -> str:
        if self._shown is NOWHERE:
            return ""
        text, density = self._text, self._shown
        if is_point(density):
            return text.html("parameters.point", value=rounded(text, density.median))
        return text.html("parameters.median", value=within(text, density.median, density.lower, density.upper))
