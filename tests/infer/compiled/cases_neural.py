"""Networks in model and guide."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn
from torch.distributions import constraints

from tests.infer.compiled.case import Case, Problem, diagonal
from tests.infer.compiled.cases_models import line


def network(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), *between, nn.Linear(8, 1))


def regression_with(net: nn.Module) -> Problem:
    def model(x: Tensor, y: Tensor) -> None:
        sigma = pyro.sample("sigma", dist.LogNormal(-1.0, 0.5))
        pyro.module("net", net)
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(net(x[:, None])[:, 0], sigma), obs=y)

    return Problem(model, diagonal, line())


def module() -> Problem:
    return regression_with(network())


def normalized_and_dropped_out() -> Problem:
    return regression_with(network(nn.BatchNorm1d(8, track_running_stats=False), nn.Dropout(0.2)))


def running_statistics() -> Problem:
    return regression_with(network(nn.BatchNorm1d(8), nn.Dropout(0.2)))


def running_mean() -> Problem:
    """A mean of the slopes drawn so far, in a tensor that lies in no module."""
    mean = torch.zeros(())

    def model(x: Tensor, y: Tensor) -> None:
        slope = pyro.sample("slope", dist.Normal(0.0, 2.0))
        with torch.no_grad():
            mean.mul_(0.9).add_(0.1 * slope)
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal((slope - 0.1 * mean) * x, 0.5), obs=y)

    return Problem(model, diagonal, line())


def frozen() -> Problem:
    net = network().eval()  # of a layer that trains but must not, Pyro warns
    net[0].requires_grad_(requires_grad=False)
    return regression_with(net)


class Attention(nn.Module):
    """Without biases before the softmax: one there has no gradient but rounding, which Adam makes steps of."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.convolution, self.norm = nn.Embedding(5, 8), nn.Conv1d(8, 8, 3, padding=1), nn.LayerNorm(8)
        self.attention, self.out = nn.MultiheadAttention(8, 2, bias=False, batch_first=True), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.embedding(torch.arange(len(x)) % 5) + x
        hidden = self.norm(self.convolution(hidden.T[None])[0].T)[None]
        return self.out(self.attention(hidden, hidden, hidden)[0][0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.out = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cells(x.view(30, 2, 1))[0]).view(-1, 1)


class Net(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        layer: Any = PyroModule[nn.Linear]
        self.hidden, self.out = layer(1, 6), layer(6, 1)
        for part in (self.hidden, self.out):
            for name, value in list(part.named_parameters()):
                setattr(part, name, PyroSample(dist.Normal(0.0, 1.0).expand(value.shape).to_event(value.dim())))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        mean = self.out(self.hidden(x[:, None]).tanh())[:, 0]
        with pyro.plate("rows", len(x)):
            pyro.sample("obs", dist.Normal(mean, 0.3), obs=y)
        return mean


def bayesian_network() -> Problem:
    return Problem(Net(), diagonal, line())


def autoencoder() -> Problem:
    """A latent a row, whose mean and scale a network in the guide gives; two layers of the model share weights."""
    encoder, decoder = nn.Linear(5, 4), nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 5), nn.Linear(5, 5))
    decoder[3].weight = decoder[2].weight

    def model(data: Tensor) -> None:
        pyro.module("decoder", decoder)
        noise = pyro.param("noise", torch.tensor(0.5), constraint=constraints.positive)
        with pyro.plate("rows", len(data)):
            code = pyro.sample("code", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("obs", dist.Normal(decoder(code), noise).to_event(1), obs=data)

    def guide(data: Tensor) -> None:
        pyro.module("encoder", encoder)
        with pyro.plate("rows", len(data)):
            mean, log_scale = encoder(data).chunk(2, -1)
            pyro.sample("code", dist.Normal(mean, log_scale.exp()).to_event(1))

    return Problem(model, lambda _: guide, (torch.randn(40, 2) @ torch.randn(2, 5),))


NEURAL = (
    Case("network", module),
    Case("frozen layer", frozen),
    Case("attention", lambda: regression_with(Attention()), learning_rate=0.003, no_jax="convolution"),
    Case("LSTM", lambda: regression_with(Recurrent())),
    Case("BatchNorm with Dropout", normalized_and_dropped_out),
    Case("running statistics", running_statistics, quick=True),
    Case("running mean in place", running_mean),
    Case("Bayesian network", bayesian_network),
    Case("autoencoder", autoencoder, learning_rate=0.005),
)
