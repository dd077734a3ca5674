"""The log joint of any model at many draws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget.infer.diagnostics import log_joint
from rugged_widget.infer.diagnostics.log_joint import CHUNK, TIMED, TRIAL_DRAWS, LogJoint

DRAWS = {"z": torch.linspace(-1.0, 1.0, 10)}


def model() -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(z, 1.0), obs=torch.tensor(0.5))


def test_it_is_the_sum_of_all_log_densities() -> None:
    z = DRAWS["z"]
    expected = dist.Normal(0.0, 1.0).log_prob(z) + dist.Normal(z, 1.0).log_prob(torch.tensor(0.5))
    np.testing.assert_allclose(LogJoint(model, (), {}, DRAWS)(DRAWS), expected.double().numpy(), rtol=1e-6)


@pytest.mark.parametrize(("second", "largest"), [(0.0, max(TIMED)), (1.0, TRIAL_DRAWS)])
def test_many_draws_are_timed_only_where_few_take_no_time(
    monkeypatch: pytest.MonkeyPatch, second: float, largest: int
) -> None:
    """A large model is not computed for a hundred draws, only to find that it is slow."""
    seconds = iter(range(10_000))
    monkeypatch.setattr(log_joint, "time", SimpleNamespace(perf_counter=lambda: second * next(seconds)))
    counts: list[int] = []
    together = LogJoint._together

    def counted(joint: LogJoint, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        counts.append(len(draws["z"]))
        return together(joint, draws)

    monkeypatch.setattr(LogJoint, "_together", counted)
    joint = LogJoint(model, (), {}, DRAWS)
    assert max(counts) == largest
    assert joint.seconds == second / TRIAL_DRAWS


def test_a_module_that_keeps_its_latents_is_left_as_it_was() -> None:
    """Many draws at once are in tensors of vmap, which nobody can read afterwards."""

    class Keeps(torch.nn.Module):
        kept = torch.zeros(())

        def model(self) -> None:
            self.kept = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(self.kept, 1.0), obs=torch.tensor(0.5))

    module = Keeps()
    joint = LogJoint(module.model, (), {}, DRAWS)
    joint(DRAWS)
    assert "many at once" in repr(joint)
    assert module.kept.data.shape == ()


def test_it_is_the_same_however_many_draws_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is quick is computed for all of them, what is slow for `CHUNK` at a time, so that memory stays bounded."""
    draws = {"z": torch.linspace(-2.0, 2.0, 3 * CHUNK + 7)}
    joint, counts = LogJoint(model, (), {}, draws), list[int]()
    together = LogJoint._together

    def counted(joint: LogJoint, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        counts.append(len(draws["z"]))
        return together(joint, draws)

    monkeypatch.setattr(LogJoint, "_together", counted)
    joint.seconds = 1.0
    slow = joint(draws)
    joint.seconds = 1e-9
    np.testing.assert_allclose(joint(draws), slow, rtol=1e-6)
    assert counts == [CHUNK, CHUNK, CHUNK, 7, 3 * CHUNK + 7]
