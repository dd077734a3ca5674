"""Parameters with rates, options and clipping of their own are stepped by one rule as Pyro steps each."""

from __future__ import annotations

from typing import Any

import pyro.optim
import pytest
import torch
from pyro.optim import PyroOptim

from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.per_parameter import Part, PerParameter, rule_of_parts
from rugged_widget.infer.compiled.optimizer.update_rules import SGD, Adam, ClippedAdam
from rugged_widget.infer.compiled.program import UnsupportedError

ADAM = Adam((0.9, 0.999), 1e-8, 0.0)
OPTIM: Any = pyro.optim  # Pyro makes most of them at import


def first_differs(name: str) -> dict[str, Any]:
    return {"lr": 0.3, "betas": (0.5, 0.9)} if name == "a" else {"lr": 0.1}


def first_is_clipped(_module: str, name: str) -> dict[str, Any]:
    return {"clip_norm": 0.5, "clip_value": 0.2} if name == "a" else {}


MADE: dict[str, Any] = {
    "rates": lambda: OPTIM.SGD(lambda name: {"lr": {"a": 0.3, "b": 0.1, "c": 0.1}[name], "momentum": 0.5}),
    "options": lambda: OPTIM.Adam(first_differs),
    "a rate of zero": lambda: OPTIM.Adam(lambda name: {"lr": 0.0 if name == "b" else 0.1}),
    "a rate of zero that decays weights": lambda: OPTIM.AdamW(lambda name: {"lr": 0.0 if name == "b" else 0.1}),
    "norms": lambda: OPTIM.Adam({"lr": 0.1}, {"clip_norm": 1.0}),
    "values": lambda: OPTIM.Adam({"lr": 0.1}, {"clip_value": 0.4}),
    "clipping of one": lambda: OPTIM.SGD({"lr": 0.1}, first_is_clipped),
}


@pytest.fixture
def params() -> Any:
    for place, name in enumerate("abc"):
        pyro.param(name, torch.linspace(-1, 1, 3 + place, dtype=torch.float64))
    return [value for _, value in pyro.get_param_store().named_parameters()]


def gradients(params: list[torch.Tensor], step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(param.shape, generator=generator, dtype=param.dtype) for param in params]


@pytest.mark.parametrize("kind", MADE)
def test_a_rule_of_parts_takes_the_steps_of_each_parameter(kind: str, params: list[torch.Tensor]) -> None:
    optim: PyroOptim = MADE[kind]()
    link = Link(optim, params)
    state, count = link.read()
    first_rate = optim._get_optim(params[0]).param_groups[0]["lr"]
    for step in range(1, 8):
        grads = gradients(params, step)
        rates = torch.as_tensor(link.rule.rates(link.rule.decayed(first_rate, 1), count + step))
        state = link.rule.update(state[0], torch.cat(grads), state[1:], tuple(rates[:, 0]))
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        optim(params)  # type: ignore[arg-type]
        torch.testing.assert_close(state[0], torch.cat([param.detach() for param in params]), rtol=1e-9, atol=1e-12)


def test_parts_that_are_alike_are_one_and_need_no_rule_of_rules() -> None:
    assert rule_of_parts([Part(ADAM, 2), Part(ADAM, 3)]) == ADAM
    assert rule_of_parts([Part(ADAM, 2), Part(ADAM, 3), Part(ADAM, 1, ratio=0.1)]) == PerParameter(
        (Part(ADAM, 5), Part(ADAM, 1, ratio=0.1))
    )
    norms = [Part(ADAM, 2, clip_norm=1.0), Part(ADAM, 3, clip_norm=1.0)]
    assert rule_of_parts(norms) == PerParameter(tuple(norms)), "each gradient has a norm of its own"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (SGD(0.0, nesterov=False, weight_decay=0.0), "different moments"),
        (ClippedAdam((0.9, 0.999), 1e-8, 0.0, 10.0, 0.9, centered_variance=False), "decay in different ways"),
    ],
)
def test_parts_that_no_one_rule_holds_are_refused(other: Any, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        rule_of_parts([Part(ADAM, 2), Part(other, 2)])


def test_a_first_parameter_that_does_not_move_is_refused(params: list[torch.Tensor]) -> None:
    with pytest.raises(UnsupportedError, match="learning rate of the first parameter is 0"):
        Link(OPTIM.Adam(lambda name: {"lr": 0.0 if name == "a" else 0.1}), params)
