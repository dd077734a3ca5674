"""Steps that fail, are wrong or are broken off: told as by plain steps, mended, and the fit goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from rugged_widget.errors import FitError
from rugged_widget.infer.svi.fit import Fit
from tests.infer.compiled.case import Problem, diagonal
from tests.infer.compiled.fits import fit_of, losses, numbers_of, ready
from tests.infer.compiled.loop import Loop, numbers
from tests.infer.compiled.test_cases import assert_close, assert_same_numbers
from tests.infer.compiled.test_switching import BY_NAME, ENGINES, SLOW
from tests.waits import LIMIT_SECONDS

pytestmark = pytest.mark.slow  # each fit captures its step anew


class Wrong:
    """An engine that computes wrongly: what it is given passes through another, and is spoilt."""

    def __init__(self, engine: Any, what: str) -> None:
        self._engine, self._what = engine, what
        self.name, self.max_steps = engine.name, engine.max_steps

    def run(self, state: Any, inputs: Any) -> Any:
        (params, *moments), spoilt = self._engine.run(state, inputs)
        if self._what == "loss":
            return (params, *moments), spoilt * 1.01
        return (params + 1e-3, *(moment * 1.01 for moment in moments)), spoilt


@pytest.mark.parametrize(
    ("what", "start"),
    [
        ("gradient", 0),
        pytest.param("loss", 0, marks=SLOW),
        pytest.param("gradient", 33, marks=SLOW),
        pytest.param("loss", 33, marks=SLOW),
    ],
)
def test_an_engine_that_is_wrong_is_given_up_and_the_run_is_that_of_the_plain_loop(what: str, start: int) -> None:
    fit = ready(fit_of(BY_NAME["diagonal"], "graph"))
    fit.advance(start)
    inner = fit._stepping._compiled
    assert inner is not None
    inner.use(Wrong(inner.compiled.engine, what))
    fit.advance(60)
    assert fit.engine.name == "plain"
    assert "disagree" in fit.engine.reason
    loop = Loop(BY_NAME["diagonal"])
    loop.step(start + 60)
    assert fit.step == len(fit.history()) == start + 60
    assert_close(losses(fit), loop.losses, 1e-6)
    assert_same_numbers(numbers_of(fit), numbers(loop.optim), 1e-4)


def drifting(broken: Callable[[Tensor], Tensor]) -> Problem:
    """A latent that walks on from 0, a fiftieth a step, and must not reach 1."""

    def model(data: Tensor) -> None:
        place = pyro.sample("place", dist.Normal(0.0, 1.0))
        pyro.factor("pull", 200.0 * place)
        mean = broken(place)
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean, 1.0, validate_args=False), obs=data)

    def guide(model: Any) -> Any:
        return diagonal(model, init_loc_fn=lambda site: torch.zeros(site["fn"].shape()), init_scale=1e-3)

    return Problem(model, guide, (torch.linspace(-1.0, 1.0, 20),))


def factor_of_a_covariance(place: Tensor) -> Tensor:
    one = torch.ones(())
    return torch.linalg.cholesky(torch.stack([torch.stack([one, place]), torch.stack([place, one])]))[1, 0]


def advance_far(fit: Fit, slices: int) -> None:
    for _ in range(400 // slices):
        fit.advance(slices)


def failed(fit: Fit, slices: int = 100) -> FitError:
    with pytest.raises(FitError) as failure:
        advance_far(fit, slices)
    return failure.value


def begun(broken: Callable[[Tensor], Tensor], engine: str, learning_rate: float) -> Fit:
    problem = drifting(broken)
    fit = Fit(problem.model, problem.make_guide, problem.args, learning_rate=learning_rate, seed=1, engine=engine)
    ready(fit).wait_for_engine(LIMIT_SECONDS)
    return fit


def not_a_number(place: Tensor) -> Tensor:
    return place + torch.where(place < 1.0, 0.0, math.nan)


def infinite(place: Tensor) -> Tensor:
    return place + torch.where(place < 1.0, 0.0, math.inf)


BREAKS = [
    pytest.param(factor_of_a_covariance, "LinAlgError", id="raises", marks=SLOW),
    pytest.param(not_a_number, "log probability of site 'seen' is nan", id="nan"),
    pytest.param(
        lambda place: place + torch.where(place < 1.0, 0.0, math.inf), "site 'seen' is -inf", id="inf", marks=SLOW
    ),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("broken", "words"), BREAKS)
def test_a_failure_at_step_50_is_told_as_by_plain_steps_and_the_fit_goes_on(
    engine: str, broken: Any, words: str
) -> None:
    plain, captured = begun(broken, "plain", 0.02), begun(broken, engine, 0.02)
    for fit in (plain, captured):
        fit.advance(13)
    assert captured.engine.name == engine, captured.engine.reason
    expected, found = failed(plain), failed(captured)
    assert words in str(expected)
    assert 45 <= expected.step <= 55
    assert (str(found), found.step, found.site) == (str(expected), expected.step, expected.site)
    assert captured.step == plain.step == len(captured.history())
    assert_same_numbers(numbers_of(captured), numbers_of(plain), 1e-4)
    for fit in (plain, captured):
        fit.learning_rate = 1e-5
        assert fit.advance(30) == 30
    assert captured.engine.name == engine, captured.engine.reason
    assert_close(losses(captured), losses(plain), 1e-4)


@pytest.mark.parametrize(
    ("learning_rate", "slices"),
    [
        (0.25, 100),
        (0.05, 1),
        *(pytest.param(*other, marks=SLOW) for other in [(0.25, 1), (0.25, 7), (0.05, 7), (0.05, 100)]),
    ],
)
def test_an_early_failure_leads_back_to_where_plain_steps_go_however_it_is_sliced(
    learning_rate: float, slices: int
) -> None:
    plain, captured = (begun(not_a_number, engine, learning_rate) for engine in ("plain", "graph"))
    assert str(failed(captured, slices)) == str(failed(plain, slices))
    assert str(failed(captured, slices)) == str(failed(plain, slices))  # the same again, with the same learning rate
    for fit in (plain, captured):
        fit.learning_rate = 1e-6
        assert fit.advance(30) == 30
    assert_close(losses(captured), losses(plain), 1e-4)


class Interrupting(Wrong):
    """An engine that the user interrupts in its third run, or whose check is interrupted."""

    runs = 0

    def run(self, state: Any, inputs: Any) -> Any:
        self.runs += 1
        found = self._engine.run(state, inputs)
        if self.runs == 3:
            raise KeyboardInterrupt
        return found


@pytest.mark.parametrize("start", [pytest.param(0, marks=SLOW), 33])
def test_an_interrupt_in_captured_steps_loses_none_that_are_told_and_changes_none_to_come(start: int) -> None:
    fit = ready(fit_of(BY_NAME["diagonal"], "graph"))
    fit.advance(start)
    inner = fit._stepping._compiled
    assert inner is not None
    inner.use(Interrupting(inner.compiled.engine, "interrupt"))
    with pytest.raises(KeyboardInterrupt):
        fit.advance(60)
    assert fit.step == len(fit.history())
    fit.advance(start + 60 - fit.step)
    assert fit.engine.name == "graph"
    loop = Loop(BY_NAME["diagonal"])
    loop.step(start + 60)
    assert_close(losses(fit), loop.losses, 1e-4)
    assert_same_numbers(numbers_of(fit), numbers(loop.optim), 1e-2)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_model_that_is_broken_off_in_a_check_goes_on_as_if_it_had_not_been(error: type[BaseException]) -> None:
    bombs: list[type[BaseException]] = []

    def maybe(place: Tensor) -> Tensor:
        if bombs:
            raise bombs.pop()("once")
        return place

    plain, captured = (begun(maybe, engine, 0.001) for engine in ("plain", "graph"))
    captured.advance(20)
    bombs.append(error)
    told = False
    while bombs:
        try:
            captured.advance(5)
        except (KeyboardInterrupt, FitError):
            told = True
    assert told or error is not KeyboardInterrupt
    captured.advance(50)
    plain.advance(captured.step)
    assert captured.step == len(captured.history())
    assert captured.engine.name == "graph", captured.engine.reason
    assert_close(losses(captured), losses(plain), 1e-4)


def test_a_model_that_raises_at_its_50th_call_is_told_at_the_step_that_calls_it() -> None:
    calls = 0

    def counted(place: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 50:
            raise ZeroDivisionError("no such country")
        return place

    problem = drifting(counted)
    fit = Fit(problem.model, problem.make_guide, problem.args, learning_rate=0.02, seed=1)
    error = failed(fit)
    assert "raised ZeroDivisionError: no such country" in str(error)
    assert (fit.engine.name, "'calls'" in fit.engine.reason) == ("plain", True)
    assert 40 <= error.step <= 50
    assert fit.step == len(fit.history()) < error.step
    assert fit.advance(30) == 30
