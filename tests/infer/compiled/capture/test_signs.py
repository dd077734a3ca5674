"""Signs move into sums and products only where every number stays what it is."""

from __future__ import annotations

import torch

from rugged_widget.infer.compiled.capture.signs import merge_signs
from tests.infer.compiled.graphs import Function, after, assert_simplifies, operations, parametrize, without_writes

ROW = torch.tensor([0.5, -2.0, 1.0])
WHOLE = torch.tensor([3, -2, 0])
SMALL = torch.tensor([3, 250, 0], dtype=torch.uint8)


@parametrize(
    ("plus negative", lambda a: a.sin() + (-a), ROW),
    ("minus negative", lambda a: a.sin() - (-a), ROW),
    ("negative plus", lambda a: (-a) + a.sin(), ROW),
    ("negative of difference", lambda a: -(a.sin() - a), ROW),
    ("twice negative", lambda a: torch.neg(-a.sin()) + a, ROW),
    ("negative of more dimensions", lambda a: a.sin() + (-a[:, None]), ROW),
    ("negative times number", lambda a: (-a.sin()) * 3, ROW),
    ("negative over number", lambda a: (-a.sin()) / 3, ROW),
    ("product of negatives", lambda a: (-a.sin()) * (-a), ROW),
    ("ratio of negatives", lambda a: (-a.sin()) / (-(a + 9)), ROW),
    ("number minus negative", lambda a: torch.tensor(2.0) - (-a.sin()), ROW),
)
def test_signs_are_taken_over_by_sums_and_products(function: Function, example: torch.Tensor) -> None:
    negations = operations(without_writes(function, example)).count("neg")
    assert operations(after(merge_signs, function, example)).count("neg") < negations


@parametrize(
    ("with alpha", lambda a: torch.add(a, -a, alpha=3), ROW),
    ("less with alpha", lambda a: -torch.sub(a, a.sin(), alpha=3), ROW),
    ("difference of other shapes", lambda a: -(a[:, None] - a), ROW),
    ("difference with a number", lambda a: -(a - 3), ROW),
    ("number less", lambda a: -(3 - a), ROW),
    ("number first", lambda a: 3 + (-a), ROW),
    ("truth plus negative", lambda a: (a > 0) + (-a), ROW),
    ("negative plus truth", lambda a: (-a) + (a > 0), ROW),
    ("negative of a byte halved", lambda a: (-a) / 2, SMALL),
    ("negative of a byte times half", lambda a: (-a) * 2.5, SMALL),
    ("negative byte plus number", lambda a: a.float() + (-a), SMALL),
    ("number less negative byte", lambda a: a.double() - (-a), SMALL),
    ("negative byte times negative", lambda a: (-a) * (-a.float()), SMALL),
    ("negative bytes", lambda a: -(a - 2 * a), SMALL),
    ("whole division", lambda a: torch.div(-a, 2, rounding_mode="floor"), ROW * 3),
    ("remainder", lambda a: (-a) % 2, ROW * 3),
    ("times number of whole", lambda a: (-a) * 0.5, WHOLE),
    ("times True", lambda a: (-a) * True, ROW),
    ("precision of the sum", lambda a: (-a.double()) + a, ROW),
)
def test_signs_stay_where_moving_them_would_change_the_result(function: Function, example: torch.Tensor) -> None:
    assert_simplifies(after(merge_signs, function, example), function, example)


def test_a_negation_that_others_need_too_is_left_to_them() -> None:
    function = lambda a: (a.sin() + (-a), -a)  # noqa: E731 as in the lists above
    graph = after(merge_signs, function, ROW)
    assert sorted(operations(graph)) == ["neg", "sin", "sub"]
