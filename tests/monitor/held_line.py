"""A line through points, of which some are held out."""

import pyro
import pyro.distributions as dist
import torch

X = torch.linspace(-2.0, 2.0, 30)
Y = 1.0 + 0.7 * X + 0.3 * torch.sin(7.0 * X)


def line(x: torch.Tensor, y: torch.Tensor | None = None, sd: float = 0.3) -> None:
    """Draw responses about a line."""
    a, b = (pyro.sample(name, dist.Normal(0.0, 2.0)) for name in "ab")
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Normal(a + b * x, sd), obs=y)
