"""Numbers of NumPy are taken wherever one of Python is, and kept as one of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rugged_widget import RuggedWidget
from rugged_widget.regression.priors import Priors
from rugged_widget.setting import settings_of
from rugged_widget.validation import (
    checked_batch_size,
    checked_count,
    checked_engine,
    checked_flag,
    checked_increasing,
    checked_learning_rate,
    checked_prob,
    checked_probs,
    checked_seed,
    checked_speed,
)

FLOATS = [np.float16, np.float32, np.float64, np.longdouble, np.array]
INTS = [np.int8, np.uint8, np.int16, np.int64, np.uint64, np.array]


@pytest.mark.parametrize("kind", FLOATS)
def test_a_float_of_any_kind_is_one_of_python(kind: Callable[[float], Any]) -> None:
    for value in (
        checked_learning_rate(kind(0.5)),
        checked_prob(kind(0.5), "prob"),
        checked_probs([kind(0.5)], "p")[0],
    ):
        assert (type(value), value) == (float, 0.5)
    assert checked_increasing(np.array([0.25, 0.75], np.float32), "probs") == (0.25, 0.75)
    priors = Priors(weight=kind(2.0), bias=kind(3.0), sigma=kind(4.0))
    assert repr(priors) == "Priors(weight=2.0, bias=3.0, sigma=4.0)"


@pytest.mark.parametrize("kind", INTS)
def test_an_integer_of_any_kind_is_one_of_python(kind: Callable[[int], Any]) -> None:
    values = (
        checked_count(kind(10), "count"),
        checked_batch_size(kind(10)),
        checked_seed(kind(10)),
        checked_speed(kind(10)),
    )
    assert [(type(value), value) for value in values] == [(int, 10)] * 4
    assert repr(Priors(sigma=kind(10))) == "Priors(weight=1.0, bias=10.0, sigma=10.0)"
    assert checked_learning_rate(kind(1)) == 1.0


def test_flags_and_texts_of_any_kind_are_those_of_python() -> None:
    assert [checked_flag(value, "f") for value in (np.True_, np.False_, np.array(True), True)] == [
        True,
        False,
        True,
        True,
    ]
    assert type(checked_flag(np.True_, "f")) is bool
    assert (type(checked_engine(np.str_("graph"))), checked_speed(np.str_("max"))) == (str, "max")


@pytest.mark.parametrize("value", [True, np.True_, np.array(True), "1", None, [1], np.ones(1), np.ones(2, int), 1j])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    checks: list[Callable[[], object]] = [
        lambda: checked_count(value, "number"),
        lambda: checked_prob(value, "number"),
        lambda: checked_learning_rate(value),
        lambda: checked_seed(value),
        lambda: Priors(sigma=value),
    ]
    for check in checks:
        with pytest.raises(TypeError, match=r"(number|learning_rate|seed|sigma of the priors) must be .*, got "):
            check()
    with pytest.raises(ValueError, match="speed must be"):
        checked_speed(value)


@pytest.mark.parametrize("value", [10**400, -(10**400), np.inf, np.nan])
def test_a_number_that_no_float_holds_is_refused_by_name(value: Any) -> None:
    checks: list[Callable[[], object]] = [
        lambda: checked_prob(value, "prob"),
        lambda: checked_learning_rate(value),
        lambda: Priors(sigma=value),
    ]
    for check in checks:
        with pytest.raises(ValueError, match=r"must be (finite|in \(0, 1\))"):
            check()


def test_a_widget_takes_numbers_of_numpy_and_keeps_those_of_python() -> None:
    settings: dict[str, Any] = {
        "learning_rate": np.float32(0.1),
        "num_steps": np.int64(5),
        "seed": np.uint32(1),
        "speed": np.int8(10),
        "engine": np.str_("plain"),
        "guide": np.str_("normal"),
        "language": np.str_("en"),
        "show_exact": np.bool_(True),
        "correct": np.array(True),
        "stop_when_converged": np.False_,
        "decay": np.False_,
    }
    widget = RuggedWidget(**settings, batch_size=np.int16(50), priors=Priors(sigma=np.float32(12)))
    assert {*settings, "priors"} == set(settings_of(RuggedWidget))
    for name, value in settings.items():
        setattr(widget, name, value)
        assert type(getattr(widget, name)) in {int, float, bool, str}
        assert getattr(widget, name) == value
    widget.advance(np.int64(2))
    widget.quantiles(np.array([0.1, 0.9], np.float32))
    assert len(widget.slopes(np.int32(7))) == 7
    assert len(widget.summary(np.int64(9), np.float32(0.5))) == 5
    widget.predictions(np.uint8(9), np.float16(0.5))
    widget.least_squares(np.int64(2))
    widget.exact().bands(np.float32(0.5))
    assert widget.exact().prediction(np.float32(1.0), np.int64(1), np.float64(0.5)).prob == 0.5
    widget.advance(3)
    widget.recall(np.int64(1))
    widget.rename_run(np.int64(1), "first")
    assert "SEED = 1\nNUM_STEPS = 5\nLEARNING_RATE = 0.1" in widget.script()
