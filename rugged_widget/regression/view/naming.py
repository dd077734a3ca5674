"""What the data are called in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.view.i18n.catalogue import FALLBACK, Catalogue, catalogue

FRAMES = ("lesson", "own")
"""Sections of the catalogue: the words of the lesson, and those made of the names of columns."""


class DataLabels:
    """The words for data, all plain text.

    Data bring English words, which are the lesson's, made of names of columns, or the user's own. Those that the
    catalogue would write in English just so are written in the present language; the others stay as they are.

    Parameters
    ----------
    data
        What is named.
    text
        In which language.
    """

    def __init__(self, data: RegressionData, text: Catalogue) -> None:
        self._data, self._text = data, text
        response = f"log {data.response}" if data.log_response else data.response
        self._fields: Mapping[str, object] = {
            "predictor": data.predictor,
            "group": data.group,
            "word": data.response,
            "response": response,
            "count": data.num_dropped,
        }

    def __repr__(self) -> str:
        return f"DataLabels({self.title!r})"

    @property
    def title(self) -> str:
        """Of the whole."""
        return self._said(self._data.title, "title")

    @property
    def subtitle(self) -> str:
        """How many rows there are, and how many were left out."""
        endings = ("", "_one", "_none")
        dropped = self._said(self._data.dropped_label, *[f"dropped{ending}" for ending in endings])
        return self._text("lesson.subtitle", count=self._data.num_rows, rows=self.row_noun, dropped=dropped)

    @property
    def row_noun(self) -> str:
        """What many rows are."""
        return self._said(self._data.row_noun, "rows")

    @property
    def noun(self) -> str:
        """What one row is."""
        return self._said(self._data.label or catalogue(FALLBACK)["lesson.own.row"], "row")

    @property
    def x_label(self) -> str:
        """The predictor with its unit."""
        return self._said(self._data.predictor_label, "x")

    @property
    def y_label(self) -> str:
        """The response as the model sees it, with its unit."""
        return self._said(self._data.response_label, "y")

    @property
    def predictor(self) -> str:
        """The predictor in a word."""
        return self._said(self._data.short_predictor, "predictor")

    @property
    def response(self) -> str:
        """The response in a word."""
        return self._said(self._data.response_word, "response")

    @property
    def slope_label(self) -> str:
        """What a slope is."""
        return self._said(self._data.slope_label, "slope")

    @property
    def group_labels(self) -> tuple[str, str]:
        """Names of the groups, outside and inside."""
        outside, inside = self._data.group_labels
        return self._said(outside, "outside"), self._said(inside, "inside")

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
        return self._said(self._data.row_details[row], "details", x=x, y=y)

    def _said(self, text: str, *names: str, **values: float) -> str:
        """Return a text of the data in the present language where the catalogue knows it in English."""
        english, fields = catalogue(FALLBACK), {**self._fields, **values}
        for frame in FRAMES if self._data.bundled else FRAMES[1:]:
            for key in (f"lesson.{frame}.{name}" for name in names):
                if key in english and english[key].format(**fields) == text:
                    return self._text(key, **fields)
        return text
