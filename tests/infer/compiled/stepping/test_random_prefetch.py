"""The random numbers of K steps are those that K plain steps would draw, bit for bit, and so is the generator after.

That one call can draw them all is a detail of torch, pinned here; where it does not hold they are drawn step by step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rugged_widget.infer.compiled.stepping.random_prefetch import SERIAL, Noise
from tests.infer.compiled.graphs import Function, drawing


def normal(*sizes: int, dtype: torch.dtype = torch.float32) -> Function:
    """One step's draws of sites of these sizes, as Pyro's normal distribution makes them."""
    return lambda: tuple(torch.empty(size, dtype=dtype).normal_() for size in sizes)


def steps(draw: Function, num_steps: int, seed: int = 3) -> tuple[list[Tensor], Tensor]:
    """Draw as plain steps do, one by one; returns a row a step, and the generator after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = [draw() for _ in range(num_steps)]
        return [torch.stack(site) for site in zip(*drawn, strict=True)], torch.get_rng_state()


def in_pieces(noise: Noise, pieces: list[int], seed: int = 3) -> tuple[list[Tensor], Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = [noise.draw(count) for count in pieces]
        return [torch.cat(site) for site in zip(*drawn, strict=True)], torch.get_rng_state()


def assert_same_stream(noise: Noise, draw: Function, pieces: list[int]) -> None:
    __tracebackhide__ = True
    (found, end), (expected, plain_end) = in_pieces(noise, pieces), steps(draw, sum(pieces))
    assert torch.equal(end, plain_end)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


SITES = [(1,), (2,), (3, 1), (1, 1, 1), (15,), (15, 15), (7, 1, 2, 5), (4, 4, 4, 4, 4)]


@pytest.mark.parametrize("sizes", SITES, ids=str)
def test_small_normal_draws_of_many_steps_in_one_call_are_those_of_the_steps(sizes: tuple[int, ...]) -> None:
    draw = normal(*sizes, dtype=torch.float64 if len(sizes) % 2 else torch.float32)
    noise = Noise(drawing(draw))
    assert "at_once" in repr(noise)
    for pieces in ([1], [2, 7], [1, 1, 1], [33]):
        assert_same_stream(noise, draw, pieces)


STEP_BY_STEP: dict[str, Function] = {
    "16 elements": normal(SERIAL),
    "more than 16 beside few": normal(3, 40, 1),
    "no element beside few": normal(3, 0),
    "two precisions": lambda: (torch.empty(3).normal_(), torch.empty(3, dtype=torch.float64).normal_()),
    "uniform": lambda: (torch.rand(3), torch.empty(2).uniform_()),
    "of a mean": lambda: (torch.empty(3).normal_(2.0, 3.0), torch.empty(1).normal_()),
    "bernoulli beside normal": lambda: (torch.empty(3).normal_(), torch.empty(5).bernoulli_(0.4), torch.randn(2)),
    "indices beside normal": lambda: (torch.randperm(9), torch.empty(3).normal_(), torch.randint(7, (4,))),
    "of fixed probabilities": lambda: (torch.bernoulli(torch.full((3,), 0.3)), torch.empty(3).normal_()),
    "in another order of memory": lambda: (torch.empty_strided((3, 5), (1, 3)).normal_(),),
}


@pytest.mark.parametrize("kind", STEP_BY_STEP)
def test_all_other_draws_are_made_step_by_step_from_the_same_stream(kind: str) -> None:
    draw = STEP_BY_STEP[kind]
    noise = Noise(drawing(draw))
    assert "one_by_one" in repr(noise)
    for pieces in ([1], [2], [3, 1, 5]):
        assert_same_stream(noise, draw, pieces)


def test_no_draws_are_no_draws() -> None:
    noise = Noise(drawing(tuple))
    before = torch.get_rng_state()
    assert noise.draw(5) == []
    assert torch.equal(torch.get_rng_state(), before)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(1, SERIAL - 1), min_size=1, max_size=4),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_many_steps_in_pieces_are_the_same_as_all_at_once(sizes: list[int], pieces: list[int]) -> None:
    noise = Noise(drawing(normal(*sizes)))
    (found, end), (expected, other_end) = in_pieces(noise, pieces), in_pieces(noise, [sum(pieces)])
    assert torch.equal(end, other_end)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_rows_lie_together_in_memory_as_the_draws_of_a_step_do() -> None:
    for rows in Noise(drawing(normal(5, 3))).draw(4):
        assert all(row.is_contiguous() for row in rows)


def other_fill(numbers: Tensor, *_: Any) -> Tensor:
    """What torch might do one day: fill a tensor that is not contiguous in another order."""
    return numbers.copy_(torch.randn(numbers.shape[::-1]).permute(*reversed(range(numbers.dim()))))


def test_where_torch_fills_in_another_order_the_numbers_are_drawn_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = normal(3, 2)
    prelude = drawing(draw)
    assert "at_once" in repr(Noise(prelude))
    monkeypatch.setattr(Tensor, "normal_", other_fill)
    noise = Noise(prelude)
    monkeypatch.undo()
    assert "one_by_one" in repr(noise)
    assert_same_stream(noise, draw, [2, 5])


def test_where_torch_leaves_the_generator_elsewhere_the_numbers_are_drawn_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = normal(4)
    real = Noise._at_once

    def one_more(noise: Noise, num_steps: int) -> list[Tensor]:
        rows = real(noise, num_steps)
        if num_steps == 3:  # the last that it is tried with
            torch.rand(1)
        return rows

    monkeypatch.setattr(Noise, "_at_once", one_more)
    noise = Noise(drawing(draw))
    assert "one_by_one" in repr(noise)
    assert_same_stream(noise, draw, [2, 5])


def test_where_one_step_is_filled_otherwise_than_many_the_numbers_are_drawn_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = normal(4)
    real = Noise._at_once

    def other_alone(noise: Noise, num_steps: int) -> list[Tensor]:
        return [rows + (num_steps == 1) for rows in real(noise, num_steps)]

    monkeypatch.setattr(Noise, "_at_once", other_alone)
    noise = Noise(drawing(draw))
    assert "one_by_one" in repr(noise)
    assert_same_stream(noise, draw, [1, 5])


def test_trying_it_out_leaves_the_users_generator_alone() -> None:
    prelude = drawing(normal(3, 2))
    torch.manual_seed(0)
    torch.randn(3)  # the second number of a pair is kept for later
    before = torch.get_rng_state()
    Noise(prelude)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_draws_never_share_their_numbers() -> None:
    noise = Noise(drawing(normal(3)))
    drawn = [noise.draw(2)[0] for _ in range(3)]
    kept = [rows.clone() for rows in drawn]
    noise.draw(2)
    assert all(torch.equal(rows, copy) for rows, copy in zip(drawn, kept, strict=True))
    assert all(not torch.equal(one, other) for one, other in pairwise(kept))
