"""What the nodes of a graph are worth, without what a million rows of them would take."""

from __future__ import annotations

import torch

from rugged_widget.infer.compiled.capture.nodes import MAX_KEPT, alike, values, without_data
from tests.infer.compiled.graphs import traced

ROW = torch.tensor([0.5, -2.0, 1.0])


def test_every_node_has_its_value() -> None:
    graph = traced(lambda a: (a.exp() + torch.ones(3)).split(2)[1], ROW)
    found = values(graph, [ROW])
    by_name = {node.name: found[node] for node in graph.graph.nodes if node.op == "call_function"}
    assert torch.equal(by_name["add"], ROW.exp() + 1)
    assert torch.equal(by_name["getitem_1"], (ROW.exp() + 1)[2:])


def test_large_values_that_depend_on_an_input_are_kept_without_their_data_and_large_constants_with_it() -> None:
    large = torch.linspace(0.0, 1.0, MAX_KEPT + 2).view(2, -1)
    graph = traced(lambda a: (a.t() * 2, large.exp()), large)
    found = {node.name: value for node, value in values(graph, [large]).items()}
    assert found["mul"].is_meta
    assert found["mul"].shape == (MAX_KEPT // 2 + 1, 2)
    assert found["mul"].stride() == (large.t() * 2).stride()
    assert torch.equal(found["exp"], large.exp())


def test_random_numbers_are_given_back_and_no_gradient_is_followed() -> None:
    graph = traced(lambda a: a + torch.randn(3), ROW)
    before = torch.get_rng_state()
    found = values(graph, [ROW.clone().requires_grad_()])
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(value.requires_grad for node, value in found.items() if node.op == "call_function")


def test_alike_is_of_one_shape_and_type_and_where_it_counts_of_one_layout() -> None:
    square = torch.zeros(3, 3)
    assert alike(square, square.t().contiguous(), strided=True)
    assert alike(square[:, :2], square[:2].t())
    assert not alike(square[:, :2], square[:2].t(), strided=True)
    assert not alike(square, square.double())
    assert not alike(square, square[:2])
    assert not alike(square, None)
    assert alike(square, without_data(square), strided=True)
