"""The graph of a model and the table of its sites, without a browser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from rugged_widget.snapshot.model_values import ModelPlate, ModelSite, ModelStructure
from rugged_widget.view.figures.model_graph import MAX_NODES, graph_svg, legend_html
from rugged_widget.view.figures.site_groups import grouped
from rugged_widget.view.figures.site_table import table_of_groups, table_of_search
from rugged_widget.view.i18n.catalogue import Catalogue

TEXT = Catalogue()

SCHOOLS = ModelStructure(
    (
        ModelSite("mu", "latent", "real", (), "Normal"),
        ModelSite("tau", "latent", "positive", (), "HalfCauchy"),
        ModelSite("theta", "deterministic", "real", (8,), "", ("schools",), ("mu", "tau")),
        ModelSite("obs", "observed", "real", (8,), "Normal", ("schools",), ("theta",)),
    ),
    (ModelPlate("schools", 8, 8),),
)


def series(length: int) -> ModelStructure:
    sites = []
    for step in range(length):
        before = (f"x_{step - 1}",) if step else ()
        sites.append(ModelSite(f"x_{step}", "enumerated", "discrete", (3,), "Categorical", ("rows",), before, 4))
        sites.append(ModelSite(f"y_{step}", "observed", "real", (3,), "Normal", ("rows",), (f"x_{step}",)))
    return ModelStructure(tuple(sites), (ModelPlate("rows", 100, 3),))


def network() -> ModelStructure:
    names = [f"decoder$$$fc{layer}.{kind}" for layer in (1, 2) for kind in ("weight", "bias")]
    sites = [ModelSite(name, "parameter", "real", (5, 5)) for name in names]
    return ModelStructure((*sites, ModelSite("x", "observed", "real", (5,), "Normal", (), tuple(names))))


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def test_a_site_that_a_loop_repeats_is_one_node_that_depends_on_itself() -> None:
    groups = grouped(series(500))
    assert [(group.label, len(group.sites)) for group in groups.groups] == [("x_0 … x_499", 500), ("y_0 … y_499", 500)]
    assert groups.arrows == ((0, 1), (0, 0))
    assert words(graph_svg(TEXT, groups)) == [
        "rows · 3 of 100",
        "x_0 … x_499",
        "Categorical \N{MULTIPLICATION SIGN} 500",
        "y_0 … y_499",
        "Normal \N{MULTIPLICATION SIGN} 500",
    ]


def test_few_sites_with_numbers_stay_apart() -> None:
    assert [group.label for group in grouped(series(2)).groups] == ["x_0", "y_0", "x_1", "y_1"]


def test_alike_names_of_different_distributions_or_plates_stay_apart() -> None:
    sites = [ModelSite(f"z_{k}", "latent", "real", (), "Normal" if k % 2 else "Gamma") for k in range(4)]
    assert len(grouped(ModelStructure(tuple(sites))).groups) == 4


def test_plates_that_a_loop_repeats_are_one() -> None:
    sites = [ModelSite(f"y_{k}", "observed", "real", (9,), "Normal", (f"tones_{k}",)) for k in range(5)]
    plates = tuple(ModelPlate(f"tones_{k}", 9 + k, 9 + k) for k in range(5))
    groups = grouped(ModelStructure(tuple(sites), plates))
    assert len(groups.groups) == len(groups.plates) == 1
    assert words(graph_svg(TEXT, groups))[0] == "tones_0 … tones_4 · 9 to 13"


def test_a_network_is_one_node_with_the_number_of_its_parameters() -> None:
    groups = grouped(network())
    assert words(graph_svg(TEXT, groups)) == ["decoder", "4 parameters", "x", "Normal"]
    assert groups.arrows == ((0, 1),)


def test_the_graph_tells_roles_apart_and_has_a_name() -> None:
    svg = graph_svg(TEXT, grouped(SCHOOLS))
    kinds = [element.get("class") for element in ET.fromstring(svg).iter("g")]
    assert kinds == ["rw-node rw-latent", "rw-node rw-latent", "rw-node rw-deterministic", "rw-node rw-observed"]
    assert 'aria-label="Graph of the model. Sites: 4; plates: 1.' in svg
    assert svg.count("rw-arrow") == svg.count("rw-tip") == 3
    assert legend_html(TEXT, ["observed", "latent"]).count("<svg") == 2


def test_more_nodes_than_can_be_told_apart_are_not_drawn() -> None:
    letters = [chr(ord("a") + k // 26) + chr(ord("a") + k % 26) for k in range(MAX_NODES + 1)]
    sites = tuple(ModelSite(name, "latent", "real", (), "Normal") for name in letters)
    assert graph_svg(TEXT, grouped(ModelStructure(sites))) == ""
    assert graph_svg(TEXT, grouped(ModelStructure(sites[:-1]))) != ""
    assert graph_svg(TEXT, grouped(ModelStructure(()))) == ""


def test_more_arrows_than_can_be_followed_are_not_drawn() -> None:
    names = [chr(ord("a") + k) for k in range(26)]
    sites = tuple(ModelSite(name, "latent", "real", (), "Normal", (), tuple(names[:k])) for k, name in enumerate(names))
    assert graph_svg(TEXT, grouped(ModelStructure(sites))) == ""
    assert graph_svg(TEXT, grouped(ModelStructure(sites[:12]))) != ""


def test_names_are_text() -> None:
    evil = "<script>&\"'"
    structure = ModelStructure(
        (
            ModelSite(evil, "latent", "real", (), "<b>", (evil,), ()),
            ModelSite("y", "observed", "real", (), "N", (), (evil,)),
        ),
        (ModelPlate(evil, 2, 2),),
    )
    groups = grouped(structure)
    written = graph_svg(TEXT, groups) + table_of_groups(TEXT, groups) + table_of_search(TEXT, structure, "<script>")
    assert "<script>" not in written
    assert "<b>" not in written
    assert words(graph_svg(TEXT, groups))[1] == evil
    assert "<i>" not in table_of_search(TEXT, structure, "<i>")


def test_the_table_has_a_row_a_group() -> None:
    table = table_of_groups(TEXT, grouped(series(30)))
    assert table.count("<tr>") == 3
    assert '<th scope="row">x_0 … x_29 <span>30 sites</span></th><td>summed out (enumerated)</td>' in table
    assert "<td>discrete, 4 values</td><td>(3,)</td><td>rows</td><td>x_0 … x_29</td>" in table


def test_a_search_finds_single_sites_by_name_distribution_or_plate() -> None:
    structure = series(30)
    assert table_of_search(TEXT, structure, "Y_12").count("<tr>") == 2
    assert table_of_search(TEXT, structure, "categ").count("<tr>") == 31
    assert table_of_search(TEXT, structure, "rows").count("<tr>") == 61
    assert table_of_search(TEXT, structure, "nobody") == '<p class="rw-nothing">No site matches “nobody”.</p>'


def test_the_table_is_bounded() -> None:
    sites = tuple(ModelSite(f"x_{k}", "latent", "real", (), "Normal") for k in range(1000))
    table = table_of_search(TEXT, ModelStructure(sites), "x")
    assert table.count("<tr>") == 201
    assert "and 800 more" in table
