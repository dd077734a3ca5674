"""Whatever a fit does, the user's Pyro, torch, NumPy and Python are as before."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch.overrides import TorchFunctionMode

from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.numpy_errors import NUMPY_ERRORS
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import FAMILIES, RUGGED, PlainLoop, global_state
from tests.surroundings import chosen

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def held() -> torch.Tensor:
    """A parameter that the user holds on to, and generators in the middle of something."""
    pyro.set_rng_seed(99)
    torch.set_num_threads(2)
    random.gauss(0, 1)
    np.random.randn(1)
    return pyro.param("AutoDiagonalNormal.loc", torch.tensor([3.0]), constraint=dist.constraints.positive)


ENGINES_ALONE = ["plain", "graph"]


def everything(engine: str = "plain") -> None:
    fit = RegressionFit(RUGGED, seed=4, engine=engine)
    fit.prepare()
    fit.advance(3)
    if engine != "plain":
        fit.use_engine("plain")
        fit.advance(3)
        fit.use_engine(engine)
        fit.advance(3)
    fit.learning_rate = 0.1
    fit.snapshot(), fit.quantiles([0.5]), fit.slopes(3), fit.param_store(), fit.history(), fit.curve(), repr(fit)


@pytest.mark.parametrize("engine", [*ENGINES_ALONE, pytest.param("jax", marks=pytest.mark.slow)])
def test_all_that_a_fit_does_leaves_the_user_as_before(held: torch.Tensor, engine: str) -> None:
    before = global_state()
    everything(engine)
    assert global_state() == before
    assert held.unconstrained() is pyro.get_param_store()._params["AutoDiagonalNormal.loc"]  # type: ignore[attr-defined]


DTYPES = [torch.float16, torch.bfloat16, torch.float64]


class DeviceOf(TorchFunctionMode):
    """A mode of the user's that no step may pass through."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in {torch.Tensor.backward, torch.randn, torch.normal}:
            raise AssertionError(f"the user's mode hears of {func}")
        return func(*args, **(kwargs or {}))


def surroundings() -> dict[str, Callable[[], Any]]:
    return {
        "no_grad": torch.no_grad,
        "inference_mode": torch.inference_mode,
        "autocast": lambda: torch.autocast("cpu"),
        "handlers": poutine.trace,
        "block": poutine.block,
        "plate": lambda: pyro.plate("data", 7),
        "validation off": lambda: pyro.validation_enabled(is_validate=False),
        "local parameters": lambda: pyro.settings.context(module_local_params=True),
        "device": lambda: torch.device("meta"),
        "default device": lambda: chosen(torch.set_default_device, "meta", None),
        "function mode": DeviceOf,
        **{str(dtype): partial(chosen, torch.set_default_dtype, dtype, torch.float32) for dtype in DTYPES},
        "errors of NumPy": lambda: np.errstate(all="raise"),
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, list[float]]:
    """Losses of five steps without any surroundings."""
    losses = {}
    for engine in ENGINES_ALONE:
        fit = RegressionFit(RUGGED, seed=4, engine=engine)
        fit.advance(5)
        losses[engine] = (-fit.history()["elbo"]).tolist()
    assert losses["plain"] == PlainLoop(FAMILIES["diagonal"], seed=4).step(5)
    pyro.clear_param_store()
    return losses


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("engine", ["plain", pytest.param("graph", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", surroundings())
def test_the_users_surroundings_change_no_step_and_are_as_before(
    name: str, engine: str, expected: dict[str, list[float]]
) -> None:
    fit = RegressionFit(RUGGED, seed=4, engine=engine)
    with surroundings()[name]() as entered:
        before = global_state()
        fit.advance(5)
        fit.snapshot()
        if name == "handlers":
            assert not entered.trace.nodes
        assert global_state() == before
        everything(engine)
        assert global_state() == before
    assert (-fit.history()["elbo"]).tolist() == expected[engine]


@pytest.mark.parametrize("engine", ["plain", pytest.param("graph", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", surroundings())
def test_a_fit_that_is_made_in_the_users_surroundings_takes_the_same_steps(
    name: str, engine: str, expected: dict[str, list[float]]
) -> None:
    with surroundings()[name]():
        fit = RegressionFit(RUGGED, seed=4, engine=engine)
        fit.prepare()
        fit.advance(3)
        fit.snapshot()
    fit.advance(2)
    assert fit.param_store()["AutoDiagonalNormal.loc"].dtype == np.float32
    assert (-fit.history()["elbo"]).tolist() == expected[engine]


def wreak_havoc() -> None:
    pyro.param("mine", torch.ones(()))
    pyro.set_rng_seed(3)
    pyro.enable_validation(is_validate=False)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    np.seterr(all="raise")
    torch.set_num_threads(3)
    torch.set_grad_enabled(mode=False)
    poutine.trace().__enter__()
    pyro.plate("rows", 5).__enter__()
    raise KeyboardInterrupt


def test_the_user_is_as_before_when_the_body_raises() -> None:
    isolation = Isolation(1)
    before = global_state()
    with pytest.raises(KeyboardInterrupt), isolation.inside():
        wreak_havoc()
    assert global_state() == before
    with isolation.inside():
        assert list(pyro.get_param_store()) == ["mine"]


def test_inside_the_generators_go_on_where_they_were() -> None:
    def draws() -> list[float]:
        odd = [float(value) for value in np.random.randn(3)]
        return [float(torch.randn(())), random.gauss(0, 1), *odd]

    pyro.set_rng_seed(21)
    expected = [draws() for _ in range(4)]
    isolation = Isolation(21)
    found = []
    for _ in range(4):
        with isolation.inside():
            found.append(draws())
        draws()
    assert found == expected


def test_a_generator_of_another_kind_is_kept_too() -> None:
    usual, other = np.random.mtrand.get_bit_generator(), np.random.PCG64(3)
    np.random.mtrand.set_bit_generator(other)
    try:
        first, state = np.random.randn(1), np.random.get_state(legacy=False)
        everything()
        assert np.random.mtrand.get_bit_generator() is other
        assert np.random.get_state(legacy=False) == state
        assert first.shape == (1,)
    finally:
        np.random.mtrand.set_bit_generator(usual)


def test_a_fit_cannot_be_entered_twice() -> None:
    isolation = Isolation(1)
    with isolation.inside(), pytest.raises(RuntimeError, match="computing already"), isolation.inside():
        pass
    with isolation.inside():
        pass


def test_inside_is_one_thread_and_nothing_of_the_users() -> None:
    with poutine.trace(), torch.device("meta"), np.errstate(all="raise"), Isolation(1).inside():
        state = global_state()
    assert state["threads"] == 1
    assert state["params"] == {}
    assert state["handlers"] == []
    assert state["grad"] == (True, False, False)
    assert (state["dtype"], state["modes"]) == (torch.float32, [])
    assert state["numpy errors"] == NUMPY_ERRORS


def test_the_code_of_a_user_runs_on_the_default_device_of_the_user() -> None:
    with chosen(torch.set_default_device, "meta", None):
        place, own = Isolation(0, dtype=torch.float32), Isolation(0)
    with place.inside():
        assert torch.zeros(2).device.type == torch.get_default_device().type == "meta"
    with own.inside():
        assert torch.zeros(2).device.type == "cpu"
    with torch.device("meta"):
        place = Isolation(0, dtype=torch.float32)
    with place.inside():
        assert torch.zeros(2).device.type == "meta"
    assert torch.zeros(2).device.type == "cpu"
