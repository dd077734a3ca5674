"""Pyro's own loop over a case: what every engine is held against."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pyro
import torch
from numpy.typing import NDArray
from pyro.infer import SVI

from tests.infer.compiled.case import Case

Arrays = dict[str, NDArray[Any]]

SEED = 1


class Loop:
    """`svi.step` again and again, in the global store and with the global generators, while nobody else uses them.

    On one thread, as a fit, because sums over rows differ in their last bits by the number of threads.
    """

    def __init__(self, case: Case) -> None:
        self.problem = case.make()
        pyro.set_rng_seed(SEED)
        pyro.clear_param_store()
        self.guide = self.problem.make_guide(self.problem.model)
        self.optim = case.make_optimizer()
        self._svi = SVI(self.problem.model, self.guide, self.optim, case.elbo())
        self.losses: list[float] = []

    def step(self, count: int) -> None:
        args, kwargs = self.problem.args, self.problem.kwargs
        num_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self.losses += [float(self._svi.step(*args, **kwargs)) for _ in range(count)]
        torch.set_num_threads(num_threads)

    def set_learning_rate(self, value: float) -> None:
        for optimizer in self.optim.optim_objs.values():
            for group in optimizer.param_groups:
                group["lr"] = value


def numbers(optim: pyro.optim.PyroOptim) -> Arrays:
    """Parameters of the present store, unconstrained, and the optimizer's moments of them."""
    found = {}
    for name, param in pyro.get_param_store().named_parameters():
        found[name] = param.detach().numpy().copy()
        for key, moment in optim.optim_objs[param].state[param].items():
            if moment is not None:
                found[f"{key} of {name}"] = torch.as_tensor(moment).numpy().copy()
    return found


class Trajectory(NamedTuple):
    """Losses of all steps; parameters and moments after some, by step."""

    losses: list[float]
    numbers: dict[int, Arrays]


@cache
def reference(case: Case, *ends: int) -> Trajectory:
    """What the plain loop finds up to the last of these steps, and after each of them."""
    loop, found = Loop(case), {}
    for end in ends:
        loop.step(end - len(loop.losses))
        found[end] = numbers(loop.optim)
    return Trajectory(loop.losses, found)
