"""The switch that shows the exact posterior over the guide's."""

from collections.abc import Callable

import ipywidgets

from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue


class ExactSwitch:
    """A button that is pressed or not; `pick` is asked, in any thread, to use another value for show_exact."""

    def __init__(self, show: bool, pick: Callable[[str, object], None], *, text: Catalogue) -> None:
        self.shown, self._pick = show, pick
        self.widget = ipywidgets.ToggleButton(value=show, layout={"width": "auto"})
        caption(self.widget, text, "controls.exact", "controls.exact_tip")
        self.widget.add_class("rw-exact-switch")
        self.widget.observe(lambda change: self._picked(change["new"]), "value")

    def __repr__(self) -> str:
        return f"ExactSwitch({self.widget.value})"

    def show(self, value: bool) -> None:
        """Make the button show `value`, without asking for it."""
        self.shown = value
        if self.widget.value != value:
            self.widget.value = value

    def _picked(self, value: bool) -> None:
        if value != self.shown:
            self.shown = value
            self._pick("show_exact", value)
