"""What trains all the same and is probably not meant is told after the first step; what is meant is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import infer, poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.distributions.testing.fakes import NonreparameterizedGamma
from pyro.infer import autoguide
from pyro.nn import PyroModule
from torch import nn
from torch.distributions import constraints

from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rugged_widget.snapshot.hints import Hint

BATCH, ROWS = 32, 1000
DATA = torch.linspace(-1.0, 1.0, BATCH)
ALL = torch.linspace(-1.0, 1.0, ROWS)


def fitted(
    model: Any, make_guide: Any = autoguide.AutoNormal, args: Any = (DATA,), engine: str = "plain", **more: Any
) -> Fit:
    fit = Fit(model, make_guide, args, learning_rate=0.03, seed=1, engine=engine, **more)
    assert fit.hints() == ()
    fit.advance(2)
    return fit


def keys(hints: tuple[Hint, ...]) -> list[tuple[str, str]]:
    return [(hint.key, hint.name) for hint in hints]


def unscaled(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


def in_a_plate_of_all(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", ROWS, subsample=data):
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


def twice(data: torch.Tensor) -> None:
    with poutine.scale(scale=ROWS / BATCH):
        in_a_plate_of_all(data)


def scaled_by_hand(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)), poutine.scale(scale=ROWS / BATCH):
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


def by_row(data: torch.Tensor) -> None:
    with pyro.plate("rows", len(data)):
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        pyro.sample("seen", dist.Normal(mean, 1.0), obs=data)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (unscaled, [("batch_unscaled", "seen")]),
        (twice, [("batch_scaled_twice", "seen")]),
        (in_a_plate_of_all, []),
        (scaled_by_hand, []),
        (by_row, []),
    ],
)
@pytest.mark.parametrize("elbo", [lambda: None, lambda: infer.Trace_ELBO(num_particles=2, vectorize_particles=True)])
def test_a_batch_that_counts_for_fewer_or_more_rows_than_there_are_is_told(
    model: Any, expected: list[tuple[str, str]], elbo: Callable[[], Any]
) -> None:
    fit = fitted(model, elbo=elbo())
    assert keys(fit.hints(BATCH, ROWS)) == expected
    assert fit.hints() == (), "where all steps have the same data there is nothing to scale"


def test_a_batch_of_unknown_many_rows_that_is_not_scaled_is_told() -> None:
    (hint,) = fitted(unscaled).hints(BATCH)
    assert (hint.key, hint.name, hint.others) == ("batch_unscaled", "seen", ("rows",))
    assert dict(hint.numbers) == {"batch": BATCH, "counted": BATCH}
    assert fitted(in_a_plate_of_all).hints(BATCH) == ()


def test_a_plate_whose_scale_is_undone_is_told() -> None:
    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", ROWS, subsample_size=BATCH) as index, poutine.scale(scale=BATCH / ROWS):
            pyro.sample("seen", dist.Normal(mean, 1.0), obs=data[index])

    (hint,) = fitted(model, args=(ALL,)).hints()
    assert (hint.key, hint.name, hint.others) == ("plate_unscaled", "seen", ("rows",))
    assert dict(hint.numbers) == {"batch": BATCH, "rows": ROWS}


def test_a_latent_that_guide_and_model_scale_differently_is_told() -> None:
    def model(data: torch.Tensor) -> None:
        with pyro.plate("rows", ROWS, subsample_size=BATCH) as index:
            mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
            pyro.sample("seen", dist.Normal(mean, 1.0), obs=data[index])

    def outside(data: torch.Tensor) -> None:
        pyro.sample("mean", dist.Normal(pyro.param("loc", torch.zeros(BATCH)), 1.0).to_event(0))

    def inside(data: torch.Tensor) -> None:
        with pyro.plate("rows", ROWS, subsample_size=BATCH):
            pyro.sample("mean", dist.Normal(pyro.param("loc", torch.zeros(())), 1.0))

    pyro.enable_validation(False)  # with it, Pyro itself refuses the first guide
    try:
        (hint,) = fitted(model, lambda _: outside, (ALL,)).hints()
    finally:
        pyro.enable_validation(True)
    assert (hint.key, hint.name) == ("scales_differ", "mean")
    assert dict(hint.numbers) == {"guide": 1.0, "model": ROWS / BATCH}
    assert fitted(model, lambda _: inside, (ALL,)).hints() == ()


def test_parameters_without_a_gradient_are_told() -> None:
    def guide(data: torch.Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
        pyro.param("unused", torch.tensor(0.0))
        pyro.sample("mean", dist.Normal(loc, scale.detach()))

    (hint,) = fitted(unscaled, lambda _: guide).hints()
    assert (hint.key, hint.name, hint.others, hint.numbers["count"]) == ("no_gradient", "scale", ("unused",), 2)


class Unregistered:
    """A model with a network that Pyro is not told of."""

    def __init__(self) -> None:
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def __call__(self, data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean + self.net(data[:, None])[:, 0], 1.0), obs=data)


class Registered(Unregistered):
    def __call__(self, data: torch.Tensor) -> None:
        pyro.module("net", self.net)
        super().__call__(data)


class OwnModule(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = PyroModule[nn.Linear](1, 1)

    def forward(self, data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean + self.net(data[:, None])[:, 0], 1.0), obs=data)


def test_parameters_that_the_step_does_not_ask_for_are_not_told() -> None:
    def guide(data: torch.Tensor) -> None:
        with poutine.block(hide_types=["param"]):
            held = pyro.param("held", torch.tensor(1.0), constraint=constraints.positive)
        pyro.sample("mean", dist.Normal(pyro.param("loc", torch.tensor(0.0)), held))

    assert fitted(unscaled, lambda _: guide).hints() == ()


def test_a_baseline_that_pyro_keeps_among_the_parameters_is_not_told() -> None:
    def guide(data: torch.Tensor) -> None:
        shape = pyro.param("shape", torch.tensor(2.0), constraint=constraints.positive)
        infer_by = {"baseline": {"use_decaying_avg_baseline": True}}
        pyro.sample("mean", NonreparameterizedGamma(shape, torch.tensor(1.0)), infer=infer_by)

    assert fitted(unscaled, lambda _: guide, engine="plain", elbo=infer.TraceGraph_ELBO()).hints() == ()


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_a_network_that_nobody_registered_is_told(engine: str) -> None:
    (hint,) = fitted(Unregistered(), engine=engine).hints()
    assert (hint.key, dict(hint.numbers)) == ("unregistered", {"count": 4, "numbers": 4 + 4 + 4 + 1})


def test_a_tensor_that_a_guide_differentiates_by_itself_is_not_told() -> None:
    def guide(data: torch.Tensor) -> None:
        start = torch.tensor(0.0, requires_grad=True)
        log_prob = dist.Normal(start, 1.0).log_prob(data).sum()
        (slope,) = torch.autograd.grad(log_prob, [start], create_graph=True)
        pyro.sample("mean", dist.Normal(start + pyro.param("rate", torch.tensor(0.1)) * slope, 1.0))

    assert fitted(unscaled, lambda _: guide, engine="plain").hints() == ()


def test_a_tensor_of_ones_own_that_nobody_registered_is_told() -> None:
    start = torch.tensor(0.0, requires_grad=True)

    def guide(_data: torch.Tensor) -> None:
        pyro.sample("mean", dist.Normal(start + pyro.param("rate", torch.tensor(0.1)), 1.0))

    (hint,) = fitted(unscaled, lambda _: guide, engine="plain").hints()
    assert (hint.key, dict(hint.numbers)) == ("unregistered", {"count": 1, "numbers": 1})


@pytest.mark.parametrize("model", [Registered(), OwnModule()])
@pytest.mark.parametrize("make_guide", [autoguide.AutoNormal, autoguide.AutoMultivariateNormal, autoguide.AutoDelta])
def test_a_registered_network_gives_no_hint(model: Any, make_guide: Any) -> None:
    assert fitted(model, make_guide).hints() == ()


def test_a_parameter_that_a_guide_makes_in_its_first_run_is_registered() -> None:
    class Guide(EasyGuide):
        def guide(self, *_data: torch.Tensor) -> None:
            self.map_estimate("mean")

    assert fitted(unscaled, Guide).hints() == ()


def test_enumerated_and_annealed_models_give_no_hint() -> None:
    @infer.config_enumerate
    def mixture(data: torch.Tensor) -> None:
        locs = pyro.sample("locs", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
        with pyro.plate("rows", len(data)):
            state = pyro.sample("state", dist.Categorical(torch.ones(2) / 2))
            pyro.sample("seen", dist.Normal(locs[state], 1.0), obs=data)

    make_guide = lambda model: autoguide.AutoNormal(poutine.block(model, hide=["state"]))  # noqa: E731
    assert fitted(mixture, make_guide, elbo=infer.TraceEnum_ELBO()).hints() == ()
    annealed = poutine.scale(unscaled, scale=0.1)
    assert fitted(annealed, lambda _: autoguide.AutoNormal(annealed)).hints() == ()


def test_the_lesson_gives_no_hint() -> None:
    for settings in ({}, {"engine": "plain"}, {"batch_size": 32}):
        fit = RegressionFit(RegressionData.rugged(), **settings)  # type: ignore[arg-type]
        fit.advance(2)
        assert fit.hints() == ()
