"""A density figure: the guide's filled, the exact one dashed."""

from collections.abc import Sequence

import bqplot
import ipywidgets
import numpy as np

from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Density
from rugged_widget.view.figures.axis_range import NARROWEST, SteppingDomain
from rugged_widget.view.figures.chart import ACCENT, BACKGROUND, FOREGROUND, GROUPS, MUTED, Chart, Ruler
from rugged_widget.view.figures.overlays import key_html
from rugged_widget.view.frames.silent_widgets import SilentLines, SilentScale, SilentScatter
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue

PALE = {color: color.replace(")", "-pale)") for color in (ACCENT, *GROUPS)}
"""A colour's pale one in the style sheet: two of them lie over each other inside the interval."""
HEADROOM = 1.15
INTERVAL_POINTS = 48
MARGIN = {"left": 22, "right": 22, "top": 8, "bottom": 24}
NARROW = 186.0  # pixels of the axis of a figure without a label, which stand side by side
SPIKE = 0.004  # half the width of what stands for a point, as a share of the axis
SLACK = 0.7  # small figures waste less of their room than large ones, and so have other bounds more often
POINT = 64 * float(np.finfo(np.float64).eps)
"""A guide whose interval is no wider than this share of its value is a point: the rest is rounding of float64."""

NOWHERE = Density(np.linspace(-1.0, 1.0, 128), np.zeros(128), 0.5, -1.0, 0.0, 1.0, 0.9)
"""Stands for a density that is not known yet; nothing of it is seen."""


class DensityFigure:
    """A density over an axis that holds still. There is no axis of heights: they say nothing that widths do not.

    The title and the label of the axis are plain text; `num_steps` is as of `Ruler`, and the rest as of `Chart`.
    """

    def __init__(
        self, name: str, title: str, label: str = "", *, controls: Sequence[ipywidgets.Widget] = (), num_steps: int = 4
    ) -> None:
        width = NARROWEST if label else NARROW
        self._x = Ruler(label, -1.0, 1.0, num_steps=num_steps, width=width, labelled=bool(label))
        self._y = SilentScale(min=0.0, max=1.0)
        self._across, self._heights = (SteppingDomain(low, 1.0, slack=SLACK) for low in (-1.0, 0.0))
        scales = {"x": self._x.scale, "y": self._y}
        nothing = {"x": np.array([-1.0, 1.0]), "y": np.zeros(2), "scales": scales}
        self._area = SilentLines(fill="bottom", stroke_width=2.0, **nothing)
        self._inside = SilentLines(fill="bottom", colors=["transparent"], **nothing)
        self._exact = SilentLines(colors=[FOREGROUND], line_style="dashed", stroke_width=1.4, visible=False, **nothing)
        height = bqplot.LinearScale(min=0.0, max=1.0)
        self._mark = SilentScatter(
            x=np.zeros(1), y=np.full(1, 0.05), scales={"x": self._x.scale, "y": height}, colors=[MUTED]
        )
        self._mark.marker, self._mark.stroke, self._mark.visible = "triangle-down", BACKGROUND, False
        self._mark.default_size, self._mark.enable_hover = 52, False
        apply_changes(self.paint(ACCENT))
        self._label = label
        self._chart = chart = Chart(
            name,
            title,
            marks=[self._area, self._inside, self._exact, self._mark],
            axes=[self._x.axis],
            margin={**MARGIN, **({"bottom": 40} if label else {})},
            controls=controls,
        )
        self.box = chart.box
        self.box.add_class("rw-density")
        self.targets = (*self._x.targets, self._y, self._area, self._inside, self._exact, self._mark)

    def rename(self, title: str, label: str = "", *, length: int | None = None) -> None:
        """Write title, of at most `length` characters, and label anew, as plain text; the label where there was one."""
        self._chart.rename(title, length)
        if self._label:
            self._x.rename(label)

    def paint(self, color: str) -> Changes:
        """Return the changes that give the guide's density the accent's or a group's colour."""
        fill = PALE[color]
        return [(self._area, {"colors": [color], "fill_colors": [fill]}), (self._inside, {"fill_colors": [fill]})]

    def draw(self, guide: Density, exact: Density | None = None) -> Changes:
        """Return the changes that draw the guide's density, a narrow peak where the guide is a point.

        There has to be room for the exact one too, whether it is seen or not.
        """
        others = [one for one in (guide, exact) if one is not None and one is not NOWHERE] or [guide]
        low, high = min(float(one.x[0]) for one in others), max(float(one.x[-1]) for one in others)
        top = float(others[-1].density.max()) or 1.0
        if is_point(guide):
            guide = _spike(guide, SPIKE * (high - low), top)
        inside = np.linspace(guide.lower, guide.upper, INTERVAL_POINTS)
        return [
            *self._x.fix(*self._across.cover(low, high)),
            (self._y, {"max": self._heights.cover(0.0, HEADROOM * max(top, float(guide.density.max())))[1]}),
            (self._area, {"x": guide.x, "y": guide.density}),
            (self._inside, {"x": inside, "y": np.interp(inside, guide.x, guide.density)}),
        ]

    def compare(self, exact: Density) -> Changes:
        """Return the changes that draw the exact density."""
        return [(self._exact, {"x": exact.x, "y": exact.density})]

    def show_exact(self, *, shown: bool) -> Changes:
        """Return the change that shows the exact density or hides it."""
        return [(self._exact, {"visible": shown})]

    def mark(self, value: float) -> Changes:
        """Return the changes that put the mark of least squares on the axis."""
        return [(self._mark, {"x": np.array([value]), "visible": True})]


def apply_changes(changes: Changes) -> None:
    """Make changes once and for all, where no frame does."""
    for target, values in changes:
        for name, value in values.items():
            setattr(target, name, value)


def legend(text: Catalogue, reference: Reference | None) -> str:
    """Return what the marks of a density mean, as HTML; only what is drawn."""
    keys = {"density": "parameters.key"}
    if reference is not None:
        keys |= {"exact": "overlay.key.exact"} if reference.exact is not None else {}
        keys |= {"mark": "overlay.key.least_squares"}
    return "".join(key_html(f"rw-key-{name}", text.html(key)) for name, key in keys.items())


def is_point(density: Density) -> bool:
    """Return whether a density stands for one number, as that of a point guide does."""
    return density.upper - density.lower <= POINT * max(abs(density.lower), abs(density.upper))


def _spike(density: Density, half_width: float, height: float) -> Density:
    """Return a peak of as many points: that of a kernel around one number has a width that means nothing."""
    offset = np.linspace(-1.0, 1.0, len(density.x))
    at = density.median
    x, y = at + half_width * offset, height * (1.0 - np.abs(offset))
    return Density(x, y, density.prob_positive, at - half_width, at, at + half_width, density.prob)
