"""What the dashboard tells of: the words and the data of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.naming import DataLabels
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row

MAX_DOTS = 1000
"""Rows of a group that are drawn: more hide one another, and a browser draws each frame anew over all of them."""

SAMPLE_SEED = 2012


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one group, all of them or a random sample to draw.

    Attributes
    ----------
    label
        Its name; plain text.
    num_rows
        How many rows it has; at least as many as are drawn.
    x, y
        Predictor and response of those drawn, as the model sees them, shape (num_drawn,).
    names, details
        What the tooltip of each row drawn says, a title and a line; plain text.
    """

    label: str
    num_rows: int
    x: Array
    y: Array
    names: tuple[str, ...]
    details: tuple[str, ...]

    def heading(self, text: Catalogue, row_noun: str) -> str:
        """Return what the group is called and how much of it is seen; plain text."""
        drawn = len(self.x)
        key = "panels.heading" if drawn == self.num_rows else "panels.heading_drawn"
        return text(key, group=self.label, drawn=drawn, count=self.num_rows, rows=row_noun)


class RegressionSubject:
    """What the dashboard is about: words, in the present language, and data; all words are plain text.

    Parameters
    ----------
    data
        The rows.
    probs
        Probabilities of a snapshot's quantiles.
    text
        In which language.

    Attributes
    ----------
    grid
        Where the bands are evaluated, shape (num_points,).
    probs
        As given.
    text
        As given.
    naming
        What the data are called.
    """

    def __init__(self, data: RegressionData, probs: Sequence[float], text: Catalogue) -> None:
        self._data, self.probs, self.text = data, tuple(probs), text
        self.naming, self.grid = DataLabels(data, text), data.grid()
        self._drawn = [_sample(np.flatnonzero(data.group_values == value)) for value in (0, 1)]
        self._groups: tuple[str, tuple[Group, Group]] | None = None

    def __repr__(self) -> str:
        return f"RegressionSubject({self.title!r}, {self._data.num_rows:,} rows)"

    @property
    def title(self) -> str:
        """Of the whole."""
        return self.naming.title

    @property
    def subtitle(self) -> str:
        """How many rows there are, and how many were left out."""
        return self.naming.subtitle

    @property
    def groups(self) -> tuple[Group, Group]:
        """Outside and inside, with their points."""
        language = self.text.language
        if self._groups is None or self._groups[0] != language:
            self._groups = language, (self._group(0), self._group(1))
        return self._groups[1]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The latents to draw."""
        bias, sigma = (self.text(f"lesson.latent.{name}") for name in ("bias", "sigma"))
        rows = [Row("linear.weight", (0, column), name) for column, name in enumerate(self._data.feature_names)]
        mean = float(round(self._data.targets.mean()))
        return (*rows, Row("linear.bias", (0,), bias, mean), Row("sigma", (), sigma))

    @property
    def x_label(self) -> str:
        """The predictor with its unit."""
        return self.naming.x_label

    @property
    def y_label(self) -> str:
        """The response with its unit."""
        return self.naming.y_label

    @property
    def slope_label(self) -> str:
        """What a slope is."""
        return self.naming.slope_label

    @property
    def why(self) -> str:
        """Why the slope inside is a sum."""
        return self.naming.why

    @property
    def row_noun(self) -> str:
        """What many rows are."""
        return self.naming.row_noun

    def _group(self, value: int) -> Group:
        data, drawn = self._data, self._drawn[value]
        return Group(
            label=self.naming.group_labels[value],
            num_rows=int((data.group_values == value).sum()),
            x=data.predictor_values[drawn],
            y=data.targets[drawn],
            names=tuple(data.row_names[row] for row in drawn.tolist()),
            details=tuple(self.naming.details(row) for row in drawn.tolist()),
        )


def subject_of(data: RegressionData, probs: Sequence[float], text: Catalogue | None = None) -> RegressionSubject:
    """Return what there is to tell of a regression on `data`, in English where no `text` are given."""
    return RegressionSubject(data, probs, text or Catalogue())


def _sample(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows to draw, in their order."""
    if len(rows) <= MAX_DOTS:
        return rows
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(rows, MAX_DOTS, replace=False, shuffle=False))
