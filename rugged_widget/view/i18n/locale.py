"""The language of a dashboard, and the accessible names of its parts."""

from collections.abc import Iterable, Mapping, Sequence

from rugged_widget.view.i18n.catalogue import AUTO, Catalogue, language_of
from rugged_widget.view.page import Page

LABELS = ("primary", "step", "reset", "progress", "exact-switch", "tabs", "copied", "not-copied", "readout")
"""Css classes without their prefix. The last three are no elements: they are what the page's script says by itself."""


class Locale:
    """The language, as it was asked for or as the browser of the first page prefers it.

    It is asked for by a key of `LANGUAGES`, or by "auto": the first page decides, and it is English until then.
    """

    def __init__(self, text: Catalogue, language: str, settings: Iterable[str]) -> None:
        self._text, self._language, self._heard = text, language, ""
        self._keys = (*LABELS, *[name.replace("_", "-") for name in settings])
        self._speak()

    def __repr__(self) -> str:
        return f"Locale({self._language!r}, speaks {self._text.language!r})"

    def speak(self, language: str) -> bool:
        """Go on in another language, or in that of the first page; return whether that changes anything."""
        self._language = language
        return self._speak()

    def hear(self, tag: str) -> bool:
        """Take note of what a browser prefers, a tag such as ko-KR; return whether that changes the language."""
        self._heard = self._heard or tag
        return self._speak()

    def labels(self, pages: Sequence[Page]) -> dict[str, str]:
        """Return the accessible names of the dashboard and of pages, by css class."""
        field = "{name}"  # filled in by the page's script
        own = {f"rw-{key}": self._text(f"controls.label.{key}", name=field) for key in self._keys}
        return own | {css: name for page in pages for css, name in getattr(page, "labels", {}).items()}

    def hover(self, pages: Sequence[Page]) -> list[Mapping[str, object]]:
        """Return what is told of the dots of pages."""
        return [entry for page in pages for entry in getattr(page, "hover", ())]

    def _speak(self) -> bool:
        before = self._text.language
        self._text.speak(language_of(self._heard) if self._language == AUTO else self._language)
        return self._text.language != before
