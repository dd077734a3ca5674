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
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

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


class VAE(nn.Module):
    """An autoencoder: latents of each row, by networks that all rows share."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 5), nn.Softplus(), nn.Linear(5, 4))
        self.decoder = nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 6))

    def model(self, x: torch.Tensor) -> None:
        pyro.module("decoder", self.decoder)
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decoder(z)).to_event(1), obs=x)

    def guide(self, x: torch.Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("rows", len(x)):
            loc, log_scale = self.encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


class Parts(NamedTuple):
    """A model, and what makes its guide."""

    model: Callable[..., Any]
    make_guide: Callable[[Any], Any]


def autoencoder() -> Parts:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        vae = VAE()
    return Parts(vae.model, lambda _: vae.guide)


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
