"""Names of the data in the reader's language, and the rows that the panels draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugged_widget.names import shown
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.chart import LABEL_LENGTH
from rugged_widget.view.i18n.catalogue import FALLBACK, Catalogue, catalogue
from rugged_widget.view.subject import Row

MAX_DOTS = 1000
"""Rows of a group that are drawn: more hide one another, and a browser draws each frame anew over all of them."""

SAMPLE_SEED = 2012


FRAMES = ("lesson", "own")  # sections of the catalogue: the words of the lesson, and those made of the names of columns


class DataLabels:
    """Names of the data in the present language, all plain text.

    Data bring English words, which are the lesson's, made of names of columns, or the user's own. Those that the
    catalogue would write in English just so are written in the present language; the others stay as they are.
    """

    def __init__(self, data: RegressionData, text: Catalogue, *, standardized: bool = False) -> None:
        self._data, self._text, self._standardized = data, text, standardized
        predictor, group, word = (shown(name) for name in (data.predictor, data.group, data.response))
        self._fields: Mapping[str, object] = {
            "predictor": predictor,
            "group": group,
            "word": word,
            "response": f"log {word}" if data.log_response else word,
            "count": data.num_dropped,
        }

    def __repr__(self) -> str:
        return f"DataLabels({self.title!r})"

    @property
    def title(self) -> str:
        """The title of the dashboard."""
        return self._translated(self._data.title, "title")

    @property
    def subtitle(self) -> str:
        """The numbers of rows and of those that were left out, and that they are standardized where they are."""
        endings = ("", "_one", "_none")
        dropped = self._translated(self._data.dropped_label, *[f"dropped{ending}" for ending in endings])
        key = "lesson.subtitle_standardized" if self._standardized else "lesson.subtitle"
        return self._text(key, count=self._data.num_rows, rows=self.row_noun, dropped=dropped)

    @property
    def row_noun(self) -> str:
        """Noun for many rows."""
        return self._translated(self._data.row_noun, "rows")

    @property
    def noun(self) -> str:
        """Noun for one row."""
        return self._translated(self._data.label or catalogue(FALLBACK)["lesson.own.row"], "row")

    @property
    def x_label(self) -> str:
        """The predictor with its unit."""
        return self._translated(self._data.predictor_label, "x")

    @property
    def y_label(self) -> str:
        """The response as the model sees it, with its unit."""
        return self._translated(self._data.response_label, "y")

    @property
    def predictor(self) -> str:
        """The predictor in a word."""
        return self._translated(self._data.short_predictor, "predictor")

    @property
    def response(self) -> str:
        """The response in a word."""
        return self._translated(self._data.response_word, "response")

    @property
    def slope_label(self) -> str:
        """The slope with its unit."""
        names = ("slope", "slope_hour", "slope_day", "slope_year")
        label = self._translated(self._data.slope_label, *names)
        return label if len(label) <= LABEL_LENGTH else self._translated(self._data.slope_label, *names, length=11)

    @property
    def group_labels(self) -> tuple[str, str]:
        """Names of the groups, outside and inside."""
        outside, inside = self._data.group_labels
        return self._translated(outside, "outside"), self._translated(inside, "inside")

    @property
    def why(self) -> str:
        """Why the slope inside is a sum."""
        group, predictor, interaction = self._data.feature_names
        return self._text(
            "lesson.why", group=group, predictor=predictor, interaction=interaction, inside=self.group_labels[1]
        )

    def details(self, row: int) -> str:
        """Return what there is to say of a row: its predictor and response."""
        x, y = float(self._data.predictor_values[row]), float(self._data.response_values[row])
        return self._translated(self._data.row_details[row], "details", x=x, y=y)

    def _translated(self, label: str, *names: str, length: int | None = None, **values: float) -> str:
        """Return a text of the data in the present language where the catalogue knows it in English.

        With `length`, names of columns are cut to so many characters in it.
        """
        english: Mapping[str, str] = catalogue(FALLBACK)
        fields: dict[str, object] = {**self._fields, **values}
        for frame in FRAMES if self._data.bundled else FRAMES[1:]:
            for key in (f"lesson.{frame}.{name}" for name in names):
                if key in english and english[key].format(**fields) == label:
                    fields |= {} if length is None else self._names_cut_to(length)
                    return self._text(key, **fields)
        return label

    def _names_cut_to(self, length: int) -> dict[str, str]:
        return {name: shown(value, length) for name, value in self._fields.items() if isinstance(value, str)}


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one group, all of them or a random sample to draw.

    Attributes
    ----------
    num_rows
        Number of its rows; at least as many as are drawn.
    x, y
        Predictor and response of those drawn, as the model sees them, shape (num_drawn,).
    names, details
        Title and line of the tooltip of each row drawn; plain text.
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
    """Subject of the dashboard: data, and their names in the present language, all plain text.

    Attributes
    ----------
    grid
        Points of the predictor where the bands are evaluated, shape (num_points,).
    probs
        Probabilities of a snapshot's quantiles.
    standardized
        True where predictor and response are centered and scaled for training.
    """

    def __init__(
        self, data: RegressionData, probs: Sequence[float], text: Catalogue, *, standardized: bool = False
    ) -> None:
        self._data, self.probs, self.text, self.standardized = data, tuple(probs), text, standardized
        self.labels, self.grid = DataLabels(data, text, standardized=standardized), data.grid()
        self._drawn = [_sample(np.flatnonzero(data.group_values == value)) for value in (0, 1)]
        self._groups: tuple[str, tuple[Group, Group]] | None = None

    def __repr__(self) -> str:
        return f"RegressionSubject({self.title!r}, {self._data.num_rows:,} rows)"

    @property
    def title(self) -> str:
        """The title of the dashboard."""
        return self.labels.title

    @property
    def subtitle(self) -> str:
        """The numbers of rows and of those that were left out, and that they are standardized where they are."""
        return self.labels.subtitle

    @property
    def row_noun(self) -> str:
        """Noun for many rows."""
        return self.labels.row_noun

    @property
    def dates(self) -> Dates | None:
        """The map to dates where the predictor is one."""
        return self._data.dates

    @property
    def parameters_note(self) -> str | None:
        """Key of the catalogue's note on the scale of the parameters; None where it is that of the data."""
        return "lesson.standardized" if self.standardized else None

    @property
    def why(self) -> str:
        """Why the slope inside is a sum."""
        return self.labels.why

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

    def _group(self, value: int) -> Group:
        data, drawn = self._data, self._drawn[value]
        return Group(
            label=self.labels.group_labels[value],
            num_rows=int((data.group_values == value).sum()),
            x=data.predictor_values[drawn],
            y=data.targets[drawn],
            names=tuple(data.row_names[row] for row in drawn.tolist()),
            details=tuple(self.labels.details(row) for row in drawn.tolist()),
        )


def subject_of(
    data: RegressionData, probs: Sequence[float], text: Catalogue | None = None, *, standardized: bool = False
) -> RegressionSubject:
    """Return what there is to tell of a regression on `data`, in English where no `text` are given."""
    return RegressionSubject(data, probs, text or Catalogue(), standardized=standardized)


def _sample(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows to draw, in their order."""
    if len(rows) <= MAX_DOTS:
        return rows
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(rows, MAX_DOTS, replace=False, shuffle=False))
