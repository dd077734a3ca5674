"""The Parameters page of any model, without a browser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rugged_widget.snapshot.model_values import ParameterTable
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.all_parameters import AllParametersPage
from tests.view.figures.test_parameter_rows import LARGE, table
from tests.view.page_fakes import RUNNING, snapshot

MOMENT = replace(snapshot(), quantiles={"theta": np.zeros((5, 10_000))}, parameter_table=table(LARGE))


def test_it_wants_a_table_and_the_densities_of_the_open_latents_only() -> None:
    asked: list[int] = []
    page = AllParametersPage(lambda: asked.append(1), text=Catalogue())
    assert page.request() == SnapshotRequest(parameter_table=True)
    page.update(MOMENT, RUNNING)
    assert asked == [1]
    assert page.request().densities == tuple(("theta", (k,)) for k in range(6))
    assert not page.request().parameters


def test_it_shows_how_many_parameters_there_are_and_the_table() -> None:
    page = AllParametersPage(lambda: None, text=Catalogue())
    total, rows = (change["value"] for _, change in page.update(MOMENT, RUNNING)[:2])
    assert total == "<p>1 parameter; numbers in it: 20,000</p>"
    assert "fc1.weight" in str(rows)


def test_it_waits_for_the_table_and_says_where_there_is_nothing() -> None:
    page = AllParametersPage(lambda: None, text=Catalogue())
    waiting = page.update(replace(MOMENT, parameter_table=None), RUNNING)[1][1]["value"]
    assert "next picture" in str(waiting)
    empty = page.update(replace(MOMENT, parameter_table=ParameterTable((), 0, 0)), RUNNING)[:2]
    assert empty[0][1]["value"] == ""
    assert "no parameters yet" in str(empty[1][1]["value"])


def test_a_frame_changes_its_targets_only() -> None:
    page = AllParametersPage(lambda: None, text=Catalogue())
    assert {target for target, _ in page.update(MOMENT, RUNNING)} <= set(page.targets)
