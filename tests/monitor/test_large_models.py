"""Models with many latents: what a snapshot of them costs."""

from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import watch
from rugged_widget.defaults import SNAPSHOT_DRAWS
from rugged_widget.monitor.infer import guide_look
from rugged_widget.snapshot.request import SnapshotRequest


def model(size: int) -> None:
    with pyro.plate("rows", size):
        pyro.sample("x", dist.Normal(pyro.sample("z", dist.Normal(0.0, 1.0)), 1.0), obs=torch.zeros(size))


def guide(size: int) -> None:
    scale = pyro.param("scale", lambda: torch.ones(size), constraint=dist.constraints.positive)
    with pyro.plate("rows", size):
        pyro.sample("z", dist.Gamma(2.0, scale))  # whose quantiles have no formula


@pytest.mark.parametrize(
    ("size", "num_draws"), [(10, SNAPSHOT_DRAWS), (10_000, 200), (100_000, guide_look.FEWEST_DRAWS)]
)
def test_a_snapshot_of_many_latents_takes_few_draws_of_each(
    monkeypatch: pytest.MonkeyPatch, size: int, num_draws: int
) -> None:
    counts: list[int] = []
    sample = guide_look.sample_guide

    def counted(guide: Any, count: int) -> Any:
        counts.append(count)
        return sample(guide, count)

    monkeypatch.setattr(guide_look, "sample_guide", counted)
    monitor = watch(model, guide, size, engine="plain")
    monitor.close()
    assert max(counts) == num_draws
    assert monitor.snapshot.quantiles["z"].shape[1:] == (size,)


def test_a_frame_of_a_captured_model_looks_at_terms_or_at_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    monitor = watch(model, None, 10, engine="graph")
    monitor.advance(5)
    fit = monitor._session.training.fit
    fit.request = SnapshotRequest(elbo_terms=True, gradient_norms=True)
    for part, method in ((fit._terms, "_take"), (fit._gradients, "_compute")):
        monkeypatch.setattr(part, "_due", -math.inf)
        monkeypatch.setattr(part, method, lambda *_args, method=method: looks.append(method) or [])
    for _ in range(2):
        before = len(looks)
        fit.advance(1)
        snapshot = fit.snapshot()
        assert len(looks) == before + 1
        assert snapshot.elbo_terms
        assert snapshot.gradient_norms is not None
    monitor.close()
    assert sorted(looks) == ["_compute", "_take"]
