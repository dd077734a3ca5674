"""Each rule takes the steps of the real optimizer, however its learning rate changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pyro.optim.adagrad_rmsprop import AdagradRMSProp
from pyro.optim.clipped_adam import ClippedAdam
from pyro.optim.dct_adam import DCTAdam

from rugged_widget.infer.compiled.optimizer.update_rules import rule_of
from rugged_widget.infer.compiled.program import UnsupportedError

Make = Callable[..., torch.optim.Optimizer]

KINDS: dict[str, tuple[Make, dict[str, Any]]] = {
    "Adam": (torch.optim.Adam, {}),
    "Adam with other betas": (torch.optim.Adam, {"betas": (0.5, 0.7), "eps": 0.1}),
    "Adam without memory": (torch.optim.Adam, {"betas": (0.0, 0.0)}),
    "Adam with weight decay": (torch.optim.Adam, {"weight_decay": 0.3}),
    "Adam looped otherwise": (torch.optim.Adam, {"foreach": True}),
    "ClippedAdam": (ClippedAdam, {}),
    "ClippedAdam that clips": (ClippedAdam, {"clip_norm": 0.5}),
    "ClippedAdam that decays": (ClippedAdam, {"lrd": 0.9}),
    "ClippedAdam with weight decay": (ClippedAdam, {"weight_decay": 0.3, "clip_norm": 0.5}),
    "ClippedAdam with centered variance": (ClippedAdam, {"centered_variance": True, "betas": (0.8, 0.9), "eps": 0.01}),
    "ClippedAdam with everything": (
        ClippedAdam,
        {"weight_decay": 0.1, "clip_norm": 0.7, "lrd": 0.97, "centered_variance": True},
    ),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.3}),
    "AdamW without decay": (torch.optim.AdamW, {"weight_decay": 0.0}),
    "Adam with decoupled decay": (torch.optim.Adam, {"weight_decay": 0.3, "decoupled_weight_decay": True}),
    "DCTAdam": (DCTAdam, {"lrd": 0.97, "clip_norm": 0.7}),
    "AdagradRMSProp": (AdagradRMSProp, {"t": 0.3, "delta": 0.01}),
    "RMSprop": (torch.optim.RMSprop, {}),
    "RMSprop with everything": (torch.optim.RMSprop, {"alpha": 0.8, "eps": 0.01, "weight_decay": 0.1, "momentum": 0.7}),
    "SGD": (torch.optim.SGD, {}),
    "SGD with weight decay": (torch.optim.SGD, {"weight_decay": 0.3}),
    "SGD with momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "SGD with momentum and weight decay": (torch.optim.SGD, {"momentum": 0.5, "weight_decay": 0.3}),
    "SGD with Nesterov's momentum": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
}
PIECES = ((1, 0.1), (2, None), (7, 0.02), (1, 1.0), (30, 0.3), (9, None))
"""Steps of a call, 50 together, and the learning rate that is set before."""


def gradient(step: int) -> torch.Tensor:
    """Return a large one now and then, and an element that is always zero."""
    numbers = torch.randn(5, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return numbers * torch.tensor([1.0, 1e-3, 5.0, 1.0, 0.0], dtype=torch.float64) * (10.0 if step % 11 == 0 else 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_takes_the_steps_of_the_real_optimizer(kind: str) -> None:
    make, options = KINDS[kind]
    rate = "eta" if make is AdagradRMSProp else "lr"
    param = torch.linspace(-1, 1, 5, dtype=torch.float64).requires_grad_()
    real = make([param], **{rate: 0.1}, **options)
    rule = rule_of(real)
    params, moments = param.detach().clone(), tuple(torch.zeros(5, dtype=torch.float64) for _ in rule.moments)
    first, learning_rate = 1, 0.1
    for count, other_rate in PIECES:
        if other_rate is not None:
            learning_rate = real.param_groups[0][rate] = other_rate
        learning_rates = rule.decayed(learning_rate, count)
        rates = torch.as_tensor(rule.rates(learning_rates, first))
        assert rates.shape == (rule.num_rates, count)
        for step in range(count):
            param.grad = gradient(first + step)
            real.step()
            params, *rest = rule.update(params, gradient(first + step), moments, tuple(rates[:, step]))
            moments = tuple(rest)
            assert real.param_groups[0][rate] == pytest.approx(learning_rates[step])
            torch.testing.assert_close(params, param.detach(), rtol=1e-9, atol=1e-12)
        first, learning_rate = first + count, float(learning_rates[-1])
    for name, moment in zip(rule.moments, moments, strict=True):
        torch.testing.assert_close(moment, real.state[param][name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_changes_nothing_that_it_is_given(kind: str) -> None:
    make, options = KINDS[kind]
    rule = rule_of(make([torch.zeros(5, requires_grad=True)], **options))
    given = [torch.linspace(i, i + 1, 5) for i in range(2 + len(rule.moments))]
    kept = [value.clone() for value in given]
    rates = torch.as_tensor(rule.rates(rule.decayed(0.1, 1), 3), dtype=torch.float32)
    rule.update(given[0], given[1], tuple(given[2:]), tuple(rates[:, 0]))
    assert all(torch.equal(value, copy) for value, copy in zip(given, kept, strict=True))


def test_rates_stay_numbers_after_a_million_steps() -> None:
    for make, options in (KINDS["Adam"], KINDS["ClippedAdam that decays"]):
        rule = rule_of(make([torch.zeros(1, requires_grad=True)], lr=0.1, **options))
        assert np.isfinite(rule.rates(np.full(3, 0.01), 10**6)).all()


Params = list[torch.Tensor]


def in_frequencies(params: Params) -> torch.optim.Optimizer:
    params[0]._pyro_dct_dim = -1  # type: ignore[attr-defined]
    return DCTAdam(params, lr=0.1)


REFUSED: dict[str, tuple[Callable[[Params], torch.optim.Optimizer], str]] = {
    "another optimizer": (lambda params: torch.optim.Rprop(params, lr=0.1), "optimizer Rprop is none of Adam"),
    "a relative of Adam": (lambda params: torch.optim.NAdam(params, lr=0.1), "optimizer NAdam"),
    "AMSGrad": (lambda params: torch.optim.Adam(params, lr=0.1, amsgrad=True), "Adam has the option amsgrad=True"),
    "ascent": (lambda params: torch.optim.Adam(params, lr=0.1, maximize=True), "Adam has the option maximize=True"),
    "centered squares": (lambda params: torch.optim.RMSprop(params, lr=0.1, centered=True), "option centered=True"),
    "frequencies": (in_frequencies, "DCTAdam looks at a parameter by its frequencies"),
    "subsamples": (
        lambda params: DCTAdam(params, lr=0.1, subsample_aware=True),
        "DCTAdam moves only the elements that a step looks at",
    ),
    "dampening": (
        lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5),
        "SGD has the option dampening=0.5",
    ),
    "steps that are differentiated": (
        lambda params: torch.optim.SGD(params, lr=0.1, differentiable=True),
        "option differentiable=True",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_rule_is_refused_by_name(kind: str) -> None:
    make, reason = REFUSED[kind]
    with pytest.raises(UnsupportedError, match=reason):
        rule_of(make([torch.zeros(1, requires_grad=True)]))


def test_an_optimizer_of_ones_own_is_refused_even_if_it_derives_from_a_known_one() -> None:
    class Adam(torch.optim.Adam):
        pass

    with pytest.raises(UnsupportedError, match="none of"):
        rule_of(Adam([torch.zeros(1, requires_grad=True)], lr=0.1))
