"""The log joint of any model at many draws."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget.infer.diagnostics import log_joint
from rugged_widget.infer.diagnostics.log_joint import CHUNK, TIMED, TRIAL_DRAWS, LogJoint

if TYPE_CHECKING:
    from collections.abc import Callable

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


def random_walk(error: torch.Tensor, scale: torch.Tensor) -> dist.GaussianHMM:
    """Return a distribution of five steps, whose density vmap cannot compute; both of shape (..., 1)."""
    start, steps = (dist.Normal(torch.zeros(2), sd).to_event(1) for sd in (torch.ones(2), scale))
    noise = dist.Normal(torch.zeros(1), error).to_event(1)
    return dist.GaussianHMM(start, torch.eye(2), steps, torch.ones(2, 1), noise, duration=5)


def one_walk() -> None:
    scale = pyro.sample("scale", dist.LogNormal(torch.zeros(1), 1.0).to_event(1))
    error = pyro.sample("error", dist.LogNormal(0.0, 1.0))
    pyro.sample("x", random_walk(error.unsqueeze(-1).unsqueeze(-1), scale.unsqueeze(-2)), obs=torch.ones(5, 1))


def walks_in_a_plate() -> None:
    scale = pyro.sample("scale", dist.LogNormal(torch.zeros(1), 1.0).to_event(1))
    with pyro.plate("walks", 3):
        error = pyro.sample("error", dist.LogNormal(0.0, 1.0))
        walk = random_walk(error.unsqueeze(-1).unsqueeze(-1), scale.unsqueeze(-2))
        pyro.sample("x", walk, obs=torch.linspace(0.0, 1.0, 15).reshape(3, 5, 1))


def walk_of_a_dimension() -> None:
    """Make a plate that nothing is in and reckon with its dimension, as a ForecastingModel does with that of time."""
    pyro.plate("time", 5, dim=-1)
    scale = pyro.sample("scale", dist.LogNormal(torch.zeros(1), 1.0).to_event(1))
    error = pyro.sample("error", dist.LogNormal(0.0, 1.0))
    if error.ndim == 1:
        raise ValueError("one dimension more is needed, that of time")
    walk = random_walk(error.unsqueeze(-1).unsqueeze(-1), scale.unsqueeze(-2))
    pyro.sample("x", walk, obs=torch.ones(5, 1))


@pytest.mark.parametrize(("states", "num_errors"), [(one_walk, 1), (walks_in_a_plate, 3), (walk_of_a_dimension, 1)])
def test_what_vmap_cannot_compute_is_computed_in_a_plate(states: Callable[[], None], num_errors: int) -> None:
    torch.manual_seed(0)
    error = 0.5 + torch.rand(10, num_errors)
    draws = {"scale": 0.5 + torch.rand(10, 1), "error": error if num_errors > 1 else error[:, 0]}
    joint = LogJoint(states, (), {}, draws)
    assert "many in a plate" in repr(joint)
    np.testing.assert_allclose(joint(draws), joint._one_by_one(draws).numpy(), rtol=1e-4)
