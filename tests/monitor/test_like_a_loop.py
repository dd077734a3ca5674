"""What is trained is the user's: everything afterwards is as after a loop of one's own."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro.infer import SVI, Predictive, Trace_ELBO
from pyro.optim import Adam

from rugged_widget import watch
from tests.models import CASES
from tests.monitor.watched import losses, made, watched
from tests.regression.plain_widget import RuggedWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.models.case import Case, Setup

BY_NAME = {case.name: case for case in CASES}
SCHOOLS, AUTOENCODER = BY_NAME["eight schools"], BY_NAME["autoencoder"]


def state(setup: Setup) -> dict[str, torch.Tensor]:
    """Return a copy of the networks of the autoencoder."""
    return {name: value.clone() for name, value in setup.model.__self__.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def trained_networks(num_steps: int, seed: int = 3) -> dict[str, torch.Tensor]:
    """Return the networks after steps of a loop."""
    setup = made(AUTOENCODER)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    pyro.set_rng_seed(seed)
    for _ in range(num_steps):
        svi.step(*setup.args)
    return state(setup)


def test_networks_and_store_hold_what_a_loop_would_have_trained() -> None:
    wanted = trained_networks(6)
    setup = made(AUTOENCODER)
    with closing(watched(AUTOENCODER, setup)) as monitor:
        monitor.advance(6)
        assert same(state(setup), wanted)
        store = pyro.get_param_store()
        assert {*store.keys()} == {*monitor.param_store()}
        for name, value in monitor.param_store().items():
            np.testing.assert_array_equal(store[name].detach().numpy(), value)


def test_reset_begins_from_the_networks_as_they_were() -> None:
    setup = made(AUTOENCODER)
    initial = state(setup)
    with closing(watched(AUTOENCODER, setup)) as monitor:
        monitor.advance(5)
        first = losses(monitor)
        assert not same(state(setup), initial)
        monitor.reset()
        assert same(state(setup), initial)
        monitor.advance(5)
        assert losses(monitor) == first


def test_two_monitors_on_one_autoencoder_do_not_disturb_each_other() -> None:
    setup = made(AUTOENCODER)
    with closing(watched(AUTOENCODER, setup)) as one, closing(watched(AUTOENCODER, setup, seed=4)) as other:
        for _ in range(3):
            one.advance(2)
            other.advance(1)
        one.advance(1)
        assert same(state(setup), trained_networks(7))  # those of the one that rested last
        together = losses(one), losses(other)
    for seed, num_steps, ours in ((3, 7, together[0]), (4, 3, together[1])):
        with closing(watched(AUTOENCODER, seed=seed)) as alone:
            alone.advance(num_steps)
            assert losses(alone) == ours


@pytest.mark.slow
def test_predictive_in_the_next_cell_uses_what_was_trained() -> None:
    setup = made(SCHOOLS)
    with closing(watched(SCHOOLS, setup, num_steps=50)) as monitor:
        monitor.advance(50)
        for guide in (setup.guide, monitor.trained_guide):
            pyro.set_rng_seed(1)
            drawn = Predictive(setup.model, guide=guide, num_samples=500)(*setup.args)
            low, high = monitor.quantiles([0.25, 0.75])["eta"]
            eta = drawn["eta"].reshape(500, 8).numpy()
            inside = ((eta > low) & (eta < high)).mean(0)
            np.testing.assert_allclose(inside, 0.5, atol=0.09)  # four standard errors of a share of 500 draws


def test_a_loop_goes_on_from_there_and_does_not_move_the_monitor() -> None:
    with closing(watched(AUTOENCODER)) as alone:
        alone.advance(7)
        wanted = losses(alone)
    setup = made(AUTOENCODER)
    with closing(watched(AUTOENCODER, setup)) as monitor:
        monitor.advance(6)
        trained = state(setup)
        loop = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        assert loop.evaluate_loss(*setup.args) < wanted[0]
        loop.step(*setup.args)
        assert not same(state(setup), trained)
        monitor.advance(1)
        assert losses(monitor) == wanted


@pytest.mark.parametrize("case", [SCHOOLS, AUTOENCODER, BY_NAME["coin"]], ids=str)
def test_a_warm_start_goes_on_from_parameters_and_optimizer(case: Case) -> None:
    def warmed() -> tuple[Setup, SVI]:
        setup = made(case)
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        pyro.set_rng_seed(1)
        for _ in range(4):
            svi.step(*setup.args)
        return setup, svi

    setup, svi = warmed()
    pyro.set_rng_seed(3)
    wanted = [svi.step(*setup.args) for _ in range(4)]
    setup, _ = warmed()
    with closing(watched(case, setup)) as monitor:
        monitor.advance(4)
        assert losses(monitor) == wanted
        monitor.reset()
        monitor.advance(4)
        assert losses(monitor) == wanted


def _halves(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
    first, second = (pyro.param(name, torch.zeros(())) for name in ("first", "second"))
    pyro.sample("x", dist.Normal(first, 1.0), obs=x)
    if y is not None:
        pyro.sample("y", dist.Normal(second, 1.0), obs=y)


def _nothing(*_: torch.Tensor) -> None:
    """Draw no latents."""


def test_moments_of_steps_before_move_a_parameter_that_the_loss_no_longer_depends_on() -> None:
    def warmed() -> SVI:
        pyro.clear_param_store()
        svi = SVI(_halves, _nothing, Adam({"lr": 0.1}), loss=Trace_ELBO())
        svi.step(torch.tensor(1.0), torch.tensor(1.0))
        return svi

    def second() -> float:
        return pyro.param("second").item()

    svi, wanted = warmed(), []
    for _ in range(5):
        svi.step(torch.tensor(1.0))
        wanted.append(second())
    assert len({*wanted}) == 5
    for engine in ("plain", "auto"):
        svi = warmed()
        with closing(watch(svi, torch.tensor(1.0), engine=engine, num_steps=3)) as monitor:
            monitor.advance(3)
            assert second() == wanted[2]
        svi.step(torch.tensor(1.0))
        assert second() == wanted[3]


@pytest.mark.parametrize("engine", ["plain", "auto"])
def test_it_computes_in_the_default_dtype_that_the_user_has_chosen(engine: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        setup = made(SCHOOLS)
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        pyro.set_rng_seed(3)
        wanted = [svi.step(*setup.args) for _ in range(4)]
        with closing(watched(SCHOOLS, engine=engine)) as monitor:
            monitor.advance(4)
            assert {value.dtype for value in monitor.param_store().values()} == {np.dtype("float64")}
            if engine == "plain":
                assert losses(monitor) == wanted
            np.testing.assert_allclose(losses(monitor), wanted, rtol=1e-12)
    finally:
        torch.set_default_dtype(torch.float32)


def test_parameters_that_the_user_keeps_in_modules_do_not_come_into_the_store() -> None:
    with pyro.settings.context(module_local_params=True):
        setup = made(SCHOOLS)
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        pyro.set_rng_seed(3)
        wanted = [svi.step(*setup.args) for _ in range(4)]
        trained = {name: value.clone() for name, value in setup.guide.named_parameters()}
        stored = {*pyro.get_param_store().keys()}
        setup = made(SCHOOLS)
        with closing(watched(SCHOOLS, setup)) as monitor:
            monitor.advance(4)
            assert losses(monitor) == wanted
            assert {*pyro.get_param_store().keys()} == stored
            assert same(dict(setup.guide.named_parameters()), trained)


def test_a_recalled_run_comes_back_and_goes_on() -> None:
    setup = made(SCHOOLS)
    with closing(watched(SCHOOLS, setup, num_steps=6)) as monitor:
        monitor.advance(6)
        first, store = losses(monitor), monitor.param_store()
        monitor.guide = "multivariate"
        monitor.advance(6)
        assert monitor.runs().index.tolist() == [1, 2]
        assert monitor.runs()["guide"].iloc[0] != monitor.runs()["guide"].iloc[1]
        monitor.recall(1)
        assert (monitor.step, losses(monitor)) == (6, first)
        assert monitor.param_store().keys() == store.keys()
        monitor.num_steps = 8
        monitor.advance(2)
        longer = losses(monitor)
    with closing(watched(SCHOOLS, num_steps=8)) as alone:
        alone.advance(8)
        assert losses(alone) == longer


def test_without_a_notebook_it_trains_to_the_end() -> None:
    with closing(watched(SCHOOLS, num_steps=30)) as monitor:
        assert asyncio.run(monitor.fit()) is monitor
        assert (monitor.status, monitor.step) == ("finished", 30)
        again = pickle.loads(pickle.dumps(monitor.snapshot))
        np.testing.assert_array_equal(again.quantiles["eta"], monitor.snapshot.quantiles["eta"])
        with pytest.raises(ValueError, match="read-only"):
            again.quantiles["eta"][:] = 0


@cache
def alone(who: str) -> list[float]:
    """Return the losses of eight steps with nothing beside them."""
    if who == "loop":
        setup = made(BY_NAME["gamma-Poisson"])
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        pyro.set_rng_seed(2)
        return [svi.step(*setup.args) for _ in range(8)]
    with closing(RuggedWidget(num_steps=8) if who == "lesson" else watched(AUTOENCODER)) as widget:
        widget.advance(8)
        return losses(widget)


@pytest.mark.slow
@given(st.lists(st.sampled_from(["lesson", "monitor", "loop"]), min_size=4, max_size=8))
@settings(max_examples=6)
def test_lesson_monitor_and_a_loop_of_ones_own_take_turns(turns: list[str]) -> None:
    """Each has the losses that it has alone, in whatever order they step."""
    wanted = {who: alone(who) for who in ("lesson", "monitor", "loop")}
    networks = made(AUTOENCODER)
    setup = BY_NAME["gamma-Poisson"].make()
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    loop: list[float] = []
    with closing(RuggedWidget(num_steps=8)) as lesson, closing(watched(AUTOENCODER, networks)) as monitor:
        pyro.set_rng_seed(2)
        step = {
            "lesson": lesson.advance,
            "monitor": monitor.advance,
            "loop": lambda: loop.append(svi.step(*setup.args)),
        }
        for who in turns:
            step[who]()
        for who, ours in (("lesson", losses(lesson)), ("monitor", losses(monitor)), ("loop", loop)):
            assert ours == wanted[who][: turns.count(who)], who


def _sum_of(count: int) -> Callable[[torch.Tensor], None]:
    def model(total: torch.Tensor) -> None:
        with pyro.plate("parts", count):
            part = pyro.sample("part", dist.Normal(0.0, 1.0))
        pyro.sample("total", dist.Normal(part.sum(), 1.0), obs=total)

    return model


def test_a_guide_that_watch_makes_begins_anew_whatever_another_model_has_left_in_the_store() -> None:
    total = torch.tensor(1.0)
    with closing(watch(_sum_of(3), None, total, num_steps=5)) as monitor:
        assert list(pyro.get_param_store().keys()) == []  # a window that was only opened has set nothing up
        monitor.advance(5)
    left = {name: value.clone() for name, value in pyro.get_param_store().items()}
    assert left
    with closing(watch(_sum_of(5), None, total, num_steps=5)):
        assert all(torch.equal(left[name], value) for name, value in pyro.get_param_store().items())
    with closing(watch(_sum_of(3), "normal", total, num_steps=1)) as monitor:
        monitor.advance(1)
        after = losses(monitor)
    pyro.clear_param_store()
    with closing(watch(_sum_of(3), "normal", total, num_steps=1)) as monitor:
        monitor.advance(1)
        assert losses(monitor) == after


def test_after_the_store_is_cleared_the_same_svi_trains_anew_as_in_a_loop() -> None:
    def trained(step: Callable[[SVI, Setup], list[float]]) -> list[list[float]]:
        setup = made(BY_NAME["eight schools by hand, decaying rate"])
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        runs = []
        for seed in (3, 4):
            pyro.clear_param_store()
            pyro.set_rng_seed(seed)
            runs.append(step(svi, setup))
        return runs

    def by_loop(svi: SVI, setup: Setup) -> list[float]:
        result = []
        for _ in range(8):
            result.append(float(svi.step(*setup.args)))
            setup.optimizer.step()
        return result

    seeds = iter((3, 4))

    def by_watch(svi: SVI, setup: Setup) -> list[float]:
        with closing(watch(svi, *setup.args, seed=next(seeds), num_steps=8, engine="plain")) as monitor:
            monitor.advance(8)
            return losses(monitor)

    assert trained(by_watch) == trained(by_loop)
