"""Of a large table the dashboard draws a sample, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.view.labels import MAX_DOTS, RegressionSubject, subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.static_html import still
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.view.figures.chart import LABEL_LENGTH
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.page_fakes import value_of

WORDS = Catalogue()

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
MANY, FEW = 5000, 40


@pytest.fixture(scope="module")
def data() -> RegressionData:
    rng = np.random.default_rng(4)
    group = np.repeat([0, 1], [MANY, FEW])
    frame = pd.DataFrame({"x": rng.normal(size=MANY + FEW), "g": group, "y": rng.normal(size=MANY + FEW)})
    frame.index = [f"row {number}" for number in range(MANY + FEW)]
    return RegressionData.from_frame(frame, predictor="x", group="g", response="y")


@pytest.fixture(scope="module")
def subject(data: RegressionData) -> RegressionSubject:
    return subject_of(data, PROBS, WORDS)


def test_of_many_rows_a_sample_is_drawn_and_of_few_all(subject: RegressionSubject) -> None:
    assert [(group.num_rows, len(group.x)) for group in subject.groups] == [(MANY, MAX_DOTS), (FEW, FEW)]
    assert [group.heading(WORDS, "rows") for group in subject.groups] == [
        "g = 0 · 1,000 of 5,000 rows drawn",
        "g = 1 · 40 rows",
    ]
    assert subject.subtitle.startswith("5,040 rows")


def test_dots_are_rows_of_their_group_each_with_its_own_words(data: RegressionData, subject: RegressionSubject) -> None:
    for value, group in enumerate(subject.groups):
        rows = [int(name.removeprefix("row ")) for name in group.names]
        assert len(set(rows)) == len(rows)
        assert set(data.group_values[rows]) == {value}
        assert data.predictor_values[rows].tolist() == group.x.tolist()
        assert data.targets[rows].tolist() == group.y.tolist()
        assert list(group.details) == [data.row_details[row] for row in rows]


def test_the_sample_is_spread_over_the_table_and_the_same_each_time(
    data: RegressionData, subject: RegressionSubject
) -> None:
    rows = [int(name.removeprefix("row ")) for name in subject.groups[0].names]
    assert np.mean(rows) == pytest.approx(MANY / 2, abs=4 * MANY / np.sqrt(12 * MAX_DOTS))
    assert subject_of(data, PROBS, WORDS).groups[0].names == subject.groups[0].names


def test_a_panel_counts_what_it_draws_and_says_so(data: RegressionData, subject: RegressionSubject) -> None:
    panels = Panels(subject, lambda: None, text=WORDS)
    fit = RegressionFit(data, engine="plain", batch_size=50, learning_rate=0.5)
    fit.advance(40)
    changes = panels.update(fit.snapshot(), Progress("running", 150, 1500, -500.0, 150.0))
    notes = [value_of(changes, drawn.part(box, "rw-note"), "value") for box in panels.boxes]
    assert " of 1,000 drawn, prediction " in notes[0]
    assert " of 40, prediction " in notes[1]
    assert [len(hover["rows"]) for hover in panels.hover] == [MAX_DOTS, FEW]
    picture = still(subject, fit.snapshot(), "paused", text=WORDS)
    assert picture.count("<circle") == MAX_DOTS + FEW
    assert "1,000 of 5,000 rows drawn" in picture


@pytest.mark.parametrize("language", ["en", "ko"])
def test_long_names_are_cut_so_that_each_text_still_tells_its_parts_apart(language: str) -> None:
    x, y, g = (f"{name}_of_the_warmest_quarter_of_the_year_in_units_of_{name}" for name in "xyg")
    values = [f"value {number} of a group that is described at length" for number in (0, 1)]
    frame = pd.DataFrame({x: np.arange(8.0), y: np.arange(8.0) ** 2, g: values * 4})
    data = RegressionData.from_frame(frame, predictor=x, response=y, group=g, log_response=True)
    subject = subject_of(data, PROBS, Catalogue(language))
    slope, labels = subject.labels.slope_label, subject.labels
    assert len(slope) <= LABEL_LENGTH
    assert all(part in slope for part in ("x_of_", "_of_x", "log y", "_of_y"))
    assert max(map(len, (labels.x_label, labels.y_label, *labels.group_labels))) <= LABEL_LENGTH
    assert [f"value {number}" in label for number, label in enumerate(labels.group_labels)] == [True, True]
    assert len({row.title for row in subject.rows}) == 5
    assert max(len(row.title) for row in subject.rows) <= 20
