"""Frozen values are copied, pickled and converted like any other, and the copies are frozen too."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from rugged_widget.snapshot.values import LateMapping, Value, late, nothing
from tests.regression.plain_widget import RuggedWidget

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "replace": dataclasses.replace,
}


@pytest.fixture(scope="module")
def values() -> dict[str, Value]:
    """Return the values that a user gets hold of, with all that they may hold."""
    widget = RuggedWidget(num_steps=30, correct=True)
    asyncio.run(widget.fit())
    approximation = widget.snapshot.approximation
    assert approximation is not None
    return {"snapshot": widget.snapshot, "approximation": approximation, "run": widget.saved_runs[0]}


def leaves(value: object) -> Iterator[object]:
    """Yield the numbers, texts and arrays of a value, and its mappings and sequences as their kinds."""
    if dataclasses.is_dataclass(value):
        value = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        yield from value
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, np.ndarray):
        yield value.tolist()
    else:
        yield value


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("name", ["snapshot", "approximation", "run"])
def test_a_value_is_copied_whole_and_its_copy_is_frozen(values: dict[str, Value], name: str, way: str) -> None:
    twin = COPIES[way](values[name])
    assert type(twin) is type(values[name])
    assert repr(list(leaves(twin))) == repr(list(leaves(values[name])))
    for item in dataclasses.fields(twin):
        content = getattr(twin, item.name)
        if isinstance(content, dict):
            with pytest.raises(TypeError, match="frozen"):
                content["other"] = 1
            arrays = [array for array in content.values() if isinstance(array, np.ndarray)]
        else:
            arrays = [content] if isinstance(content, np.ndarray) else []
        assert not any(array.flags.writeable for array in arrays)


@pytest.mark.parametrize("name", ["snapshot", "approximation", "run"])
def test_a_value_is_converted_to_dictionaries(values: dict[str, Value], name: str) -> None:
    assert repr(list(leaves(dataclasses.asdict(values[name])))) == repr(list(leaves(values[name])))


@pytest.mark.parametrize(
    "change",
    [
        lambda mapping: mapping.update(a=1),
        lambda mapping: mapping.pop("sigma"),
        lambda mapping: mapping.popitem(),
        lambda mapping: mapping.setdefault("a", 1),
        lambda mapping: mapping.clear(),
        lambda mapping: mapping.__delitem__("sigma"),
        lambda mapping: mapping.__ior__({"a": 1}),
    ],
)
def test_a_mapping_of_a_value_cannot_be_changed(values: dict[str, Value], change: Callable[[Any], object]) -> None:
    quantiles = values["snapshot"].quantiles  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="frozen"):
        change(quantiles)
    assert set(quantiles) == {"linear.weight", "linear.bias", "sigma"}


@dataclasses.dataclass(frozen=True, eq=False)
class Late(Value):
    bands: Any
    median: Any = dataclasses.field(default_factory=nothing)


def test_a_late_mapping_computes_what_is_asked_for_once_and_freezes_it() -> None:
    asked: list[str] = []

    def compute(name: str) -> Any:
        asked.append(name)
        return np.zeros(2)

    value = Late(LateMapping({name: partial(compute, name) for name in ("line", "prediction")}))
    assert list(value.bands) == ["line", "prediction"]
    assert asked == []
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            value.bands["line"][0] = 1.0
    assert asked == ["line"]
    for other in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # our own
        assert {name: array.tolist() for name, array in other.bands.items()} == {"line": [0, 0], "prediction": [0, 0]}
    with pytest.raises(TypeError):
        value.bands["line"] = ()


def test_a_late_field_is_computed_once_and_is_frozen_and_copies_have_it() -> None:
    asked: list[str] = []

    def compute() -> Any:
        asked.append("median")
        return np.zeros(2)

    value = Late((), late(compute))
    assert asked == []
    for other in (
        copy.deepcopy(value),
        pickle.loads(pickle.dumps(value)),
        dataclasses.replace(value),
        value,
    ):  # our own
        assert other.median.tolist() == [0, 0]
        assert not other.median.flags.writeable
    assert asked == ["median"]
    assert Late(()).median is None
    with pytest.raises(AttributeError, match="'Late' object has no attribute 'mean'"):
        value.mean  # type: ignore[attr-defined] # noqa: B018
