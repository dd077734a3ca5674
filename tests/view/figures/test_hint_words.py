"""Hints are sentences in every language, with names and numbers in them."""

from __future__ import annotations

from typing import get_args

import pytest

from rugged_widget.snapshot.hints import Hint, HintKey
from rugged_widget.view.figures.hint_words import hint_words
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue

NUMBERS = {"batch": 32, "rows": 1000, "counted": 31250, "guide": 1.0, "model": 31.25, "count": 2, "numbers": 12345}
SHOWN = {
    "batch_unscaled": ("seen", "32", "1,000"),
    "batch_scaled_twice": ("seen", "31,250", "1,000"),
    "plate_unscaled": ("seen", "32", "rows", "1,000"),
    "scales_differ": ("seen", "1", "31.2"),
    "no_gradient": ("seen, rows",),
    "unregistered": ("12,345",),
    "nothing_sampled": ("pyro.sample",),
    "nothing_observed": ("obs=",),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", get_args(HintKey))
def test_every_hint_is_a_sentence_with_its_names_and_numbers(key: HintKey, language: str) -> None:
    words = hint_words(Catalogue(language), Hint(key, "seen", ("rows",), NUMBERS))
    assert "{" not in words
    assert all(part in words for part in SHOWN[key])


def test_a_batch_of_unknown_many_rows_has_a_sentence_of_its_own() -> None:
    words = hint_words(Catalogue(), Hint("batch_unscaled", "seen", (), {"batch": 32, "counted": 32}))
    assert words.startswith("seen counts for the 32 rows of a batch, and not for all rows: ")


def test_of_many_parameters_the_first_are_named() -> None:
    hint = Hint("no_gradient", "a", ("b", "c", "d", "e", "f"), {"count": 6})
    assert "a, b, c, d, … (6)." in hint_words(Catalogue(), hint)
