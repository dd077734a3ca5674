"""The switch that shows the exact posterior over the guide's."""

from collections.abc import Callable
from functools import partial

import ipywidgets

from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import Control, classed


class ExactSwitch(Control):
    """A button that is pressed or not; `pick` is asked, in any thread, to use another value for show_exact."""

    def __init__(self, pick: Callable[[str, object], None], *, text: Catalogue) -> None:
        widget = classed(ipywidgets.ToggleButton(value=False, layout={"width": "auto"}), "rw-exact-switch")
        caption(widget, text, "controls.exact", "controls.exact_tip")
        super().__init__(widget, False, partial(pick, "show_exact"))

    @property
    def shown(self) -> bool:
        """True where the button is pressed."""
        return bool(self.value)
