"""Programs that JAX is to run, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from rugged_widget.infer.compiled.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rugged_widget.infer.compiled.program import State

DATA = torch.linspace(-1.0, 2.0, 500)


def adam_on_a_gaussian(dtype: torch.dtype = torch.float32, data: torch.Tensor = DATA) -> Program:
    """Two numbers, mean and log of the spread, fitted with a random number each; a program as a fit has it."""
    data = data.to(dtype)

    def loss_of(flat: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        mean, log_spread = flat + 0.1 * noise
        return (0.5 * ((data - mean) / log_spread.exp()) ** 2 + log_spread).sum()

    def step(
        flat: torch.Tensor, first: torch.Tensor, second: torch.Tensor, rate: torch.Tensor, noise: torch.Tensor
    ) -> Any:
        gradient, loss = torch.func.grad_and_value(loss_of)(flat, noise)
        first, second = torch.lerp(first, gradient, 0.1), 0.99 * second + 0.01 * gradient * gradient
        return loss, flat - rate * first / (second.sqrt() + 1e-8), first, second

    return program(
        step, [torch.zeros(2, dtype=dtype) for _ in range(3)], [torch.tensor(0.03), torch.randn(2, dtype=dtype)]
    )


def program(step: Callable[..., Any], state: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor]) -> Program:
    return Program(make_fx(step)(*state, *inputs), tuple(state), tuple(inputs))


def of_one_value(compute: Callable[..., torch.Tensor], value: torch.Tensor) -> Program:
    """Return a program whose losses are the sum of what is computed of a value that each step gets."""
    return program(lambda state, given: (compute(given).sum(), state + 1), [torch.zeros(())], [value])


def rows(given: Program, num_steps: int, seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand((num_steps, *value.shape), generator=generator, dtype=value.dtype) for value in given.inputs]


def in_torch(given: Program, inputs: Sequence[torch.Tensor]) -> tuple[State, torch.Tensor]:
    state, losses = given.state, []
    for row in zip(*inputs, strict=True):
        loss, *state = given.graph(*state, *row)
        losses.append(loss)
    return tuple(state), torch.stack(losses)
