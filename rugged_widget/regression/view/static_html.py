"""The dashboard as static HTML, for a reopened notebook without a kernel."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from rugged_widget.regression.snapshot import RegressionAnswer, RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import Group, RegressionSubject
from rugged_widget.regression.view.slopes import is_positive
from rugged_widget.snapshot.snapshot import Array, Band
from rugged_widget.view.figures.axis_range import CHARACTER, Ticks, text_width, ticks, widened
from rugged_widget.view.figures.date_ticks import date_ticks
from rugged_widget.view.figures.number_format import probability
from rugged_widget.view.i18n.catalogue import Catalogue

WIDTH, HEIGHT = 380, 236
TOP, BOTTOM, RIGHT = 36, 38, 22  # pixels around the drawing; the left margin holds the ticks
ROOM = 0.06  # over and under the points, as a share of their range
COLORS = ("#2f6cc0", "#d9822b")  # no style sheet comes with it; both can be read on light and dark


def still(
    subject: RegressionSubject,
    snapshot: RegressionSnapshot,
    status: str,
    reference: RegressionReference | None = None,
    *,
    text: Catalogue,
    exact: bool = False,
) -> str:
    """Return HTML that needs nothing else: the panels as SVG, what they say, and how to get the live widget back.

    `status` says how the training stands, in plain text; `exact` draws the ends of the exact bands besides the
    least-squares lines.
    """
    values = np.concatenate([group.y for group in subject.groups])
    view = widened(float(values.min()), float(values.max()), ROOM)
    trained = snapshot.step > 0
    panels = "".join(
        _panel(
            group.heading(text, subject.row_noun),
            group,
            (band if trained else None, color),
            subject,
            view,
            _comparison(reference, number, exact=exact),
        )
        for number, (group, band, color) in enumerate(zip(subject.groups, snapshot.bands["line"], COLORS, strict=False))
    )
    answer = reference.exact if reference is not None and exact else None
    answers = _answers(subject, snapshot, answer, text) if trained else ""
    if subject.design.num_covariates:
        answers += f"<li>{text.html('panels.covariates')}: {escape(subject.labels.covariates)}</li>"
    return (
        f'<div style="max-width: 820px"><p><b>{escape(subject.title)}</b> \N{MIDDLE DOT} {escape(subject.subtitle)} '
        f"\N{MIDDLE DOT} {escape(status)}</p><div>{panels}</div><ul>{answers}</ul>"
        f"<p>{text.html('still.how')}</p></div>"
    )


def _answers(
    subject: RegressionSubject, snapshot: RegressionSnapshot, exact: RegressionAnswer | None, text: Catalogue
) -> str:
    """Return a line of a list for each group, or for the only slope."""
    key = "still.answer" if subject.design.grouped else "still.answer_one"
    remarks = ["" for _ in subject.groups]
    if exact is not None:
        remarks = [text("still.exact", prob=probability(text, slope.prob_positive)) for slope in exact.slopes]
    return "".join(
        f"<li>{text.html(key, group=group.label, prob=is_positive(text, slope))} {escape(remark)}</li>"
        for group, slope, remark in zip(subject.groups, snapshot.slopes, remarks, strict=True)
    )


def _comparison(reference: RegressionReference | None, number: int, *, exact: bool) -> list[tuple[Array, str]]:
    """Return the lines of a group that are drawn for comparison over the grid, each with its style."""
    if reference is None:
        return []
    lines = [(reference.lines[number], 'stroke-opacity="0.6"')]
    if exact and reference.exact is not None:
        band = reference.exact.bands["line"][number]
        lines += [(end, 'stroke-dasharray="4 3"') for end in (band.lower, band.upper)]
    return lines


class _Frame:
    """The drawing of a panel between its axes, whose left margin is as wide as the widest tick."""

    def __init__(self, subject: RegressionSubject, view: tuple[float, float]) -> None:
        self._labels, self._view = subject.labels, view
        self._x_ends = float(subject.grid[0]), float(subject.grid[-1])
        self._down = ticks(*view, 5, width=None)
        self.left, self._right, self._bottom = (
            10 + math.ceil(CHARACTER * _widest(self._down)),
            WIDTH - RIGHT,
            HEIGHT - BOTTOM,
        )
        width = self._right - self.left
        if subject.dates is None:
            self._across = ticks(*self._x_ends, 5, width=width)
        else:
            self._across = date_ticks(*self._x_ends, 5, subject.dates, width=width)

    def places(self, x: ArrayLike, y: ArrayLike) -> list[tuple[str, str]]:
        """Return where points are, px."""
        across = np.interp(np.asarray(x, np.float64), self._x_ends, (self.left, self._right))
        down = np.interp(np.asarray(y, np.float64), self._view, (self._bottom, TOP))
        return [(f"{a:.1f}", f"{d:.1f}") for a, d in zip(across, down, strict=True)]

    def path(self, x: Array, y: Array) -> str:
        """Return points as an attribute of SVG."""
        return " ".join(map(",".join, self.places(x, y)))

    def axes(self) -> str:
        """Return both axes with their ticks and labels as SVG."""
        x, y = self._across, self._down
        beside = self.places(np.full(len(y.values), self._x_ends[0]), y.values)
        below = self.places(x.values, np.full(len(x.values), self._view[0]))
        texts = [
            _text(text, self.left - 4, f"{float(at) + 4:.1f}", "end")
            for text, (_, at) in zip(y.texts, beside, strict=True)
        ]
        texts += [_text(text, at, self._bottom + 14, "middle") for text, (at, _) in zip(x.texts, below, strict=True)]
        return (
            f"{_text(_axis_label(self._labels.y_label, y), self.left, 28)}{''.join(texts)}"
            f"{_text(_axis_label(self._labels.x_label, x), self._right, HEIGHT - 6, 'end')}"
            f'<g stroke="currentColor" stroke-opacity="0.3">'
            f'<path d="M{self.left},{TOP}V{self._bottom}H{self._right}" fill="none"/></g>'
        )


def _panel(
    heading: str,
    group: Group,
    shown: tuple[Band | None, str],
    subject: RegressionSubject,
    view: tuple[float, float],
    comparison: Sequence[tuple[Array, str]],
) -> str:
    (band, color), heading, frame = shown, escape(heading), _Frame(subject, view)
    drawn = ""
    if band is not None:
        outline = frame.path(np.concatenate([band.x, band.x[::-1]]), np.concatenate([band.lower, band.upper[::-1]]))
        drawn = (
            f'<polygon points="{outline}" fill="{color}" fill-opacity="0.3"/>'
            f'<polyline points="{frame.path(band.x, band.median)}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
    drawn += "".join(
        f'<polyline points="{frame.path(subject.grid, line)}" fill="none" stroke="currentColor" {style}/>'
        for line, style in comparison
    )
    points = "".join(f'<circle cx="{x}" cy="{y}" r="2.2"/>' for x, y in frame.places(group.x, group.y))
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{heading}" fill="currentColor" '
        f'font-family="sans-serif" font-size="11"><text x="{frame.left}" y="12" font-weight="bold">{heading}</text>'
        f'{frame.axes()}<g fill-opacity="0.45" stroke="none">{points}</g>{drawn}</svg>'
    )


def _widest(marks: Ticks) -> float:
    return max(map(text_width, marks.texts))


def _axis_label(label: str, marks: Ticks) -> str:
    """Return what an axis shows, HTML, with what was taken out of its ticks."""
    return escape(f"{label} {marks.note}".rstrip())


def _text(text: str, x: object, y: object, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
