"""The passes over a functional graph, each by itself: what they drop, and what only looks as if it could be dropped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from rugged_widget.infer.compiled.capture.nodes import MAX_KEPT, is_mutable, values
from rugged_widget.infer.compiled.capture.simplify import drop_no_ops, fold_constants, merge_signs, share, simplify
from tests.infer.compiled.graphs import (
    Function,
    after,
    assert_computes,
    assert_simplifies,
    copies,
    operations,
    parametrize,
    simplified,
    without_writes,
)

aten = torch.ops.aten

ROW = torch.tensor([0.5, -2.0, 1.0])
SQUARE = torch.arange(9.0).reshape(3, 3) - 4
WHOLE = torch.tensor([3, -2, 0])
SMALL = torch.tensor([3, 250, 0], dtype=torch.uint8)
TRUTH = torch.tensor([True, False, True])


@parametrize(
    ("what no input reaches", lambda a: a + torch.arange(3).double().exp().sum().float(), ROW),
    ("difference with itself", lambda a: a * 2 + (a - a), ROW),
    ("comparison with itself", lambda a: torch.where(torch.eq(a, a), 1.0, 0.0) + a, ROW),
    ("zeros in its shape", lambda a: a + torch.zeros_like(a) * 3, ROW),
    ("ones in its shape", lambda a: a + torch.ones_like(a, dtype=torch.float64), ROW),
    ("filled in its shape", lambda a: a + torch.full_like(a, 3).cos(), ROW),
    ("zeros and ones of its type", lambda a: a + a.new_zeros(3).cos() * a.new_ones(3).sin(), ROW),
    ("filled in its type", lambda a: a + a.new_full((3,), 2.0).cos(), ROW),
    ("to the power of 0", lambda a: a + (a * 0) ** 0, ROW),
    ("of several parts", lambda a: a + torch.arange(6.0).split(3)[1].sqrt(), ROW),
    ("of whole numbers", lambda a: a - (a - a) * 2, WHOLE),
    ("an empty one", lambda a: a + torch.ones(0, 3).sin().sum(0), ROW),
)
def test_what_does_not_depend_on_values_is_computed_ahead(function: Function, example: Tensor) -> None:
    names = operations(after(fold_constants, function, example))
    assert len(names) <= 2, names
    assert not {"exp", "cos", "sqrt", "sin", "arange", "eq", "zeros_like", "full_like", "ones_like", "pow"} & set(names)


def test_a_constant_too_large_to_keep_is_computed_in_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rugged_widget.infer.compiled.capture.simplify.MAX_FOLDED", 8)
    graph = after(fold_constants, lambda a: a * torch.arange(9.0).view(3, 3).cos() + torch.arange(3).sin(), ROW)
    assert operations(graph) == ["arange", "reshape", "cos", "mul", "add"]


def test_large_values_that_depend_on_an_input_are_never_taken_for_constants() -> None:
    example = torch.linspace(0, 1, MAX_KEPT + 1)

    def function(a: Tensor) -> Tensor:
        return torch.full_like(a * 2, 3.0) * a + torch.where(torch.eq(a, a), 1.0, 2.0) + (a - a)

    graph = simplified(function, example)
    assert not any(buffer.is_meta for buffer in graph.buffers())
    assert_computes(graph, function, example, rounds=2)


def test_folding_takes_no_memory_from_the_model() -> None:
    kept = torch.arange(3.0)
    graph = after(fold_constants, lambda a: a + kept.view(3, 1).expand(3, 3).t(), ROW)
    places = {buffer.untyped_storage().data_ptr() for name, buffer in graph.named_buffers() if "folded" in name}
    assert places
    assert kept.untyped_storage().data_ptr() not in places


@parametrize(
    ("plus 0", lambda a: (a.sin() + 0) * 2, ROW),
    ("minus 0", lambda a: (a.sin() - 0.0) * 2, ROW),
    ("0 plus", lambda a: (0 + a.sin()) * 2, ROW),
    ("times 1", lambda a: (a.sin() * 1.0) * 2, ROW),
    ("over 1", lambda a: (a.sin() / 1) * 2, ROW),
    ("power of 1", lambda a: (a.sin() ** 1) * 2, ROW),
    ("plus zeros", lambda a: (a.sin() + torch.zeros(3)) * 2, ROW),
    ("ones times", lambda a: (torch.ones(3) * a.sin()) * 2, ROW),
    ("times True", lambda a: (a.sin() * True) * 2, ROW),
    ("copies", lambda a: (a.sin().clone().detach().to(torch.float32)) * 2, ROW),
    ("whole slice", lambda a: a.sin()[0:3:1] * 2, ROW),
    ("whole slice from the end", lambda a: a.sin()[-3:] * 2, ROW),
    ("there and back", lambda a: a.sin().view(3).expand(3).squeeze(0).reshape(3) * 2, ROW),
    ("no permutation", lambda a: a.sin().permute(0, -1) * 2, SQUARE),
    ("sum of one", lambda a: (a.sin()[:1, :1].sum(0, keepdim=True)) * 2, SQUARE),
    ("whole numbers plus 0", lambda a: (a.abs() + 0) * 2, WHOLE),
)
def test_what_returns_what_it_is_given_is_dropped(function: Function, example: Tensor) -> None:
    graph = without_writes(function, example)
    found = values(graph, copies([example]))
    fold_constants(graph, found)
    drop_no_ops(graph, found)
    graph.recompile()
    assert_computes(graph, function, example)
    assert [name for name in operations(graph) if name != "slice"] in (["sin", "mul"], ["abs", "mul"])


@parametrize(
    ("zeros of another shape", lambda a: a + torch.zeros(3, 1), ROW),
    ("zeros of another type", lambda a: a + torch.zeros(3, dtype=torch.float64), ROW),
    ("zeros of truth", lambda a: a + torch.zeros(3), TRUTH),
    ("0 of another type", lambda a: a + 0.0, WHOLE),
    ("1 of another type", lambda a: a * 1.0, WHOLE),
    ("division of whole numbers", lambda a: a / 1, WHOLE),
    ("truth times 1", lambda a: a * 1, TRUTH),
    ("power of 1.0", lambda a: a**1.0, WHOLE),
    ("plus something for alpha", lambda a: torch.add(a, a, alpha=0), ROW),
    ("minus nothing for alpha", lambda a: torch.sub(a, torch.ones(3), alpha=2), ROW),
    ("0 minus", lambda a: 0 - a, ROW),
    ("almost zeros", lambda a: a + torch.tensor([0.0, 0.0, 1e-20]), ROW),
    ("almost ones", lambda a: a * torch.tensor([1.0, 1.0, math.nextafter(1, 2)], dtype=torch.float64), ROW.double()),
    ("transposed", lambda a: a.permute(1, 0), SQUARE),
    ("transposed from the end", lambda a: a.permute(-1, 0), SQUARE),
    ("turned", lambda a: a.expand(3, 3, 3).permute(-1, 0, 1), SQUARE),
    ("half a slice", lambda a: a[1:].repeat(2)[:3], ROW),
    ("sum", lambda a: a.sum(), ROW),
    ("sum of one with its shape lost", lambda a: a[:1].sum(), ROW),
    ("sum of one truth", lambda a: a[:1].sum(0, keepdim=True), TRUTH),
    ("sum of one in double precision", lambda a: a[:1].sum(0, keepdim=True, dtype=torch.float64), ROW),
    ("sum of none", lambda a: a[:0].sum() + a, ROW),
    ("wider", lambda a: a[:1].expand(3), ROW),
    ("other bits", lambda a: a.view(torch.int32), ROW),
    ("rounded", lambda a: a.to(torch.float16).to(torch.float32), ROW / 3),
    ("cut off", lambda a: a.to(torch.int64).to(torch.float32), ROW),
)
def test_what_only_looks_like_nothing_is_kept(function: Function, example: Tensor) -> None:
    before = without_writes(function, example)
    graph = after(drop_no_ops, function, example)
    assert operations(graph) == [name for name in operations(before) if name not in {"detach", "lift_fresh_copy"}]
    assert_simplifies(graph, function, example)


@parametrize(
    ("as strided", lambda a: a.t().clone(memory_format=torch.contiguous_format).as_strided((9,), (1,)), SQUARE),
    ("strided expand", lambda a: (a.expand(3, 3, 3) * 1).as_strided((9,), (1,)), SQUARE),
    ("strided constant", lambda a: a[0] + (torch.arange(9.0).view(3, 3).t() * 2).as_strided((3,), (1,)), SQUARE),
    ("flat", lambda a: a.t().contiguous().view(-1), SQUARE),
    ("flat product", lambda a: torch.matmul(a.t().expand(2, 3, 3), a), SQUARE),
    ("complex", lambda a: torch.view_as_complex(a.t().contiguous()[:, :2].contiguous()).abs(), SQUARE),
    ("pairs", lambda a: torch.pdist(a.t()), SQUARE),
    ("pairs of bytes", lambda a: a[:, :2].t().contiguous().view(torch.uint8).sum(), SQUARE),
)
def test_copies_that_change_the_order_in_memory_stay_where_the_order_counts(
    function: Function, example: Tensor
) -> None:
    assert_computes(simplified(function, example), function, example)


def test_equal_expressions_are_computed_once() -> None:
    graph = after(share, lambda a: a.sin() * a.sin() + torch.add(a, a, alpha=2) * torch.add(a, a, alpha=2), ROW)
    assert sorted(operations(graph)) == ["add", "add", "mul", "mul", "sin"]


@parametrize(
    ("other keywords", lambda a: torch.add(a, a, alpha=2) - torch.add(a, a, alpha=3), ROW),
    ("other types", lambda a: a.to(torch.float64) + a.to(torch.float16), ROW),
    ("whole or not", lambda a: (a * 2).double() + (a.double() * 2.0) / (a.long() // 2 + 9) - a.long() / 2, ROW),
    ("0 and -0", lambda a: 1 / torch.full_like(a, 0.0) - 1 / torch.full_like(a, -0.0), ROW),
    ("infinite", lambda a: a.clamp(max=math.inf) + a.clamp(min=-math.inf) + a.nan_to_num(math.nan), ROW),
    ("other order", lambda a: (a - a.sin()) * (a.sin() - a), ROW),
    ("rounding", lambda a: torch.div(a, 0.3, rounding_mode="floor") + torch.div(a, 0.3, rounding_mode="trunc"), ROW),
)
def test_expressions_that_differ_in_anything_are_computed_each(function: Function, example: Tensor) -> None:
    graph = without_writes(function, example)
    before = len(operations(graph))
    graph = after(share, function, example)
    assert len(operations(graph)) >= before - 2  # a.sin(), a.double() and the like may be there twice
    assert_simplifies(graph, function, example)


CONSTANTS = {
    "value": torch.tensor([1.0, 2.0, 3.0]),
    "same value": torch.tensor([1.0, 2.0, 3.0]),
    "other type": torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
    "half": torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16),
    "whole": torch.tensor([1, 2, 3]),
    "other shape": torch.tensor([[1.0, 2.0, 3.0]]),
    "strided": torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])[:, 0],
    "zero": torch.zeros(3),
    "negative zero": -torch.zeros(3),
    "zero of other type": torch.zeros(3, dtype=torch.int32),
    "no number": torch.full((3,), math.nan),
    "learned": nn.Parameter(torch.tensor([1.0, 2.0, 3.0])),
    "nothing": torch.ones(0),
    "complex": torch.tensor([1.0 + 1.0j, 2.0, 3.0]).conj(),
}


def test_constants_are_shared_where_they_agree_in_every_bit_type_shape_and_stride() -> None:
    def function(a: Tensor) -> tuple[Tensor, ...]:
        return tuple(a[: len(constant)] * constant.detach() for constant in CONSTANTS.values())

    graph = without_writes(function, ROW)
    share(graph, values(graph, [ROW]))
    graph.recompile()
    assert_computes(graph, function, ROW)
    kept = {str(node.target) for node in graph.graph.find_nodes(op="get_attr")}
    assert len(kept) == len(CONSTANTS) - 2  # the same value, and the learned one
    assert_computes(simplified(function, ROW), function, ROW)


def test_zeros_of_either_sign_are_two_constants() -> None:
    positive, negative = torch.zeros(3), -torch.zeros(3)

    def function(a: Tensor) -> Tensor:
        return torch.atan2(positive, a) - torch.atan2(negative, a)

    assert_computes(simplified(function, -ROW.abs()), function, -ROW.abs())


def test_passes_help_each_other_until_nothing_is_left_to_do() -> None:
    def function(a: Tensor) -> Tensor:
        zero = torch.zeros_like(a) * 5
        scale = (a - a).exp()
        return ((a.sin() + zero) * scale - (-(a.sin().clone() / scale))).expand(3)

    assert operations(simplified(function, ROW)) in (["sin", "add"], ["sin", "mul"])


def test_a_graph_that_returns_its_inputs_or_constants_still_does() -> None:
    constant = torch.tensor([1.0, 2.0])

    def function(a: Tensor) -> tuple[Tensor, ...]:
        return a * 1, a + 0, constant * 1, a.detach(), torch.ones(2) * 3

    graph = simplified(function, ROW)
    assert_computes(graph, function, ROW)
    assert operations(graph) == []


def test_simplifying_twice_changes_nothing_more() -> None:
    graph = simplified(lambda a: (-(a.sin() - a.cos()) * 1 + 0) / torch.ones(3), ROW)
    code = graph.code
    simplify(graph, [ROW])
    assert graph.code == code


def test_a_functional_graph_has_no_writes_for_the_passes_to_break() -> None:
    graph = without_writes(lambda a: a.clone().add_(1).view(3).mul_(a), ROW)
    assert not any(is_mutable(node) for node in graph.graph.nodes)
    assert not graph.graph.find_nodes(op="call_function", target=aten.view.default)


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
def test_signs_are_taken_over_by_sums_and_products(function: Function, example: Tensor) -> None:
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
def test_signs_stay_where_moving_them_would_change_the_result(function: Function, example: Tensor) -> None:
    assert_simplifies(after(merge_signs, function, example), function, example)


def test_a_negation_that_others_need_too_is_left_to_them() -> None:
    function = lambda a: (a.sin() + (-a), -a)  # noqa: E731 as in the lists above
    graph = after(merge_signs, function, ROW)
    assert sorted(operations(graph)) == ["neg", "sin", "sub"]
