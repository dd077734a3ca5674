"""What is written at the log evidence, and what is left of the comparison in a still picture."""

from __future__ import annotations

import math

import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.regression.view.static_html import still
from rugged_widget.snapshot.snapshot import KLGap
from rugged_widget.view.figures.overlays import evidence_words, gap_words
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view.references import reference_of

WORDS = Catalogue()
TIMES_TEN = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10"


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (KLGap(1.234, 0.05), "1.23 \N{PLUS-MINUS SIGN} 0.05"),
        (KLGap(12.34, 3.4), "12 \N{PLUS-MINUS SIGN} 3"),
        (KLGap(123456.0, 340.0), "123,500 \N{PLUS-MINUS SIGN} 300"),
        (KLGap(0.004, 0.0961), "0.00 \N{PLUS-MINUS SIGN} 0.10"),
        (KLGap(-0.02, 0.03), "0.00 \N{PLUS-MINUS SIGN} 0.03"),
        (KLGap(1.5, math.nan), "1.5"),
        (KLGap(1.5, math.inf), "1.5"),
        (KLGap(1e300, 1e298), f"1.00{TIMES_TEN}³⁰⁰ ± 0.01{TIMES_TEN}³⁰⁰"),
    ],
)
def test_a_gap_has_the_digits_that_its_error_leaves(gap: KLGap, text: str) -> None:
    assert gap_words(WORDS, gap) == text


def test_the_gap_is_divided_as_the_line_is() -> None:
    assert evidence_words(WORDS, -340.0, KLGap(17.0, 1.7), 170) == (
        "log evidence \N{MINUS SIGN}2.0000",
        "gap 0.10 \N{PLUS-MINUS SIGN} 0.01 nats = KL / 170",
    )
    assert evidence_words(WORDS, -340.0, KLGap(math.nan, 1.0)) == ("log evidence \N{MINUS SIGN}340.00",)


def test_the_still_picture_holds_the_comparison_that_was_shown() -> None:
    data = RegressionData.rugged()
    subject, reference = subject_of(data, (0.05, 0.25, 0.5, 0.75, 0.95), WORDS), reference_of(data)
    fit = RegressionFit(data, engine="plain")
    fit.advance(3)
    plain = still(subject, fit.snapshot(), "finished", text=WORDS)
    compared = still(subject, fit.snapshot(), "finished", reference, text=WORDS)
    both = still(subject, fit.snapshot(), "finished", reference, text=WORDS, exact=True)
    assert [picture.count("<polyline") for picture in (plain, compared, both)] == [2, 4, 8]
    assert [picture.count("stroke-dasharray") for picture in (plain, compared, both)] == [0, 0, 4]
    assert "(exact 0.94)" in both
    assert "exact" not in compared
