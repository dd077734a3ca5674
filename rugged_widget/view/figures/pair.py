"""Two latents at once: draws or ellipses of each run over the exact contours."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import bqplot
import ipywidgets
import numpy as np

from rugged_widget.names import isolated
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Array, Progress, Snapshot
from rugged_widget.snapshot.values import Contours, Latent
from rugged_widget.view.figures.axis_range import widened
from rugged_widget.view.figures.chart import ACCENT, ACCENT_FAINT, MUTED, Chart, Ruler, html_text
from rugged_widget.view.figures.overlays import dashed, key_html, show_marks
from rugged_widget.view.frames.silent_widgets import SilentLines, SilentScatter
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Subject
from rugged_widget.view.widgets import classed, toggle_buttons, vbox

MAX_RUNS = 4  # kept runs that are drawn at once: more colours could not be told apart

COLORS = tuple(f"var(--rw-kept-{number})" for number in range(MAX_RUNS))
FAINT = tuple(f"var(--rw-kept-{number}-faint)" for number in range(MAX_RUNS))
NUM_DOTS = 200
MODES = ("ellipses", "draws")
NUM_CORNERS = 72  # points of an ellipse
PROB = 0.9  # probability inside an ellipse, were the draws normal
HIDDEN = 10.0  # how far beyond the axis what is not drawn lies, as a multiple of what the axis holds
NOWHERE = np.array([[-1.0, 1.0], [-1.0, 1.0]])
"""What the axes hold where there is nothing to draw, shape (2, 2)."""

EDGE = 0.005  # share of the draws at either end that an axis need not hold


class PairFigure:
    """Draws or ellipses of the present guide and of kept runs, over the contours of the exact posterior.

    Parameters
    ----------
    reference
        Gives the least-squares estimate, a cross.
    contours
        Returns the exact contours of two latents; None where they are not known. Called on the computing thread.
    pair
        The two latents to begin with, along x and along y; the first two rows where it is None.
    """

    def __init__(
        self,
        subject: Subject,
        reference: Reference | None,
        contours: Callable[[Latent, Latent], Contours] | None,
        changed: Callable[[], None],
        *,
        text: Catalogue,
        pair: tuple[Latent, Latent] | None = None,
    ) -> None:
        self._subject, self._reference, self._contours, self._text = subject, reference, contours, text
        self._drawn: tuple[tuple[Latent, Latent], str] | None = None
        self._extent: list[Array] = []
        self._runs: tuple[SavedRun, ...] = ()
        self._shows_exact = contours is not None
        self._x, self._y = Ruler("", -1.0, 1.0, num_steps=5), Ruler("", -1.0, 1.0, vertical=True, num_steps=5)
        self._scales = {"x": self._x.scale, "y": self._y.scale}
        self._place_controls(pair, changed, text)
        self._mark()
        self._key = html_text("rw-legend")
        above = self._center, self._cross, self._tags
        self._chart = Chart(
            "rw-pair",
            "",
            marks=[*self._kept_dots, *self._kept_rings, self._dots, self._ring, *self._exact, *above],
            axes=[self._x.axis, self._y.axis],
            controls=[*self._pickers, self.mode],
        )
        self.box = vbox("rw-pair-box", self._chart.box, self._key)
        self.targets = (*self._x.targets, *self._y.targets, self._dots, self._ring, self._center, self._key)
        text.follow(self._name)

    def _place_controls(self, pair: tuple[Latent, Latent] | None, changed: Callable[[], None], text: Catalogue) -> None:
        latents = [(row.site, row.index) for row in self._subject.rows]
        first, second = pair or (latents[0], latents[1])
        self._pickers = [self._picker(at, latents.index(latent)) for at, latent in enumerate((first, second))]
        self._at = latents.index(first), latents.index(second)
        for at, picker in enumerate(self._pickers):
            Choice(picker, self._names, partial(self._picked, at, changed), text)
        self.mode = toggle_buttons("rw-pair-mode", MODES)
        Choice(self.mode, self._modes, lambda _mode: changed(), text)

    @property
    def latents(self) -> tuple[Latent, Latent]:
        """The latents along x and along y."""
        rows = self._subject.rows
        first, second = (rows[at] for at in self._at)
        return (first.site, first.index), (second.site, second.index)

    def update(self, snapshot: Snapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change; the snapshot holds draws."""
        fresh = self._place()
        points, as_dots = pick_drawn(snapshot.draws, self.latents), self.mode.value == "draws"
        ring = None if points is None else ellipse(points)
        own = [] if points is None or ring is None else [middle(points), ring]
        seen = np.concatenate([*own, *self._extent] or [NOWHERE], axis=1)
        low, high = seen.min(1), seen.max(1)
        beyond = [widened(*ends, HIDDEN)[0] for ends in zip(low.tolist(), high.tolist(), strict=True)]
        hidden = np.repeat(np.array(beyond)[:, None], NUM_DOTS, axis=1)
        x, y = resized(points[:, :NUM_DOTS], NUM_DOTS) if as_dots and points is not None else hidden
        ring = np.repeat(hidden[:, :1], NUM_CORNERS, axis=1) if as_dots or ring is None else ring
        center = hidden[:, 0] if points is None else points.mean(1)
        return [
            *_bounds(self._x, float(low[0]), float(high[0]), fresh=fresh),
            *_bounds(self._y, float(low[1]), float(high[1]), fresh=fresh),
            (self._dots, {"x": x, "y": y}),
            (self._ring, {"x": ring[0], "y": ring[1]}),
            (self._center, {"x": center[:1], "y": center[1:]}),
            (self._key, {"value": self._legend()}),
        ]

    def show_runs(self, runs: Sequence[SavedRun]) -> None:
        """Draw these kept runs too, at most four, in the order of their colours."""
        self._runs, self._drawn = tuple(runs)[:MAX_RUNS], None

    def show_reference(self, reference: Reference) -> None:
        """Compare with other answers: the contours are asked for anew with the next frame."""
        self._reference, self._drawn = reference, None

    def show_exact(self, show: bool) -> None:
        """Draw the exact contours, or do not; the legend follows with the next frame."""
        self._shows_exact = show and self._contours is not None
        show_marks(self._exact, show=self._shows_exact)

    # Parts

    def _mark(self) -> None:
        nowhere = {"x": [0.0, 0.0], "y": [0.0, 0.0], "scales": self._scales}
        self._dots = SilentScatter(**nowhere, colors=[ACCENT_FAINT], stroke="transparent")
        self._ring = SilentLines(**nowhere, colors=[ACCENT], stroke_width=2.0)
        self._center = SilentScatter(**nowhere, colors=[ACCENT], stroke="transparent")
        self._cross = bqplot.Scatter(**nowhere, colors=[MUTED], stroke="transparent")
        self._cross.marker, self._cross.default_size = "cross", 50
        self._exact = [dashed([0.0, 0.0], [0.0, 0.0], self._scales)]
        self._kept_dots = [bqplot.Scatter(**nowhere, colors=[color], stroke="transparent") for color in FAINT]
        self._kept_rings = [bqplot.Lines(**nowhere, colors=[color], stroke_width=1.6) for color in COLORS]
        self._tags = bqplot.Label(x=[0.0], y=[0.0], text=[""], scales=self._scales, colors=[MUTED], default_size=12)
        self._tags.align, self._tags.y_offset, self._tags.font_weight = "middle", -9, "normal"
        for dots in (self._dots, *self._kept_dots):
            dots.default_size = 10
        self._center.default_size = 26
        for mark in (self._dots, self._center, self._cross, *self._kept_dots):
            mark.enable_hover = False
        show_marks([*self._kept_dots, *self._kept_rings], show=False)

    def _picker(self, at: int, row: int) -> ipywidgets.Dropdown:
        return classed(
            ipywidgets.Dropdown(options=self._names(), value=row, layout={"width": "auto"}), f"rw-pair-{'xy'[at]}"
        )

    def _names(self) -> list[tuple[str, object]]:
        return [(row.label, number) for number, row in enumerate(self._subject.rows)]

    def _modes(self) -> list[tuple[str, object]]:
        return [(self._text(f"compare.mode.{mode}"), mode) for mode in MODES]

    def _picked(self, at: int, changed: Callable[[], None], value: object) -> None:
        """Take note of a latent that was picked; the one that had that place gets the other one's."""
        row, before = int(str(value)), self._at
        if row == before[at]:
            return
        other = before[at] if before[1 - at] == row else before[1 - at]
        self._at = (row, other) if at == 0 else (other, row)  # at once: another thread may be drawing
        self._pickers[1 - at].value = other
        changed()

    def _name(self) -> None:
        self._chart.rename(self._text("compare.pair.title"))
        self._drawn = None

    # What stands still while training runs

    def _place(self) -> bool:
        """Draw what does not move for the latents that are picked; return whether these are others than before."""
        pair, mode = self.latents, self.mode.value
        if self._drawn == (pair, mode):
            return False
        fresh, self._drawn = self._drawn is None or self._drawn[0] != pair, (pair, mode)
        rows = self._subject.rows
        for ruler, at in zip((self._x, self._y), self._at, strict=True):
            ruler.rename(rows[at].label)
        self._extent = [*self._place_exact(pair), *self._place_runs(pair, mode), *self._place_cross(pair)]
        return fresh

    def _place_exact(self, pair: tuple[Latent, Latent]) -> list[Array]:
        if self._contours is None:
            return []
        lines = [line for level in self._contours(*pair).lines for line in level]
        length = max(len(line) for line in lines)
        # One mark draws all of them: the shorter ones stay at their end.
        padded = np.stack([np.pad(line, ((0, length - len(line)), (0, 0)), mode="edge") for line in lines])
        (mark,) = self._exact
        with mark.hold_sync():
            mark.x, mark.y, mark.visible = padded[:, :, 0], padded[:, :, 1], self._shows_exact
        return [np.concatenate(lines).T]

    def _place_runs(self, pair: tuple[Latent, Latent], mode: str) -> list[Array]:
        extent, tops = [], {}
        for number, (dots, ring) in enumerate(zip(self._kept_dots, self._kept_rings, strict=True)):
            run = self._runs[number] if number < len(self._runs) else None
            points = None if run is None else pick_drawn(run.draws, pair)
            if run is not None and points is not None:
                outline = ellipse(points)
                with dots.hold_sync(), ring.hold_sync():
                    dots.x, dots.y = points[:, :NUM_DOTS]
                    ring.x, ring.y = outline
                extent += [outline, middle(points)]
                tops[str(run.number)] = outline[:, outline[1].argmax()]
            is_drawn = points is not None
            dots.visible, ring.visible = is_drawn and mode == "draws", is_drawn and mode == "ellipses"
        self._tag(tops)
        return extent

    def _tag(self, tops: Mapping[str, Array]) -> None:
        """Write the numbers of the kept runs over their ellipses: colours alone do not tell everyone which is which."""
        with self._tags.hold_sync():
            self._tags.x, self._tags.y = np.array(list(tops.values())).T if tops else np.zeros((2, 1))
            self._tags.text = list(tops) or [""]
            self._tags.visible = bool(tops)

    def _place_cross(self, pair: tuple[Latent, Latent]) -> list[Array]:
        if self._reference is None:
            self._cross.visible = False
            return []
        at = np.array([[float(np.asarray(self._reference.estimates[site])[index])] for site, index in pair])
        with self._cross.hold_sync():
            self._cross.x, self._cross.y = at
        return [at]

    def _share_priors(self) -> bool:
        """Return whether the contours are those of all runs that are drawn: the priors of one may be others."""
        exact = None if self._reference is None else self._reference.exact
        return all(run.is_bounded_by(None if exact is None else exact.log_evidence) for run in self._runs)

    def _legend(self) -> str:
        shape = "ring" if self.mode.value == "ellipses" else "dots"
        html = self._text.html
        keys = [(f"rw-key-pair-{shape}", html("compare.key.present"))]
        for number, run in enumerate(self._runs):
            name = html("compare.key.run", number=run.number, name=isolated(run.name))
            keys.append((f"rw-key-pair-{shape} rw-kept-{number}", name))
        if self._shows_exact:
            keys.append(("rw-key-exact", html(f"compare.key.{'exact' if self._share_priors() else 'exact_present'}")))
        if self._reference is not None:
            keys.append(("rw-key-cross", html("compare.key.least_squares")))
        return "".join(key_html(css_classes, meaning) for css_classes, meaning in keys)


def ellipse(points: Array) -> Array:
    """Return the ellipse that holds 90 % of a normal distribution with the mean and covariance of draws.

    The draws have shape (2, num_draws), at least 2 of them; the outline is closed, shape (2, 72), and all at one place
    where the draws are.
    """
    # The radius of the region of probability p of a standard normal in the plane: 1 - exp(-r^2 / 2) = p.
    radius = math.sqrt(-2.0 * math.log(1.0 - PROB))
    values, axes = np.linalg.eigh(np.cov(points))
    angle = np.linspace(0.0, 2.0 * np.pi, NUM_CORNERS)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    outline: Array = points.mean(1)[:, None] + radius * (axes * np.sqrt(np.maximum(values, 0.0))) @ circle
    return outline


def pick(draws: Mapping[str, Array], pair: tuple[Latent, Latent]) -> Array:
    """Return draws of two latents, shape (2, num_draws)."""
    return np.stack([_element(draws[site], index) for site, index in pair])


def pick_drawn(draws: Mapping[str, Array], pair: tuple[Latent, Latent]) -> Array | None:
    """Return the finite draws of two latents, shape (2, num_draws); None where there are fewer than two.

    A guide may leave a latent out, or draw only some of its elements.
    """
    if not all(site in draws and _reaches(draws[site].shape[1:], index) for site, index in pair):
        return None
    points = pick(draws, pair)
    points = points[:, np.isfinite(points).all(0)]
    return points if points.shape[1] > 1 else None


def _reaches(shape: tuple[int, ...], index: tuple[int, ...]) -> bool:
    return len(index) == len(shape) and all(at < size for at, size in zip(index, shape, strict=True))


def middle(points: Array) -> Array:
    """Return where all but the outermost draws lie, shape (2, 2)."""
    return np.quantile(points, [EDGE, 1.0 - EDGE], axis=1).T


def resized(points: Array, count: int) -> Array:
    """Return exactly `count` draws, the last one again and again where there are fewer."""
    return np.pad(points, ((0, 0), (0, count - points.shape[1])), mode="edge")


def _element(draws: Array, index: tuple[int, ...]) -> Array:
    element: Array = np.asarray(draws).reshape(len(draws), -1)
    return element[:, np.ravel_multi_index(index, draws.shape[1:]) if index else 0]


def _bounds(ruler: Ruler, low: float, high: float, *, fresh: bool) -> Changes:
    """Return the changes that make an axis hold [low, high]: of other latents anew, else only where it is too short."""
    return ruler.fit(low, high) if fresh else ruler.cover(low, high)
