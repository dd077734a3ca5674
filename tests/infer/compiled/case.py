"""What a case of the suite is: a model, its guide, how it is fitted, and what is to become of its step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyro.optim
import torch
from pyro.infer import ELBO, Trace_ELBO, autoguide

diagonal = autoguide.AutoDiagonalNormal
normal = autoguide.AutoNormal
delta = autoguide.AutoDelta


class Problem(NamedTuple):
    """What a fit is made of; all of it fresh, for no two fits may share a module."""

    model: Callable[..., Any]
    make_guide: Callable[[Any], Any] = diagonal
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 nobody writes to it


@dataclass(frozen=True, eq=False)
class Case:
    """A model, its guide and how they are fitted.

    Attributes
    ----------
    name
        Of the test.
    build
        Makes the problem; the random numbers it uses are the same every time.
    elbo, optimizer, options, learning_rate
        What is optimized, and how. The options are all but the learning rate.
    refused
        Empty where the step can be captured: the graph engine runs it and agrees. Otherwise a word of the reason why
        plain steps go on.
    no_jax
        Empty where JAX can run the graph. Otherwise a word of the reason why it does not.
    exact
        Whether the model's calls are all alike, so that a fit that falls back still takes the steps of the plain loop;
        a model that counts its calls, say, has been called for the capture, too.
    tolerance
        Largest difference of a loss from the plain loop's, relative to the larger of 1 and the loss.
    quick
        Whether it belongs to the round of all day.
    """

    name: str
    build: Callable[[], Problem]
    elbo: Callable[[], ELBO] = Trace_ELBO
    optimizer: str = "Adam"
    options: dict[str, Any] = field(default_factory=dict)
    learning_rate: float = 0.02
    refused: str = ""
    no_jax: str = ""
    exact: bool = True
    tolerance: float = 1e-4
    quick: bool = False

    def __repr__(self) -> str:
        return self.name

    def make(self) -> Problem:
        """Return the problem, always the same one, and leave torch's generator alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.build()

    def make_optimizer(self) -> Any:
        kind = getattr(pyro.optim, self.optimizer)  # Pyro makes some of them at import
        return kind({"lr": self.learning_rate, **self.options})
