"""A fit that cannot go on says where and what to try, is back at its last good state, and can go on from there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import autoguide
from pyro.optim import PyroOptim

from rugged_widget.errors import FitError
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BayesianRegression
from tests.infer.plain import FAMILIES, RUGGED, PlainLoop, global_state, tensors

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = torch.linspace(-1.0, 1.0, 20)


class Mishap:
    """A model in which something happens at one call; the calls of setting up the guide do not count."""

    def __init__(self, happens: Callable[[torch.Tensor], torch.Tensor], call: int) -> None:
        self.happens, self.call, self.calls = happens, call, -1

    def __call__(self, data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
        self.calls += 1
        if self.calls == self.call:
            mean = self.happens(mean)
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean, spread, validate_args=False), obs=data)


def raised(_: torch.Tensor) -> torch.Tensor:
    raise ZeroDivisionError("no such country")


def interrupted(_: torch.Tensor) -> torch.Tensor:
    raise KeyboardInterrupt


class Breaking(PyroOptim):
    """Adam, which is interrupted at its next step once it is told to be."""

    interrupted = False

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(torch.optim.Adam, options)

    def __call__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        super().__call__(params, *args, **kwargs)


def fitted(model: Any, learning_rate: float | None = 0.03, **more: Any) -> Fit:
    guide = autoguide.AutoDiagonalNormal
    return Fit(model, guide, (DATA,), learning_rate=learning_rate, seed=5, engine="plain", **more)


@pytest.fixture(scope="module")
def undisturbed() -> list[float]:
    fit = fitted(Mishap(raised, 10_000))
    fit.advance(30)
    return [float(elbo) for elbo in fit.history()["elbo"]]


@pytest.mark.parametrize(
    ("happens", "words", "site"),
    [
        (raised, "the model raised ZeroDivisionError: no such country", None),
        (lambda mean: mean * math.nan, "the log probability of site 'seen' is nan", "seen"),
        (lambda mean: mean + math.inf, "the log probability of site 'seen' is -inf", "seen"),
        (lambda mean: mean.expand(3), "the model raised ValueError", "seen"),
    ],
    ids=["raises", "nan", "inf", "shape"],
)
def test_a_failure_names_step_and_site_and_what_to_try_and_the_fit_goes_on(
    happens: Any, words: str, site: str | None, undisturbed: list[float]
) -> None:
    fit = fitted(Mishap(happens, 13), learning_rate=0.03)
    fit.advance(8)
    before = global_state()
    with pytest.raises(FitError) as failure:  # and no warning from Pyro, which would be an error here
        fit.advance(20)
    assert str(failure.value).startswith("Step 13 failed: ")
    for part in (words, "back at step 10", "a tenth of the learning rate: 0.003."):
        assert part in str(failure.value)
    assert (failure.value.step, failure.value.site) == (13, site)
    assert global_state() == before
    spared = fitted(Mishap(happens, 10_000), learning_rate=0.03)
    spared.advance(10)
    assert fit.step == 10
    assert all((value == spared.param_store()[name]).all() for name, value in fit.param_store().items())
    fit.learning_rate = 0.03
    fit.advance(20)  # what happened once does not happen again: the run is the one that nothing befell
    assert fit.history()["elbo"].tolist() == undisturbed


def test_an_interrupt_passes_and_leaves_the_fit_as_it_was_a_few_steps_before(undisturbed: list[float]) -> None:
    fit = fitted(Mishap(interrupted, 13))
    fit.advance(9)
    before = global_state()
    with pytest.raises(KeyboardInterrupt):
        fit.advance(20)
    assert global_state() == before
    assert fit.step == 10
    fit.advance(20)
    assert fit.history()["elbo"].tolist() == undisturbed


def test_an_interrupt_between_gradients_and_optimizer_leaves_no_gradient_behind(
    undisturbed: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fitted(Mishap(raised, 10_000), learning_rate=None, optimizer=Breaking({"lr": 0.03}))
    fit.advance(9)
    with monkeypatch.context() as patch:
        patch.setattr(Breaking, "interrupted", True)
        with pytest.raises(KeyboardInterrupt):
            fit.advance(1)
    assert fit.step == 5
    fit.advance(25)
    assert fit.history()["elbo"].tolist() == undisturbed


def test_a_failure_in_the_first_step_goes_back_to_the_start(undisturbed: list[float]) -> None:
    fit = fitted(Mishap(raised, 1))
    with pytest.raises(FitError, match=r"^Step 1 failed: .*back at step 0"):
        fit.advance(5)
    assert math.isnan(fit.elbo)
    fit.advance(30)
    assert fit.history()["elbo"].tolist() == undisturbed


def test_a_long_slice_loses_no_more_than_five_steps() -> None:
    fit = fitted(Mishap(raised, 240))
    with pytest.raises(FitError, match=r"Step 240 .*back at step 235"):
        fit.advance(300)
    assert fit.step == 235


def test_a_parameter_that_is_not_finite_is_named() -> None:
    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):  # the root is 0, its slope infinite: the gradient is nan, the loss is not
            pyro.sample("seen", dist.Normal((mean - mean).abs().sqrt(), 1.0), obs=data)

    with pytest.raises(FitError, match=r"Step 1 failed: the gradient of the parameter 'Auto.*loc' is not") as error:
        fitted(model).advance(1)
    assert error.value.site == "AutoDiagonalNormal.loc"


def test_a_scale_that_became_zero_is_named() -> None:
    fit = RegressionFit(RUGGED, learning_rate=1e5, engine="plain")
    with pytest.raises(FitError, match=r"Step 2 failed: the parameter 'AutoDiagonalNormal.scale' has left its range"):
        fit.advance(5)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_learning_rate_far_too_large_fails_and_a_smaller_one_carries_on(name: str) -> None:
    fit = RegressionFit(RUGGED, guide=name, learning_rate=1e38, engine="plain")
    with pytest.raises(FitError, match=r"a tenth of the learning rate: 1e\+37\."):
        fit.advance(50)
    assert fit.step == 0
    fit.learning_rate = 0.03
    fit.advance(20)
    assert (-fit.history()["elbo"]).tolist() == PlainLoop(FAMILIES[name]).step(20)


def test_pyros_own_words_name_the_site() -> None:
    def model(data: torch.Tensor) -> None:
        pyro.sample("rate", dist.Gamma(1.0, 1.0))
        pyro.sample(
            "count", dist.Poisson(torch.ones(len(data))).to_event(1), obs=data
        )  # negative numbers are no counts

    with pytest.raises(FitError, match=r"raised ValueError at site 'count': .*support") as error:
        fitted(model).advance(1)
    assert error.value.site == "count"
    assert "Trace Shapes" not in str(error.value)


def test_a_model_that_raises_at_once_fails_when_the_fit_is_made() -> None:
    before = global_state()
    with pytest.raises(FitError, match=r"Step 1 failed: .*raised ZeroDivisionError"):
        fitted(Mishap(raised, 0))
    assert global_state() == before


def test_a_model_cannot_ask_the_fit_that_runs_it() -> None:
    fits: list[Fit] = []
    model = Mishap(lambda mean: mean + fits[0].advance(1), 2)
    fits.append(fitted(model))
    with pytest.raises(FitError, match="the fit is computing already"):
        fits[0].advance(3)
    assert fits[0].advance(3) == 3


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("learning_rate", 0.0, ValueError),
        ("learning_rate", -1, ValueError),
        ("learning_rate", math.inf, ValueError),
        ("learning_rate", math.nan, ValueError),
        ("learning_rate", "0.1", TypeError),
        ("learning_rate", True, TypeError),
        ("seed", -1, ValueError),
        ("seed", 2**32, ValueError),
        ("seed", 1.0, TypeError),
        ("seed", False, TypeError),
        ("guide", "full", ValueError),
        ("guide", None, TypeError),
        ("probs", [], ValueError),
        ("probs", [0.5, 0.5], ValueError),
        ("probs", [0.9, 0.1], ValueError),
        ("probs", [0.0, 0.5], ValueError),
        ("probs", ["0.5"], TypeError),
        ("probs", 0.5, TypeError),
        ("prob", 1.0, ValueError),
        ("prob", None, TypeError),
        ("num_draws", 1, ValueError),
        ("num_draws", 800.0, TypeError),
        ("data", RUGGED.features, TypeError),
    ],
)
def test_a_wrong_argument_is_refused_at_once_by_name(name: str, value: Any, error: type[Exception]) -> None:
    arguments = {"data": RUGGED} | {name: value}
    with pytest.raises(error, match=name):
        RegressionFit(**arguments)


def test_a_wrong_learning_rate_is_refused_while_running_and_the_old_one_stays() -> None:
    fit = Fit(BayesianRegression(), FAMILIES["diagonal"], tensors(), learning_rate=0.02, seed=1)
    with pytest.raises(ValueError, match="finite and > 0"):
        fit.learning_rate = -0.1
    assert fit.learning_rate == 0.02


def test_where_a_step_led_astray_the_fit_goes_back_to_before_it() -> None:
    fit = RegressionFit(RUGGED, learning_rate=50.0, engine="plain")
    fit.advance(1)  # finite, but its parameters are useless
    with pytest.raises(FitError, match=r"^Step 2 failed: .*back at step 0"):
        fit.advance(1)
    fit.learning_rate = 0.03
    fit.advance(20)
    assert (-fit.history()["elbo"]).tolist() == PlainLoop(FAMILIES["diagonal"]).step(20)


class SpeechlessError(Exception):
    """An exception whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_without_a_message_to_be_had_is_named_all_the_same() -> None:
    def model() -> None:
        if calls:
            raise SpeechlessError
        pyro.sample("z", dist.Normal(0.0, 1.0))

    calls: list[int] = []
    fit = Fit(model, autoguide.AutoNormal, learning_rate=0.1, seed=1, engine="plain")
    calls.append(1)
    with pytest.raises(FitError, match=r"^Step 1 failed: the model raised SpeechlessError: no message\."):
        fit.advance(1)
