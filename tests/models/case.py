"""A model with all that its training needs, made afresh each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyro
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Setup:
    """What a loop of one's own is made of."""

    model: Any
    guide: Any
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    loss: Any = field(default_factory=Trace_ELBO)
    optimizer: Any = field(default_factory=lambda: Adam({"lr": 0.01}))


@dataclass(frozen=True)
class Case:
    """A model by name.

    `make` makes a setup anew, networks included; call it under a seed. `drawn` names the sites that can be drawn from
    the guide, empty where none can.
    """

    name: str
    make: Callable[[], Setup]
    drawn: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name


def case(name: str, *drawn: str) -> Callable[[Callable[[], Setup]], Case]:
    """Make a case of a function that makes a setup."""
    return lambda make: Case(name, make, frozenset(drawn))


def bare_losses(made: Case, num_steps: int, seed: int = 3) -> list[float]:
    """Return the losses of a loop of one's own."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    setup = made.make()
    pyro.set_rng_seed(seed)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    return [float(svi.step(*setup.args, **setup.kwargs)) for _ in range(num_steps)]


def numbers(*shape: int, seed: int = 5) -> torch.Tensor:
    """Return standard normal numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def counts(high: int, *shape: int, seed: int = 6) -> torch.Tensor:
    """Return whole numbers of [0, high), the same each time."""
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))
