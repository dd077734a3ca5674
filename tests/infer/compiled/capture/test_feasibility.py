"""Before anything is at stake, two calls tell whether steps are alike: what Python counts is found and named."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import JitTrace_ELBO, Trace_ELBO, TraceGraph_ELBO
from pyro.infer.autoguide import AutoDelta, AutoNormal
from pyro.nn import PyroModule, PyroSample
from torch import nn

from rugged_widget.infer.compiled.capture.feasibility import NotYetError, tried
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.step.pyro_step import PlainStep, Settings
from rugged_widget.regression.infer.model import BayesianRegression
from tests.infer.compiled.small import X, Y, changed, flat, line, plain_step

pytestmark = pytest.mark.usefixtures("inside")


LARGE = torch.ones(70_000)


class OfItsOwn(Trace_ELBO):
    """An ELBO that computes its gradients by itself."""

    def loss_and_grads(self, *args: Any, **kwargs: Any) -> Any:
        return super().loss_and_grads(*args, **kwargs)


class Lazy:
    """Looks at its data once, in the first call."""

    def __init__(self) -> None:
        self.rows: int | None = None
        self.cache: dict[str, Any] = {}

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        if self.rows is None:
            self.rows = len(x)
        self.cache.setdefault("x", x * 1)
        line(self.cache["x"], y)


class Slope(PyroModule):  # type: ignore[misc]
    """A model as Pyro's own modules are written."""

    def __init__(self) -> None:
        super().__init__()
        self.net = PyroModule[nn.Linear](1, 1)
        self.net.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 1]).to_event(2))
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> None:
        pyro.sample("seen", dist.Normal(self.net(x[:, None])[:, 0], self.scale.exp()).to_event(1), obs=y)


FRAME = pd.DataFrame({"x": X.numpy(), "y": Y.numpy()})
ARRAYS = [np.asarray(X), np.asarray(Y)]


def of_frame() -> None:
    line(torch.tensor(FRAME["x"].to_numpy()), torch.tensor(FRAME.loc[FRAME.index, "y"].to_numpy()))


def of_arrays() -> None:
    line(*(torch.tensor(array) for array in ARRAYS))


ORDINARY: dict[str, tuple[Any, tuple[Any, ...], tuple[int, int]]] = {
    "a function": (line, (X, Y), (2, 1)),
    "the lesson's model": (BayesianRegression(), (torch.randn(6, 3), torch.randn(6)), (6, 3)),
    "a module of Pyro's": (Slope(), (X, Y), (4, 3)),
    "an object that looks once": (Lazy(), (X, Y), (2, 1)),
    "a closure over a table": (of_frame, (), (2, 1)),
    "a closure over arrays": (of_arrays, (), (2, 1)),
}


@pytest.mark.parametrize("what", ORDINARY)
@pytest.mark.parametrize("guide", [AutoNormal, AutoDelta])
def test_ordinary_models_give_no_false_alarm(what: str, guide: type) -> None:
    model, args, counts = ORDINARY[what]
    step = plain_step(model, guide, args)
    params = tried(step).params
    assert len(params) == counts[guide is AutoDelta]
    assert all(param.is_leaf and param.requires_grad for param in params)


def test_a_trial_leaves_parameters_and_random_numbers_as_they_were() -> None:
    step = plain_step()
    before, generator = flat(), torch.get_rng_state()
    tried(step)
    assert torch.equal(flat(), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(value.grad is None for _, value in pyro.get_param_store().named_parameters())


def test_parameters_that_the_loss_does_not_depend_on_are_left_out() -> None:
    def guide(*_: Any) -> None:
        pyro.param("unused", torch.tensor(1.0))
        pyro.sample("slope", dist.Normal(pyro.param("mean", torch.tensor(1.0)), 1.0))

    step = plain_step(guide=guide)
    guide()
    assert [param.item() for param in tried(step).params] == [1.0]


def test_a_decorator_that_is_made_anew_for_each_call_holds_no_iterator() -> None:
    @contextlib.contextmanager
    def around() -> Iterator[None]:
        yield

    step = plain_step(around()(changed(lambda slope: slope)))
    assert tried(step).params


class Hidden:
    """Counts where nobody looks."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self) -> int:
        self._calls += 1
        return self._calls


def by_iterator(numbers: Any) -> Callable[[], Any]:
    return lambda: next(numbers)


def anneal(calls: Callable[[], int]) -> Callable[..., None]:
    return changed(lambda slope: slope * (1 - 0.5 / calls()))


def write(mean: torch.Tensor) -> Callable[..., None]:
    return changed(lambda slope: slope + mean.mul_(0.9).detach())


def times_next(numbers: Any, slope: torch.Tensor) -> torch.Tensor:
    return slope * next(numbers)


def amounts(calls: Callable[[], int]) -> Callable[..., None]:
    return changed(lambda slope: slope + 0 * torch.randn(calls()).sum())


def new_parameter(calls: Callable[[], int]) -> Callable[..., None]:
    return changed(lambda slope: slope * pyro.param(f"factor {calls()}", torch.tensor(1.0)))


REFUSED: dict[str, tuple[Callable[[], Callable[..., None]], type[Exception], str]] = {
    "a count": (lambda: anneal(by_iterator(itertools.count(1))), UnsupportedError, "each call of the model changes"),
    "a hidden count": (lambda: anneal(Hidden()), UnsupportedError, "two calls .* differ"),
    "an iterator": (lambda: anneal(by_iterator(iter(range(1, 99)))), UnsupportedError, "holds the iterator"),
    "a generator": (
        lambda: changed(functools.partial(times_next, (n for n in range(99)))),
        UnsupportedError,
        "iterator",
    ),
    "a large running mean": (
        lambda: changed(lambda slope: slope + LARGE.mul_(0.9).mean()),
        UnsupportedError,
        "changes the tensor .* in place",
    ),
    "numbers of NumPy": (
        lambda: changed(lambda slope: slope * float(np.random.rand())),
        UnsupportedError,
        "NumPy or Python",
    ),
    "more random numbers each time": (lambda: amounts(Hidden()), NotYetError, "different amounts"),
    "a new parameter": (lambda: new_parameter(Hidden()), NotYetError, r"makes the parameter 'factor \d'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_steps_that_are_not_alike_are_refused_with_what_differs(what: str) -> None:
    make, error, reason = REFUSED[what]
    step = plain_step(make())
    before, generator = flat(), torch.get_rng_state()
    names = set(pyro.get_param_store())
    with pytest.raises(error, match=reason) as caught:
        tried(step)
    assert type(caught.value) is error
    assert torch.equal(flat(), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert set(pyro.get_param_store()) == names


def test_a_tensor_that_steps_write_into_is_part_of_what_they_change_and_a_trial_gives_it_back() -> None:
    mean = torch.ones(())
    assert tried(plain_step(write(mean))).lasting.written == (mean,)
    calls_before_the_trial = 1  # the guide is set up
    assert float(mean) == pytest.approx(0.9**calls_before_the_trial)


def test_running_statistics_are_part_of_what_steps_change_though_torch_does_not_count_writing_into_them() -> None:
    """X has a mean of 0, so that the running mean does not even move."""
    layer = torch.nn.BatchNorm1d(1, affine=False)
    step = plain_step(changed(lambda slope: slope * layer(X[:, None]).sum()))
    before = [buffer.clone() for buffer in layer.buffers()]
    lasting = tried(step).lasting
    assert {*map(id, lasting.written)} == {*map(id, layer.buffers())}
    assert all(map(torch.equal, layer.buffers(), before))


def test_an_average_in_the_store_that_a_step_replaces_is_part_of_what_it_changes() -> None:
    def guide(*_: Any) -> None:
        chance = pyro.param("chance", torch.tensor(0.5))
        pyro.sample("slope", dist.Bernoulli(chance), infer={"baseline": {"use_decaying_avg_baseline": True}})

    step = PlainStep(changed(lambda slope: slope), guide, (X, Y), {}, Settings(0.1, TraceGraph_ELBO()))
    guide()
    with pytest.raises(NotYetError, match="makes the parameter"):
        tried(step)
    step()
    (name,) = set(pyro.get_param_store()) - {"chance"}
    average = pyro.get_param_store()._params[name]
    trial = tried(step)
    assert trial.lasting.replaced == (name,)
    assert trial.params == [pyro.param("chance")]
    assert pyro.get_param_store()._params[name] is average


def test_a_loss_that_computes_its_gradients_in_a_way_of_its_own_is_refused_by_name() -> None:
    step = plain_step()
    own = PlainStep(step.model, step.guide, step.args, {}, Settings(0.1, OfItsOwn()))
    with pytest.raises(UnsupportedError, match="OfItsOwn has gradients of its own"):
        tried(own)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
def test_a_loss_that_compiles_itself_is_captured_once_it_has() -> None:
    step = plain_step()
    jit = PlainStep(step.model, step.guide, step.args, {}, Settings(0.1, JitTrace_ELBO(ignore_jit_warnings=True)))
    with pytest.raises(NotYetError, match="JitTrace_ELBO compiles itself"):
        tried(jit)
    jit()
    assert tried(jit).params


def test_what_the_model_raises_is_raised_and_random_numbers_are_given_back() -> None:
    def fail(_: torch.Tensor) -> None:
        torch.randn(3)
        raise KeyError("the model's own")

    step = plain_step(guide=AutoNormal)
    broken = PlainStep(changed(fail), step.guide, step.args, {}, Settings(0.1))
    generator = torch.get_rng_state()
    with pytest.raises(KeyError, match="own"):
        tried(broken)
    assert torch.equal(torch.get_rng_state(), generator)
