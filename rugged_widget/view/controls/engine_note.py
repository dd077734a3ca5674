"""A note beside the status: which engine computes the steps, and why."""

from html import escape

import ipywidgets

from rugged_widget.snapshot.snapshot import EngineInfo, Progress
from rugged_widget.view.i18n.catalogue import FALLBACK, Catalogue, catalogue
from rugged_widget.view.widgets import box, classed

REASON = "engine.reason."


class EngineNote:
    """A tooltip over the status sentence, and a few words beside it where the steps are not computed as asked for.

    Widgets of their own: the sentence changes with every frame, which would take the focus from a tooltip inside it.
    The element that takes the focus is a widget too, so that it stays when its text changes. The setting is an engine's
    name, or "auto".
    """

    def __init__(self, setting: object, *, text: Catalogue) -> None:
        self._setting, self._text = setting, text
        self._shown: tuple[EngineInfo | None, bool] = (None, False)
        self.hint = classed(ipywidgets.HTML(""), "rw-engine-hint")
        self.spot = classed(ipywidgets.HTML("", tabbable=True), "rw-engine-spot")
        self.tip = classed(ipywidgets.HTML(""), "rw-tooltip", "rw-engine-tip")
        self.widget = box("rw-engine", self.hint, self.spot, self.tip)
        text.follow(self._write)

    def __repr__(self) -> str:
        return f"EngineNote({self._shown[0]})"

    def ask(self, engine: object) -> None:
        """Take note of another setting."""
        self._setting = engine

    def show(self, progress: Progress) -> None:
        """Tell of the engine; a message goes out only where there is news."""
        engine = progress.engine
        # Before the first step nothing is decided: another engine may still be prepared.
        expected = "graph" if self._setting == "auto" else self._setting
        other = engine is not None and progress.step > 0 and engine.name != expected
        if engine is not None and (engine, other) != self._shown:
            self._shown = engine, other
            self._write()

    def _write(self) -> None:
        engine, other = self._shown
        if engine is None:
            return
        text, name, reason = self._text, engine.name, self._reason(engine.reason)
        title, label = text("engine.title", name=name), text("engine.label", name=name, reason=reason)
        self.hint.value = f'<span class="rw-hint">{escape(text("engine.hint", name=name))}</span>' if other else ""
        self.spot.value = f'<span class="rw-visually-hidden" role="note" aria-label="{escape(label)}"></span>'
        self.tip.value = (
            f'<div class="rw-tooltip-title" aria-hidden="true">{escape(title)}</div>'
            f'<div class="rw-tooltip-text" aria-hidden="true">{escape(reason)}</div>'
        )

    def _reason(self, reason: str) -> str:
        """Return a reason in the present language where the catalogue knows it, else as it was given."""
        keys = [key for key, entry in catalogue(FALLBACK).items() if key.startswith(REASON) and entry == reason]
        return self._text(keys[0]) if keys else reason
