"""The layout of a graph: nothing overlaps, rectangles hold what is theirs alone, arrows go down."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from rugged_widget.view.figures.graph_layout import Frame, Layout, Node, lay_out

PATHS = [(), (), ("a",), ("a", "b"), ("c",), ("b",), ("b", "a")]


def random_graph(seed: int, count: int = 18) -> tuple[list[Node], list[tuple[int, int]], Layout]:
    rng = np.random.default_rng(seed)
    nodes = [Node(float(rng.uniform(50, 120)), 40.0, PATHS[rng.integers(len(PATHS))]) for _ in range(count)]
    pairs = list(combinations(range(count), 2))
    arrows = [pair for pair in pairs if rng.random() < 2.0 / count]
    return nodes, arrows, lay_out(nodes, arrows, {"a": 40.0, "b": 300.0, "c": 60.0})


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return all(one[k] < other[k + 2] and other[k] < one[k + 2] for k in (0, 1))


def box_of(node: Node, center: tuple[float, float]) -> tuple[float, float, float, float]:
    (x, y), w, h = center, node.width / 2 - 0.01, node.height / 2 - 0.01
    return x - w, y - h, x + w, y + h


def holds(frame: Frame, box: tuple[float, float, float, float]) -> bool:
    right, bottom = frame.x + frame.width, frame.y + frame.height
    return frame.x <= box[0] and box[2] <= right and frame.y <= box[1] and box[3] <= bottom


@pytest.mark.parametrize("seed", range(12))
def test_no_nodes_overlap_and_each_lies_in_its_own_rectangles_only(seed: int) -> None:
    nodes, _, layout = random_graph(seed)
    boxes = [box_of(node, center) for node, center in zip(nodes, layout.centers, strict=True)]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    for node, box in zip(nodes, boxes, strict=True):
        inside = [frame.key for frame in layout.frames if holds(frame, box)]
        touching = [
            frame.key
            for frame in layout.frames
            if overlap(box, (frame.x, frame.y, frame.x + frame.width, frame.y + frame.height))
        ]
        assert sorted(inside) == sorted(touching) == sorted(node.frames)


@pytest.mark.parametrize("seed", range(12))
def test_rectangles_lie_in_each_other_or_beside_each_other(seed: int) -> None:
    layout = random_graph(seed)[2]
    for one, other in combinations(layout.frames, 2):
        boxes = [(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height) for frame in (one, other)]
        assert not overlap(*boxes) or holds(one, boxes[1]) or holds(other, boxes[0])


@pytest.mark.parametrize("seed", range(12))
def test_arrows_go_down_through_every_layer(seed: int) -> None:
    _, arrows, layout = random_graph(seed)
    assert set(layout.routes) == set(arrows)
    assert all(one[1] < two[1] for points in layout.routes.values() for one, two in pairwise(points))


def test_a_chain_in_a_rectangle_is_straight_and_its_label_has_room() -> None:
    nodes = [Node(60, 40), Node(60, 40), Node(60, 40, ("p",)), Node(90, 40, ("p",))]
    layout = lay_out(nodes, [(0, 2), (1, 2), (2, 3)], {"p": 400.0})
    assert layout.centers[2][0] == layout.centers[3][0]
    (frame,) = layout.frames
    assert frame.width >= 400.0
    assert layout.centers[0][1] == layout.centers[1][1] < layout.centers[2][1] < layout.centers[3][1]


def test_a_node_without_parents_stands_right_above_its_children() -> None:
    layout = lay_out([Node(60, 40)] * 3, [(0, 1), (1, 2), (0, 2)], {})
    assert layout.centers[0][1] < layout.centers[1][1] < layout.centers[2][1]
    late = lay_out([Node(60, 40)] * 4, [(0, 1), (1, 3), (2, 3)], {})
    assert late.centers[2][1] == late.centers[1][1]


def test_rectangles_that_cross_become_one_in_the_other_and_one_beside() -> None:
    nodes = [Node(60, 40, ("users",)), Node(60, 40, ("items",)), Node(60, 40, ("users", "items"))]
    layout = lay_out(nodes, [(0, 2), (1, 2)], {})
    assert [frame.key for frame in layout.frames] == ["users", "items", "items"]


def test_parents_stand_above_their_children_whatever_comes_first() -> None:
    layout = lay_out([Node(60, 40)] * 3, [(2, 1), (1, 0)], {})
    assert layout.centers[2][1] < layout.centers[1][1] < layout.centers[0][1]
    assert not layout.up


def test_of_a_circle_one_arrow_goes_up() -> None:
    layout = lay_out([Node(60, 40)] * 2, [(0, 1), (1, 0)], {})
    assert layout.centers[0][1] < layout.centers[1][1]
    assert layout.up == {(1, 0)}
    assert layout.routes[1, 0] == (layout.centers[1], layout.centers[0])
