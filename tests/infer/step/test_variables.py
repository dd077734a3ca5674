"""Global variables that a model assigns are found, and exchanged as attributes of an object are."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import pytest
from pyro import poutine

from rugged_widget.infer.step.module_state import install_attributes
from rugged_widget.infer.step.variables import Variables, variables_of

_made: list[int] | None = None


def _make() -> list[int]:
    global _made  # noqa: PLW0603 what is tried
    _made = _made or [1]
    return _made


def model() -> list[int]:
    return _make()


class Thing:
    def model(self) -> list[int]:
        return _make()


@functools.wraps(model)
def wrapped() -> list[int]:
    return model()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "itself": _make,
    "a function that it calls": model,
    "a method": Thing().model,
    "a partial": functools.partial(model),
    "a handler": poutine.scale(model, 0.5),
    "a wrapper": wrapped,
    "a function inside": lambda: [_make() for _ in range(2)],
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_variables_are_found_behind(what: str) -> None:
    (variables,) = variables_of([FUNCTIONS[what], model])
    assert vars(variables).keys() == {"_made"}


def test_what_libraries_keep_and_what_is_only_read_are_left_alone() -> None:
    def reads() -> Any:
        return copy.copy(FUNCTIONS)

    assert variables_of([reads, poutine.trace, pytest.fail]) == []


def test_values_are_exchanged_and_taken_away() -> None:
    namespace: dict[str, Any] = {"kept": 1, "lost": 2, "other": 3}
    variables = Variables(namespace, ["kept", "lost", "made"])
    before = vars(variables)
    assert dict(before) == before.copy() == {"kept": 1, "lost": 2}
    install_attributes(variables, {"kept": 4, "made": 5})
    assert namespace == {"kept": 4, "made": 5, "other": 3}
    install_attributes(variables, before)
    assert namespace == {"kept": 1, "lost": 2, "other": 3}


def test_what_is_read_stays_and_what_is_changed_in_it_is_changed() -> None:
    namespace: dict[str, Any] = {"kept": 1, "lost": 2, "other": 3}
    variables = Variables(namespace, ["kept", "lost", "made"])
    before = vars(variables)
    vars(variables).update(kept=4, made=5)
    del vars(variables)["lost"]
    assert namespace == {"kept": 4, "made": 5, "other": 3}
    assert dict(before) == {"kept": 1, "lost": 2}
    before.clear()
    assert namespace == {"other": 3}
    assert len(before) == 0
