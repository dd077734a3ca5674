"""What the dashboard tells of: the words and the data of a regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rugged_widget.datasets import RegressionData
from rugged_widget.snapshot import Array
from rugged_widget.view.panels import Group
from rugged_widget.view.quantiles import Row

MAX_DOTS = 1000
"""Rows of a group that are drawn: more hide one another, and a browser draws each frame anew over all of them."""

SAMPLE_SEED = 2012


@dataclass(frozen=True, eq=False)
class Story:
    """What the dashboard is about: words and data; all words are plain text.

    Attributes
    ----------
    title, subtitle
        Of the whole.
    groups
        Outside and inside, with their points.
    grid
        Where the bands are evaluated, shape (num_points,).
    rows
        The latents to draw.
    probs
        Probabilities of a snapshot's quantiles.
    x_label, y_label, slope_label, why, row_noun
        Predictor and response with their units, what a slope is, why the slope inside is a sum, what a row is.
    """

    title: str
    subtitle: str
    groups: tuple[Group, Group]
    grid: Array
    rows: tuple[Row, ...]
    probs: tuple[float, ...]
    x_label: str
    y_label: str
    slope_label: str
    why: str
    row_noun: str


def story_of(data: RegressionData, probs: tuple[float, ...]) -> Story:
    """Return what there is to tell of a regression on `data`."""
    group, predictor, interaction = data.feature_names
    rows = [Row("linear.weight", (0, column), name) for column, name in enumerate(data.feature_names)]
    rows += [Row("linear.bias", (0,), "bias", float(round(data.targets.mean()))), Row("sigma", (), "sigma")]
    return Story(
        title=data.title,
        subtitle=f"{data.num_rows:,} {data.row_noun} \N{MIDDLE DOT} {data.dropped_label}",
        groups=(_group(data, 0), _group(data, 1)),
        grid=data.grid(),
        rows=tuple(rows),
        probs=probs,
        x_label=data.predictor_label,
        y_label=data.response_label,
        slope_label=data.slope_label,
        why=(
            f"{data.group_labels[1]} the slope is {predictor} + {interaction}: "
            f"that is what one more unit of {predictor} adds to the mean where {group} is 1."
        ),
        row_noun=data.row_noun,
    )


def _group(data: RegressionData, value: int) -> Group:
    mine = np.flatnonzero(data.group_values == value)
    drawn = mine
    if len(mine) > MAX_DOTS:
        drawn = np.sort(np.random.default_rng(SAMPLE_SEED).choice(mine, MAX_DOTS, replace=False, shuffle=False))
    return Group(
        label=data.group_labels[value],
        num_rows=len(mine),
        x=data.predictor_values[drawn],
        y=data.targets[drawn],
        names=tuple(data.row_names[row] for row in drawn.tolist()),
        details=tuple(data.row_details[row] for row in drawn.tolist()),
    )
