"""Search among latents: names, parts of names, and elements."""

from __future__ import annotations

import pytest

from rugged_widget.view.figures.latents.search import Selection, find
from rugged_widget.view.figures.latents.values import ShownSite

SHAPES: dict[str, tuple[int, ...]] = {"mu": (), "eta": (8,), "net.w": (3, 4), "net.b": (3,), "Theta": (2,)}
SITES = tuple(ShownSite(name, "real", shape) for name, shape in SHAPES.items())


def picked(selection: Selection) -> list[int]:
    assert selection.elements is not None
    return [int(place) for place in selection.elements.reshape(-1)]


@pytest.mark.parametrize(
    ("query", "site", "elements"),
    [
        ("eta", "eta", range(8)),
        (" eta ", "eta", range(8)),
        ("mu", "mu", [0]),
        ("eta[3]", "eta", [3]),
        ("eta[-1]", "eta", [7]),
        ("eta[", "eta", range(8)),
        ("eta[2:4]", "eta", [2, 3]),
        ("W[1]", "net.w", [4, 5, 6, 7]),
        ("net.w[1, 2]", "net.w", [6]),
        ("net.w[:, 2]", "net.w", [2, 6, 10]),
        ("net.w[1,", "net.w", [4, 5, 6, 7]),
        ("th", "Theta", [0, 1]),
    ],
)
def test_a_query_opens_the_only_site_that_it_can_mean(query: str, site: str, elements: list[int]) -> None:
    selection = find(SITES, query)
    assert selection.opened is not None
    assert (selection.opened.name, picked(selection)) == (site, list(elements))


def test_an_empty_query_means_all_sites_and_a_part_of_several_names_those() -> None:
    assert find(SITES, "  ").sites == SITES
    assert [site.name for site in find(SITES, "NET").sites] == ["net.w", "net.b"]
    assert find(SITES, "NET").opened is None


@pytest.mark.parametrize("query", ["eta[8]", "eta[x]", "eta[1, 2]", "net.w[3, 0]", "eta[1.5]", "eta[[0]]"])
def test_an_element_that_is_not_there_is_a_problem(query: str) -> None:
    assert find(SITES, query).problem == "no_element"


@pytest.mark.parametrize("query", ["nobody", "nobody[0]", "[", "(", "eta]"])
def test_a_name_that_is_not_there_is_a_problem(query: str) -> None:
    assert find(SITES, query).problem in {"no_site", ""}
    assert find(SITES, "nobody").problem == "no_site"


def test_a_name_with_a_bracket_in_it_is_found() -> None:
    sites = (ShownSite("x[0]", "real", (2,)), ShownSite("x", "real", (3,)))
    assert find(sites, "x[0]").sites == sites[:1]
