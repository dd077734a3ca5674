"""Discrete latents of a guide: draws, quantiles and probabilities of AutoDiscreteParallel."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import pyro.distributions as dist
import torch
from pyro import poutine
from pyro.infer.autoguide import AutoDiscreteParallel

from rugged_widget.infer.guides.custom_sampling import Drawn


class AutoDiscreteSampled(AutoDiscreteParallel):
    """AutoDiscreteParallel whose latents are drawn in each step, for a model that cannot be summed over their values.

    It does not mark its latents to be enumerated, of which an ELBO that does not enumerate would warn.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Draw the latents."""
        unmarked: Any = {"enumerate": None}
        forward: Any = super().forward
        with poutine.infer_config(config_fn=lambda _: unmarked):
            return forward(*args, **kwargs)


def distributions_of(guide: AutoDiscreteParallel) -> dict[str, Any]:
    """Return the distribution of each latent of a guide that is set up, by site."""
    return {
        site["name"]: kind(**{name: attrgetter(f"{site['name']}_{name}")(guide) for name, _, _ in parameters})
        for site, kind, parameters in guide._discrete_sites
    }


def draw_discrete(guide: AutoDiscreteParallel, num_draws: int) -> Drawn:
    """Draw all latents, with the log probability of each draw."""
    distributions = distributions_of(guide)
    values = {name: distribution.sample((num_draws,)) for name, distribution in distributions.items()}
    log_probs = [
        distribution.log_prob(values[name]).reshape(num_draws, -1).sum(1)
        for name, distribution in distributions.items()
    ]
    return Drawn(values, torch.stack(log_probs).sum(0) if log_probs else torch.zeros(num_draws))


def value_probabilities(distribution: Any) -> torch.Tensor:
    """Return the probability of each value of a Bernoulli, categorical or one-hot distribution.

    The shape is (num_values, *batch shape); values count from 0, that of a one-hot one is the place of the 1.
    """
    probs: torch.Tensor = distribution.probs
    if isinstance(distribution, dist.Bernoulli):
        return torch.stack([1 - probs, probs])
    return probs.movedim(-1, 0)


def discrete_quantiles(guide: AutoDiscreteParallel, probs: Sequence[float]) -> dict[str, torch.Tensor]:
    """Return quantiles of each latent by itself: by site, shape (len(probs), *site shape).

    A quantile is the smallest value that has at least so much probability up to it.
    """
    return {name: _quantiles_of(each, probs) for name, each in distributions_of(guide).items()}


def _quantiles_of(distribution: Any, probs: Sequence[float]) -> torch.Tensor:
    if isinstance(distribution, dist.OneHotCategorical):  # each of its numbers by itself is 0 or 1
        distribution = dist.Bernoulli(probs=distribution.probs)
    upto = value_probabilities(distribution).cumsum(0)
    upto = upto / upto[-1]
    rows = [(upto < prob).sum(0).clamp(max=len(upto) - 1) for prob in probs]
    return torch.stack(rows).to(distribution.probs.dtype)
