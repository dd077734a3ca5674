"""The Model page, without a browser."""

from __future__ import annotations

from dataclasses import replace

from rugged_widget.snapshot.model_values import ModelSite, ModelStructure
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.model import ModelPage
from tests.view.figures.test_model_graph import SCHOOLS, series
from tests.view.page_fakes import RUNNING, snapshot


def texts(page: ModelPage, structure: ModelStructure | None) -> list[object]:
    """Return graph and table as a frame changes them; nothing where it does not."""
    shown = replace(snapshot(), structure=structure)
    return [values["value"] for _, values in page.update(shown, RUNNING)]


def test_it_wants_nothing_special() -> None:
    assert ModelPage(lambda: None, text=Catalogue()).request() == SnapshotRequest()


def test_it_draws_the_model_once_and_again_where_structure_or_language_change() -> None:
    text = Catalogue()
    page = ModelPage(lambda: None, text=text)
    assert texts(page, None) == []
    graph, table = texts(page, SCHOOLS)
    assert "<svg" in str(graph)
    assert "HalfCauchy" in str(table)
    assert texts(page, SCHOOLS) == []
    text.speak("ko")
    assert "관측값" in str(texts(page, SCHOOLS)[0])
    assert "x_0" in str(texts(page, series(5))[0])


def test_a_search_asks_for_another_drawing() -> None:
    asked = []
    page = ModelPage(lambda: asked.append(1), text=Catalogue())
    texts(page, series(30))
    search = page.box.children[2]
    search.value = "y_12"
    assert asked == [1]
    table = str(texts(page, series(30))[1])
    assert table.count("<tr>") == 2
    assert search.layout.display is None


def test_a_small_model_has_no_search() -> None:
    page = ModelPage(lambda: None, text=Catalogue())
    texts(page, SCHOOLS)
    assert page.box.children[2].layout.display == "none"


def test_it_says_why_dependencies_or_all_is_missing_in_text() -> None:
    page = ModelPage(lambda: None, text=Catalogue())
    without = ModelStructure((ModelSite("mu", "latent", "real", (), "Normal"),), (), "TypeError: <b>")
    assert "could not be found out (TypeError: &lt;b&gt;)" in str(texts(page, without)[0])
    graph, table = texts(page, ModelStructure((), (), "ValueError: no"))
    assert "could not be run (ValueError: no)" in str(graph)
    assert table == ""


def test_too_many_sites_are_a_table_only() -> None:
    names = [chr(ord("a") + k // 26) + chr(ord("a") + k % 26) for k in range(70)]
    page = ModelPage(lambda: None, text=Catalogue())
    graph, table = texts(page, ModelStructure(tuple(ModelSite(name, "latent", "real", ()) for name in names)))
    assert "70 different sites" in str(graph)
    assert str(table).count("<tr>") == 71
