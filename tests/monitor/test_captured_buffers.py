"""Running statistics of a captured step: those of a bare loop, through Reset, looks, batches and failures."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam
from torch import nn

from rugged_widget import ModelWidget, watch
from tests.monitor.watched import losses

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")]

X = torch.linspace(-1.0, 2.0, 24)[:, None]
Y = 2 * X[:, 0] + 0.1
NUM_STEPS = 40


class Setup:
    """A regression by a network with BatchNorm in it; `change` sees the mean of the outcomes in every call.

    A bias or a scale right before the normalization would have no gradient but rounding, which Adam makes steps of.
    """

    dtype = torch.float32

    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor] = lambda mean: mean) -> None:
        pyro.set_rng_seed(0)
        pyro.clear_param_store()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.BatchNorm1d(4), nn.Linear(4, 1)).to(self.dtype)
        self.change = change

    def model(self, x: torch.Tensor, y: torch.Tensor) -> None:
        pyro.module("net", self.net)
        scale = pyro.sample("scale", dist.LogNormal(-1.0, 0.5))
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(self.change(self.net(x)[:, 0]), scale), obs=y)

    def guide(self, *_: torch.Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(-1.0, dtype=self.dtype))
        pyro.sample("scale", dist.LogNormal(loc, 0.2))

    @property
    def svi(self) -> SVI:
        return SVI(self.model, self.guide, Adam({"lr": 0.02}), loss=Trace_ELBO())

    @property
    def buffers(self) -> dict[str, torch.Tensor]:
        return {name: buffer.clone() for name, buffer in self.net.named_buffers()}


def bare(num_steps: int = NUM_STEPS) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Take the steps of a loop of one's own; return losses and buffers."""
    setup = Setup()
    pyro.set_rng_seed(3)
    svi = setup.svi
    steps = [float(svi.step(X, Y)) for _ in range(num_steps)]
    return steps, setup.buffers


def captured(setup: Setup, **settings: Any) -> ModelWidget:
    return watch(setup.svi, X, Y, **{"engine": "graph", "seed": 3, "num_steps": NUM_STEPS, **settings})


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    __tracebackhide__ = True
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=1e-4, atol=1e-5)


def test_the_user_has_the_statistics_of_a_bare_loop_when_training_rests() -> None:
    steps, expected = bare()
    setup = Setup()
    with closing(captured(setup)) as monitor:
        monitor.advance(NUM_STEPS)
        assert monitor.engine_info is not None
        assert monitor.engine_info.name == "graph", monitor.engine_info
        np.testing.assert_allclose(losses(monitor), steps, rtol=1e-4)
        assert_same(setup.buffers, expected)
        assert int(setup.net[2].num_batches_tracked) == NUM_STEPS


def test_looks_between_slices_do_not_move_the_statistics() -> None:
    _, expected = bare()
    setup = Setup()
    with closing(captured(setup)) as monitor:
        for _ in range(NUM_STEPS // 4):
            monitor.advance(4)
            assert monitor.snapshot is not None
        assert_same(setup.buffers, expected)


def test_a_reset_begins_with_the_statistics_that_the_user_brought_and_takes_the_same_steps() -> None:
    setup = Setup()
    brought = setup.buffers
    with closing(captured(setup)) as monitor:
        monitor.advance(NUM_STEPS)
        first, after = losses(monitor), setup.buffers
        monitor.reset()
        assert_same(setup.buffers, brought)
        monitor.advance(NUM_STEPS)
        assert losses(monitor) == pytest.approx(first, rel=1e-6)
        assert_same(setup.buffers, after)


def test_two_windows_on_one_network_have_statistics_of_their_own() -> None:
    steps, _ = bare()
    setup = Setup()
    with closing(captured(setup)) as one, closing(captured(setup)) as other:
        for _ in range(4):
            one.advance(10)
            other.advance(10)
        np.testing.assert_allclose(losses(one), steps, rtol=1e-4)
        np.testing.assert_allclose(losses(other), steps, rtol=1e-4)


def test_batches_of_several_shapes_go_on_from_the_same_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    # Adam makes steps of rounding, which differs from processor to processor: in single precision 2e-4 after 40 steps.
    monkeypatch.setattr(Setup, "dtype", torch.float64)
    x, y = X.double(), Y.double()
    batches = [(x[:16], y[:16]), (x[16:], y[16:])]
    setup = Setup()
    pyro.set_rng_seed(3)
    svi = setup.svi
    for step in range(NUM_STEPS):
        svi.step(*batches[step % 2])
    expected, setup = setup.buffers, Setup()
    with closing(watch(setup.svi, batches=batches, engine="graph", seed=3, num_steps=NUM_STEPS)) as monitor:
        monitor.advance(NUM_STEPS)
        assert monitor.error == ""
        assert_same(setup.buffers, expected)


def test_after_a_failure_the_statistics_are_those_of_the_step_that_it_went_back_to() -> None:
    limit = torch.tensor(reached_error())

    def fail(mean: torch.Tensor) -> torch.Tensor:
        return torch.where((mean - Y).abs().mean() < limit, mean * torch.nan, mean)

    outcomes = {}
    for engine in ("plain", "graph"):
        setup = Setup(fail)
        with closing(captured(setup, engine=engine)) as monitor:
            monitor.advance(NUM_STEPS)
            assert monitor.status == "failed"
            outcomes[engine] = monitor.step, setup.buffers
    assert outcomes["graph"][0] == outcomes["plain"][0]
    assert_same(outcomes["graph"][1], outcomes["plain"][1])


def reached_error() -> float:
    """Return the mean error that a bare loop comes below after some 30 steps."""
    setup = Setup()
    pyro.set_rng_seed(3)
    svi = setup.svi
    for _ in range(30):
        svi.step(X, Y)
    with torch.no_grad():
        return float((setup.net(X)[:, 0] - Y).abs().mean())
