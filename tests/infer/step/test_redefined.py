"""After a cell is run again, what has the name of a model is the new one; nothing else is taken for it."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget.infer.step.redefined import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = """
import pyro, functools
import pyro.distributions as dist
from pyro import poutine
def model(x):
    return {answer}
scaled = poutine.scale(model, scale=0.5)
half = functools.partial(model, 2)
"""
CLASS = """
class Net:
    def __init__(self): self.answer = {answer}
    def model(self): return self.answer
    def __call__(self): return -self.answer
net = Net()
"""


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Run a cell in a `__main__` of its own, and return that."""
    module = ModuleType("__main__")
    monkeypatch.setitem(__import__("sys").modules, "__main__", module)

    def run(source: str) -> Any:
        exec(source, vars(module))
        return module

    return run


def test_a_function_that_is_defined_again_is_the_new_one(cell: Callable[[str], Any]) -> None:
    origin = Origin.of(cell(FUNCTION.format(answer=1)).model)
    assert origin.current() is origin.value
    main = cell(FUNCTION.format(answer=2))
    assert origin.current() is main.model
    assert origin.value(0) == 1


def test_a_wrapped_model_is_found_by_its_own_name_and_not_by_that_of_what_it_wraps(cell: Callable[[str], Any]) -> None:
    main = cell(FUNCTION.format(answer=1))
    scaled, half = Origin.of(main.scaled), Origin.of(main.half)
    cell(FUNCTION.format(answer=2))
    assert scaled.current() is main.scaled
    assert half.current() is main.half


def test_a_partial_without_a_name_is_made_of_the_new_function(cell: Callable[[str], Any]) -> None:
    origin = Origin.of(functools.partial(cell(FUNCTION.format(answer=1)).model, 7))
    assert origin.current() is origin.value
    cell(FUNCTION.format(answer=2))
    assert origin.current()() == 2


def test_an_instance_and_its_method_are_those_of_the_new_instance(cell: Callable[[str], Any]) -> None:
    main = cell(CLASS.format(answer=1))
    instance, method = Origin.of(main.net), Origin.of(main.net.model)
    assert instance.current() is instance.value
    assert method.current() is method.value
    cell(CLASS.format(answer=2))
    assert instance.current() is main.net
    assert (method.current()(), instance.current()()) == (2, -2)


@pytest.mark.parametrize("source", ["del model", "model = 5", "class model: pass"])
def test_a_name_that_is_gone_or_means_something_else_now_changes_nothing(
    source: str, cell: Callable[[str], Any]
) -> None:
    main = cell(FUNCTION.format(answer=1))
    model, origin = main.model, Origin.of(main.model)
    cell(source)
    assert origin.current() is model


def test_a_method_that_is_gone_changes_nothing(cell: Callable[[str], Any]) -> None:
    main = cell(CLASS.format(answer=1))
    origin = Origin.of(main.net.model)
    cell("net = 3")
    assert origin.current()() == 1


def test_what_has_no_name_stays_what_it_is() -> None:
    model = lambda x: pyro.sample("x", dist.Normal(x, 1.0))  # noqa: E731
    origin = Origin.of(model)
    assert (origin.name, origin.current()) == ("", model)


def test_a_module_of_torch_is_found_by_its_name(cell: Callable[[str], Any]) -> None:
    main = cell("import torch\nlayer = torch.nn.Linear(2, 1)")
    origin = Origin.of(main.layer)
    cell("layer = torch.nn.Linear(2, 1)")
    assert origin.current() is main.layer
    assert isinstance(origin.value, torch.nn.Linear)
    assert origin.value is not main.layer
