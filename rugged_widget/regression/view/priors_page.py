"""The Priors page: the scale of each prior on a slider, and live what it says without the data and with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial

import ipywidgets
import numpy as np

from rugged_widget.precision import Precision
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import PriorsAnswer, RegressionReference, RegressionRequest, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.regression.view.prior_figures import PriorFigure, PriorPanels
from rugged_widget.snapshot.snapshot import Progress
from rugged_widget.snapshot.values import Array, Density
from rugged_widget.view.controls.inputs import LogSlider
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.figures.number_format import rounded, short, to_decimals
from rugged_widget.view.figures.overlays import key_html
from rugged_widget.view.figures.verdicts import SilentButton, caution_words, latent_name
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import caption, paragraph
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Row
from rugged_widget.view.widgets import box, button, classed, hbox, vbox

SITES: Mapping[str, str] = {"weight": "linear.weight", "bias": "linear.bias", "sigma": "sigma"}
"""Site of the latents that each prior is of, by the names of `Priors`."""

DECADES = 3
"""Powers of ten that a slider reaches to either side of the prior that it began with."""

LAST_DECADE = 300
"""Exponent that no slider goes beyond: what it stands for has to be a number."""


class PriorsPage:
    """Sliders of the priors' scales, each latent's prior with its exact posterior, and bands and lines over the data.

    Parameters
    ----------
    subject
        What the run is about.
    reference
        That of the priors that the widget began with; later ones come by `show_reference`.
    changed
        Called, in any thread, when a slider or the switch has moved.
    train
        Asks, in any thread, to train with other priors; None for those that the widget began with.
    """

    def __init__(
        self,
        subject: RegressionSubject,
        reference: RegressionReference,
        changed: Callable[[], None],
        train: Callable[[Priors | None], None],
        *,
        text: Catalogue,
    ) -> None:
        self._subject, self._changed, self._text = subject, changed, text
        self._first = self._trained = self._picked = reference.priors
        self._reference = reference
        self._sliders = {name: self._slider(name, value) for name, value in asdict(self._first).items()}
        self._units = {name: html_text("rw-prior-units") for name in self._sliders}
        self._train = button("rw-prior-train", lambda: train(self._picked), SilentButton, disabled=True)
        self._back = button("rw-prior-back", lambda: self._go_back(train))
        self._lines = classed(ipywidgets.Checkbox(value=True, indent=False), "rw-prior-lines")
        self._lines.observe(lambda _change: changed(), "value")
        self._status, self._cautions = html_text("rw-prior-status"), html_text("rw-caution")
        self._figures = [PriorFigure(f"rw-prior-{number}", row.title, text) for number, row in enumerate(subject.rows)]
        self._panels = PriorPanels(subject, reference, text)
        self._key = classed(ipywidgets.HTML(""), "rw-legend")
        self.box = self._layout()
        densities = (target for figure in self._figures for target in figure.targets)
        self.targets = (
            *densities,
            *self._panels.targets,
            *self._units.values(),
            self._status,
            self._cautions,
            self._train,
        )
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"PriorsPage({self._picked!r})"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        sliders = {f"rw-prior-{name}": self._text(f"priors.label.{name}") for name in self._sliders}
        densities = {
            f"rw-prior-{number}": self._text("priors.label.density", name=row.label)
            for number, row in enumerate(self._subject.rows)
        }
        return sliders | densities | self._panels.labels

    def request(self) -> RegressionRequest:
        """Return what the snapshots of this page must hold: what the priors say that are picked."""
        return RegressionRequest(priors=self._picked)

    def update(self, snapshot: RegressionSnapshot, _progress: Progress) -> Changes:
        """Return what a frame has to change; it is of the priors of the snapshot, which may be those of before."""
        answer = snapshot.priors_answer
        if answer is None:
            return []
        densities = [
            change
            for figure, row in zip(self._figures, self._subject.rows, strict=True)
            for change in figure.draw(*(self._element(by_site, row) for by_site in (answer.prior, answer.posterior)))
        ]
        units = [(note, {"value": self._units_of(name, answer.priors)}) for name, note in self._units.items()]
        return [
            *densities,
            *self._panels.update(answer, lines=bool(self._lines.value)),
            *units,
            (self._status, {"value": self._standing(answer)}),
            (self._cautions, {"value": self._warn(answer)}),
            (self._train, {"disabled": answer.priors == self._trained}),
        ]

    def show_reference(self, reference: RegressionReference) -> None:
        """Take note of what the run is trained with; where that is something else than before, the sliders show it."""
        self._reference = reference
        if reference.priors != self._trained:
            self._trained = reference.priors
            self._show(reference.priors)
            self._changed()

    # Sliders

    def _slider(self, name: str, value: float) -> LogSlider:
        middle = math.floor(math.log10(value) + 0.5)
        slide = partial(self._slide, name)
        lowest, highest = max(middle - DECADES, -LAST_DECADE), min(middle + DECADES, LAST_DECADE)
        slider = LogSlider(value, slide, self._text, lowest=lowest, highest=highest)
        slider.widget.readout_format = ".2r"  # 2000, not 2.0e+3: these are in the units of the data
        classed(slider.widget, "rw-prior-slider", f"rw-prior-{name}")
        return slider

    def _slide(self, name: str, value: object) -> None:
        self._picked = replace(self._picked, **{name: float(str(value))})
        self._changed()

    def _show(self, priors: Priors) -> None:
        self._picked = priors
        for name, value in asdict(priors).items():
            self._sliders[name].show(value)
        self._picked = priors

    def _go_back(self, train: Callable[[Priors | None], None]) -> None:
        self._show(self._first)
        train(None)
        self._changed()

    # Texts

    def _standing(self, answer: PriorsAnswer) -> str:
        """Return what the run is trained with, and how probable the data are, as HTML."""
        evidence = to_decimals(self._text, answer.log_evidence, 2)
        exact = self._reference.exact
        if answer.priors == self._trained or exact is None:
            return self._text.html("priors.trained", evidence=evidence)
        scales = {name: short(self._text, value) for name, value in asdict(self._trained).items()}
        difference = self._text.number(Precision(2).write(answer.log_evidence - exact.log_evidence, sign=True))
        trained = self._text("priors.scales", **scales)
        return self._text.html("priors.other", evidence=evidence, difference=difference, trained=trained)

    def _warn(self, answer: PriorsAnswer) -> str:
        rows = self._subject.rows
        sentences = [caution_words(self._text, one, partial(latent_name, rows)) for one in answer.cautions]
        return "".join(self._text.html("priors.caution", sentence=sentence) for sentence in sentences)

    def _units_of(self, name: str, priors: Priors) -> str:
        """Return what a scale is in the units of the data, as HTML; nothing where it is in these units itself."""
        site = SITES[name]
        if site not in self._reference.units:
            return ""
        units, value = self._reference.units[site], asdict(priors)[name]
        rows = [row for row in self._subject.rows if row.site == site]
        amounts = {row.label: rounded(self._text, value * float(units[row.index])) for row in rows}
        if len(amounts) == 1:
            (said,) = amounts.values()
        else:
            said = " \N{MIDDLE DOT} ".join(f"{label} {amount}" for label, amount in amounts.items())
        return self._text.html("priors.units", amounts=said)

    def _element(self, by_site: Mapping[str, tuple[Density, ...]], row: Row) -> Density:
        estimate: Array = np.asarray(self._reference.estimates[row.site])
        return by_site[row.site][int(np.ravel_multi_index(row.index, estimate.shape)) if row.index else 0]

    def _name(self) -> None:
        html = self._text.html
        keys = {"prior": "priors.key.prior", "exact": "overlay.key.exact", "least-squares": "overlay.key.least_squares"}
        keys |= {"prior-lines": "priors.key.lines", "band": "priors.key.band"}
        self._key.value = "".join(key_html(f"rw-key-{name}", html(key)) for name, key in keys.items())
        for figure, row in zip(self._figures, self._subject.rows, strict=True):
            figure.rename(row.title)

    # Parts

    def _layout(self) -> ipywidgets.Box:
        text = self._text
        caption(self._train, text, "priors.train", "priors.train_tip")
        caption(self._back, text, "priors.back", "priors.back_tip")
        caption(self._lines, text, "priors.lines", "priors.lines_tip")
        notes = [paragraph(text, "priors.standardized", "rw-about")] if self._subject.standardized else []
        rows = [
            vbox("rw-prior-row", paragraph(text, f"priors.{name}", "rw-prior-name"), slider.widget, self._units[name])
            for name, slider in self._sliders.items()
        ]
        actions = hbox("rw-prior-actions", self._train, self._back)
        pane = vbox("rw-pane", *notes, *rows, self._lines, self._status, self._cautions, actions)
        latents = box("rw-latents", *[figure.box for figure in self._figures])
        panels = box("rw-prior-panels", *self._panels.boxes)
        return box("rw-columns rw-priors", pane, vbox("rw-main", latents, panels, self._key))
