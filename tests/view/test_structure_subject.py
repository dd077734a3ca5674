"""Words of any model, made of its structure."""

from __future__ import annotations

import math

import pytest

from rugged_widget.snapshot.model_values import ModelSite, ModelStructure
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.structure_subject import StructureSubject
from tests.view.figures.latents.fakes import site


def subject(*sites: ModelSite, text: Catalogue | None = None) -> StructureSubject:
    structure = ModelStructure(sites)
    return StructureSubject(
        "Eight schools",
        call="model(y, s)",
        guide=lambda: "AutoNormal",
        structure=structure,
        text=text or Catalogue(),
    )


def test_it_says_how_many_latents_there_are_in_how_many_sites() -> None:
    schools = subject(site("mu"), site("tau"), site("eta", (8,)), site("y", (8,), role="observed"))
    assert schools.subtitle == "model(y, s) · AutoNormal · 10 latents in 3 sites"
    assert [row.label for row in schools.rows][:4] == ["mu", "tau", "eta[0]", "eta[1]"]
    assert subject(site("w", (2000,))).subtitle.endswith(" · 2,000 latents in 1 site")
    assert subject(site("w")).subtitle.endswith(" · 1 latent")
    mixture = subject(site("locs", (2,)), site("assignment", (5,), "discrete", role="enumerated"))
    assert mixture.subtitle.endswith(" · 2 latents in 1 site · 5 summed out")
    assert subject(site("z", (3,), "discrete", role="enumerated")).subtitle.endswith("AutoNormal · 3 summed out")
    assert subject(site("y", role="observed")).subtitle.endswith(" · no latents")


def test_it_speaks_the_language_of_the_page() -> None:
    text = Catalogue()
    schools = subject(site("mu"), site("eta", (8,)), text=text)
    assert schools.row_noun == "observations"
    text.speak("ko")
    assert schools.subtitle == "model(y, s) · AutoNormal · 사이트 2곳에 잠재변수 9개"
    assert schools.row_noun == "관측값"


@pytest.mark.parametrize("shape", [(10_000,), (3, 0), ()])
def test_it_has_rows_for_few_elements_that_have_quantiles(shape: tuple[int, ...]) -> None:
    rows = subject(site("z", (2,), "discrete"), site("e", (2,), role="enumerated"), site("w", shape)).rows
    assert len(rows) == min(24, math.prod(shape))
    assert {row.site for row in rows} <= {"w"}
