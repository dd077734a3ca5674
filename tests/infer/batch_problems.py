"""Models that are trained on batches, and Pyro's own loop over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro import optim
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from torch.utils.data import DataLoader, TensorDataset

from tests.models.networks import Autoencoder

SEED, RATE, NUM_ROWS = 3, 0.02, 70
_NUMBERS = torch.Generator().manual_seed(0)
X = torch.randn(NUM_ROWS, 2, generator=_NUMBERS)
Y = X @ torch.tensor([1.0, -2.0]) + 0.3 * torch.randn(NUM_ROWS, generator=_NUMBERS)
PIXELS = (torch.rand(NUM_ROWS, 6, generator=_NUMBERS) < 0.4).float()


def loader(*tensors: torch.Tensor, batch_size: int = 16) -> Any:
    """Return a shuffled loader, whose last batch is smaller than the others."""
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, shuffle=True)


def rows() -> Any:
    return loader(X, Y)


def line(x: torch.Tensor, y: torch.Tensor) -> None:
    """Regression on some of the rows."""
    slopes = pyro.sample("slopes", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
    with pyro.plate("rows", NUM_ROWS, subsample=torch.arange(len(x))):
        pyro.sample("y", dist.Normal(x @ slopes, spread), obs=y)


class Parts(NamedTuple):
    """A model, and what makes its guide."""

    model: Callable[..., Any]
    make_guide: Callable[[Any], Any]


def autoencoder() -> Parts:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        both = Autoencoder(6, 5)
    return Parts(both.model, lambda _: both.guide)


def regression() -> Parts:
    return Parts(line, AutoNormal)


def again_and_again(batches: Any) -> Iterator[Any]:
    while True:
        yield from batches


class Loop(NamedTuple):
    """What Pyro's own loop leaves behind."""

    losses: list[float]
    params: dict[str, torch.Tensor]


def bare_loop(parts: Parts, calls: Callable[[], Iterator[tuple[Any, ...]]], count: int) -> Loop:
    """Take `count` steps of `svi.step(*arguments)`; `calls` gives the arguments, once the seed is set."""
    pyro.clear_param_store()
    pyro.set_rng_seed(SEED)
    adam: Any = optim.Adam({"lr": RATE})  # type: ignore[attr-defined] # Pyro makes it at import
    svi = SVI(parts.model, parts.make_guide(parts.model), adam, Trace_ELBO())
    losses = [svi.step(*call) for call in islice(calls(), count)]
    return Loop(losses, {name: value.detach().clone() for name, value in pyro.get_param_store().items()})
