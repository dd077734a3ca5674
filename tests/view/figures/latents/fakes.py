"""Snapshots of models that are made of numbers only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from rugged_widget.snapshot.model_values import ModelSite, ModelStructure
from rugged_widget.snapshot.snapshot import Correction, ElboCurve, Parameter, Progress, Snapshot
from rugged_widget.view.figures.latents.figure import LatentFigure
from rugged_widget.view.i18n.catalogue import Catalogue
from tests.view import drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
Z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
RUNNING = Progress("running", 1, 100, -3.0, 10.0)


def site(name: str, shape: tuple[int, ...] = (), kind: Any = "real", **more: Any) -> ModelSite:
    return ModelSite(name, more.pop("role", "latent"), kind, shape, **more)


def normal(mean: Any, sd: float = 1.0) -> Any:
    """Return quantiles of independent normals, shape (5, *shape of the mean)."""
    mean = np.asarray(mean, np.float64)
    return mean + sd * Z.reshape(5, *[1] * mean.ndim)


def snapshot(
    quantiles: Mapping[str, Any] | None = None,
    *,
    step: int = 1,
    probabilities: Mapping[str, Any] | None = None,
    sites: Sequence[ModelSite] | None = None,
    parameters: Mapping[str, Any] | None = None,
    correction: Correction | None = None,
) -> Snapshot:
    one = np.ones(1)
    values = {name: np.asarray(value, np.float64) for name, value in (parameters or {}).items()}
    return Snapshot(
        step=step,
        elbo=-3.0,
        learning_rate=0.03,
        num_rows=8,
        curve=ElboCurve(one, one, one),
        probs=PROBS,
        quantiles=quantiles or {},
        probabilities={name: np.asarray(value, np.float64) for name, value in (probabilities or {}).items()},
        structure=None if sites is None else ModelStructure(tuple(sites)),
        parameters=tuple(Parameter(name, value, value) for name, value in values.items()),
        correction=correction,
    )


class Shown:
    """A figure, and what a page shows of it after the last frame."""

    def __init__(self) -> None:
        self.text, self.calls = Catalogue(), 0
        self.figure = LatentFigure(self._changed, text=self.text)
        self.search = drawn.part(self.figure.box, "rw-latents-search")
        self.latest: Snapshot | None = None

    def _changed(self) -> None:
        self.calls += 1

    def show(self, snapshot: Snapshot) -> Shown:
        """Draw a snapshot, as a frame does."""
        self.latest = snapshot
        changes = self.figure.update(snapshot, RUNNING)
        assert {target for target, _ in changes} <= set(self.figure.targets)
        assert len({id(target) for target, _ in changes}) == len(changes), "a frame says each thing once"
        for target, values in changes:
            target.keep(values)
        return self

    def look(self, query: str) -> Shown:
        """Search, and draw the same snapshot again."""
        self.search.value = query
        assert self.latest is not None
        return self.show(self.latest)

    def press(self, name: str) -> Shown:
        """Press a button, and draw the same snapshot again."""
        self.button(name).click()
        assert self.latest is not None
        return self.show(self.latest)

    def button(self, name: str) -> Any:
        return drawn.part(self.figure.box, f"rw-latents-{name}")

    def html(self, name: str) -> str:
        """Return a text of the figure: names, movers, drawing, words."""
        return str(drawn.part(self.figure.box, f"rw-rows-{name}").value)

    @property
    def names(self) -> list[str]:
        """Names of the rows, top to bottom; the mover's where that is."""
        names, movers = _lines(self.html("names")), _lines(self.html("movers"))
        return [name or mover for name, mover in zip(names, movers or [""] * len(names), strict=True)]

    @property
    def words(self) -> list[str]:
        """What stands at the right of the rows."""
        said = re.sub('<span class="rw-row-half">[^<]*</span>', "", self.html("words"))
        told = re.sub('<span class="rw-visually-hidden">[^<]*</span>', "", said)
        return _lines(told.replace("</b><span", "</b> <span"))

    @property
    def count(self) -> str:
        return str(drawn.part(self.figure.box, "rw-latents-count").value)

    def path(self, kind: str) -> str:
        """Return the path of a kind of stroke; empty where there is none."""
        _, found, rest = self.html("drawing").partition(f'class="rw-row-{kind}" d="')
        return rest.partition('"')[0] if found else ""


def _lines(html: str) -> list[str]:
    """Return the texts of the rows of a column, their markup left out."""
    rows = html.replace("<div", "\n<div").split("\n")[2:]
    return [drawn.bare(row) for row in rows]
