"""Random programs that write in place, through views and aliases, come out of every pass as what they were."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, reject, settings
from torch import Tensor

from tests.infer.compiled.capture.test_trace import assert_captured, by_autograd
from tests.infer.compiled.graphs import assert_computes, assert_simplifies, without_writes
from tests.infer.compiled.programs import EXAMPLE, Program, programs

SLOW = pytest.mark.slow

LONG = programs(min_size=8, max_size=16)
"""To trace a program takes most of the time: a longer one has more pairs of instructions to show for it."""


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=SLOW)])
def test_random_programs_compute_the_same_without_writes_and_simplified(rounds: int) -> None:
    @settings(max_examples=rounds)
    @given(LONG)
    def check(program: Program) -> None:
        graph = without_writes(program, *EXAMPLE)
        assert_computes(graph, program, *EXAMPLE)
        assert_simplifies(graph, program, *EXAMPLE)

    check()


@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=SLOW)])
def test_random_programs_have_the_same_gradients_when_they_are_captured(rounds: int) -> None:
    @settings(max_examples=rounds)
    @given(LONG)
    def check(program: Program) -> None:
        params = tuple(value.clone().requires_grad_() for value in EXAMPLE)

        def loss() -> Tensor:
            values = program(*(param * 1 for param in params))
            return sum((torch.tanh(0.1 * value.float()).sum() for value in values), torch.zeros(()).sum()) + sum(
                1e-3 * param.square().sum() for param in params
            )

        try:
            by_autograd(loss, params, torch.linspace(0.3, 1.2, 18), 1.0)
        except RuntimeError:  # torch needs what was overwritten for the gradient
            reject()
        assert_captured(loss, *params)

    check()
