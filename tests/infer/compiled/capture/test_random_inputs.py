"""A graph that draws random numbers is split into one that draws and one that computes, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import dropout

from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.random_inputs import hoist, refuse_unused_draws
from rugged_widget.infer.compiled.capture.recorder import record
from rugged_widget.infer.compiled.capture.simplify import simplify
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.torchscript_engine import scripted
from tests.infer.compiled.graphs import Function, traced

ROW = torch.tensor([0.5, -2.0, 1.0])
MASK = torch.tensor([0.2, 0.5, 0.9])


def wide(a: Tensor) -> Tensor:
    """Seven columns of what was given, in an order of memory that is not that of rows and columns."""
    return (a[:, None] * torch.ones(1, 7)).t()


def into_part(a: Tensor) -> Tensor:
    b = torch.zeros(3)
    b[0].normal_()
    return b + a


def into_view(a: Tensor) -> Tensor:
    b = torch.zeros(4)
    b.view(2, 2)[:, 1].uniform_()
    return b.sum() + a


def twice_into_one(a: Tensor) -> Tensor:
    b = torch.empty(3).normal_()
    before = b * 1.0
    b.uniform_()
    return before + b * a


def changed_after_drawing(a: Tensor) -> Tensor:
    b = torch.empty(3).normal_()
    c = (a * 2).view(3)
    c.copy_(b)
    c[1] = b[0] * 5
    b.neg_()
    return c + b


def permutation(a: Tensor) -> Tensor:
    rows = torch.randperm(5)
    rows[0] = 7
    return rows.sum() + torch.randperm(5)[:2].sum() + a


def many_kinds(a: Tensor) -> Tensor:
    drawn = torch.empty(3).exponential_(2.0) + torch.empty(3).cauchy_() + torch.empty(3).log_normal_()
    return drawn + torch.empty(3).geometric_(0.3) + torch.poisson(torch.full((3,), 4.0)) + a


DRAWS: dict[str, Function] = {
    "none": lambda a: a * 2,
    "normal numbers of any mean and deviation": lambda a: torch.normal(a, a.exp()),
    "normal numbers of a deviation": lambda a: torch.normal(a, 0.3),
    "many normal numbers of a deviation": lambda a: torch.normal(a.repeat(10), 0.3),
    "normal numbers of a mean": lambda a: torch.normal(0.3, a.exp()),
    "normal numbers of mean and deviation in the shape of a parameter": lambda a: torch.empty_like(a).normal_(1.0, 2.0),
    "in the shape of a parameter": lambda a: a.new_empty(2, 3).normal_() * a,
    "in the order of memory": lambda a: torch.empty_like(wide(a)).normal_() + wide(a),
    "dropout": lambda a: dropout(a, 0.5),
    "dropout in the order of memory": lambda a: dropout(wide(a), 0.5),
    "double precision": lambda a: torch.randn(3, dtype=torch.float64) + torch.empty(2).normal_().sum() + a,
    "half precision": lambda a: torch.empty(3, dtype=torch.bfloat16).normal_().float() + a,
    "no element": lambda a: torch.empty(0).normal_().sum() + torch.empty(3).normal_() + a,
    "of fixed probabilities": lambda a: torch.bernoulli(MASK) + torch.empty(3).bernoulli_(MASK) + a,
    "indices": lambda a: torch.multinomial(MASK, 2)[0] + torch.randint(5, (2,)).sum() + a,
    "unused": lambda a: (torch.randn(3), a + torch.rand(3))[1],
    "into a part": into_part,
    "into a view": into_view,
    "twice into one tensor": twice_into_one,
    "changed after drawing": changed_after_drawing,
    "permutation": permutation,
    "many kinds": many_kinds,
}


@pytest.mark.parametrize("how", DRAWS)
def test_the_graph_computes_the_same_from_the_same_generator_and_leaves_it_in_the_same_state(how: str) -> None:
    function = DRAWS[how]
    body, prelude = hoist(traced(function, ROW), [ROW])
    noise = Noise(prelude)
    graph = functional(body, [ROW, *noise.example])
    for seed in range(3):
        torch.manual_seed(seed)
        expected = [function(ROW + seed) for _ in range(3)]
        end = torch.get_rng_state()
        torch.manual_seed(seed)
        steps = zip(*(rows.unbind() for rows in noise.draw(3)), strict=True) if noise.example else [()] * 3
        assert torch.equal(torch.get_rng_state(), end)
        for found, wanted in zip((graph(ROW + seed, *drawn) for drawn in steps), expected, strict=True):
            assert found.dtype == wanted.dtype
            assert torch.equal(found, wanted)


def overwritten_in_part(a: Tensor) -> Tensor:
    b = torch.empty(4).normal_()
    b.mul_(2)
    b[0].uniform_()
    return b.sum() + a


def put_out(a: Tensor) -> Tensor:
    b = torch.empty(3)
    torch.randn(3, out=b)
    return b + a


def probabilities_written_in_part(a: Tensor) -> Tensor:
    p = torch.zeros(3)
    p[0] = 0.7
    return torch.bernoulli(p) + a


def unfilled_probabilities_written_through_a_view(a: Tensor) -> Tensor:
    p = torch.empty(3)
    q = p.view(3)
    p.fill_(0.7)
    return torch.bernoulli(q) + a


def probabilities_of_a_parameter_through_a_view(a: Tensor) -> Tensor:
    p = torch.zeros(3)
    p[1:] = a[1:].sigmoid()
    return torch.bernoulli(p) + a


REFUSED: dict[str, tuple[Function, str]] = {
    "probabilities written in part": (probabilities_written_in_part, "written in place"),
    "probabilities of a parameter through a view": (probabilities_of_a_parameter_through_a_view, "written in place"),
    "probabilities not filled yet": (unfilled_probabilities_written_through_a_view, "written in place"),
    "drawn, changed and drawn again in part": (overwritten_in_part, "written in place"),
    "put out": (put_out, "written in place"),
    "more than numbers": (lambda a: torch.native_dropout(torch.ones(3), 0.5, train=True)[0] + a, "native_dropout"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_draws_that_cannot_be_made_ahead_are_refused_by_name(how: str) -> None:
    function, reason = REFUSED[how]
    graph = traced(function, ROW)
    with pytest.raises(UnsupportedError, match=reason):
        hoist(graph, [ROW])


DEPENDENT: dict[str, Function] = {
    "probabilities of a parameter": lambda a: torch.bernoulli(a.sigmoid()) + a,
    "shape of a gamma": lambda a: torch._standard_gamma(a.exp()) + a,
    "beside others": lambda a: torch.randn(3) + torch.poisson(a.exp()) + torch.empty(3).uniform_(),
    "beside equal ones": lambda a: torch.rand(3) - torch.rand(3) + torch._sample_dirichlet(a.exp()),
    "beside one into a part": lambda a: into_part(a) + torch.bernoulli(a.sigmoid()),
    "a choice": lambda a: torch.multinomial(a.exp(), 2)[0] + torch.randperm(4).sum() + a,
}


@pytest.mark.parametrize("how", DEPENDENT)
def test_draws_that_depend_on_a_parameter_are_made_inside_of_the_graph_in_their_order(how: str) -> None:
    function = DEPENDENT[how]
    body, prelude = hoist(traced(function, ROW), [ROW])
    assert Noise(prelude).draw(3) == []
    graph = functional(body, [ROW])
    simplify(graph, [ROW])
    run = scripted(graph, (ROW,))
    assert run is not graph
    torch.manual_seed(0)
    expected = [function(ROW + shift) for shift in range(4)], torch.get_rng_state()
    for computes in (graph, run):
        torch.manual_seed(0)
        found = [computes(ROW + shift) for shift in range(4)]
        assert torch.equal(torch.get_rng_state(), expected[1])
        torch.testing.assert_close(found, expected[0])


def test_unused_draws_beside_such_are_refused() -> None:
    def unused(a: Tensor) -> Tensor:
        torch.empty(3).exponential_().log()
        return torch.bernoulli(a.sigmoid())

    body, _ = hoist(record(unused, [ROW]), [ROW])
    graph = functional(body, [ROW])
    simplify(graph, [ROW])
    with pytest.raises(UnsupportedError, match=r"does not depend on \(exponential"):
        refuse_unused_draws(graph)


def test_draws_from_a_generator_of_the_models_own_are_refused() -> None:
    own = torch.Generator().manual_seed(1)
    graph = traced(lambda a: torch.rand(3, generator=own) + a, ROW)
    with pytest.raises(UnsupportedError, match="a generator of the model's own"):
        hoist(graph, [ROW])


def test_splitting_a_graph_draws_nothing_and_takes_no_part_in_the_users_stream() -> None:
    graph = traced(many_kinds, ROW)
    before = torch.get_rng_state()
    _, prelude = hoist(graph, [ROW])
    Noise(prelude)
    assert torch.equal(torch.get_rng_state(), before)
