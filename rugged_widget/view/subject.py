"""What a model tells the general figures and pages: title, latents, noun for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rugged_widget.names import shown
from rugged_widget.precision import exactly

LABEL_LENGTH = 20


def index_of(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of an element, given its place in C order."""
    return tuple(map(int, np.unravel_index(place, shape))) if shape else ()


def element_label(site: str, index: tuple[int, ...]) -> str:
    """Return what an element of a site is called: eta[0, 3], and eta where the site is a number."""
    return f"{site}[{', '.join(map(str, index))}]" if index else site


@dataclass(frozen=True)
class Row:
    """A scalar latent to draw.

    Attributes
    ----------
    site, index
        Which: an element of the sample site.
    label
        Its readable name; plain text.
    offset
        Subtracted from its values, so that a latent far from the others shares their axis; the label says so.
    offset_text
        The offset without its sign as it is written in the present language; as in English where it is empty.
    """

    site: str
    index: tuple[int, ...]
    label: str
    offset: float = 0.0
    offset_text: str = ""

    @property
    def title(self) -> str:
        """The label, cut to fit over a small figure."""
        return shown(self.label, LABEL_LENGTH)

    @property
    def caption(self) -> str:
        """The label of the row."""
        if not self.offset:
            return self.title
        sign = "+" if self.offset < 0 else "\N{MINUS SIGN}"
        return f"{shown(self.label, LABEL_LENGTH - 4)} {sign} {self.offset_text or exactly(abs(self.offset))}"


class Subject(Protocol):
    """What a model tells the general figures and pages; all words are plain text, in the present language."""

    @property
    def title(self) -> str:
        """The title of the dashboard."""

    @property
    def subtitle(self) -> str:
        """What stands beside the title, such as how many rows of data there are."""

    @property
    def rows(self) -> Sequence[Row]:
        """The latents to draw, top to bottom; two at least, always the same ones."""

    @property
    def row_noun(self) -> str:
        """What rows of the data are called, in the plural."""

    @property
    def probs(self) -> Sequence[float]:
        """Probabilities of a snapshot's quantiles, ascending: five, the middle one 0.5."""
