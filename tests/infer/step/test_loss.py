"""A fit minimizes whatever `pyro.infer.SVI` does, in the same steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import infer, poutine
from pyro.infer import ELBO, Trace_ELBO
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.step.elbo_traces import ask_loss
from rugged_widget.infer.step.loss import LossWithGradients
from rugged_widget.infer.step.transfer import Transfer
from tests.infer.step.bare import (
    BareLoop,
    assert_same,
    fitted,
    losses,
    matrix_guide,
    matrix_model,
    unconstrained,
    values,
)

ADAM: Any = pyro.optim.Adam  # type: ignore[attr-defined] # Pyro makes it at import
DATA = torch.tensor([-1.2, -0.9, 1.1, 0.8, 1.0])
MATRIX = {"model": matrix_model, "make_guide": lambda _: matrix_guide}


def mixture(data: torch.Tensor) -> None:
    centre = pyro.sample("centre", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(data)):
        side = pyro.sample("side", dist.Bernoulli(0.4), infer={"enumerate": "parallel"}).long()
        pyro.sample("y", dist.Normal(torch.stack([-centre, centre])[side], 0.5), obs=data)


def centre_alone(model: Any) -> Any:
    return AutoNormal(poutine.block(model, hide=["side"]))


def coin(data: torch.Tensor) -> None:
    """A model with a discrete latent that the guide draws, for estimates of the gradient by its score."""
    bias = pyro.sample("bias", dist.Bernoulli(0.3))
    pyro.sample("y", dist.Normal(2 * bias - 1, 1.0).expand([len(data)]).to_event(1), obs=data)


def coin_guide(_: torch.Tensor) -> None:
    chance = pyro.param("chance", torch.tensor(0.5), constraint=dist.constraints.unit_interval)
    pyro.sample("bias", dist.Bernoulli(chance), infer={"baseline": {"use_decaying_avg_baseline": True}})


MIXTURE = {"model": mixture, "make_guide": centre_alone, "args": (DATA,)}
COIN = {"model": coin, "make_guide": lambda _: coin_guide, "args": (DATA,)}


def by_hand(model: Any, guide: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
    """An ELBO as the tutorials write it: a function of two traces."""
    guide_trace = poutine.trace(guide).get_trace(*args, **kwargs)
    model_trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(*args, **kwargs)
    return guide_trace.log_prob_sum() - model_trace.log_prob_sum()


class Tempered(Trace_ELBO):
    """An ELBO of one's own, which counts its calls."""

    calls = 0

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        self.calls += 1
        with poutine.scale(scale=min(1.0, self.calls / 10)):
            return super().loss_and_grads(model, guide, *args, **kwargs)  # type: ignore[no-any-return,no-untyped-call]


class ByTraces(ELBO):
    """An ELBO from scratch."""

    def _get_trace(self, model: Any, guide: Any, args: Any, kwargs: Any) -> Any:
        raise NotImplementedError

    def loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        return by_hand(model, guide, *args, **kwargs).item()

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
        value = by_hand(model, guide, *args, **kwargs)
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()


KINDS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "Trace": (Trace_ELBO, MATRIX),
    "Trace, particles": (lambda: Trace_ELBO(num_particles=3), MATRIX),
    "Trace, vectorized": (lambda: Trace_ELBO(3, vectorize_particles=True), MATRIX),
    "Trace, vectorized, nesting told": (
        lambda: Trace_ELBO(3, max_plate_nesting=2, vectorize_particles=True, retain_graph=True),
        MATRIX,
    ),
    "Trace, score": (Trace_ELBO, COIN),
    "TraceMeanField": (infer.TraceMeanField_ELBO, MATRIX),
    "TraceEnum": (infer.TraceEnum_ELBO, MIXTURE),
    "TraceEnum, nesting told": (lambda: infer.TraceEnum_ELBO(max_plate_nesting=1), MIXTURE),
    "TraceTMC": (infer.TraceTMC_ELBO, MIXTURE),
    "TraceGraph": (infer.TraceGraph_ELBO, COIN),
    "Renyi": (lambda: infer.RenyiELBO(alpha=0.5, num_particles=3), MATRIX),
    "Renyi, vectorized": (lambda: infer.RenyiELBO(0.5, num_particles=3, vectorize_particles=True), MATRIX),
    "JitTrace": (lambda: infer.JitTrace_ELBO(ignore_jit_warnings=True), MATRIX),
    "JitTraceMeanField": (lambda: infer.JitTraceMeanField_ELBO(ignore_jit_warnings=True), MATRIX),
    "JitTraceEnum": (lambda: infer.JitTraceEnum_ELBO(ignore_jit_warnings=True), MIXTURE),
    "JitTraceGraph": (lambda: infer.JitTraceGraph_ELBO(ignore_jit_warnings=True), MATRIX),
    "tail-adaptive": (lambda: infer.TraceTailAdaptive_ELBO(num_particles=3, vectorize_particles=True), MATRIX),
    "wake and sleep": (lambda: infer.ReweightedWakeSleep(num_particles=3, vectorize_particles=False), MATRIX),
    "energy distance": (infer.EnergyDistance, MATRIX),
    "a function": (lambda: by_hand, MATRIX),
    "a bound method": (lambda: Trace_ELBO().differentiable_loss, MATRIX),
    "a subclass": (Tempered, MATRIX),
    "from scratch": (ByTraces, MATRIX),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_with_it_takes_the_steps_of_the_loop(kind: str) -> None:
    make, problem = KINDS[kind]
    fit = fitted(ADAM({"lr": 0.05}), elbo=make(), **problem)
    fit.advance(4), fit.advance(8)
    loop = BareLoop(ADAM({"lr": 0.05}), make(), **problem)
    loop.step(12)
    if kind == "tail-adaptive":
        assert set(loop.losses) == {math.inf}
        assert fit.history()["elbo"].isna().all(), "what Pyro does not tell is not known"
        loop.losses = losses(fit)
    assert_same(fit, loop)


CAPTURED = {"Trace", "Trace, particles", "TraceMeanField", "TraceEnum", "TraceTMC", "energy distance"}
CAPTURED |= {"Trace, vectorized", "Trace, vectorized, nesting told", "TraceEnum, nesting told"}
CAPTURED |= {"a function", "a bound method", "Trace, score", "TraceGraph", "Renyi", "Renyi, vectorized"}
# Pyro 1.9.2 compiles JitTraceMeanField_ELBO anew in each step, which draws random numbers twice therefore.
CAPTURED |= {"JitTrace", "JitTraceEnum", "JitTraceGraph", "wake and sleep"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_captured_or_the_engine_says_why_not(kind: str) -> None:
    make, problem = KINDS[kind]
    fit = fitted(ADAM({"lr": 0.05}), engine="graph", elbo=make(), **problem)
    fit.advance(60)
    loop = BareLoop(ADAM({"lr": 0.05}), make(), **problem)
    loop.step(60)
    assert list(values(fit)) == list(unconstrained())
    for name, value in values(fit).items():
        torch.testing.assert_close(value, unconstrained()[name], rtol=1e-4, atol=1e-5)
    if kind != "tail-adaptive":  # which tells no loss
        assert losses(fit) == pytest.approx(loop.losses, rel=1e-5, abs=1e-5)
    if kind in CAPTURED:
        assert fit.engine.name == "graph", fit.engine
    else:
        assert fit.engine.name == "plain", fit.engine


def with_gradients(model: Any, guide: Any, *args: Any, **kwargs: Any) -> float:
    value = 2 * by_hand(model, guide, *args, **kwargs)
    value.backward()  # type: ignore[no-untyped-call]
    return value.item() / 2


def test_a_loss_with_gradients_of_its_own() -> None:
    fit = fitted(ADAM({"lr": 0.05}), elbo=LossWithGradients(by_hand, with_gradients))
    fit.advance(12)
    loop = BareLoop(ADAM({"lr": 0.05}), by_hand, loss_and_grads=with_gradients)
    loop.step(12)
    assert_same(fit, loop)


def test_one_of_pyros_is_copied_for_each_fit_and_ones_own_is_not() -> None:
    enum, own = infer.TraceEnum_ELBO(), Tempered()
    for _ in range(2):
        fitted(ADAM({"lr": 0.05}), elbo=enum, **MIXTURE).advance(3)
        fitted(ADAM({"lr": 0.05}), elbo=own).advance(3)
    assert enum.max_plate_nesting == float("inf"), "what a fit guesses of its model is not told to others"
    assert own.calls == 6


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (Trace_ELBO, r"got the class Trace_ELBO: write Trace_ELBO\(\)"),
        ("elbo", "'elbo' of type str"),
        (torch.nn.MSELoss(), r"function loss\(model, guide, \*args, \*\*kwargs\), got MSELoss"),
        (torch.nn.MSELoss, "the class MSELoss"),
        (Trace_ELBO()(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)), r"give Trace_ELBO\(\) itself"),
        (3, "3 of type int"),
    ],
)
def test_what_is_no_loss_is_refused_with_what_is_needed(loss: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"elbo must be .*{text}"):
        fitted(ADAM({"lr": 0.05}), elbo=loss)


def level(data: torch.Tensor) -> None:
    centre = pyro.sample("centre", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(data)):
        pyro.sample("y", dist.Normal(centre, 0.5), obs=data)


@pytest.mark.parametrize(
    "loss",
    [Trace_ELBO(), Trace_ELBO(3), Trace_ELBO(3, max_plate_nesting=1, vectorize_particles=True)],
    ids=["one particle", "three", "three at once"],
)
def test_a_loss_that_is_asked_for_is_pyros_bit_for_bit(loss: Trace_ELBO) -> None:
    pyro.clear_param_store()
    guide = AutoNormal(level)
    guide(DATA)  # which draws where it begins
    values = []
    for compute in (loss.loss, lambda *args: ask_loss(loss, *args[:2], args[2:], {}, Transfer())()):
        pyro.set_rng_seed(1)
        values.append(compute(level, guide, DATA))
    assert values[0] == values[1]
