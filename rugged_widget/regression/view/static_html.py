"""The dashboard as static HTML, for a reopened notebook without a kernel."""

from collections.abc import Sequence
from html import escape

import numpy as np

from rugged_widget.regression.snapshot import RegressionAnswer, RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import Group, RegressionSubject
from rugged_widget.regression.view.slopes import is_positive
from rugged_widget.snapshot.snapshot import Array, Band
from rugged_widget.view.figures.chart import minus
from rugged_widget.view.figures.number_format import ends, probability
from rugged_widget.view.i18n.catalogue import Catalogue

WIDTH, HEIGHT, MARGIN = 380, 220, 34
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
    low, high = float(values.min()) - 0.5, float(values.max()) + 0.5
    trained = snapshot.step > 0
    panels = "".join(
        _panel(
            group.heading(text, subject.row_noun),
            group,
            (band if trained else None, color),
            subject,
            (low, high),
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


def _panel(
    heading: str,
    group: Group,
    shown: tuple[Band | None, str],
    subject: RegressionSubject,
    view: tuple[float, float],
    comparison: Sequence[tuple[Array, str]],
) -> str:
    (band, color), heading = shown, escape(heading)
    right, bottom = WIDTH - 8, HEIGHT - MARGIN
    x_ends = (float(subject.grid[0]), float(subject.grid[-1]))

    def path(x: Array, y: Array) -> str:
        across = np.interp(x, x_ends, (MARGIN, right))
        down = np.interp(y, view, (bottom, 20))
        return " ".join(f"{a:.1f},{d:.1f}" for a, d in zip(across, down, strict=True))

    drawn = ""
    if band is not None:
        outline = path(np.concatenate([band.x, band.x[::-1]]), np.concatenate([band.lower, band.upper[::-1]]))
        drawn = (
            f'<polygon points="{outline}" fill="{color}" fill-opacity="0.3"/>'
            f'<polyline points="{path(band.x, band.median)}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
    drawn += "".join(
        f'<polyline points="{path(subject.grid, line)}" fill="none" stroke="currentColor" {style}/>'
        for line, style in comparison
    )
    points = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.2"/>' for x, y in (pair.split(",") for pair in path(group.x, group.y).split())
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{heading}" fill="currentColor" '
        f'font-family="sans-serif" font-size="11"><text x="{MARGIN}" y="12" font-weight="bold">{heading}'
        f'</text>{_ends(bottom, view)}<g stroke="currentColor" stroke-opacity="0.3">'
        f'<path d="M{MARGIN},20V{bottom}H{right}" fill="none"/></g><g fill-opacity="0.45" stroke="none">{points}</g>'
        f'{drawn}<text x="{right}" y="{HEIGHT - 18}" text-anchor="end">'
        f"{escape(subject.labels.x_label)}, {ends(subject.text, *x_ends)}</text></svg>"
    )


def _ends(bottom: int, view: tuple[float, float]) -> str:
    return "".join(
        f'<text x="{MARGIN - 4}" y="{y}" text-anchor="end">{minus(f"{value:.1f}")}</text>'
        for y, value in ((bottom, view[0]), (28, view[1]))
    )
