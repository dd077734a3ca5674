"""Controls of settings: a logarithmic slider, a box for an integer, a button that stays down, a choice of several.

Each shows a value of its setting, and asks for another one when that is picked.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import ipywidgets

from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import Control

NOTCH = 0.01  # step between two places of a logarithmic slider, as a power of ten

Pick: TypeAlias = Callable[[object], None]
Input: TypeAlias = Callable[[object, Pick, Catalogue], Control]
"""Makes the control of a setting, given the first value, who is asked for another one, and the catalogue."""


class LogSlider(Control):
    """A slider between two powers of ten, given as exponents; the setting may lie beyond them."""

    def __init__(self, value: object, pick: Pick, _text: Catalogue, *, lowest: float, highest: float) -> None:
        self._ends = 10.0**lowest, 10.0**highest
        widget = ipywidgets.FloatLogSlider(min=lowest, max=highest, step=NOTCH, readout_format=".2g")
        super().__init__(widget, value, pick)

    def show(self, value: object) -> None:
        """Show a number, or the end of the slider that is next to it."""
        lowest, highest = self._ends
        super().show(min(max(float(str(value)), lowest), highest))

    def hear(self, value: object) -> None:
        """Ask for a number as it reads, with two digits.

        A page snaps the slider to a notch as soon as it shows a value, and says so: that is no other value.
        """
        picked, shown = float(str(value)), float(str(self.value))
        if abs(math.log10(picked / shown)) > NOTCH / 2 + 1e-9:
            super().hear(float(f"{picked:.2g}"))


class IntegerBox(Control):
    """A box for an integer in [lowest, highest]."""

    def __init__(self, value: object, pick: Pick, _text: Catalogue, *, lowest: int, highest: int) -> None:
        widget = ipywidgets.BoundedIntText(min=lowest, max=highest)
        super().__init__(widget, value, pick)


class Toggle(Control):
    """A button that is down while a setting is True."""

    def __init__(self, value: object, pick: Pick, _text: Catalogue) -> None:
        super().__init__(ipywidgets.ToggleButton(layout={"width": "auto"}), bool(value), pick)


class Choices(Control):
    """One of several values, as a row of buttons or a list that opens.

    The section `words` of the catalogue has `<words>.<value>`, the caption of a value, and `<words>.<value>_tip`, its
    tooltip; `labels` are the values in their order, with a caption for one that is not there. The `other` value is
    offered only once it was shown, and cannot be picked.
    """

    def __init__(
        self,
        value: object,
        pick: Pick,
        text: Catalogue,
        *,
        labels: Mapping[Any, str],
        words: str,
        buttons: bool = False,
        other: object = None,
    ) -> None:
        self._labels: dict[Any, str] = dict(labels)
        self._words, self._text, self._other = words, text, other
        widget = ipywidgets.ToggleButtons(style={"button_width": "auto"}) if buttons else ipywidgets.Dropdown()
        self._choice = Choice(widget, self._options, self.hear, text, self._tips if buttons else None)
        super().__init__(widget, value, pick, listens=False)  # the choice does, and tells new captions from a pick

    def show(self, value: object) -> None:
        """Show a value, offering it where it is the other one."""
        if value == self._other and value not in self._labels:
            self._labels[value] = str(value)
            self._choice.name()
        super().show(value)

    def hear(self, value: object) -> None:
        """Ask for a value that can be picked."""
        if value != self._other:
            super().hear(value)

    def _options(self) -> list[tuple[str, object]]:
        keys = {value: f"{self._words}.{value}" for value in self._labels}
        return [
            (self._text(keys[value]) if keys[value] in self._text else label, value)
            for value, label in self._labels.items()
        ]

    def _tips(self) -> list[str]:
        return [self._text(f"{self._words}.{value}_tip") for value in self._labels]
