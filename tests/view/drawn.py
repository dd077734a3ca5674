"""What a page or a figure shows: its widgets, marks and axes, found by what a reader or the style sheet sees of them.

Tests go through this module, so that they need not know how a page or a figure is made inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple

import bqplot
import ipywidgets


class Density(NamedTuple):
    """The marks of a density: the guide's, its interval, the exact one, and the least-squares estimate."""

    area: bqplot.Lines
    inside: bqplot.Lines
    exact: bqplot.Lines
    estimate: bqplot.Scatter


def widgets(root: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """Yield a widget and all that lie in it, in the order of the page; a figure's marks in the order of drawing."""
    yield root
    for name in ("children", "marks", "axes"):
        for inner in getattr(root, name, ()):
            yield from widgets(inner)


def classes(widget: ipywidgets.Widget) -> tuple[str, ...]:
    """Return the css classes of a widget."""
    return tuple(getattr(widget, "_dom_classes", ()))


def parts(root: ipywidgets.Widget, css_class: str) -> list[Any]:
    """Return the widgets of a css class."""
    return [widget for widget in widgets(root) if css_class in classes(widget)]


def part(root: ipywidgets.Widget, css_class: str) -> Any:
    """Return the only widget of a css class."""
    found = parts(root, css_class)
    assert len(found) == 1, f"{len(found)} widgets are {css_class}"
    return found[0]


def texts(root: ipywidgets.Widget) -> list[ipywidgets.HTML]:
    """Return the widgets that show a text."""
    return [widget for widget in widgets(root) if isinstance(widget, ipywidgets.HTML)]


def heading(root: ipywidgets.Widget) -> str:
    """Return the heading of a figure, HTML."""
    return str(texts(part(root, "rw-head"))[0].value)


def code(root: ipywidgets.Widget) -> str:
    """Return the code of a listing without its markup."""
    return unescape(re.sub("<[^>]+>", "", part(root, "rw-code").value))


def marks(
    root: ipywidgets.Widget, kind: type[bqplot.Mark] = bqplot.Mark, *, color: str = "", **traits: object
) -> list[Any]:
    """Return marks in the order of drawing.

    Parameters
    ----------
    root
        A figure, or what holds it.
    kind
        Class of the marks.
    color
        Their colour, by the style sheet's name without its prefix.
    traits
        What else they have to be.
    """
    look: dict[str, object] = {**traits, **({"colors": [f"var(--rw-{color})"]} if color else {})}
    return [
        widget
        for widget in widgets(root)
        if isinstance(widget, kind) and all(getattr(widget, name, None) == value for name, value in look.items())
    ]


def mark(root: ipywidgets.Widget, kind: type[bqplot.Mark], *, color: str = "", **traits: object) -> Any:
    """Return the only mark that is as `marks` says."""
    found = marks(root, kind, color=color, **traits)
    assert len(found) == 1, f"{len(found)} marks are {kind.__name__} {color} {traits}"
    return found[0]


def density(root: ipywidgets.Widget) -> Density:
    """Return the marks of the only density in `root`."""
    area, inside = marks(root, bqplot.Lines, fill="bottom")
    return Density(area, inside, mark(root, bqplot.Lines, line_style="dashed"), mark(root, bqplot.Scatter))


def axis(root: ipywidgets.Widget, side: str = "bottom") -> Any:
    """Return the only axis on a side."""
    found = [widget for widget in widgets(root) if isinstance(widget, bqplot.Axis) and widget.side == side]
    assert len(found) == 1, f"{len(found)} axes are at the {side}"
    return found[0]


def bounds(changes: Iterable[tuple[Any, Mapping[str, Any]]], ruler: bqplot.Axis) -> tuple[float, float]:
    """Return where an axis begins and ends in a frame."""
    (values,) = (values for target, values in changes if target is ruler.scale)
    return values["min"], values["max"]


def bare(html: str) -> str:
    """Return a text of HTML without its markup."""
    return unescape(re.sub("<[^>]+>", "", html)).strip()


def minus(text: str) -> str:
    """Return a text with its hyphens as minus signs."""
    return text.replace("-", "\N{MINUS SIGN}")
