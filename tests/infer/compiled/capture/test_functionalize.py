"""A graph that writes in place, through views and aliases, becomes one that computes the same and writes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rugged_widget.infer.compiled.capture.functionalize import functional, out_of_place
from rugged_widget.infer.compiled.capture.nodes import is_mutable
from rugged_widget.infer.compiled.program import UnsupportedError
from tests.infer.compiled.graphs import (
    Function,
    assert_computes,
    copies,
    operations,
    simplified,
    traced,
    without_writes,
)

ROW = torch.tensor([0.5, -2.0, 1.0])
SQUARE = torch.arange(9.0).reshape(3, 3) - 4


def chain(a: Tensor) -> Tensor:
    return (a * 2).add_(1).mul_(a).neg_().sub_(a, alpha=3)


def read_before_and_after(a: Tensor) -> Tensor:
    b = a + 1
    return (b * 10) + b.mul_(3)


def view_before(a: Tensor) -> Tensor:
    b = a * 1
    part = b[1:]
    b.add_(1)
    return torch.cat([part, b])


def view_after(a: Tensor) -> Tensor:
    b = a * 1
    b.add_(1)
    part = b[1:]
    part.mul_(5)
    return torch.cat([part, b])


def through_slice(a: Tensor) -> Tensor:
    b = torch.zeros(3)
    b[1:] = a[:2]
    b[0] += 7
    return b * a


def through_detached(a: Tensor) -> Tensor:
    b = a * 2
    b.detach().zero_()
    return b + a


def through_reshape(a: Tensor) -> Tensor:
    b = a.expand(2, 3).clone()
    b.reshape(-1).mul_(a.repeat(2))
    return b


def through_reshape_that_copies(a: Tensor) -> Tensor:
    b = a.expand(2, 3).clone().t()
    b.reshape(-1).mul_(0)
    return b


def through_transpose(a: Tensor) -> Tensor:
    b = a.outer(a)
    b.t()[0].add_(a)
    return b


def read_through_expand(a: Tensor) -> Tensor:
    b = a * 1
    wide = b.expand(2, 3)
    b.mul_(4)
    return wide * 1


def through_diagonal_of_slice(a: Tensor) -> Tensor:
    b = a.outer(a)
    b[1:, 1:].diagonal().fill_(-1)
    return b


def through_unbind(a: Tensor) -> Tensor:
    b = a.outer(a)
    first, _, last = b.unbind()
    first.copy_(last)
    return b


def into_input(a: Tensor) -> Tensor:
    a.mul_(2)
    return a + 1


def into_view_of_input(a: Tensor) -> Tensor:
    a[0] = 5
    return a.flip(0)


def where_masked(a: Tensor) -> Tensor:
    b = a * 3
    b[b > 0] = 0.5
    b.masked_fill_(b < 0, 9)
    return b


def into_output_of_other(a: Tensor) -> Tensor:
    b, c = a * 2, torch.empty(3)
    torch.add(b, a, out=c)
    return c * 10 + b


def kept_in_single_precision(a: Tensor) -> Tensor:
    return (a * 2).add_(a.double()).mul_(torch.tensor(1 / 3, dtype=torch.float64))


def answer_as_number(a: Tensor) -> Tensor:
    return (a * 2).gt_(a) + (a * 3).logical_not_() + (a * 1).eq_(a)


def whole_numbers(a: Tensor) -> Tensor:
    return a.long().add_(a > 0).mul_(2)


def in_memory(a: Tensor) -> Tensor:
    b = a.outer(a).t().add_(1)
    return b.as_strided((4,), (2,)) + a.outer(a).add_(a).as_strided((4,), (1,), 2)


def turned_in_place(a: Tensor) -> Tensor:
    b = a.outer(a)[:2]
    b = b.clone().t_()
    return b.mul_(2).sum(0)


def literal(a: Tensor) -> Tensor:
    b = torch.tensor([1.0, 2.0, 3.0])
    b[1] = a[0]
    return b.mul_(a)


def literal_of_latents(a: Tensor) -> Tensor:
    return torch.stack([a[0], a[1]]).add_(1).repeat(2)


SOUND = (
    chain,
    read_before_and_after,
    view_before,
    view_after,
    through_slice,
    through_detached,
    through_reshape,
    through_reshape_that_copies,
    through_transpose,
    read_through_expand,
    through_diagonal_of_slice,
    through_unbind,
    into_input,
    into_view_of_input,
    where_masked,
    into_output_of_other,
    kept_in_single_precision,
    answer_as_number,
    whole_numbers,
    in_memory,
    turned_in_place,
    literal,
    literal_of_latents,
)


@pytest.mark.parametrize("function", SOUND, ids=lambda function: function.__name__)
def test_writes_through_whatever_shares_the_memory_are_followed_and_the_graph_given_can_still_be_run(
    function: Function,
) -> None:
    graph = traced(function, ROW)
    found = functional(graph, copies([ROW]))
    assert not any(is_mutable(node) for node in found.graph.nodes)
    assert_computes(found, function, ROW)
    assert_computes(graph, function, ROW)


def test_a_write_that_nothing_else_can_see_needs_no_second_trace() -> None:
    graph = traced(chain, ROW)
    out_of_place(graph, copies([ROW]))
    assert operations(graph) == ["mul", "add", "mul", "neg", "sub"]


@pytest.mark.parametrize("function", [view_before, view_after, through_slice, through_detached])
def test_a_write_that_a_view_can_see_is_left_alone(function: Function) -> None:
    graph = traced(function, ROW)
    out_of_place(graph, copies([ROW]))
    assert any(is_mutable(node) for node in graph.graph.nodes)


def test_what_is_written_into_an_input_is_seen_in_the_step_and_never_by_who_gave_it() -> None:
    graph = without_writes(into_view_of_input, ROW)
    given = ROW.clone()
    graph(given)
    assert torch.equal(given, ROW)


LASTING: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "as a whole": lambda kept, a: kept.add_(1) * a,
    "a part": lambda kept, a: kept[1:].mul_(0.9)[0] * kept * a,
    "transposed": lambda kept, a: kept.view(1, 3).t()[0].copy_(a[:1]) * a,
    "running mean that is never read": lambda kept, a: (kept.copy_(0.9 * kept + 0.1 * a), a - 1)[1],
    "without a look at the old value": lambda kept, a: (kept.zero_(), a - 1)[1],
    "as output": lambda kept, a: torch.add(a, 1, out=kept) * a,
    "turned": lambda kept, a: kept.unsqueeze_(0).squeeze_(0).detach().neg_() * a,
}


@pytest.mark.parametrize("how", LASTING)
def test_a_write_that_the_next_step_would_see_is_refused(how: str) -> None:
    kept = torch.tensor([1.0, 2.0, 3.0])
    graph = traced(lambda a: LASTING[how](kept, a), ROW)
    with pytest.raises(UnsupportedError, match="in place into a value that lasts"):
        functional(graph, [ROW.clone()])


@pytest.mark.parametrize("write", [Tensor.zero_, lambda part: part.fill_(2.0)], ids=["zero", "fill"])
def test_a_write_into_memory_that_overlaps_itself_is_refused(write: Callable[[Tensor], Tensor]) -> None:
    def function(a: Tensor) -> Tensor:
        b = a * 1
        write(b.expand(2, 3))
        return b

    with pytest.raises(UnsupportedError, match="in place"):
        functional(traced(function, ROW), [ROW.clone()])


@pytest.mark.parametrize("shape", [(3,), (1, 3)], ids=["as it is", "with one more dimension"])
def test_a_write_through_an_expansion_that_repeats_nothing_keeps_every_digit(shape: tuple[int, ...]) -> None:
    def function(a: Tensor) -> Tensor:
        b = a * 1e9
        b.expand(shape).copy_(a)
        c = torch.full((3,), torch.inf)
        c.expand(shape).copy_(a)
        return b + c

    assert_computes(without_writes(function, ROW), function, ROW)


def test_batch_norm_in_training_is_refused_and_in_evaluation_is_not() -> None:
    norm = nn.BatchNorm1d(3)
    rows = SQUARE.clone()
    with pytest.raises(UnsupportedError, match="in place into a value that lasts"):
        functional(traced(lambda a: norm(a).detach(), rows), [rows])
    norm.eval()
    assert_computes(without_writes(lambda a: norm(a).detach(), rows), lambda a: norm(a).detach(), rows)


def test_running_changes_no_constant() -> None:
    constant = torch.tensor([1.0, 2.0, 3.0])

    def function(a: Tensor) -> Tensor:
        b = constant.clone()
        b[0] = a[1]
        return b.mul_(a).add_(constant)

    graph = without_writes(function, ROW)
    for _ in range(3):
        graph(ROW)
    assert constant.tolist() == [1.0, 2.0, 3.0]
    assert_computes(graph, function, ROW)


def test_two_constants_of_one_memory_stay_what_they_are() -> None:
    both = torch.arange(6.0)
    first, second = both[:3], both[2:5]

    def function(a: Tensor) -> Tensor:
        b = first.clone()
        b.view(3).add_(second).mul_(a)
        return b + both[3:]

    assert_computes(without_writes(function, ROW), function, ROW)


def test_gradients_through_writes_into_views_are_followed() -> None:
    def function(a: Tensor) -> tuple[Tensor, Tensor]:
        leaf = a.detach().requires_grad_()
        with torch.enable_grad():
            b = leaf.outer(leaf) * 1
            b[0].mul_(2)
            b[:, 1].copy_(leaf)
            value = (b * SQUARE).sum()
            (grad,) = torch.autograd.grad(value, leaf)
        return value.detach(), grad

    assert_computes(without_writes(function, ROW), function, ROW)
    assert_computes(simplified(function, ROW), function, ROW)
