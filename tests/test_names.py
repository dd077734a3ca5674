"""Names are shown so that they can be read and do not change what is beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugged_widget.names import FSI, ISOLATES, NAME_LENGTH, PDI, isolated, shown, text_of

OPENING = [FSI, "\N{LEFT-TO-RIGHT ISOLATE}", "\N{RIGHT-TO-LEFT ISOLATE}"]


@pytest.mark.parametrize("text", ["", "height (m)", "키 (cm)", "Größe", "x \N{HORIZONTAL ELLIPSIS}", "\N{SNOWMAN}"])
def test_a_name_that_reads_from_left_to_right_is_as_it_was(text: str) -> None:
    assert isolated(text) == shown(text) == text


@pytest.mark.parametrize(
    "text", ["\N{RIGHT-TO-LEFT OVERRIDE}abc", "שלום", "\N{RIGHT-TO-LEFT MARK}", "a\N{ARABIC LETTER MARK}"]
)
def test_any_other_stands_between_isolates(text: str) -> None:
    assert isolated(text) == f"{FSI}{text}{PDI}"


@given(st.text(st.sampled_from(["a", "א", "\N{RIGHT-TO-LEFT OVERRIDE}", PDI, *OPENING])))
def test_isolates_are_balanced_whatever_the_name_opens_and_closes(text: str) -> None:
    depth = 0
    written = isolated(text)
    for place, character in enumerate(written):
        depth += (character in OPENING) - (character == PDI)
        assert depth > 0 or place == len(written) - 1 or FSI not in written[:1]
    assert depth == 0
    assert {"FSI", "LRI", "RLI"} == ISOLATES


def test_a_long_name_keeps_its_ends() -> None:
    name = "mean_temperature_of_the_warmest_quarter_of_the_year_in_kelvin"
    assert shown(name) == "mean_temperature_of_\N{HORIZONTAL ELLIPSIS}_the_year_in_kelvin"
    assert len(shown(name)) == NAME_LENGTH
    turned = f"\N{RIGHT-TO-LEFT OVERRIDE}{name}"
    assert shown(turned, 9) == f"{FSI}{turned[:4]}{PDI}\N{HORIZONTAL ELLIPSIS}lvin"  # each part by itself
    assert shown("x" * NAME_LENGTH) == "x" * NAME_LENGTH


def test_names_of_several_levels_are_read_one_after_the_other() -> None:
    assert text_of(("a", 1, "")) == "a, 1"
    assert text_of(1) == "1"
