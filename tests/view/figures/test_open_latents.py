"""The few latents whose densities are open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Density, Latent
from rugged_widget.view.figures.open_latents import MAX_OPEN, MAX_OPTIONS, OpenLatents, first_latents, latents_named
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn
from tests.view.page_fakes import snapshot

SHAPES: dict[str, tuple[int, ...]] = {"mu": (), "theta": (10_000,), "x[0]": (), "corr": (2, 3)}


def shown(shapes: dict[str, tuple[int, ...]], densities: dict[Latent, Density] | None = None) -> Snapshot:
    quantiles = {name: np.zeros((5, *shape)) for name, shape in shapes.items()}
    return replace(snapshot(), quantiles=quantiles, densities=densities or {}, probabilities={})


def bell(median: float) -> Density:
    x = np.linspace(median - 3, median + 3, 128)
    return Density(x, np.exp(-0.5 * (x - median) ** 2), 0.5, median - 1.6, median, median + 1.6, 0.9)


def values(changes: Any, kind: type) -> list[Any]:
    return [change for target, change in changes if isinstance(target, kind)]


def test_the_first_elements_of_all_sites_are_open_at_first() -> None:
    shapes = {"mu": (), "theta": (10_000,), "tau": ()}
    assert first_latents(shapes, 5) == [("mu", ()), ("theta", (0,)), ("theta", (1,)), ("theta", (2,)), ("tau", ())]
    series: dict[str, tuple[int, ...]] = {f"x_{k}": () for k in range(500)} | {"sigma": ()}
    assert first_latents(series, 3) == [("x_0", ()), ("x_1", ()), ("sigma", ())]
    assert first_latents({}, 3) == []


def test_latents_are_found_by_the_name_that_python_gives_them() -> None:
    assert latents_named("mu", SHAPES) == (("mu", ()),)
    assert latents_named(" theta[ 9999 ]", SHAPES) == (("theta", (9999,)),)
    assert latents_named("corr[1, 2]", SHAPES) == (("corr", (1, 2)),)
    assert latents_named("x[0]", SHAPES) == (("x[0]", ()),)
    assert len(latents_named("theta", SHAPES)) == MAX_OPEN


def test_no_latent_is_found_by_another_name() -> None:
    for name in ("", "nobody", "theta[10000]", "theta[-1]", "theta[1, 2]", "corr[1]", "mu[0]", "theta[a]"):
        assert latents_named(name, SHAPES) == ()


def test_figures_and_names_are_few_however_many_latents_there_are() -> None:
    asked: list[int] = []
    latents = OpenLatents(lambda: asked.append(1), text=Catalogue())
    targets = latents.targets
    latents.update(shown(SHAPES))
    assert asked == [1]
    assert len(latents.open) == MAX_OPEN
    field = latents.box.children[0]
    assert len(field.options) == MAX_OPTIONS
    latents.update(shown(SHAPES))
    assert asked == [1]
    assert latents.targets == targets


def test_a_picked_latent_comes_first_and_asks_for_its_density() -> None:
    asked: list[int] = []
    latents = OpenLatents(lambda: asked.append(1), text=Catalogue())
    latents.update(shown(SHAPES))
    field, said = latents.box.children[:2]
    field.value = "theta[77]"
    assert latents.open[0] == ("theta", (77,))
    assert len(latents.open) == MAX_OPEN
    assert len(asked) == 2
    assert (field.value, said.value) == ("", "")
    changes = latents.update(shown(SHAPES, {("theta", (77,)): bell(2.0)}))
    medians = [change["value"] for _, change in changes if "value" in change]
    assert medians == ["median 2.0", *[""] * (MAX_OPEN - 1)]


def test_an_unknown_name_is_said_as_text_and_changes_nothing() -> None:
    text = Catalogue()
    latents = OpenLatents(lambda: None, text=text)
    latents.update(shown(SHAPES))
    before = latents.open
    field, said = latents.box.children[:2]
    field.value = "<b>"
    assert "no latent &lt;b&gt;" in said.value
    text.speak("ko")
    assert "잠재변수 &lt;b&gt;" in said.value
    assert latents.open == before


def test_places_without_a_latent_are_not_shown() -> None:
    latents = OpenLatents(lambda: None, text=Catalogue())
    latents.update(shown({"mu": (), "tau": ()}))
    figures = latents.box.children[2].children
    assert ["rw-absent" in drawn.classes(figure) for figure in figures] == [False, False, *[True] * (MAX_OPEN - 2)]
    assert latents.box.children[0].layout.display == "none"


def test_discrete_and_empty_sites_have_no_density() -> None:
    latents = OpenLatents(lambda: None, text=Catalogue())
    moment = shown({"which": (3,), "empty": (0,), "mu": ()})
    latents.update(replace(moment, probabilities={"which": np.full((2, 3), 0.5)}))
    assert latents.open == (("mu", ()),)


def test_latents_that_are_gone_make_room_for_others() -> None:
    latents = OpenLatents(lambda: None, text=Catalogue())
    latents.update(shown({"a": (3,), "mu": ()}))
    latents.update(shown({"mu": (), "b": ()}))
    assert latents.open == (("mu", ()), ("b", ()))
