"""Settings of a widget, each written once: trait, constructor argument, check, documentation, control and effect."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import traitlets

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.training.training import Training
from rugged_widget.view.controls.inputs import Input
from rugged_widget.view.dashboard import Dashboard

T = TypeVar("T")

_ORDER = itertools.count()


def restart(training: Training[Any], _value: object) -> None:
    """Begin again with a fresh fit; what ran runs on."""
    training.reset(keep_running=True)


def keep_training(_training: Training[Any], _value: object) -> None:
    """Change nothing in the training."""


class RefusedValueError(traitlets.TraitError, ValueError):
    """A ValueError of a setting, for which traitlets puts back what was there."""


class RefusedTypeError(traitlets.TraitError, TypeError):
    """A TypeError of a setting, for which traitlets puts back what was there."""


class RefusedRuntimeError(traitlets.TraitError, RuntimeError):
    """A RuntimeError of a setting, for which traitlets puts back what was there."""


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise errors as traitlets wants them.

    Where several traits change at once (`hold_trait_notifications`, `set_state`), a value is kept in spite of any
    error but a TraitError.
    """
    try:
        yield
    except traitlets.TraitError:
        raise
    except ValueError as error:
        raise RefusedValueError(str(error)) from error
    except TypeError as error:
        raise RefusedTypeError(str(error)) from error
    except RuntimeError as error:
        raise RefusedRuntimeError(str(error)) from error


class Setting(traitlets.TraitType[T, T]):
    """A setting of a widget, described once: `learning_rate = Setting(0.03, checked_learning_rate, ...)`.

    The class attribute is a trait; `with_settings` makes constructor arguments and documentation of it.

    Parameters
    ----------
    default
        First value.
    check
        Returns the value in its proper type, or raises ValueError or TypeError. What an assignment raises is a
        TraitError besides.
    help
        Documentation: plain sentences.
    apply
        What happens to the training when the value changes; it begins again by default.
    show
        What happens to the dashboard; by default the setting's control shows the value.
    shown
        Returns what the control shows of a value.
    control
        Its control in the row of controls; None where it has none, or one that a page builds.
    place
        Place of the control in the row.
    saved
        Returns the value that a saved run was made with, from the run and its fit; None where a recalled run does not
        change the setting.
    """

    def __init__(
        self,
        default: T,
        check: Callable[[Any], T],
        help: str,  # noqa: A002  # traitlets' word
        *,
        apply: Callable[[Training[Any], T], None] = restart,
        show: Callable[[Dashboard, T], None] | None = None,
        shown: Callable[[T], object] = lambda value: value,
        control: Input | None = None,
        place: int = 0,
        saved: Callable[[SavedRun, Any], T] | None = None,
    ) -> None:
        self.check, self.apply, self.shown, self.control, self.place = check, apply, shown, control, place
        self.saved, self.order = saved, next(_ORDER)
        self._show = show
        super().__init__(default_value=default, help=" ".join(help.split()))

    def validate(self, _owner: object, value: object) -> T:
        """Return `value` checked."""
        with _refusals():
            return self.check(value)

    def _cross_validate(self, obj: Any, value: Any) -> Any:
        with _refusals():
            return super()._cross_validate(obj, value)

    def show(self, dashboard: Dashboard, value: T) -> None:
        """Show `value` on the dashboard."""
        if self._show is None:
            dashboard.show_setting(str(self.name), self.shown(value))
        else:
            self._show(dashboard, value)


def settings_of(cls: type[traitlets.HasTraits]) -> dict[str, Setting[Any]]:
    """Return the settings of a widget class by name, in the order of their declaration."""
    settings = [trait for trait in cls.class_traits().values() if isinstance(trait, Setting)]
    return {str(setting.name): setting for setting in sorted(settings, key=lambda setting: setting.order)}


def checked_settings(cls: type[traitlets.HasTraits], given: Mapping[str, object]) -> dict[str, Any]:
    """Return all settings by name: those that are given, checked, and the defaults of the others.

    Raises
    ------
    TypeError
        Where the class has no setting of a name.
    ValueError, TypeError
        Where a value cannot be used.
    """
    settings = settings_of(cls)
    for name in given:
        if name not in settings:
            raise TypeError(f"{cls.__name__} has no argument {name!r}; its settings are {', '.join(settings)}")
    return {name: setting.check(given.get(name, setting.default_value)) for name, setting in settings.items()}


def controls_of(cls: type[traitlets.HasTraits]) -> dict[str, Input]:
    """Return the controls of the settings by name, in the order of the row."""
    settings = sorted(settings_of(cls).items(), key=lambda item: item[1].place)
    return {name: setting.control for name, setting in settings if setting.control is not None}


WidgetT = TypeVar("WidgetT", bound=type[traitlets.HasTraits])


def with_settings(cls: WidgetT) -> WidgetT:
    """Give a widget class the signature and the documentation of a constructor that takes its settings by name.

    The constructor's last parameter is `**settings`. In the class docstring the settings take the place of a line
    `{settings}`, and the read-only traits that of a line `{attributes}`.
    """
    settings = settings_of(cls)
    signature = inspect.signature(cls.__init__)
    given = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, keyword, default=setting.default_value) for name, setting in settings.items()]
    cls.__signature__ = signature.replace(parameters=[*given[1:], *added])  # type: ignore[attr-defined] # read by inspect
    traits = {name: trait for base in reversed(cls.__mro__) for name, trait in vars(base).items()}
    read_only = {name: trait for name, trait in traits.items() if getattr(trait, "read_only", False)}
    text = inspect.cleandoc(cls.__doc__ or "")
    cls.__doc__ = text.replace("{settings}", _entries(settings)).replace("{attributes}", _entries(read_only))
    return cls


def _entries(traits: Mapping[str, traitlets.TraitType[Any, Any]]) -> str:
    fill = partial(textwrap.fill, width=112, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(f"{name}\n{fill(' '.join(str(trait.help).split()))}" for name, trait in traits.items())
