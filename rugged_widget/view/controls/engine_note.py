"""A note beside the status: which engine computes the steps, and why."""

from html import escape

import ipywidgets

from rugged_widget.snapshot.snapshot import EngineInfo, Progress
from rugged_widget.view.i18n.catalogue import FALLBACK, Catalogue, catalogue
from rugged_widget.view.widgets import classed

REASON = "engine.reason."


class EngineNote:
    """A tooltip over the status sentence, and a few words beside it where the steps are not computed as asked for.

    A widget of its own: the sentence changes with every frame, which would take the focus from a tooltip inside it.

    Parameters
    ----------
    asked
        The setting: an engine's name, or "auto".
    """

    def __init__(self, asked: object, *, text: Catalogue) -> None:
        self._asked, self._text = asked, text
        self._told: tuple[EngineInfo | None, bool] = (None, False)
        self.widget = classed(ipywidgets.HTML(""), "rw-engine")
        text.follow(self._write)

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
            self._write()

    def _wanted(self) -> object:
        return "graph" if self._asked == "auto" else self._asked

    def _write(self) -> None:
        engine, other = self._told
        if engine is not None:
            self.widget.value = self._html(engine, hint=other)

    def _html(self, engine: EngineInfo, *, hint: bool) -> str:
        say, name, reason = self._text, engine.name, self._reason(engine.reason)
        title, label = say("engine.title", name=name), say("engine.label", name=name, reason=reason)
        text = f'<span class="rw-hint">{escape(say("engine.hint", name=name))}</span>' if hint else ""
        spot = f'<span class="rw-engine-spot" tabindex="0" role="note" aria-label="{escape(label)}"></span>'
        lines = (
            f'<div class="rw-tooltip-title">{escape(title)}</div><div class="rw-tooltip-text">{escape(reason)}</div>'
        )
        return f'{text}{spot}<div class="rw-tooltip rw-engine-tip" aria-hidden="true">{lines}</div>'

    def _reason(self, reason: str) -> str:
        """Return a reason in the present language where the catalogue knows it, else as it was given."""
        keys = [key for key, known in catalogue(FALLBACK).items() if key.startswith(REASON) and known == reason]
        return self._text(keys[0]) if keys else reason
