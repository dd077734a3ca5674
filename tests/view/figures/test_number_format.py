"""How numbers are written for people, in every language."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rugged_widget
from rugged_widget.view.figures.number_format import (
    against,
    brief,
    chosen,
    correlation,
    ends,
    estimate,
    factored,
    is_probability,
    level,
    probability,
    proportions,
    ratio,
    rounded,
    share,
    short,
    times,
    with_error,
    with_spread,
    within,
)
from rugged_widget.view.i18n import catalogue as catalogues
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue, catalogue

TEXT = Catalogue()
PACKAGE = Path(rugged_widget.__file__).parent
ELSEWHERE = {
    "number_format.py",
    "axis_range.py",  # ticks
    "static_html.py",  # coordinates of a drawing, and its ticks
    "elbo.py",  # a length of the style sheet
    "inputs.py",  # what a slider is set to
}
"""Modules that may format numbers themselves."""


PLAIN = str.maketrans(
    {"\N{NO-BREAK SPACE}": " ", "\N{MULTIPLICATION SIGN}": "x", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "?"}
)


def plain(text: str) -> str:
    return text.translate(PLAIN)


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Return a catalogue that is English but for its numbers."""
    entries = {**catalogue("en"), "numbers.example": "1\N{NARROW NO-BREAK SPACE}234,5"}
    monkeypatch.setattr(catalogues, "catalogue", lambda _language: entries)
    return Catalogue("fr")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("value", "lower", "upper", "texts"),
    [
        (0.000031, 0.000015, 0.000047, "+0.000031 +0.000015 +0.000047"),  # a slope in small units
        (3.1e-12, -1.5e-12, 4.7e-12, "+3.1 x 10⁻¹² -1.5 x 10⁻¹² +4.7 x 10⁻¹²"),  # picometres
        (-0.1712, -0.2371, -0.1054, "-0.17 -0.24 -0.11"),
        (0.0004, -0.2012, 0.2021, "0.00 -0.20 +0.20"),
        (47.31, 45.34, 49.28, "+47.3 +45.3 +49.3"),
        (4211.0, 4014.0, 4408.0, "+4,210 +4,010 +4,410"),
        (3.123e9, 2.96e9, 3.29e9, "+3.12 x 10⁹ +2.96 x 10⁹ +3.29 x 10⁹"),
        (1.7e9 + 600, 1.7e9 - 3600, 1.7e9 + 7200, "+1,700,001,000 +1,699,996,000 +1,700,007,000"),  # seconds since 1970
        (2.5, 2.5, 2.5, "+2.50 +2.50 +2.50"),  # a point
        (0.0, 0.0, 0.0, "0 0 0"),
        (math.nan, math.nan, math.nan, "? ? ?"),
        (5.0, -math.inf, math.inf, "+5.00 -∞ +∞"),
    ],
)
def test_a_value_and_its_interval_are_written_alike(
    language: str, value: float, lower: float, upper: float, texts: str
) -> None:
    written = estimate(Catalogue(language), value, lower, upper, sign=True)
    assert plain(" ".join(written)) == texts


def test_a_language_says_how_its_numbers_are_written(french: Catalogue) -> None:
    space = "\N{NARROW NO-BREAK SPACE}"
    assert rounded(french, 1234.5) == f"1{space}230"
    assert estimate(french, 1234.56, 1230.0, 1239.0) == (f"1{space}234,6", f"1{space}230,0", f"1{space}239,0")
    assert plain(with_error(french, -1248.9, 0.02)) == f"-1{space}248,90 ± 0,02"
    assert french("controls.status.ready", count=12345) == f"ready · 12{space}345 steps to do"
    assert french("controls.hours", count=1.5) == "1,5 h"
    assert plain(probability(french, 0.9999)) == "> 0,999"
    assert french("compare.said.nameless", path="a,b.csv").endswith("such as a,b.csv.")  # a text is no number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "= 0.50"),
        (0.976, "= 0.98"),
        (0.9961, "= 0.996"),
        (0.99949, "= 0.999"),
        (0.99951, "> 0.999"),
        (1.0, "> 0.999"),
        (0.0049, "= 0.005"),
        (0.0, "< 0.001"),
        (math.nan, "= ?"),
    ],
)
def test_a_probability_is_never_said_to_be_0_or_1(value: float, text: str) -> None:
    assert plain(is_probability(TEXT, value)) == text
    assert plain(probability(TEXT, value)) == text.removeprefix("= ")


def test_a_point_is_on_one_side_for_certain() -> None:
    assert [is_probability(TEXT, value, certain=True) for value in (0.0, 1.0)] == ["= 0.00", "= 1.00"]


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_no_probability_between_0_and_1_reads_as_either(value: float) -> None:
    assert probability(TEXT, value) not in {"0.00", "1.00", "0.000", "1.000"}
    assert share(TEXT, value) not in {"0", "100"}
    assert plain(correlation(TEXT, -value)) != "-1.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.94, "94"), (0.997, "99.7"), (0.99995, "> 99.9"), (1.0, "100"), (0.0, "0"), (0.004, "0.40"), (1e-9, "< 0.01")],
)
def test_a_share_is_all_or_nothing_only_where_it_is(value: float, text: str) -> None:
    assert plain(share(TEXT, value)) == text


def test_what_somebody_chose_is_written_with_its_digits() -> None:
    assert [level(TEXT, prob) for prob in (0.9, 0.55, 0.999, 0.9999999)] == ["90", "55", "99.9", "99.99999"]
    assert [chosen(TEXT, prob) for prob in (0.9, 0.95, 0.999)] == ["0.90", "0.95", "0.999"]
    assert [short(TEXT, value) for value in (0.03, 1e-5, 2000.0, 0.0123)] == ["0.03", "0.00001", "2,000", "0.0123"]
    assert ends(TEXT, 0.0, 6.36) == "0\N{EN DASH}6.36"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((1998.2, 412.34, 9683.1), "2,000 412 9,680"),  # ratios matter: three figures each
        ((437.25, 437.11, 437.39), "437.25 437.11 437.39"),  # but ends that differ read differently
        ((1.0, 1.0, 1.0), "1.00 1.00 1.00"),
        ((3.1e-7, 1e-7, 9e-7), "3.10 x 10⁻⁷ 1.00 x 10⁻⁷ 9.00 x 10⁻⁷"),
    ],
)
def test_amounts_whose_ratios_matter_have_three_figures_each(values: tuple[float, float, float], texts: str) -> None:
    assert plain(" ".join(proportions(TEXT, *values))) == texts


@pytest.mark.parametrize(
    ("value", "short_text", "three"),
    [
        (0.617, "0.62", "0.617"),
        (4.87, "4.9", "4.87"),
        (9.996, "10", "10.0"),
        (4871.0, "4,900", "4,870"),
        (0.00012, "0.00012", "0.000120"),
        (2.5e11, "2.5 x 10¹¹", "2.50 x 10¹¹"),
        (0.0, "0", "0"),
        (math.inf, "∞", "∞"),
    ],
)
def test_an_amount_has_two_or_three_figures(value: float, short_text: str, three: str) -> None:
    assert (plain(brief(TEXT, value)), plain(rounded(TEXT, value))) == (short_text, three)


@pytest.mark.parametrize(
    ("value", "lower", "upper", "alone"),
    [
        (0.00031, -0.0011, 0.0018, "0.0003"),
        (3e-16, -3e-15, 4e-15, "3 x 10⁻¹⁶"),
        (0.0, -3e-15, 4e-15, "0"),
        (0.0, -0.1, 0.1, "0.00"),
        (1e-20, -3e-15, 4e-15, "0"),
        (300.0, -1e12, 1e12, "0"),
    ],
)
def test_a_value_alone_has_a_power_of_ten_of_its_own(value: float, lower: float, upper: float, alone: str) -> None:
    assert plain(within(TEXT, value, lower, upper)) == alone


def test_an_interval_can_share_its_power_of_ten() -> None:
    assert plain(" ".join(factored(TEXT, 3e-15, -1e-15, 4e-15))) == "+3.0 -1.0 +4.0 x 10⁻¹⁵"
    assert factored(TEXT, 0.0, -1e-15, 4e-15)[0] == "0.0"
    assert plain(" ".join(factored(TEXT, 0.5, 0.25, 0.75))) == "+0.50 +0.25 +0.75 "


def test_an_error_that_is_too_small_to_see_is_left_out() -> None:
    assert plain(with_error(TEXT, -248.91234, 0.0023, most=3)) == "-248.912 ± 0.002"
    assert plain(with_error(TEXT, -248.91234, 1e-9, most=3)) == "-248.912"


def test_a_standard_deviation_has_two_figures_where_one_would_be_coarse() -> None:
    written = [with_spread(TEXT, -30.123, spread) for spread in (0.8123, 1.04, 0.25, 31.0, 1e-9)]
    assert list(map(plain, written)) == [
        "-30.1 ± 0.8",
        "-30.1 ± 1.0",
        "-30.12 ± 0.25",
        "-30 ± 30",
        "-30.123",
    ]


def test_ratios_and_factors_have_as_many_figures_as_tell_something() -> None:
    assert [ratio(TEXT, value) for value in (0.98, 0.0123, 12.34, 2458.09)] == ["0.98", "0.012", "12.3", "2,460"]
    assert [times(TEXT, value) for value in (3.04, 12.3, 2458.09)] == ["3", "12", "2,500"]
    assert [plain(correlation(TEXT, value)) for value in (-0.768, 0.9987, -1 + 1e-9)] == ["-0.77", "0.999", "-0.99999"]
    assert [against(TEXT, value, 0.7) for value in (0.698, 0.7, 0.66, math.inf)] == ["0.698", "0.70", "0.66", "∞"]


def test_no_other_module_of_the_page_formats_numbers() -> None:
    """A format of decimals or figures is a number for people, but in what is shown to programmers."""
    found = []
    for path in sorted([*PACKAGE.joinpath("view").rglob("*.py"), *PACKAGE.joinpath("regression/view").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path.name not in ELSEWHERE else ():
            if isinstance(node, ast.FunctionDef) and node.name != "__repr__":
                specs = [part.format_spec for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
                found += [
                    (path.name, node.name) for spec in specs if spec and re.search("[,eEfgG%]", ast.unparse(spec)[2:])
                ]
    assert found == []
