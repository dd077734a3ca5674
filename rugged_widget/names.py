"""Names that users give, as they are shown: cut to a readable length, and unable to turn the text around them."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable

NAME_LENGTH = 40
"""Characters of a name that are shown at most."""

FSI, PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
ISOLATES = frozenset({"FSI", "LRI", "RLI"})
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "LRE", "RLE", "LRO", "RLO", "PDF", "PDI", *ISOLATES})


def text_of(name: Hashable) -> str:
    """Return the name of a column or a row as a text, the parts of one with several levels with commas between."""
    if isinstance(name, tuple):
        return ", ".join(str(part) for part in name if part != "")
    return str(name)


def shown(name: str, length: int = NAME_LENGTH) -> str:
    """Return a name to show: of at most `length` characters, cut in its middle, and isolated.

    Its end is kept as well as its beginning, because names of one table often begin alike.
    """
    if len(name) <= length:
        return isolated(name)
    tail = (length - 1) // 2
    head = name[: length - 1 - tail]
    return f"{isolated(head)}\N{HORIZONTAL ELLIPSIS}{isolated(name[-tail:])}"


def isolated(text: str) -> str:
    """Return a text that does not change the direction of what is beside it (Unicode Standard Annex 9).

    One without right-to-left letters and bidirectional controls is returned as it is. Any other stands between
    isolating controls, with its own closed.
    """
    kinds = [unicodedata.bidirectional(character) for character in text]
    if RIGHT_TO_LEFT.isdisjoint(kinds):
        return text
    kept, depth = [], 0
    for character, kind in zip(text, kinds, strict=True):
        if kind == "PDI" and not depth:  # would end the isolation
            continue
        depth += (kind in ISOLATES) - (kind == "PDI")
        kept.append(character)
    return FSI + "".join(kept) + PDI * (depth + 1)
