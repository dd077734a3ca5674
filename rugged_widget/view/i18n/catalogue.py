"""The catalogue: every sentence that a reader sees, by language."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Formatter
from types import MappingProxyType
from typing import Final

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType({"en": "English", "ko": "한국어"})
"""Names of the languages in themselves, by their codes."""

AUTO = "auto"
FALLBACK = "en"


class Catalogue:
    """The catalogue in one language at a time, a key of `LANGUAGES`.

    An entry has a dotted key, `file.section.name`, and is plain text with fields in braces, or HTML of ours.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._followers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Catalogue({self.language!r})"

    def __call__(self, key: str, /, **values: object) -> str:
        """Return an entry with its fields filled in, as plain text; KeyError where there is none.

        Fields that are numbers are written as the language does; numbers that are texts already have to be.
        """
        return self._filled(key, values)

    def __contains__(self, key: str) -> bool:
        return key in catalogue(self.language)

    def html(self, key: str, /, **values: object) -> str:
        """Return an entry that is HTML with its fields filled in; what is a text among them stays text."""
        safe = {name: escape(value) if isinstance(value, str) else value for name, value in values.items()}
        return self._filled(key, safe)

    def number(self, english: str) -> str:
        """Return a number as the language writes it, given as English does: 1,234.5.

        The entry numbers.example, which is that number, shows its marks between thousands and before decimals.
        """
        return english.translate(_marks(catalogue(self.language)["numbers.example"]))

    def _filled(self, key: str, values: Mapping[str, object]) -> str:
        written = []
        for text, name, form in _parts(catalogue(self.language)[key]):
            written.append(text)
            if name is not None:
                value = values[name]
                plain = format(value, form or "")
                written.append(self.number(plain) if isinstance(value, (int, float)) else plain)
        return "".join(written)

    def follow(self, put: Callable[[], None]) -> None:
        """Call `put` now, and again whenever the language changes: for what no frame brings up to date."""
        self._followers.append(put)
        put()

    def speak(self, language: str) -> None:
        """Go on in another language."""
        if language != self.language:
            self.language = language
            for put in self._followers:
                put()


@cache
def _marks(example: str) -> Mapping[int, str]:
    """Return a language's marks between thousands and before decimals by those of English, of 1,234.5 in it."""
    thousands, decimal = example.removeprefix("1").removesuffix("5").split("234")
    return {ord(","): thousands, ord("."): decimal}


@cache
def _parts(entry: str) -> Sequence[tuple[str, str | None, str | None]]:
    """Cut an entry up into texts, each with the name of the field behind it, None of none, and how that is written."""
    return tuple((text, name, form) for text, name, form, _ in Formatter().parse(entry))


def checked_language(value: str) -> str:
    """Return what `language=` was given; TypeError where it is no text, ValueError where it is no language."""
    choices = (AUTO, *LANGUAGES)
    if not isinstance(value, str):
        raise TypeError(f"language must be one of {choices}, got {value!r}")
    if value not in choices:
        raise ValueError(f"language must be one of {choices}, got {value!r}")
    return str(value)


def language_of(tag: str) -> str:
    """Return the language for a reader whose browser asks for `tag`, such as ko-KR; English where there is none."""
    code = tag.replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else FALLBACK


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return all entries of a language, a key of `LANGUAGES`, by their keys."""
    folder = files("rugged_widget.view.i18n").joinpath("catalogue", language)
    entries: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        _flatten(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")), entries)
    return MappingProxyType(entries)


def _flatten(prefix: str, table: Mapping[str, object], entries: dict[str, str]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            _flatten(key, value, entries)
        else:
            entries[key] = str(value).strip()
