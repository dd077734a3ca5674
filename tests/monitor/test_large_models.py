"""Models with many latents: what a snapshot of them costs."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import watch
from rugged_widget.defaults import SNAPSHOT_DRAWS
from rugged_widget.monitor.infer import fit as fits


def model(size: int) -> None:
    with pyro.plate("rows", size):
        pyro.sample("x", dist.Normal(pyro.sample("z", dist.Normal(0.0, 1.0)), 1.0), obs=torch.zeros(size))


def guide(size: int) -> None:
    scale = pyro.param("scale", lambda: torch.ones(size), constraint=dist.constraints.positive)
    with pyro.plate("rows", size):
        pyro.sample("z", dist.Gamma(2.0, scale))  # whose quantiles have no formula


@pytest.mark.parametrize(("size", "num_draws"), [(10, SNAPSHOT_DRAWS), (10_000, 200), (100_000, fits.FEWEST_DRAWS)])
def test_a_snapshot_of_many_latents_takes_few_draws_of_each(
    monkeypatch: pytest.MonkeyPatch, size: int, num_draws: int
) -> None:
    counts: list[int] = []
    sample = fits.sample_guide

    def counted(guide: Any, count: int) -> Any:
        counts.append(count)
        return sample(guide, count)

    monkeypatch.setattr(fits, "sample_guide", counted)
    pyro.clear_param_store()
    monitor = watch(model, guide, size, engine="plain")
    monitor.close()
    assert max(counts) == num_draws
    assert monitor.snapshot.quantiles["z"].shape[1:] == (size,)
