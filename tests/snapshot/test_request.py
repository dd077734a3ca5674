"""Requests for snapshots: what several ask for is asked for once, also where one is of a special class."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from tests.view.page_fakes import parameter, snapshot

PARAMETERS = SnapshotRequest(parameters=True)


def test_a_union_asks_for_what_either_asks_for() -> None:
    assert AT_REST.union(PARAMETERS) == SnapshotRequest(parameters=True, draws=True, approximation=True)
    assert SnapshotRequest().union(SnapshotRequest()) == SnapshotRequest()


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        (PARAMETERS, "parameters", (parameter("loc", [0.0, 1.0]),)),
        (SnapshotRequest(draws=True), "draws", {"sigma": [0.9, 1.0]}),
    ],
)
def test_a_request_is_met_once_the_field_is_there(request_: SnapshotRequest, field: str, value: object) -> None:
    assert not request_.is_met_by(snapshot())
    assert request_.is_met_by(replace(snapshot(), **{field: value}))


def test_a_page_can_be_drawn_without_the_approximation_or_the_correction() -> None:
    assert SnapshotRequest(approximation=True, correction=True).is_met_by(snapshot())
