"""What calls of a model change beside parameters is seen, wherever Python keeps it."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rugged_widget.infer.compiled.capture.feasibility import Watch

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

    def count(self) -> int:
        self.calls += 1
        return self.calls


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


def by_iterator(numbers: Any) -> Callable[[], Any]:
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
    "a count": lambda: by_iterator(itertools.count()),
}


@pytest.mark.parametrize("what", CHANGING)
@pytest.mark.filterwarnings("ignore:Pickle, copy, and deepcopy support:DeprecationWarning")
def test_what_each_call_changes_is_seen(what: str) -> None:
    model = CHANGING[what]()
    watched = Watch({"model": model})
    before = watched.read()
    assert watched.changed(before) is None
    model()
    assert watched.changed(before) is not None


def test_what_changed_is_named() -> None:
    counting, tensor = Counting(), torch.zeros(3)
    watched = Watch({"model": counting, "argument 0": tensor})
    before = watched.read()
    tensor += 1
    assert "argument 0" in str(watched.changed(before))
    before = watched.read()
    counting()
    assert watched.changed(before) == "'calls'"


def test_written_tensors_get_back_what_they_held() -> None:
    module, tensor = Module(), torch.ones(3)
    watched = Watch({"model": module, "argument 0": [tensor]})
    before = watched.read()
    module(buffer=True)
    tensor.zero_()
    watched.put_back(before)
    assert module.seen.tolist() == [0.0, 0.0]
    assert tensor.tolist() == [1.0, 1.0, 1.0]


def test_a_nan_is_no_change() -> None:
    counting = Counting(math.nan)
    watched = Watch({"model": counting})
    assert watched.changed(watched.read()) is None


def test_a_million_numbers_beside_the_model_cost_next_to_nothing() -> None:
    numbers = list(range(10**6)), {i: i for i in range(10**5)}, np.arange(10**6), torch.arange(10**6)

    def model() -> int:
        return len(numbers)

    began = time.process_time()
    watched = Watch({"model": model, "argument 0": numbers})
    assert watched.changed(watched.read()) is None
    seconds = time.process_time() - began
    began = time.process_time()
    repr(numbers)
    assert seconds < time.process_time() - began  # to look at all of them takes far longer than to write them down
