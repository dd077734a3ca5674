"""The dashboard as a still picture: what a reopened notebook shows where no kernel stands behind the widget."""

from __future__ import annotations

from html import escape

import numpy as np

from rugged_widget.snapshot import Array, Band, Snapshot
from rugged_widget.view.chart import minus
from rugged_widget.view.panels import Group
from rugged_widget.view.story import Story

WIDTH, HEIGHT, MARGIN = 380, 220, 34
COLORS = ("#2f6cc0", "#d9822b")  # no style sheet comes with it; both can be read on light and dark


def still(story: Story, snapshot: Snapshot, status: str) -> str:
    """Return HTML that needs nothing else: both panels as SVG, what they say, and how to get the live widget back."""
    values = np.concatenate([group.y for group in story.groups])
    low, high = float(values.min()) - 0.5, float(values.max()) + 0.5
    trained = snapshot.step > 0
    panels = "".join(
        _panel(group, band if trained else None, color, story, (low, high))
        for group, band, color in zip(story.groups, snapshot.bands["line"], COLORS, strict=True)
    )
    answers = "".join(
        f"<li>{escape(group.label)}: P(slope &gt; 0) = {slope.prob_positive:.2f}</li>"
        for group, slope in zip(story.groups, snapshot.slopes, strict=True)
        if trained
    )
    return (
        f'<div style="max-width: 820px"><p><b>{escape(story.title)}</b> \N{MIDDLE DOT} {escape(story.subtitle)} '
        f"\N{MIDDLE DOT} {escape(status)}</p><div>{panels}</div><ul>{answers}</ul>"
        "<p>This is a still picture of a RuggedWidget. Run the cell again to bring it to life.</p></div>"
    )


def _panel(group: Group, band: Band | None, color: str, story: Story, view: tuple[float, float]) -> str:
    right, bottom = WIDTH - 8, HEIGHT - MARGIN
    x_ends = (float(story.grid[0]), float(story.grid[-1]))

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
    points = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.2"/>' for x, y in (pair.split(",") for pair in path(group.x, group.y).split())
    )
    ends = "".join(
        f'<text x="{MARGIN - 4}" y="{y}" text-anchor="end">{minus(f"{value:.1f}")}</text>'
        for y, value in ((bottom, view[0]), (28, view[1]))
    )
    heading = escape(group.heading(story.row_noun))
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{heading}" fill="currentColor" '
        f'font-family="sans-serif" font-size="11"><text x="{MARGIN}" y="12" font-weight="bold">{heading}'
        f'</text>{ends}<g stroke="currentColor" stroke-opacity="0.3"><path d="M{MARGIN},20V{bottom}H{right}" '
        f'fill="none"/></g><g fill-opacity="0.45" stroke="none">{points}</g>'
        f'{drawn}<text x="{right}" y="{HEIGHT - 18}" text-anchor="end">'
        f"{escape(story.x_label)}, {x_ends[0]:.3g} to {x_ends[1]:.3g}</text></svg>"
    )
