"""Parts that all figures share: theme colours, margins, axes, and a heading above the drawing."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Protocol

import bqplot
import ipywidgets

from rugged_widget.names import shown
from rugged_widget.snapshot.dates import Dates
from rugged_widget.view.figures.axis_range import NARROWEST, SteppingDomain, Ticks, ticks
from rugged_widget.view.figures.date_ticks import date_ticks
from rugged_widget.view.figures.long_names import cut_html, tip
from rugged_widget.view.frames.silent_widgets import SilentAxis, SilentPicture, SilentScale, SilentText
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.widgets import box, classed, hbox, vbox

# Variables of the style sheet: they follow the page's theme without a message.
ACCENT, ACCENT_FAINT, POINT, MUTED, GRID, BACKGROUND, FOREGROUND = (
    f"var(--rw-{name})" for name in ("accent", "accent-faint", "point", "muted", "grid", "background", "foreground")
)
BANDS = ("var(--rw-outside-band)", "var(--rw-inside-band)")
GROUPS = ("var(--rw-outside)", "var(--rw-inside)")
GROUP_CLASSES = ("rw-outside", "rw-inside")
LABEL_LENGTH = 46  # characters of an axis label

MARGIN = {"top": 10, "bottom": 40, "left": 64, "right": 22}
"""Pixels around a drawing: on the left the widest tick that there is and a label, on the right half a tick."""


def with_separator(tick: str) -> str:
    """Return the text of a tick with a separator in front of its last three of four digits: 1,000."""
    return re.sub(r"(?<!\d)(\d)(\d{3})(?!\d)", r"\1,\2", tick) if "." not in tick else tick


class Ruler:
    """A scale with its axis: bounds, and round ticks that fit them and can be told apart.

    Parameters
    ----------
    label
        What the axis shows, with its unit; plain text. What is taken out of the ticks stands behind it.
    num_steps
        Steps between ticks where there is room for so many.
    width
        Pixels of a horizontal axis where the page is narrow.
    labelled
        False where there is no room for a label: every tick is then written in full.
    dates
        The map to dates where a horizontal axis shows them.
    grouped
        True where ticks of four digits have a separator too, as numbers in a sentence have: 1,000.
    """

    def __init__(
        self,
        label: str,
        low: float,
        high: float,
        *,
        vertical: bool = False,
        num_steps: int = 5,
        width: float = NARROWEST,
        labelled: bool = True,
        dates: Dates | None = None,
        grouped: bool = False,
    ) -> None:
        self._label, self._num_steps, self._dates, self._grouped = label, num_steps, dates, grouped
        self._width, self._labelled = None if vertical else width, labelled
        self._domain = SteppingDomain(low, high)
        self._bounds, self._ticks = (low, high), self._fitting(low, high)
        self._labels = self._ticks.labels
        self.scale = SilentScale(min=low, max=high)
        self.axis = SilentAxis(
            scale=self.scale,
            side="left" if vertical else "bottom",
            label_offset="52px" if vertical else "30px",
            label_color=MUTED,
            color=GRID,
            grid_color=GRID,
            **self._drawn(),
        )
        self.targets = (self.scale, self.axis)

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of the axis."""
        return self._domain.low, self._domain.high

    def rename(self, label: str) -> None:
        """Give the axis another label; plain text."""
        self._label = label
        self.axis.label = self._full_label()

    def show_dates(self, dates: Dates | None) -> None:
        """Write the ticks as dates, or as numbers for None, from the next changes on."""
        if dates != self._dates:
            self._dates, self._bounds = dates, (math.nan, math.nan)

    def cover(self, low: float, high: float) -> Changes:
        """Return the changes that make the bounds hold [low, high]; they stay where they are as long as they serve."""
        self._domain.cover(low, high)
        return self._changes()

    def fix(self, low: float, high: float) -> Changes:
        """Return the changes that make these the bounds."""
        self._domain = SteppingDomain(low, high)
        return self._changes()

    def fit(self, low: float, high: float) -> Changes:
        """Return the changes that make the bounds round ones around [low, high], wherever they were."""
        self._domain.fit(low, high)
        return self._changes()

    def _changes(self) -> Changes:
        bounds = low, high = self.bounds
        if bounds != self._bounds:
            before, self._ticks, self._bounds = self._ticks, self._fitting(low, high), bounds
            # With those of before: bqplot 0.13 draws new values a moment later than their texts.
            self._labels = {**before.labels, **self._ticks.labels}
        return [(self.scale, {"min": low, "max": high}), (self.axis, self._drawn())]

    def _fitting(self, low: float, high: float) -> Ticks:
        if self._dates is not None and self._width is not None:
            return date_ticks(low, high, self._num_steps, self._dates, width=self._width)
        fitting = ticks(low, high, self._num_steps, width=self._width, labelled=self._labelled)
        return replace(fitting, texts=tuple(map(with_separator, fitting.texts))) if self._grouped else fitting

    def _drawn(self) -> dict[str, object]:
        # The texts come before the values: bqplot 0.13 draws values with the texts that it had when it learnt of them.
        return {"label": self._full_label(), "tick_labels": self._labels, "tick_values": list(self._ticks.values)}

    def _full_label(self) -> str:
        note = self._ticks.note
        if not note:
            return shown(self._label, LABEL_LENGTH)
        return f"{shown(self._label, max(LABEL_LENGTH - len(note) - 1, LABEL_LENGTH // 3))} {note}".lstrip()


class Explained(Protocol):
    """Explanation of a figure: a button and the panel that it opens."""

    box: ipywidgets.Box


class Chart:
    """A bqplot figure with a heading, found and labelled by its css class; the title is plain text.

    Parameters
    ----------
    margin
        Pixels around the drawing where they differ from the usual ones.
    controls
        Small widgets at the right end of the heading, behind what explains the figure.
    texts
        Texts that lie over the drawing, each placed by its css class.
    """

    def __init__(
        self,
        name: str,
        title: str,
        *,
        marks: Sequence[bqplot.Mark],
        axes: Sequence[bqplot.Axis],
        margin: Mapping[str, int] | None = None,
        controls: Sequence[ipywidgets.Widget] = (),
        texts: Sequence[ipywidgets.Widget] = (),
        explain: Explained | None = None,
    ) -> None:
        self.figure = bqplot.Figure(
            marks=list(marks),
            axes=list(axes),
            fig_margin={**MARGIN, **(margin or {})},
            min_aspect_ratio=0.1,
            max_aspect_ratio=20.0,
            padding_x=0.0,
            padding_y=0.0,
            display_toolbar=False,
            layout={"width": "auto", "min_width": "0", "height": "100%"},
        )
        self._heading = ipywidgets.HTML()
        self.rename(title)
        drawing = box("rw-drawing", self.figure, *texts)
        head = hbox("rw-head", self._heading, *([] if explain is None else [explain.box]), *controls)
        self.box = vbox(f"rw-chart {name}", head, drawing)

    def rename(self, title: str, length: int | None = None) -> None:
        """Give it another heading, plain text, cut to `length` characters where it is longer."""
        words = escape(title) if length is None else cut_html(title, length)
        self._heading.value = f'<h3 class="rw-title"{tip(title)}>{words}</h3>'


def html_text(*css_classes: str) -> SilentText:
    """Return a text that frames may change, under css classes."""
    return classed(SilentText(""), *css_classes)


def html_picture(*css_classes: str) -> SilentPicture:
    """Return a picture made of HTML, which moves with every frame, under css classes."""
    return classed(SilentPicture(""), *css_classes)
