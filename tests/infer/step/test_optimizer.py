"""A fit with any of Pyro's optimizers and schedulers takes the steps of the user's loop, and leaves theirs alone."""

from __future__ import annotations

import copy
import math
from typing import Any

import pyro
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from pyro.optim import PyroLRScheduler, PyroOptim

from rugged_widget.errors import FitError
from rugged_widget.infer.step.optimizer import OptimizerStart
from tests.infer.plain import normal_model
from tests.infer.step.bare import BareLoop, assert_same, fitted, losses, matrix_model, unconstrained, values

OPTIM: Any = pyro.optim  # Pyro makes most of them at import

SCHEDULES: dict[str, dict[str, Any]] = {
    "LambdaLR": {"lr_lambda": lambda epoch: 0.9**epoch},
    "MultiplicativeLR": {"lr_lambda": lambda _: 0.95},
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": [2, 5, 11], "gamma": 0.3},
    "ConstantLR": {"factor": 0.5, "total_iters": 4},
    "LinearLR": {"start_factor": 0.2, "total_iters": 8},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {"total_iters": 10, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 7},
    "CosineAnnealingWarmRestarts": {"T_0": 4, "T_mult": 2},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.05, "step_size_up": 3, "cycle_momentum": False},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 60},
    "ReduceLROnPlateau": {"patience": 1, "factor": 0.5, "threshold": 0.5},
}
UNUSABLE = {
    "SparseAdam",  # wants sparse gradients
    "SequentialLR",  # made of schedulers of one optimizer, and Pyro makes one of each parameter
    "ChainedScheduler",
    "LRScheduler",  # bases of schedulers
    "_LRScheduler",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "AdagradRMSProp": {"eta": 0.1},
    "ClippedAdam": {"lr": 0.05, "lrd": 0.97, "clip_norm": 2.0},
    "DCTAdam": {"lr": 0.05, "lrd": 0.97},
    "SGD": {"lr": 1e-4, "momentum": 0.9},
    "ASGD": {"lr": 1e-4},
}
EXPORTED = [name for name in OPTIM.__all__ if name not in {"PyroOptim", "PyroLRScheduler", "HorovodOptimizer"}]
OPTIMIZERS = [name for name in EXPORTED if name not in UNUSABLE and not hasattr(torch.optim.lr_scheduler, name)]
WATCHES = "ReduceLROnPlateau"


def optimizer(name: str) -> PyroOptim:
    return getattr(OPTIM, name)(dict(OPTIONS.get(name, {"lr": 0.05})))


def scheduler(name: str, **options: Any) -> PyroOptim:
    make = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.05}, **SCHEDULES[name], **options}
    return getattr(OPTIM, name)(make)


def test_every_optimizer_and_scheduler_of_pyro_is_tried_here() -> None:
    assert {*OPTIMIZERS, *SCHEDULES, *UNUSABLE} == set(EXPORTED)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_object_takes_the_steps_of_the_loop(name: str) -> None:
    fit = fitted(optimizer(name))
    fit.advance(7), fit.advance(13)
    loop = BareLoop(optimizer(name))
    loop.step(20)
    assert_same(fit, loop)


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_scheduler_is_stepped_as_the_user_would(name: str, every: int) -> None:
    fit = fitted(scheduler(name), schedule_every=every)
    fit.advance(7), fit.advance(13)
    loop = BareLoop(scheduler(name))
    loop.step(20, every, watches=name == WATCHES)
    assert_same(fit, loop)
    rates = fit.history()["learning_rate"]
    assert len(set(rates)) > 1, "the history tells how the rate went"


def per_parameter(name: str) -> dict[str, Any]:
    return {"lr": 0.1} if name == "net.loc" else {"lr": 0.01, "betas": (0.8, 0.99)}


def by_module(module: str, name: str) -> dict[str, Any]:
    return {"lr": 0.1 if (module, name) == ("net", "loc") else 0.02}


def clipped(module: str, name: str) -> dict[str, Any]:
    return {"clip_norm": 1.0} if (module, name) == ("net", "loc") else {"clip_value": 0.5}


MADE: dict[str, Any] = {
    "options for each parameter": lambda: OPTIM.Adam(per_parameter),
    "options by module and name": lambda: OPTIM.SGD(lambda module, name: {"lr": 1e-2 * by_module(module, name)["lr"]}),
    "clipped norms": lambda: OPTIM.Adam({"lr": 0.05}, {"clip_norm": 3.0}),
    "clipped values": lambda: OPTIM.SGD({"lr": 0.05}, {"clip_value": 0.5}),
    "clipping for each parameter": lambda: OPTIM.SGD({"lr": 0.05}, clipped),
    "a scheduler of options for each parameter": lambda: OPTIM.ExponentialLR(
        {"optimizer": torch.optim.Adam, "optim_args": per_parameter, "gamma": 0.9}
    ),
    "a scheduler that clips": lambda: OPTIM.StepLR(
        {"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.05}, "step_size": 4}, {"clip_norm": 1.0}
    ),
    "torch's own class": lambda: PyroOptim(torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    "a rate in a tensor": lambda: OPTIM.Adam({"lr": torch.tensor(0.05)}),
}


@pytest.mark.parametrize("kind", MADE)
def test_options_and_clipping_are_the_users(kind: str) -> None:
    make = MADE[kind]
    fit = fitted(make())
    fit.advance(5), fit.advance(10)
    loop = BareLoop(make())
    loop.step(15, every=isinstance(loop.optim, PyroLRScheduler))
    assert_same(fit, loop)


def everything_of(optim: Any) -> Any:
    return copy.deepcopy({key: value for key, value in vars(optim).items() if key != "pt_scheduler_constructor"})


@pytest.mark.parametrize("make", [lambda: optimizer("ClippedAdam"), lambda: scheduler("OneCycleLR")])
def test_the_users_object_stays_as_it_is_and_serves_many_fits(make: Any) -> None:
    given = make()
    before = everything_of(given)
    one, other = fitted(given), fitted(given)
    for fit in (one, other, one, other):
        fit.advance(6)
        fit.rate_factor = 0.5
    assert everything_of(given) == before
    assert losses(one) == losses(other)


@pytest.mark.parametrize("name", [*OPTIMIZERS, *SCHEDULES])
def test_after_a_failure_the_optimizer_is_back_with_the_parameters(name: str) -> None:
    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        calls.append(1)
        if len(calls) == 9:
            raise ZeroDivisionError("once")
        matrix_model(x, y)

    calls: list[int] = []
    make = scheduler if name in SCHEDULES else optimizer
    fit, undisturbed = fitted(make(name), model=model, schedule_every=3), fitted(make(name), schedule_every=3)
    undisturbed.advance(16)
    with pytest.raises(FitError, match="back at step 5"):
        fit.advance(16)
    fit.advance(11)
    assert fit.history().equals(undisturbed.history())
    after, expected = values(fit), values(undisturbed)
    assert all(torch.equal(after[key], expected[key]) for key in expected)


def test_a_failure_in_the_first_step_keeps_the_state_that_was_loaded() -> None:
    loop = BareLoop(optimizer("Adam"))
    loop.step(8)
    warm = OptimizerStart.of(loop.optim)

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("once")
        matrix_model(x, y)

    calls: list[int] = []
    fit, undisturbed = fitted(warm, model=model), fitted(warm)
    with pytest.raises(FitError, match="back at step 0"):
        fit.advance(5)
    fit.advance(5), undisturbed.advance(5)
    assert losses(fit) == losses(undisturbed)


def starting_at(params: dict[str, torch.Tensor]) -> Any:
    """Return a guide whose parameters begin at given unconstrained values."""

    def guide(*args: torch.Tensor) -> None:
        pyro.param("net$$$loc", params["net$$$loc"].clone())
        pyro.param("scale", params["scale"].exp(), constraint=torch.distributions.constraints.positive)
        loc, scale = pyro.param("net$$$loc"), pyro.param("scale")
        with pyro.plate("columns", 2, dim=-1), pyro.plate("rows", 2, dim=-2):
            pyro.sample("weights", pyro.distributions.Normal(loc, scale))

    return guide


@pytest.mark.parametrize("name", ["Adam", "ClippedAdam", "AdagradRMSProp", "ExponentialLR", "ReduceLROnPlateau"])
def test_moments_and_schedule_of_an_optimizer_that_has_trained_count(name: str) -> None:
    make, every = (scheduler, 1) if name in SCHEDULES else (optimizer, 0)
    loop = BareLoop(make(name))
    loop.step(10, every, watches=name == WATCHES)
    state = torch.get_rng_state()
    guide = starting_at(unconstrained())
    fit = fitted(loop.optim, make_guide=lambda _: guide)
    fit._isolation._generators = fit._isolation._generators.current()  # go on with the loop's random numbers
    torch.set_rng_state(state)
    fit.advance(10)
    cold = fitted(make(name), make_guide=lambda _: guide)
    loop.step(10, every, watches=name == WATCHES)
    assert losses(fit) == pytest.approx(loop.losses[10:], rel=1e-4)  # the scale is put through its constraint again
    cold.advance(2)
    assert losses(cold)[1] != losses(fit)[1]


@pytest.mark.parametrize("name", ["Adam", "ClippedAdam", "AdagradRMSProp", "ExponentialLR", "ReduceLROnPlateau"])
@pytest.mark.parametrize("before", [0, 4])
def test_the_state_given_back_lets_the_users_loop_go_on_as_if_it_had_done_it_all(name: str, before: int) -> None:
    make, every = (scheduler, 1) if name in SCHEDULES else (optimizer, 0)
    fit = fitted(make(name))
    fit.advance(10)
    whole = BareLoop(make(name))
    whole.step(10, every, watches=name == WATCHES)
    rest = whole.svi
    params, generator = unconstrained(), torch.get_rng_state()
    whole.step(5, every, watches=name == WATCHES)
    loop = BareLoop(make(name))
    loop.step(before, every, watches=name == WATCHES)  # parameters that the user's optimizer has met already
    if not before:
        rest.guide()
    with torch.no_grad():
        for key, value in pyro.get_param_store().named_parameters():
            value.copy_(params[key])
    fit.give_optimizer_back(loop.optim)
    torch.set_rng_state(generator)
    loop.step(5, every, watches=name == WATCHES)
    assert loop.losses[before:] == whole.losses[10:]


def test_what_is_given_back_must_be_of_the_same_kind() -> None:
    fit = fitted(optimizer("Adam"))
    fit.advance(2)
    with pytest.raises(TypeError, match=r"kind that the fit was made with, Adam, got SGD"):
        fit.give_optimizer_back(optimizer("SGD"))
    with pytest.raises(TypeError, match=r"optim must be one of Pyro's.*got torch's class SGD"):
        fit.give_optimizer_back(torch.optim.SGD)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "halved"),
    [
        ("Adam", lambda: OPTIM.Adam({"lr": 0.025})),
        ("ClippedAdam", lambda: OPTIM.ClippedAdam({**OPTIONS["ClippedAdam"], "lr": 0.025})),
        ("AdagradRMSProp", lambda: OPTIM.AdagradRMSProp({"eta": 0.05})),
        ("ExponentialLR", lambda: scheduler("ExponentialLR", optim_args={"lr": 0.025})),
        ("MultiStepLR", lambda: scheduler("MultiStepLR", optim_args={"lr": 0.025})),
        ("OneCycleLR", lambda: scheduler("OneCycleLR", max_lr=0.05)),
    ],
)
def test_the_factor_multiplies_every_rate(name: str, halved: Any) -> None:
    make = scheduler if name in SCHEDULES else optimizer
    fit, other = fitted(make(name)), fitted(halved())
    fit.rate_factor = 0.5
    fit.advance(12), other.advance(12)
    assert losses(fit) == pytest.approx(losses(other), rel=1e-4)
    assert fit.history()["learning_rate"].tolist() == pytest.approx(other.history()["learning_rate"].tolist())


def test_a_touch_of_the_learning_rate_scales_the_rates_of_all_parameters() -> None:
    fit = fitted(OPTIM.Adam(per_parameter))
    assert math.isnan(fit.learning_rate), "the guide makes its parameters in the first step"
    with pytest.raises(ValueError, match="set rate_factor"):
        fit.learning_rate = 0.01
    fit.rate_factor = 0.5
    fit.advance(1)
    assert fit.learning_rate == 0.05
    fit.learning_rate = 0.01
    assert fit.rate_factor == pytest.approx(0.1)
    fit.rate_factor = 1.0
    assert fit.learning_rate == 0.1


def test_the_rate_of_the_first_parameter_is_known_before_the_first_step_where_the_guide_is_set_up() -> None:
    fit = fitted(
        OPTIM.Adam(lambda name: {"lr": 0.3 if "locs" in name else 0.1}),
        model=normal_model,
        args=(torch.zeros(4),),
        make_guide=AutoNormal,
    )
    assert fit.learning_rate == 0.3
    fit.learning_rate = 0.03
    fit.advance(2)
    assert fit.history()["learning_rate"].tolist() == pytest.approx([0.03, 0.03])


def test_a_factor_taken_back_leaves_the_schedule_as_it_was() -> None:
    fit, other = fitted(scheduler("CosineAnnealingLR")), fitted(scheduler("CosineAnnealingLR"))
    fit.advance(3), other.advance(6)
    fit.rate_factor = 0.1
    fit.advance(3)
    fit.rate_factor = 1.0
    assert fit.learning_rate == other.learning_rate


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, "1"])
def test_a_wrong_factor_is_refused(value: Any) -> None:
    fit = fitted(optimizer("Adam"))
    with pytest.raises((TypeError, ValueError), match="rate_factor"):
        fit.rate_factor = value


@pytest.mark.parametrize(
    ("more", "error", "text"),
    [
        ({"optimizer": torch.optim.Adam}, TypeError, r"optimizer must be one of Pyro's.*torch's class Adam"),
        ({"optimizer": torch.optim.SGD([torch.zeros(1)], lr=0.1)}, TypeError, r"torch's SGD"),
        ({"optimizer": "adam"}, TypeError, "'adam' of type str"),
        ({"optimizer": pyro.optim.multi.Newton()}, TypeError, "Newton is for loops of one's own"),
        ({"learning_rate": 0.1}, ValueError, "learning_rate must be None where optimizer is an object"),
        ({"optimizer": None}, TypeError, "learning_rate must be a number, got None"),
        ({"schedule_every": 0}, ValueError, "schedule_every must be at least 1, got 0"),
    ],
)
def test_what_is_no_optimizer_of_pyros_is_refused_with_what_is_needed(
    more: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        fitted(**{"optim": optimizer("Adam")} | more)
