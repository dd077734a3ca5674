"""Captions of controls that follow the language."""

from collections.abc import Callable, Sequence

import ipywidgets

from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed


class Choice:
    """Gives ToggleButtons or a Dropdown captions, and tells `picked`, in any thread, which value is picked.

    New captions pick nothing. `options` are captions with their values, `tips` what is told of each where it is pointed
    at; both are asked for in the present language and plain text.
    """

    def __init__(
        self,
        widget: ipywidgets.Widget,
        options: Callable[[], Sequence[tuple[str, object]]],
        picked: Callable[[object], None],
        text: Catalogue,
        tips: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self.widget, self._options, self._tips, self._naming = widget, options, tips, False
        self._picked = picked
        text.follow(self.name)
        widget.observe(lambda change: self._hear(change["new"]), "value")

    def __repr__(self) -> str:
        return f"Choice({self.widget.value!r} of {self._options()})"

    def name(self) -> None:
        """Write the captions anew; the same stays picked."""
        value, options = self.widget.value, list(self._options())
        self._naming = True
        values = [one for _, one in options]
        try:  # new options make ipywidgets pick the first of them, or nothing where nothing was picked
            with self.widget.hold_sync():
                self.widget.options = options
                self.widget.value = value if value in values else values[0]
                if self._tips is not None:
                    self.widget.tooltips = list(self._tips())
        finally:
            self._naming = False

    def _hear(self, value: object) -> None:
        if not self._naming:
            self._picked(value)


def caption(widget: ipywidgets.Widget, text: Catalogue, key: str, tip: str = "") -> None:
    """Let a control's description follow the language, and its tooltip where `tip` is its key."""

    def put() -> None:
        widget.description = text(key)
        if tip:
            widget.tooltip = text(tip)

    text.follow(put)


def paragraph(text: Catalogue, key: str, css_class: str) -> ipywidgets.HTML:
    """Return a text that is an entry of the catalogue, as HTML, under a css class; it follows the language."""
    widget = classed(ipywidgets.HTML(""), css_class)
    text.follow(lambda: setattr(widget, "value", text.html(key)))
    return widget
