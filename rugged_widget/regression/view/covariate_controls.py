"""The covariates of a point to predict at: a slider each, or a switch where there are two values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import ipywidgets

from rugged_widget.regression.data.covariates import Covariate
from rugged_widget.regression.view.data_rows import Rows
from rugged_widget.regression.view.value_slider import ValueSlider
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed, toggle_buttons, vbox

MAX_TOLD = 3
"""Covariates that a sentence names at most."""


class CovariateControls:
    """A control a covariate; they begin at the means, where the panels have the covariates, or at the commoner value.

    `changed` is called when another value is picked.
    """

    def __init__(self, rows: Rows, changed: Callable[[], None], text: Catalogue) -> None:
        self._covariates, self._text = rows.covariates, text
        self._inputs: list[ipywidgets.ToggleButtons | ValueSlider] = []
        boxes = []
        for place, (covariate, values) in enumerate(zip(self._covariates, rows.covariate_values.T, strict=True)):
            css = f"rw-covariate-{place}"
            if covariate.two_valued:
                switch = _switch(css, covariate, float(values.mean()), changed, text)
                self._inputs.append(switch)
                boxes.append(switch)
            else:
                slider = ValueSlider(css, values, float(values.mean()))
                slider.widget.observe(lambda _change: changed(), "value")
                self._inputs.append(slider)
                boxes.append(vbox("rw-covariate", _name(covariate, slider.power), slider.widget))
        self.box = vbox("rw-covariates", *boxes)

    def __repr__(self) -> str:
        return f"CovariateControls({', '.join(f'{it.name} {value:g}' for it, value in self._named())})"

    @property
    def values(self) -> tuple[float, ...]:
        """The values that are picked, one a covariate."""
        return tuple(float(widget.value) for widget in self._inputs)

    @property
    def labels(self) -> Mapping[str, str]:
        """Accessible names by css class."""
        return {f"rw-covariate-{place}": covariate.shown for place, covariate in enumerate(self._covariates)}

    def told(self, values: tuple[float, ...]) -> str:
        """Return values in words, the first ones where there are many; plain text, empty without covariates."""
        parts = [
            f"{covariate.name} {control.write(self._text, value)}"
            if isinstance(control, ValueSlider)
            else covariate.labels[round(value)]
            for covariate, value, control in zip(self._covariates, values, self._inputs, strict=True)
        ]
        if len(parts) > MAX_TOLD + 1:
            parts = [*parts[:MAX_TOLD], self._text("predict.more", count=len(parts) - MAX_TOLD)]
        return ", ".join(parts)

    def _named(self) -> list[tuple[Covariate, float]]:
        return list(zip(self._covariates, self.values, strict=True))


def _name(covariate: Covariate, power: str) -> ipywidgets.HTML:
    name = f"{covariate.name} ({power})" if power else covariate.name
    return classed(ipywidgets.HTML(f"<p>{escape(name)}</p>"), "rw-covariate-name")


def _switch(
    css: str, covariate: Covariate, mean: float, changed: Callable[[], None], text: Catalogue
) -> ipywidgets.ToggleButtons:
    """Return a switch between the two values, at the commoner one."""
    options = [(label, at) for at, label in enumerate(covariate.labels)]
    widget = classed(toggle_buttons(css), "rw-what-if-switch")
    widget.options, widget.value = options, int(mean > 0.5)  # before anybody listens: it asks for nothing
    Choice(widget, lambda: options, lambda _: changed(), text)
    return widget
