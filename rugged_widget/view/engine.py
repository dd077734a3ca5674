"""How the steps are computed: told to whoever points at the status, and hinted at where it was asked for otherwise."""

from __future__ import annotations

from html import escape

import ipywidgets

from rugged_widget.snapshot import EngineInfo, Progress


class EngineNote:
    """A tooltip over the status sentence, and a few words beside it where the steps are not computed as asked for.

    A widget of its own: the sentence changes with every frame, which would take the focus from a tooltip inside it.

    Parameters
    ----------
    asked
        The setting: an engine's name, or "auto".
    """

    def __init__(self, asked: object) -> None:
        self._asked = asked
        self._told: tuple[EngineInfo | None, bool] = (None, False)
        self.widget = ipywidgets.HTML("")
        self.widget.add_class("rw-engine")

    def __repr__(self) -> str:
        return f"EngineNote({self._told[0]})"

    def ask(self, engine: object) -> None:
        """Take note of another setting."""
        self._asked = engine

    def show(self, progress: Progress) -> None:
        """Tell of the engine; a message goes out only where there is news."""
        engine = progress.engine
        # Before the first step nothing is decided: another engine may still be prepared.
        other = engine is not None and progress.step > 0 and engine.name != self._wanted()
        if engine is not None and (engine, other) != self._told:
            self._told = engine, other
            self.widget.value = _html(engine, hint=other)

    def _wanted(self) -> object:
        return "graph" if self._asked == "auto" else self._asked


def _html(engine: EngineInfo, *, hint: bool) -> str:
    name, reason = escape(engine.name), escape(engine.reason)
    words = f'<span class="rw-hint">{name} steps</span>' if hint else ""
    spot = f'<span class="rw-engine-spot" tabindex="0" role="note" aria-label="Engine {name}: {reason}"></span>'
    title, text = f'<div class="rw-tooltip-title">Engine: {name}</div>', f'<div class="rw-tooltip-text">{reason}</div>'
    return f'{words}{spot}<div class="rw-tooltip rw-engine-tip" aria-hidden="true">{title}{text}</div>'
