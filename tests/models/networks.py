"""Models and guides that hold neural networks."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from pyro.distributions.transforms import spline
from pyro.infer import TraceEnum_ELBO, TraceMeanField_ELBO, config_enumerate
from pyro.infer.autoguide import AutoNormal
from pyro.nn import PyroModule, PyroSample
from pyro.optim import Adam
from torch import nn

from tests.models.case import Setup, case, counts, numbers


class Autoencoder(nn.Module):
    """A variational autoencoder of pictures of dots, with BatchNorm and dropout in its encoder where asked for."""

    def __init__(self, num_dots: int = 16, width: int = 8, *, normed: bool = False) -> None:
        super().__init__()
        extra = [nn.BatchNorm1d(width), nn.Dropout(0.2)] if normed else []
        self.encoder = nn.Sequential(nn.Linear(num_dots, width), *extra, nn.Softplus(), nn.Linear(width, 4))
        self.decoder = nn.Sequential(nn.Linear(2, width), nn.Softplus(), nn.Linear(width, num_dots))

    def model(self, x: torch.Tensor) -> None:
        pyro.module("decoder", self.decoder)
        with pyro.plate("pictures", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decoder(z)).to_event(1), obs=x)

    def guide(self, x: torch.Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("pictures", len(x)):
            loc, log_scale = self.encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def pictures(count: int = 20) -> torch.Tensor:
    """Return pictures of dots."""
    return counts(2, count, 16).float()


@case("autoencoder", "z")
def autoencoder() -> Setup:
    both = Autoencoder()
    return Setup(both.model, both.guide, (pictures(),), optimizer=Adam({"lr": 1e-3}))


@case("autoencoder, BatchNorm and dropout", "z")
def normed() -> Setup:
    both = Autoencoder(normed=True)
    return Setup(both.model, both.guide, (pictures(),), loss=TraceMeanField_ELBO())


@case("semi-supervised autoencoder", "z")
def semi_supervised() -> Setup:
    encoder, decoder = nn.Linear(16, 4), nn.Linear(5, 16)

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", decoder)
        with pyro.plate("pictures", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1))
            digit = pyro.sample("digit", dist.OneHotCategorical(torch.ones(len(x), 3) / 3))
            shape = torch.broadcast_shapes(z.shape[:-1], digit.shape[:-1])
            logits = decoder(torch.cat([value.expand(*shape, -1) for value in (z, digit)], -1))
            pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    @config_enumerate
    def guide(x: torch.Tensor) -> None:
        pyro.module("encoder", encoder)
        with pyro.plate("pictures", len(x)):
            loc, log_scale = encoder(x).chunk(2, -1)
            pyro.sample("digit", dist.OneHotCategorical(logits=x[:, :3]))
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    return Setup(model, guide, (pictures(),), loss=TraceEnum_ELBO(max_plate_nesting=1))


@case("autoencoder of rows that the guide picks", "z")
def picked() -> Setup:
    both, data = Autoencoder(), pictures()

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", both.decoder)
        with pyro.plate("pictures", len(x)) as rows:
            z = pyro.sample("z", dist.Normal(torch.zeros(len(rows), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=both.decoder(z)).to_event(1), obs=x[rows])

    def guide(x: torch.Tensor) -> None:
        pyro.module("encoder", both.encoder)
        with pyro.plate("pictures", len(x), subsample_size=5) as rows:
            loc, log_scale = both.encoder(x[rows]).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    return Setup(model, guide, (data,))


class Network(PyroModule):
    """A neural network of drawn weights."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = PyroModule[nn.Linear](1, 5)
        self.hidden.weight = PyroSample(dist.Normal(0.0, 1.0).expand([5, 1]).to_event(2))
        self.hidden.bias = PyroSample(dist.Normal(0.0, 1.0).expand([5]).to_event(1))
        self.out = PyroModule[nn.Linear](5, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        mean = self.out(torch.tanh(self.hidden(x))).squeeze(-1)
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Normal(mean, 0.1), obs=y)
        return mean


@case("neural network, half of it drawn", "hidden.weight", "hidden.bias")
def half_drawn() -> Setup:
    model = Network()
    x = torch.linspace(-1, 1, 20)[:, None]
    return Setup(model, AutoNormal(model, init_scale=0.05), (x, x[:, 0] ** 2))


def _nothing(values: torch.Tensor) -> None:
    """Draw no latents."""


@case("density by a flow")
def density() -> Setup:
    transform = spline(1, count_bins=4)

    def model(values: torch.Tensor) -> None:
        pyro.module("transform", transform)
        transform.clear_cache()
        base = dist.Normal(torch.zeros(1), torch.ones(1)).to_event(1)
        with pyro.plate("data", len(values)):
            pyro.sample("value", dist.TransformedDistribution(base, [transform]), obs=values)

    return Setup(model, _nothing, (numbers(30, 1),))


@case("topics by a network", "theta")
def topics() -> Setup:
    encoder = nn.Sequential(nn.Linear(10, 6), nn.Softplus(), nn.Linear(6, 6), nn.BatchNorm1d(6, affine=False))
    decoder = nn.Sequential(nn.Linear(3, 10, bias=False), nn.BatchNorm1d(10, affine=False))

    def model(documents: torch.Tensor) -> None:
        pyro.module("decoder", decoder)
        with pyro.plate("documents", len(documents)):
            theta = pyro.sample("theta", dist.Normal(torch.zeros(len(documents), 3), 1.0).to_event(1))
            total = int(documents.sum(-1).max())
            words = torch.softmax(decoder(torch.softmax(theta, -1)), -1)
            pyro.sample("words", dist.Multinomial(total, words), obs=documents)

    def guide(documents: torch.Tensor) -> None:
        pyro.module("encoder", encoder)
        with pyro.plate("documents", len(documents)):
            loc, log_scale = encoder(documents).chunk(2, -1)
            pyro.sample("theta", dist.Normal(loc, (0.5 * log_scale).exp()).to_event(1))

    return Setup(model, guide, (counts(4, 15, 10).float(),), loss=TraceMeanField_ELBO())


CASES = (autoencoder, normed, picked, semi_supervised, half_drawn, density, topics)
