"""Explanations: a few plain sentences behind an (i) in a heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

import ipywidgets

from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.chart import html_text
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, classed

Sentence: TypeAlias = tuple[str, Mapping[str, object]]
"""An entry of the catalogue, under the explanation's key, and the numbers and names of the run that fill its fields."""

SnapshotT = TypeVar("SnapshotT", bound=Snapshot)

Tell: TypeAlias = Callable[[str, SnapshotT], Sequence[Sentence]]
"""Says what there is to explain of a moment under a key: the sentences that hold, in order."""


class Explanation(Generic[SnapshotT]):
    """A button in a heading, and the panel that it opens over what is below, so that nothing moves.

    The panel is opened by the page alone, a style that follows the button, so that it opens in a saved notebook too.
    Its numbers are those of the moment: at rest always, and while training runs as long as it is open.

    Parameters
    ----------
    key
        Section of the catalogue, explain.<key>.
    facts
        What there is to say.
    """

    def __init__(self, text: Catalogue, key: str, facts: Tell[SnapshotT]) -> None:
        self._text, self._key, self._facts = text, key, facts
        self._latest: SnapshotT | None = None
        self.button = classed(ipywidgets.ToggleButton(value=False, layout={"width": "auto"}), "rw-explain-button")
        self.panel = html_text("rw-explain-panel")
        self.box = box("rw-explain", self.button, self.panel)
        self.targets = (self.panel,)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"Explanation({self._key!r}, {'open' if self.button.value else 'closed'})"

    def update(self, snapshot: SnapshotT, progress: Progress) -> Changes:
        """Return what a frame has to change: nothing while the panel is closed and training runs."""
        told, self._latest = self._latest is not None, snapshot
        if told and progress.status == "running" and not self.button.value:
            return []
        return [(self.panel, {"value": self._html(snapshot)})]

    def _html(self, snapshot: SnapshotT) -> str:
        name = f"explain.{self._key}"
        parts = [f"<p>{self._text.html(f'{name}.{entry}', **it)}</p>" for entry, it in self._facts(self._key, snapshot)]
        return f"<h4>{self._text.html(f'{name}.title')}</h4>{''.join(parts)}"

    def _name(self) -> None:
        self.button.tooltip = self._text("explain.open", title=self._text(f"explain.{self._key}.title"))
        if self._latest is not None:
            self.panel.value = self._html(self._latest)
