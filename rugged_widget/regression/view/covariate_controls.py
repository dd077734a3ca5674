"""The covariates of a point to predict at: a slider each, or a switch where there are two values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.regression.data.covariates import Covariate
from rugged_widget.regression.view.data_rows import Rows
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.chart import minus
from rugged_widget.view.figures.number_format import decimals_for, rounded
from rugged_widget.view.i18n.captions import Choice
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed, toggle_buttons, vbox

MAX_DECIMALS = 12
MAX_TOLD = 3
"""Covariates that a sentence names at most."""


class CovariateControls:
    """A control a covariate; they begin at the means, where the panels have the covariates, or at the commoner value.

    `changed` is called when another value is picked.
    """

    def __init__(self, rows: Rows, changed: Callable[[], None], text: Catalogue) -> None:
        self._covariates, self._text = rows.covariates, text
        self._digits = [digits_for(values) for values in rows.covariate_values.T]
        self._inputs: list[ipywidgets.ToggleButtons | ipywidgets.FloatSlider] = []
        boxes = []
        for place, (covariate, values) in enumerate(zip(self._covariates, rows.covariate_values.T, strict=True)):
            css = f"rw-covariate-{place}"
            if covariate.two_valued:
                widget = _switch(css, covariate, float(values.mean()), changed, text)
                boxes.append(widget)
            else:
                widget = slider(css, values, float(values.mean()))
                widget.observe(lambda _change: changed(), "value")
                boxes.append(vbox("rw-covariate", _name(covariate), widget))
            self._inputs.append(widget)
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
            covariate.labels[round(value)]
            if covariate.two_valued
            else f"{covariate.name} {plain(value, max(digits, 0))}"
            for covariate, value, digits in zip(self._covariates, values, self._digits, strict=True)
        ]
        if len(parts) > MAX_TOLD + 1:
            parts = [*parts[:MAX_TOLD], self._text("predict.more", count=len(parts) - MAX_TOLD)]
        return ", ".join(parts)

    def _named(self) -> list[tuple[Covariate, float]]:
        return list(zip(self._covariates, self.values, strict=True))


def _name(covariate: Covariate) -> ipywidgets.HTML:
    return classed(ipywidgets.HTML(f"<p>{escape(covariate.name)}</p>"), "rw-covariate-name")


def _switch(
    css: str, covariate: Covariate, mean: float, changed: Callable[[], None], text: Catalogue
) -> ipywidgets.ToggleButtons:
    """Return a switch between the two values, at the commoner one."""
    options = [(label, at) for at, label in enumerate(covariate.labels)]
    widget = classed(toggle_buttons(css), "rw-what-if-switch")
    widget.options, widget.value = options, int(mean > 0.5)  # before anybody listens: it asks for nothing
    Choice(widget, lambda: options, lambda _: changed(), text)
    return widget


def digits_for(values: Array) -> int:
    """Return the decimals that tell steps of a slider over values apart, negative where whole tens do."""
    return min(decimals_for(float(np.ptp(values))), MAX_DECIMALS)


def slider(css: str, values: Array, start: float) -> ipywidgets.FloatSlider:
    """Return a slider over values that begins at `start`, in steps that its readout tells apart."""
    digits = digits_for(values)
    step = 10.0**-digits
    low, high = math.floor(float(values.min()) / step) * step, math.ceil(float(values.max()) / step) * step
    return classed(
        ipywidgets.FloatSlider(
            value=round(start, digits),
            min=round(low, digits),
            max=round(high, digits),
            step=step,
            readout_format=f".{max(digits, 0)}f",
        ),
        css,
        "rw-what-if-slider",
    )


def plain(value: float, decimals: int) -> str:
    """Write a number with so many decimals."""
    return minus(f"{value:,.{decimals}f}") if abs(value) < 1e9 else rounded(value)
