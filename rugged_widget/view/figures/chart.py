"""Parts that all figures share: theme colours, margins, axes, and a heading above the drawing."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Protocol

import bqplot
import ipywidgets

from rugged_widget.names import shown
from rugged_widget.view.figures.axis_range import SteppingDomain, tick_format, ticks
from rugged_widget.view.frames.silent_widgets import SilentAxis, SilentScale, SilentText
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.widgets import box, hbox, vbox

# Variables of the style sheet: they follow the page's theme without a message.
ACCENT, ACCENT_FAINT, POINT, MUTED, GRID, BACKGROUND, FOREGROUND = (
    f"var(--rw-{name})" for name in ("accent", "accent-faint", "point", "muted", "grid", "background", "foreground")
)
BANDS = ("var(--rw-outside-band)", "var(--rw-inside-band)")
GROUPS = ("var(--rw-outside)", "var(--rw-inside)")
GROUP_CLASSES = ("rw-outside", "rw-inside")
LABEL_LENGTH = 46  # characters of an axis label

MARGIN = {"top": 10, "bottom": 40, "left": 54, "right": 20}


def minus(text: str) -> str:
    """Return `text` with its hyphens as minus signs, which are as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


class Ruler:
    """A scale with its axis: bounds, and about `num_steps` round ticks that fit them.

    The label is plain text: what the axis shows, with its unit.
    """

    def __init__(self, label: str, low: float, high: float, *, vertical: bool = False, num_steps: int = 5) -> None:
        self._num_steps = num_steps
        self._domain = SteppingDomain(low, high)
        self.scale = SilentScale(min=low, max=high)
        self.axis = SilentAxis(
            scale=self.scale,
            label=shown(label, LABEL_LENGTH),
            side="left" if vertical else "bottom",
            label_offset="40px" if vertical else "30px",
            label_color=MUTED,
            color=GRID,
            grid_color=GRID,
            **_ticks(low, high, num_steps),
        )
        self.targets = (self.scale, self.axis)

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of the axis."""
        return self._domain.low, self._domain.high

    def rename(self, label: str) -> None:
        """Give the axis another label; plain text."""
        self.axis.label = shown(label, LABEL_LENGTH)

    def cover(self, low: float, high: float) -> Changes:
        """Return the changes that make the bounds hold [low, high]; they stay where they are as long as they serve."""
        self._domain.cover(low, high)
        return self._changes()

    def fix(self, low: float, high: float) -> Changes:
        """Return the changes that make these the bounds."""
        self._domain = SteppingDomain(low, high)
        return self._changes()

    def _changes(self) -> Changes:
        low, high = self._domain.low, self._domain.high
        return [(self.scale, {"min": low, "max": high}), (self.axis, _ticks(low, high, self._num_steps))]


def _ticks(low: float, high: float, num_steps: int) -> dict[str, object]:
    # With their format: bqplot's own guess is made once, for the first ticks, and shows 1.25 as 1.3 later. The format
    # comes first: bqplot 0.13 draws new values a moment later, but in the format it had when it learnt of them.
    values = ticks(low, high, num_steps)
    return {"tick_format": tick_format(values), "tick_values": values}


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

    def rename(self, title: str) -> None:
        """Give it another heading; plain text."""
        self._heading.value = f'<h3 class="rw-title">{escape(title)}</h3>'


def html_text(*css_classes: str) -> SilentText:
    """Return a text that frames may change, under css classes."""
    widget = SilentText("")
    for css_class in css_classes:
        widget.add_class(css_class)
    return widget
