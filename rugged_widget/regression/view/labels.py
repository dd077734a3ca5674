"""Names of the data in the reader's language, and the rows that the panels draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugged_widget.names import shown
from rugged_widget.precision import exactly, of_figures
from rugged_widget.regression.data.columns import RowDetails
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.chart import LABEL_LENGTH
from rugged_widget.view.i18n.catalogue import FALLBACK, Catalogue, catalogue
from rugged_widget.view.subject import Row

MAX_DOTS = 1000
"""Rows of a group that are drawn: more hide one another, and a browser draws each frame anew over all of them."""

SAMPLE_SEED = 2012

MAX_NAMES = 6
"""Covariates that a sentence names at most."""


FRAMES = ("lesson", "own")  # sections of the catalogue: the words of the lesson, and those made of the names of columns


class DataLabels:
    """Names of the data in the present language, all plain text.

    Data bring English words, which are the lesson's, made of names of columns, or the user's own. Those that the
    catalogue would write in English just so are written in the present language; the others stay as they are.
    """

    def __init__(self, data: RegressionData, text: Catalogue, *, standardized: bool = False) -> None:
        self._data, self._text, self._standardized = data, text, standardized
        word = shown(data.response)
        self._fields: Mapping[str, object] = {
            "predictor": shown(data.predictor),
            "group": shown(data.group or ""),
            "word": word,
            "response": f"log {word}" if data.log_response else word,
            "count": data.num_dropped,
            "others": data.num_others,
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
        data, endings = self._data, ("", "_one", "_none")
        dropped = self._translated(data.dropped_label, *[f"dropped{ending}" for ending in endings])
        if data.others_label:
            others = self._translated(data.others_label, "others", "others_one")
            dropped = f"{others} \N{MIDDLE DOT} {dropped}" if data.num_dropped else others
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
    def group_labels(self) -> tuple[str, ...]:
        """Names of the groups, outside and inside; none without a group."""
        return tuple(
            self._translated(label, name)
            for label, name in zip(self._data.group_labels, ("outside", "inside"), strict=False)
        )

    @property
    def covariates(self) -> str:
        """Names of the covariates, one after the other, the first ones of many; empty where there are none."""
        names = [covariate.name for covariate in self._data.covariates]
        return ", ".join([*names[:MAX_NAMES], *["\N{HORIZONTAL ELLIPSIS}"] * (len(names) > MAX_NAMES)])

    @property
    def why(self) -> str:
        """Why the slope inside is a sum; only with a group."""
        group, predictor, interaction = self._data.feature_names[:3]
        return self._text(
            "lesson.why", group=group, predictor=predictor, interaction=interaction, inside=self.group_labels[1]
        )

    def details(self, row: int) -> str:
        """Return what there is to say of a row: its predictor and response."""
        details = self._data.row_details
        if not isinstance(details, RowDetails):  # somebody's own
            return details[row]
        x, y = details.numbers(row)
        return self._translated(details[row], "details", x=x, y=y)

    def _translated(self, label: str, *names: str, length: int | None = None, **numbers: str) -> str:
        """Return a text of the data in the present language where the catalogue knows it in English.

        With `length`, names of columns are cut to so many characters in it. `numbers` are written in English.
        """
        english: Mapping[str, str] = catalogue(FALLBACK)
        fields: dict[str, object] = {**self._fields, **numbers}
        for frame in FRAMES if self._data.bundled else FRAMES[1:]:
            for key in (f"lesson.{frame}.{name}" for name in names):
                if key in english and english[key].format(**fields) == label:
                    fields |= {} if length is None else self._names_cut_to(length)
                    fields |= {name: self._text.number(number) for name, number in numbers.items()}
                    return self._text(key, **fields)
        return label

    def _names_cut_to(self, length: int) -> dict[str, str]:
        return {name: shown(value, length) for name, value in self._fields.items() if isinstance(value, str)}


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one group, or of the table where there is no group, all of them or a random sample to draw.

    Attributes
    ----------
    label
        Name of the group; empty where there is none.
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
        part = "" if drawn == self.num_rows else "_drawn"
        key = f"panels.heading{part}" if self.label else f"panels.heading_whole{part}"
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
    design
        Which column of the features is what.
    covariate_means
        Where the panels have the covariates, shape (number of covariates,).
    """

    def __init__(
        self, data: RegressionData, probs: Sequence[float], text: Catalogue, *, standardized: bool = False
    ) -> None:
        self._data, self.probs, self.text, self.standardized = data, tuple(probs), text, standardized
        self.labels, self.grid = DataLabels(data, text, standardized=standardized), data.grid()
        self.design, self.covariate_means = data.design, data.design.covariate_means(data.features)
        groups = range(self.design.num_groups)
        self._drawn = [_sample(np.flatnonzero(data.group_values == value)) for value in groups]
        self._groups: tuple[str, tuple[Group, ...]] | None = None

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
        if not self.standardized:
            return None
        return "lesson.standardized_covariates" if self.design.num_covariates else "lesson.standardized"

    @property
    def why(self) -> str:
        """Why the slope inside is a sum; only with a group."""
        return self.labels.why

    @property
    def groups(self) -> tuple[Group, ...]:
        """Outside and inside, with their points; one group of all rows where there is none."""
        language = self.text.language
        if self._groups is None or self._groups[0] != language:
            self._groups = language, tuple(map(self._group, range(self.design.num_groups)))
        return self._groups[1]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The latents to draw."""
        bias, sigma = (self.text(f"lesson.latent.{name}") for name in ("bias", "sigma"))
        rows = [Row("linear.weight", (0, column), name) for column, name in enumerate(self._data.feature_names)]
        mean = _round_mean(self._data.targets)
        written = self.text.number(exactly(abs(mean)))
        return (*rows, Row("linear.bias", (0,), bias, mean, written), Row("sigma", (), sigma))

    def _group(self, value: int) -> Group:
        data, drawn = self._data, self._drawn[value]
        return Group(
            label=self.labels.group_labels[value] if self.design.grouped else "",
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


def _round_mean(values: Array) -> float:
    """Return the mean, rounded to the first figure of the standard deviation: whole where that is from 1 to 10."""
    return round(float(values.mean()), of_figures(float(values.std()), 1).decimals)


def _sample(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows to draw, in their order."""
    if len(rows) <= MAX_DOTS:
        return rows
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(rows, MAX_DOTS, replace=False, shuffle=False))
