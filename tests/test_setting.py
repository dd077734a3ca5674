"""A setting that is written once is a trait, an argument, a check, a documented name and a control."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest
import traitlets

from rugged_widget import Priors, RuggedWidget
from rugged_widget.setting import Setting, checked_settings, controls_of, settings_of, with_settings
from rugged_widget.svi_widget import SVIWidget
from rugged_widget.validation import checked_count
from tests.regression import plain_widget
from tests.view import drawn

SETTINGS = settings_of(RuggedWidget)
ANOTHER: dict[str, Any] = {
    "guide": "multivariate",
    "priors": Priors(weight=2.0),
    "speed": "max",
    "engine": "plain",
    "language": "ko",
    "decay": True,
}


def another(name: str) -> Any:
    """Return a value that is not the default: one more, or the other one."""
    if name in ANOTHER:
        return ANOTHER[name]
    default = SETTINGS[name].default_value
    return (not default) if isinstance(default, bool) else default * 2


@pytest.fixture(scope="module")
def widget() -> RuggedWidget:
    return plain_widget.RuggedWidget(num_steps=50)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_an_argument_with_its_default_and_documented(name: str) -> None:
    parameter = inspect.signature(RuggedWidget).parameters[name]
    assert parameter.kind is parameter.KEYWORD_ONLY
    assert parameter.default == SETTINGS[name].default_value
    assert f"\n{name}\n    {SETTINGS[name].help[:40]}" in str(RuggedWidget.__doc__)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_checked_with_an_error_that_names_it(widget: RuggedWidget, name: str) -> None:
    before = getattr(widget, name)
    for give in (lambda value: RuggedWidget(**{name: value}), lambda value: setattr(widget, name, value)):
        with pytest.raises((ValueError, TypeError), match=name):
            give(object())
    assert getattr(widget, name) == before


@pytest.mark.parametrize("name", SETTINGS)
def test_a_refused_value_is_in_no_trait_where_several_change_at_once(widget: RuggedWidget, name: str) -> None:
    before = {other: getattr(widget, other) for other in ("seed", "num_steps", name)}
    heard: list[object] = []
    widget.observe(heard.append, list(before))

    def give_all() -> None:
        with widget.hold_trait_notifications():
            for other in before:
                setattr(widget, other, object() if other == name else another(other))

    with pytest.raises((ValueError, TypeError), match=name) as raised:
        give_all()
    widget.unobserve(heard.append, list(before))
    assert isinstance(raised.value, traitlets.TraitError)
    assert ({other: getattr(widget, other) for other in before}, heard) == (before, [])


def without_latents(_features: object, _targets: object = None) -> None:
    """A guide that does not fit the model."""


@pytest.mark.parametrize(("name", "value"), [("num_steps", 2), ("guide", without_latents)])
def test_a_value_that_does_not_fit_the_run_is_in_no_trait_either(name: str, value: object) -> None:
    widget = plain_widget.RuggedWidget(num_steps=50)
    widget.advance(3)
    before = getattr(widget, name)
    with pytest.raises(ValueError) as raised, widget.hold_trait_notifications():  # noqa: PT011  # by each its own
        setattr(widget, name, value)
    assert isinstance(raised.value, traitlets.TraitError)
    assert (getattr(widget, name), widget.step) == (before, 3)


def test_a_refused_value_of_the_front_end_is_in_no_trait() -> None:
    class Synced(plain_widget.RuggedWidget):
        num_steps = Setting(50, partial(checked_count, name="num_steps"), "Synced.").tag(sync=True)

    widget = Synced(num_steps=50)
    widget.advance(3)
    with pytest.raises(ValueError, match="num_steps must be at least the 3 steps"):
        widget.set_state({"num_steps": 2})
    assert widget.num_steps == 50


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_a_trait_that_has_what_it_was_given(name: str) -> None:
    value = another(name)
    given = RuggedWidget(**{"engine": "plain", name: value})
    assigned = RuggedWidget(engine="auto" if name == "engine" else "plain")
    setattr(assigned, name, value)
    assert getattr(given, name) == getattr(assigned, name) == value != SETTINGS[name].default_value


@pytest.mark.parametrize("name", [name for name in controls_of(RuggedWidget) if name != "decay"])  # not the lesson's
def test_a_setting_with_a_control_shows_there_what_is_assigned_and_takes_what_is_picked(
    widget: RuggedWidget, name: str
) -> None:
    control = drawn.part(widget, "rw-" + name.replace("_", "-"))
    for value in (another(name), SETTINGS[name].default_value):
        setattr(widget, name, value)
        assert control.value == value
    control.value = another(name)
    assert getattr(widget, name) == another(name)


def test_what_is_no_setting_is_refused_by_name_with_those_that_are() -> None:
    with pytest.raises(TypeError, match="no argument 'learning_rat'; its settings are learning_rate, num_steps"):
        RuggedWidget(learning_rat=0.1)


def test_a_setting_is_added_in_one_place() -> None:
    @with_settings
    class Warmer(SVIWidget):
        """A widget with one more setting.

        Parameters
        ----------
        {settings}
        """

        warmup = Setting(5, lambda value: checked_count(value, "warmup"), "Number of steps that\n are not drawn, >= 1.")

        def __init__(self, **settings: Any) -> None:
            self.values = checked_settings(Warmer, settings)

    assert list(settings_of(Warmer))[-1] == "warmup"
    assert inspect.signature(Warmer).parameters["warmup"].default == 5
    assert str(Warmer.__doc__).endswith("warmup\n    Number of steps that are not drawn, >= 1.")
    assert checked_settings(Warmer, {"warmup": 7})["warmup"] == 7
    with pytest.raises(ValueError, match="warmup must be at least 1, got 0"):
        checked_settings(Warmer, {"warmup": 0})
