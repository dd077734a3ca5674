"""Long names and titles as HTML: what is cut off is shown on hover, and read out in full."""

from html import escape

from rugged_widget.names import isolated, shown

LONG = 32
"""Characters of a title from which on a narrow page may cut it off."""


def tip(title: str) -> str:
    """Return the attribute that shows a title in full on hover; empty where it is short. Plain text is given."""
    return f' title="{escape(title)}"' if len(title) > LONG else ""


def cut_html(name: str, length: int) -> str:
    """Return a name of at most `length` characters as HTML; a longer one is cut, and read out and shown in full."""
    if len(name) <= length:
        return escape(isolated(name))
    full = escape(isolated(name))
    return (
        f'<span title="{full}"><span aria-hidden="true">{escape(shown(name, length))}</span>'
        f'<span class="rw-visually-hidden">{full}</span></span>'
    )
