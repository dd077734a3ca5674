"""Words of any model, made of its structure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from rugged_widget.defaults import PROBS
from rugged_widget.snapshot.model_values import ModelSite, ModelStructure
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row, element_label

MAX_ROWS = 24
"""Elements that the pages have a density or a row for; the figure of the latents shows all of them."""


class StructureSubject:
    """Subject of any model.

    Parameters
    ----------
    title
        Title of the dashboard, such as the name of the model.
    call
        How the model is called, such as model(y, s).
    guide
        Returns the name of the present guide, such as AutoNormal.
    structure
        Sites of the model.
    """

    def __init__(
        self,
        title: str,
        *,
        call: str,
        guide: Callable[[], str],
        structure: ModelStructure,
        text: Catalogue,
    ) -> None:
        self._title, self._call, self._guide, self._text = title, call, guide, text
        self._latents = tuple(site for site in structure.sites if site.role in {"latent", "enumerated"})
        self._rows = tuple(islice(_rows(self._latents), MAX_ROWS))

    def __repr__(self) -> str:
        return f"StructureSubject({self.title!r}, {self.num_latents} latents)"

    @property
    def title(self) -> str:
        """The title of the dashboard."""
        return self._title

    @property
    def subtitle(self) -> str:
        """How the model is called, its guide, and how many latents it draws and the model sums over."""
        return " \N{MIDDLE DOT} ".join(part for part in (self._call, self._guide(), self._counts()) if part)

    @property
    def num_latents(self) -> int:
        """Number of scalar latents, those that the model sums over with them."""
        return _count(self._latents)

    @property
    def rows(self) -> Sequence[Row]:
        """The first 24 latents of the sites that are not discrete, in the order of the model; there may be none."""
        return self._rows

    @property
    def row_noun(self) -> str:
        """What rows of the data are called, in the plural."""
        return self._text("subject.rows")

    @property
    def probs(self) -> Sequence[float]:
        """Probabilities of a snapshot's quantiles."""
        return PROBS

    def _counts(self) -> str:
        if not self._latents:
            return self._text("subject.none")
        drawn = [site for site in self._latents if site.role == "latent"]
        summed = self.num_latents - _count(drawn)
        key = "one" if _count(drawn) == 1 else "in_one_site" if len(drawn) == 1 else "in_sites"
        counts = [self._text(f"subject.{key}", latents=_count(drawn), sites=len(drawn))] if drawn else []
        counts += [self._text("subject.summed_out", latents=summed)] if summed else []
        return " \N{MIDDLE DOT} ".join(counts)


def _count(sites: Sequence[ModelSite]) -> int:
    """Return the number of elements of the sites."""
    return sum(math.prod(site.shape) for site in sites)


def _rows(sites: Sequence[ModelSite]) -> Iterator[Row]:
    for site in sites:
        if site.role == "latent" and site.kind != "discrete":
            for index in np.ndindex(site.shape):
                yield Row(site.name, index, element_label(site.name, index))
