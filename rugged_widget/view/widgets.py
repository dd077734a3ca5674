"""Widgets under css classes, and controls that show a value without asking for it."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TypeVar

import ipywidgets

WidgetT = TypeVar("WidgetT", bound=ipywidgets.DOMWidget)


def classed(widget: WidgetT, *css_classes: str) -> WidgetT:
    """Put a widget under css classes and return it."""
    for css_class in css_classes:
        widget.add_class(css_class)
    return widget


def box(css_classes: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    """Return a box of widgets under css classes, which are separated by spaces; the style sheet lays it out."""
    return classed(ipywidgets.Box(children), *css_classes.split())


def hbox(css_classes: str, *children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Return widgets side by side, as of `box`."""
    return classed(ipywidgets.HBox(children), *css_classes.split())


def vbox(css_classes: str, *children: ipywidgets.Widget) -> ipywidgets.VBox:
    """Return widgets one under another, as of `box`."""
    return classed(ipywidgets.VBox(children), *css_classes.split())


def toggle_buttons(css_class: str, values: Sequence[str] = ()) -> ipywidgets.ToggleButtons:
    """Return a row of buttons of which one is pressed, each as wide as what it says; `Choice` gives them captions."""
    return classed(ipywidgets.ToggleButtons(options=values, style={"button_width": "auto"}), css_class)


def button(
    css_class: str, press: Callable[[], None], kind: type[ipywidgets.Button] = ipywidgets.Button, **traits: object
) -> ipywidgets.Button:
    """Return a button under a css class, as wide as what it says."""
    widget = classed(kind(layout={"width": "auto"}, **traits), css_class)
    widget.on_click(lambda _button: press())
    return widget


def path_field(path: str, css_class: str) -> ipywidgets.Text:
    """Return a field for the path of a file, which is read once it is done."""
    return classed(ipywidgets.Text(value=path, placeholder=path, continuous_update=False), "rw-path", css_class)


def outcome(message: str, *, alert: bool = False) -> str:
    """Return what became of a request, plain text, as HTML that is read out; nothing where it is empty."""
    role, css = ("alert", ' class="rw-failed"') if alert else ("status", "")
    return f'<p role="{role}"{css}>{escape(message)}</p>' if message else ""


class Control:
    """A widget with a trait `value` that shows a value and asks for the one that is picked on it.

    `pick` asks, in any thread, for another value of the setting. A control that does not listen has `hear` called by
    whoever does.
    """

    def __init__(
        self, widget: ipywidgets.Widget, value: object, pick: Callable[[object], None], *, listens: bool = True
    ) -> None:
        self.widget, self.value, self._pick = widget, value, pick
        self.show(value)
        if listens:
            widget.observe(lambda change: self.hear(change["new"]), "value")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def show(self, value: object) -> None:
        """Show a value, without asking for it."""
        self.value = value
        if self.widget.value != value:
            self.widget.value = value

    def hear(self, value: object) -> None:
        """Ask for a value that was picked, unless it is the one that is shown."""
        if value != self.value:
            self.value = value
            self._pick(value)
