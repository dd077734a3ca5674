"""Gather batches and random numbers of several steps, in the order in which those steps would get them."""

import torch

from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.step.arguments import Call, FixedArguments
from rugged_widget.infer.step.batches import Arguments


def step_inputs(
    arguments: Arguments, start: int, num_steps: int, noise: Noise, *, alike: bool = False
) -> tuple[int, list[torch.Tensor]]:
    """Return how many steps there are inputs for, and the inputs, a row a step: tensors of batches, then noise.

    The steps come after `start` others. They are at most `num_steps` >= 1, and fewer where batches of another form come
    next, or there is no next batch; where they are to be `alike`, also where one of their numbers is another. All else
    that they are called with is part of the program.
    """
    if isinstance(arguments, FixedArguments):
        return num_steps, noise.draw(num_steps)
    calls: list[Call] = []
    draws: list[list[torch.Tensor]] = []
    for call in arguments.following(start, num_steps):
        if calls and (call.form != calls[0].form or (alike and call.numbers != calls[0].numbers)):
            break
        calls.append(call)
        if arguments.draws:  # the next batch may come of the random numbers after those of this step
            draws.append(noise.draw(1))
        if not call.stackable or (noise.inside and arguments.draws):
            break
    drawn = _joined(draws) if arguments.draws else noise.draw(len(calls))
    return len(calls), [*_stacked(calls), *drawn]


def _stacked(calls: list[Call]) -> list[torch.Tensor]:
    if len(calls) == 1:  # no copy, which a large batch would feel
        return [tensor[None] for tensor in calls[0].tensors]
    return [torch.stack(tensors) for tensors in zip(*(call.tensors for call in calls), strict=True)]


def _joined(draws: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    return draws[0] if len(draws) == 1 else [torch.cat(rows) for rows in zip(*draws, strict=True)]
