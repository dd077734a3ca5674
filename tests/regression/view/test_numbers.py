"""Numbers of tables in small and large units, in every place of the page where a number is read."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import Point, RegressionSnapshot, WhatIf
from rugged_widget.regression.view.data_rows import rows_of
from rugged_widget.regression.view.explanation_facts import facts_of
from rugged_widget.regression.view.export_page import ServedFigure
from rugged_widget.regression.view.labels import RegressionSubject, subject_of
from rugged_widget.regression.view.panels import Panels
from rugged_widget.regression.view.predict_page import PredictPage
from rugged_widget.regression.view.slopes import SlopeFigure
from rugged_widget.regression.view.static_html import still
from rugged_widget.snapshot.snapshot import Band, Density
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.figures.quantiles import QuantileFigure
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from rugged_widget.view.pages.parameters import ParametersPage
from tests.view import drawn
from tests.view.judged import approximation, convergence
from tests.view.page_fakes import BIAS, PAUSED, PROBS, SIGMA, WEIGHT, normal, snapshot, value_of

Z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
NO_NUMBER = re.compile(r"\bnan\b|\binf\b|e[-+\N{MINUS SIGN}]\d\d|[-\N{MINUS SIGN}]0(?:\.0*)?(?![.\d])")
PLAIN = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-"})


class Units(NamedTuple):
    """How many of a unit are a millimetre, and how many of another are a gram."""

    length: float
    mass: float


GRAMS, TONNES, PICOGRAMS = Units(1.0, 1.0), Units(1e9, 1e-6), Units(1e-6, 1e12)
LESSON = Units(0.0, 0.0)
ALL_UNITS = pytest.mark.parametrize("units", [GRAMS, TONNES, PICOGRAMS], ids=["grams", "tonnes", "picograms"])
EVERY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


def data_in(units: Units) -> RegressionData:
    """Return body mass on the length of flippers, whole grams and millimetres in other units."""
    rng = np.random.default_rng(1)
    male, length = np.arange(60) % 2, np.arange(60) + 172.0
    mass = (47.3 * length - 5400 + 350 * male + rng.normal(0, 340, 60)).round()
    sex = np.where(male, "male", "female")
    frame = pd.DataFrame({"flipper": length * units.length, "mass": mass * units.mass, "sex": sex})
    return RegressionData.from_frame(frame, predictor="flipper", response="mass", group="sex")


def slope(mean: float, sd: float, units: Units) -> Density:
    return normal(mean * units.mass / units.length, sd * units.mass / units.length)


def snapshot_in(units: Units, **changes: Any) -> RegressionSnapshot:
    """Return what a guide may say of the penguins after some steps."""
    per_length = units.mass / units.length
    weight = np.stack([[[350 * units.mass, 47.31 * per_length, 1.2 * per_length]]] * 5)
    weight += Z[:, None, None] * np.array([120 * units.mass, 1.17 * per_length, 2.1 * per_length])
    grid = data_in(units).grid()
    middle = 47.3 * per_length * grid - 5400 * units.mass
    bands = {
        name: (Band(grid, middle - sd * units.mass, middle, middle + sd * units.mass, 0.9),) * 2
        for name, sd in (("line", 60.0), ("prediction", 560.0))
    }
    quantiles = {WEIGHT: weight, BIAS: (-5400 + 230 * Z[:, None]) * units.mass, SIGMA: (340 + 14 * Z) * units.mass}
    slopes = slope(47.31, 1.17, units), slope(48.52, 1.31, units)
    marginals = {
        WEIGHT: tuple(normal(float(weight[2, 0, at]), 0.3 * abs(float(weight[2, 0, at]))) for at in range(3)),
        BIAS: (normal(-5400 * units.mass, 230 * units.mass),),
        SIGMA: (normal(340 * units.mass, 14 * units.mass),),
    }
    told = {"quantiles": quantiles, "slopes": slopes, "bands": bands, "marginals": marginals}
    return dataclasses.replace(snapshot(), **told, **changes)


def subject(units: Units, language: str = "en") -> RegressionSubject:
    return subject_of(data_in(units), PROBS, Catalogue(language))


def said(html: object) -> str:
    """Return a text without markup, in letters that can be typed."""
    return unescape(re.sub("<[^>]*>", "", re.sub("<br>|</t[dhr]>|</p>", " ", str(html)))).translate(PLAIN)


def corner(units: Units) -> str:
    figure = SlopeFigure(subject(units), text=Catalogue())
    changes = figure.update(snapshot_in(units), PAUSED)
    return said(value_of(changes, drawn.part(figure.box, "rw-corner-0"), "value"))


def prediction(units: Units, language: str = "en") -> tuple[str, str]:
    """Return the answer of the Predict page at a flipper of 200 mm, and its table of the nearest rows."""
    about, data, text = subject(units, language), data_in(units), Catalogue(language)
    page = PredictPage(about, None, rows_of(data, text), lambda: None, text=text)
    what_if = WhatIf(Point(200.0 * units.length, 1), normal(4213.0 * units.mass, 345.0 * units.mass), None)
    changes = page.update(snapshot_in(units, what_if=what_if), PAUSED)
    answer, table = (value_of(changes, drawn.part(page.box, name), "value") for name in ("rw-answer", "rw-nearest"))
    return said(answer), said(table)


def read_everywhere(units: Units, language: str) -> list[str]:
    """Return every text with numbers of every page."""
    about, text, told = subject(units, language), Catalogue(language), snapshot_in(units, convergence=convergence())
    told = dataclasses.replace(told, approximation=approximation())
    panels, parameters = Panels(about, lambda: None, text=text), ParametersPage(about, None, text=text)
    served = ServedFigure(about, text=text)
    served.load((slope(47.31, 1.17, units), slope(48.52, 1.31, units)))
    explained = [
        change
        for key in ("elbo", "quantiles", "panels", "slopes", "approximation", "predict", "converged")
        for change in Explanation(text, key, facts_of(about, None)).update(told, PAUSED)
    ]
    slopes, quantiles = SlopeFigure(about, text=text), QuantileFigure(about, text=text)
    changes = [
        *explained,
        *panels.update(told, PAUSED),
        *parameters.update(told, PAUSED),
        *served.update(told.slopes),
        *slopes.update(told, PAUSED),
    ]
    values = [str(values["value"]) for _, values in changes if "value" in values]
    details = [line for group in about.groups for line in group.details]
    sentences = [quantiles.sentence(told), slopes.sentence(told), still(about, told, "paused", text=text)]
    return [said(one) for one in (*values, *details, *sentences, *prediction(units, language))]


@pytest.mark.parametrize(
    ("units", "text"),
    [(GRAMS, "bias - 4,300"), (TONNES, "bias - 0.0043"), (PICOGRAMS, "bias - 4.3 x 10¹⁵"), (LESSON, "bias - 9")],
)
def test_what_is_taken_off_a_latent_is_a_round_number_and_exactly_what_is_said(units: Units, text: str) -> None:
    data = RegressionData.rugged() if units is LESSON else data_in(units)
    row = subject_of(data, PROBS).rows[3]
    assert row.caption.translate(PLAIN) == text
    assert float(data.targets.mean()) == pytest.approx(row.offset, abs=float(data.targets.std()))


@ALL_UNITS
@EVERY_LANGUAGE
def test_nothing_reads_as_no_number_as_minus_zero_or_as_a_computer_writes_it(units: Units, language: str) -> None:
    texts = read_everywhere(units, language)
    assert len(texts) > 80
    assert [text for text in texts if NO_NUMBER.search(text)] == []


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (GRAMS, "+47.3, 90 % from +45.4 to +49.2"),
        (TONNES, "(+4.73, 90 % from +4.54 to +4.92) x 10⁻¹⁴"),
        (PICOGRAMS, "(+4.73, 90 % from +4.54 to +4.92) x 10¹⁹"),
    ],
)
def test_a_slope_tells_its_width_in_any_units(units: Units, text: str) -> None:
    assert corner(units) == f"sex = female P(slope > 0) > 0.999 {text}"


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (GRAMS, "sex 350, flipper 47.3, sex x flipper 1.2, bias -5,400, sigma 340"),
        (TONNES, "sex 0.00035, flipper 4.73 x 10⁻¹⁴, sex x flipper 1.2 x 10⁻¹⁵, bias -0.00540, sigma 0.000340"),
    ],
)
def test_the_sentence_for_who_does_not_see_it_tells_every_latent(units: Units, text: str) -> None:
    about = subject(units)
    assert QuantileFigure(about, text=Catalogue()).sentence(snapshot_in(units)).translate(PLAIN) == text


@pytest.mark.parametrize(
    ("units", "answer", "row"),
    [
        (GRAMS, "flipper 200: mass between 3,600 and 4,800 with probability 0.90, median 4,200.", "27 199 {mass}"),
        (
            TONNES,
            "flipper 200,000,000,000: mass between 0.0036 and 0.0048 with probability 0.90, median 0.0042.",
            "27 199,000,000,000 {mass}",
        ),
    ],
)
def test_a_prediction_and_the_rows_beside_it_are_written_as_the_table_is(units: Units, answer: str, row: str) -> None:
    first, table = prediction(units)
    assert first.endswith(answer + " ")
    data = data_in(units)
    mass = f"{data.response_values[27]:,.0f}" if units is GRAMS else f"{data.response_values[27]:.6f}"
    assert re.sub(" +", " ", table).find(row.format(mass=mass)) > 0


@pytest.mark.parametrize(
    ("units", "details"),
    [(GRAMS, "flipper 172 · mass {mass:,.0f}"), (TONNES, "flipper 172,000,000,000 · mass {mass:.6f}")],
)
@EVERY_LANGUAGE
def test_the_tooltip_of_a_row_has_the_digits_of_its_columns(units: Units, details: str, language: str) -> None:
    data = data_in(units)
    told = subject(units, language).groups[0].details[0]
    assert told == details.format(mass=data.response_values[0])


def test_where_a_band_lies_that_is_not_seen_is_told_as_finely_as_the_view_is() -> None:
    for units, text in ((GRAMS, "100,000"), (TONNES, "0.1000")):
        panels = Panels(subject(units), lambda: None, text=Catalogue())
        told = snapshot_in(units)
        far = {
            name: tuple(
                dataclasses.replace(
                    band, **{end: np.full_like(band.x, 1e5 * units.mass) for end in ("lower", "median", "upper")}
                )
                for band in bands
            )
            for name, bands in told.bands.items()
        }
        changes = panels.update(dataclasses.replace(told, bands=far), PAUSED)
        note = said(value_of(changes, drawn.part(panels.boxes[0], "rw-note"), "value"))
        assert note.endswith(f"above this view, around {text}")


def test_an_explanation_of_the_slopes_tells_an_interval_of_any_size() -> None:
    for units, interval in ((GRAMS, "-2.3 to +4.7"), (Units(1.0, 1e-12), "-2.3 x 10⁻¹² to +4.7 x 10⁻¹²")):
        explanation = Explanation(Catalogue(), "slopes", facts_of(subject(units), None))
        ((_, values),) = explanation.update(snapshot_in(units), PAUSED)
        assert f"Its 90 % interval, {interval}, holds 0" in said(values["value"])
