"""The lesson's snapshot and its request extend the general ones."""

from __future__ import annotations

from dataclasses import fields

from rugged_widget.regression.snapshot import Point, RegressionRequest, WhatIf
from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from rugged_widget.snapshot.snapshot import Snapshot
from tests.view.page_fakes import normal, snapshot

HERE, THERE = RegressionRequest(what_if=Point(1.0, 0)), RegressionRequest(what_if=Point(2.0, 1))


def test_a_union_with_a_general_request_keeps_the_point_in_either_order() -> None:
    both = RegressionRequest(draws=True, approximation=True, what_if=Point(1.0, 0))
    assert AT_REST.union(HERE) == both
    assert HERE.union(AT_REST) == both


def test_of_two_points_a_union_keeps_the_first() -> None:
    assert HERE.union(THERE) == HERE
    assert THERE.union(HERE) == THERE


def test_a_general_request_reads_as_one_of_the_lesson() -> None:
    assert RegressionRequest.of(AT_REST) == RegressionRequest(draws=True, approximation=True)
    assert RegressionRequest.of(HERE) == HERE


def test_a_prediction_at_another_point_meets_the_request_and_none_does_not() -> None:
    point = WhatIf(Point(2.0, 1), normal(7.0, 1.0), None)
    assert HERE.is_met_by(snapshot(what_if=point))
    assert not HERE.is_met_by(snapshot())
    assert RegressionRequest().is_met_by(snapshot())
    assert SnapshotRequest().is_met_by(snapshot())


def test_a_general_snapshot_has_no_prediction() -> None:
    lesson = snapshot(what_if=WhatIf(Point(2.0, 1), normal(7.0, 1.0), None))
    general = Snapshot(**{field.name: getattr(lesson, field.name) for field in fields(Snapshot)})
    assert not HERE.is_met_by(general)
    assert RegressionRequest().is_met_by(general)
