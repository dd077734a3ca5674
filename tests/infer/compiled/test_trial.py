"""Before anything is at stake, two calls tell whether steps are alike: what Python counts or writes is found and named."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceGraph_ELBO
from pyro.nn import PyroModule, PyroSample
from torch import nn

from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.compiled.trial import NotYetError, Watch, params_of
from rugged_widget.infer.models import BayesianRegression
from rugged_widget.infer.step import PlainStep, Settings

from .small import X, Y, AutoDelta, AutoNormal, changed, flat, inside, line, plain_step

pytestmark = pytest.mark.usefixtures(inside.__name__)

CALLS = 0
ELSEWHERE = {"calls": 0, "length": 0}


class Counting:
    """Counts its calls in an attribute."""

    def __init__(self, inner: Any = None) -> None:
        self.calls, self.inner = 0, inner

    def __call__(self) -> None:
        self.calls += 1

    def call(self) -> None:
        self.inner()


class Module(nn.Module):
    """Counts its calls in an attribute, or in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, *, buffer: bool) -> None:
        if buffer:
            self.seen += 1
        else:
            self.calls += 1


def in_global() -> None:
    global CALLS  # noqa: PLW0603 what is tested
    CALLS += 1


def in_global_dictionary() -> None:
    ELSEWHERE["calls"] += 1


def under_the_name_length() -> None:
    ELSEWHERE["length"] += 1


def in_default_argument(calls: list[int] = [0]) -> None:  # noqa: B006 what is tested
    calls[0] += 1


def in_attribute_of_function() -> None:
    in_attribute_of_function.calls += 1  # type: ignore[attr-defined]


in_attribute_of_function.calls = 0  # type: ignore[attr-defined]


def closed_over() -> Callable[[], None]:
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    return count


def closed_over_list() -> Callable[[], None]:
    calls: list[int] = []
    return lambda: calls.append(1)


def closed_over_tensor() -> Callable[[], Any]:
    mean = torch.zeros(3)
    return lambda: mean.mul_(0.9).add_(1.0)


def through_sequential() -> Callable[[], Any]:
    norm = nn.BatchNorm1d(2)
    deep = nn.Sequential(nn.Sequential(nn.Sequential(nn.Sequential(norm))))
    return lambda: deep(torch.randn(3, 2))


def by_iterator() -> Callable[[], Any]:
    numbers = itertools.count()
    return lambda: next(numbers)


CHANGING: dict[str, Callable[[], Callable[[], Any]]] = {
    "an attribute": Counting,
    "an attribute of what is called by a method": lambda: Counting(Counting()).call,
    "an attribute of an attribute": lambda: Counting(Counting(Counting())).call,
    "an attribute of a module": lambda: functools.partial(Module(), buffer=False),
    "a buffer of a module": lambda: functools.partial(Module(), buffer=True),
    "a buffer far down in a module": through_sequential,
    "an attribute of a function": lambda: in_attribute_of_function,
    "a global": lambda: in_global,
    "a value of a global dictionary": lambda: in_global_dictionary,
    "a value that is called length": lambda: under_the_name_length,
    "a variable of a closure": closed_over,
    "a list of a closure": closed_over_list,
    "a tensor of a closure": closed_over_tensor,
    "a default argument": lambda: in_default_argument,
    "an argument of a partial function": lambda: functools.partial(lambda calls: calls.append(1), []),
    "a count": by_iterator,
}


@pytest.mark.parametrize("what", CHANGING)
@pytest.mark.filterwarnings("ignore:Pickle, copy, and deepcopy support:DeprecationWarning")
def test_what_each_call_changes_is_seen(what: str) -> None:
    model = CHANGING[what]()
    watched = Watch({"model": model})
    before = watched.look()
    assert watched.changed(before) is None
    model()
    assert watched.changed(before) is not None


def test_what_changed_is_named() -> None:
    counting, tensor = Counting(), torch.zeros(3)
    watched = Watch({"model": counting, "argument 0": tensor})
    before = watched.look()
    tensor += 1
    assert "argument 0" in str(watched.changed(before))
    before = watched.look()
    counting()
    assert watched.changed(before) == "'calls'"


def test_written_tensors_get_back_what_they_held() -> None:
    module, tensor = Module(), torch.ones(3)
    watched = Watch({"model": module, "argument 0": [tensor]})
    before = watched.look()
    module(buffer=True)
    tensor.zero_()
    watched.put_back(before)
    assert module.seen.tolist() == [0.0, 0.0]
    assert tensor.tolist() == [1.0, 1.0, 1.0]


def test_a_nan_is_no_change() -> None:
    counting = Counting(math.nan)
    watched = Watch({"model": counting})
    assert watched.changed(watched.look()) is None


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
    params = params_of(step)
    assert len(params) == counts[guide is AutoDelta]
    assert all(param.is_leaf and param.requires_grad for param in params)


def test_a_trial_leaves_parameters_and_random_numbers_as_they_were() -> None:
    step = plain_step()
    before, generator = flat(step), torch.get_rng_state()
    params_of(step)
    assert torch.equal(flat(step), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(value.grad is None for _, value in pyro.get_param_store().named_parameters())


def test_parameters_that_the_loss_does_not_depend_on_are_left_out() -> None:
    def guide(*_: Any) -> None:
        pyro.param("unused", torch.tensor(1.0))
        pyro.sample("slope", dist.Normal(pyro.param("mean", torch.tensor(1.0)), 1.0))

    step = plain_step(guide=guide)
    guide()
    assert [param.item() for param in params_of(step)] == [1.0]


def anneal(calls: Any) -> Callable[..., None]:
    return changed(lambda slope: slope * (1 - 0.5 / next(calls)))


def write(mean: torch.Tensor) -> Callable[..., None]:
    return changed(lambda slope: slope + mean.mul_(0.9).detach())


def amounts(calls: Any) -> Callable[..., None]:
    return changed(lambda slope: slope + 0 * torch.randn(next(calls)).sum())


def new_parameter(calls: Any) -> Callable[..., None]:
    return changed(lambda slope: slope * pyro.param(f"factor {next(calls)}", torch.tensor(1.0)))


REFUSED: dict[str, tuple[Callable[[], Callable[..., None]], type[Exception], str]] = {
    "a count": (lambda: anneal(itertools.count(1)), UnsupportedError, "each call of the model changes"),
    "a hidden count": (lambda: anneal(iter(range(1, 99))), UnsupportedError, "two calls .* differ"),
    "a running mean": (lambda: write(torch.ones(())), UnsupportedError, "changes the tensor .* in place"),
    "numbers of NumPy": (
        lambda: changed(lambda slope: slope * float(np.random.rand())),  # noqa: NPY002 a user's
        UnsupportedError,
        "NumPy or Python",
    ),
    "more random numbers each time": (lambda: amounts(iter(range(1, 99))), NotYetError, "different amounts"),
    "a new parameter": (lambda: new_parameter(iter(range(99))), NotYetError, r"makes the parameter 'factor \d'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_steps_that_are_not_alike_are_refused_with_what_differs(what: str) -> None:
    make, error, reason = REFUSED[what]
    step = plain_step(make())
    before, generator = flat(step), torch.get_rng_state()
    names = set(pyro.get_param_store())
    with pytest.raises(error, match=reason) as caught:
        params_of(step)
    assert type(caught.value) is error
    assert torch.equal(flat(step), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert set(pyro.get_param_store()) == names


def test_a_loss_that_cannot_be_differentiated_as_a_whole_is_refused_by_name() -> None:
    step = plain_step()
    graph = PlainStep(step.model, step.guide, step.args, {}, Settings(0.1, TraceGraph_ELBO()))
    with pytest.raises(UnsupportedError, match="TraceGraph_ELBO has no loss"):
        params_of(graph)


def test_what_the_model_raises_is_raised_and_random_numbers_are_given_back() -> None:
    def fail(_: torch.Tensor) -> None:
        torch.randn(3)
        raise KeyError("the model's own")

    step = plain_step(guide=AutoNormal)
    broken = PlainStep(changed(fail), step.guide, step.args, {}, Settings(0.1))
    generator = torch.get_rng_state()
    with pytest.raises(KeyError, match="own"):
        params_of(broken)
    assert torch.equal(torch.get_rng_state(), generator)


def test_a_million_numbers_beside_the_model_cost_next_to_nothing() -> None:
    numbers = list(range(10**6)), {i: i for i in range(10**5)}, np.arange(10**6), torch.arange(10**6)

    def model() -> int:
        return len(numbers)

    began = time.process_time()
    watched = Watch({"model": model, "argument 0": numbers})
    assert watched.changed(watched.look()) is None
    assert time.process_time() - began < 0.1
