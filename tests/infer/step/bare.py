"""The loop that users write around `svi.step`, and fits that are held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, Trace_ELBO

from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable

X = torch.linspace(-1.0, 1.0, 24).reshape(12, 2)
Y = X @ torch.tensor([[1.0, -2.0], [0.5, 3.0]]) + 0.1
SEED = 3


def matrix_model(x: torch.Tensor, y: torch.Tensor) -> None:
    """Regression on a matrix of weights: some of torch's optimizers want matrices."""
    with pyro.plate("columns", 2, dim=-1), pyro.plate("rows", 2, dim=-2):
        weights = pyro.sample("weights", dist.Normal(0.0, 2.0))
    with pyro.plate("outputs", 2, dim=-1), pyro.plate("data", len(x), dim=-2):
        pyro.sample("y", dist.Normal(x @ weights, 0.5), obs=y)


def matrix_guide(*_: torch.Tensor) -> None:
    loc = pyro.param("net$$$loc", lambda: 0.1 * torch.randn(2, 2))
    scale = pyro.param("scale", lambda: torch.full((2, 2), 0.3), constraint=dist.constraints.positive)
    with pyro.plate("columns", 2, dim=-1), pyro.plate("rows", 2, dim=-2):
        pyro.sample("weights", dist.Normal(loc, scale))


def unconstrained() -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in pyro.get_param_store().named_parameters()}


class BareLoop:
    """SVI with the user's own objects, in Pyro's global store, which nobody else may touch meanwhile."""

    def __init__(
        self,
        optim: Any,
        loss: Any = None,
        model: Any = matrix_model,
        make_guide: Callable[[Any], Any] = lambda _: matrix_guide,
        args: tuple[Any, ...] = (X, Y),
        **svi: Any,
    ) -> None:
        pyro.set_rng_seed(SEED)
        pyro.clear_param_store()
        self.optim, self.args = optim, args
        self.svi = SVI(model, make_guide(model), optim, loss or Trace_ELBO(), **svi)
        self.losses: list[float] = []
        self.elapsed: list[float] = []

    def step(self, count: int, every: int = 0, *, watches: bool = False) -> list[float]:
        """Take steps; after each `every`-th the scheduler is stepped, by the mean loss where it watches one."""
        for _ in range(count):
            loss = self.svi.step(*self.args)
            self.losses.append(loss[0] if isinstance(loss, tuple) else loss)
            self.elapsed.append(self.losses[-1])
            if every and len(self.elapsed) == every:
                self.optim.step(*[sum(self.elapsed) / every] * watches)
                self.elapsed.clear()
        return self.losses


def fitted(optim: Any, engine: str = "plain", **more: Any) -> Fit:
    arguments: dict[str, Any] = {"model": matrix_model, "make_guide": lambda _: matrix_guide, "args": (X, Y)}
    return Fit(**arguments | {"optimizer": optim, "seed": SEED, "engine": engine} | more)


def losses(fit: Fit) -> list[float]:
    return (-fit.history()["elbo"]).tolist()


def values(fit: Fit) -> dict[str, torch.Tensor]:
    with fit.inspecting():
        return unconstrained()


def assert_same(fit: Fit, loop: BareLoop) -> None:
    """Losses and parameters are the same bit for bit."""
    np.testing.assert_array_equal(losses(fit), loop.losses)
    expected, result = unconstrained(), values(fit)
    assert result.keys() == expected.keys()
    assert all(torch.equal(result[name], expected[name]) for name in expected)
