"""Names at the left of the rows; those of sites open them when they are pressed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rugged_widget.names import isolated, shown
from rugged_widget.view.figures.latents.plan import RowPlan
from rugged_widget.view.figures.latents.rows import RowWords
from rugged_widget.view.figures.latents.values import ShownSite
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import element_label

LONGEST = 60  # characters of a name
END = 7  # characters at the end of a name that are never cut off: names of one model often begin alike
MAX_SEEN = 11  # rows that are seen without scrolling


def names_html(text: Catalogue, rows: Sequence[RowPlan]) -> str:
    """Return the names of rows, which stay as long as the rows do; names of users stay text.

    The page puts what `data-rw-open` says into the search field when a name is pressed.
    """
    focus = ' tabindex="0"' if len(rows) > MAX_SEEN else ""  # so that keys can scroll the rows
    return f'<div class="rw-row-names"{focus}>{"".join(_name(text, row) for row in rows)}</div>'


def movers_html(text: Catalogue, rows: Sequence[RowPlan], words: Sequence[RowWords]) -> str:
    """Return the names of the elements that move most, each in its row."""
    if not any(row.kind == "mover" for row in rows):
        return ""
    note = f"<small>{text.html('latents.moves')}</small>"
    lines = (
        f"<div>{_element(row.site, word.mover.place)}{note if word.mover.moved else ''}</div>"
        if word.mover is not None
        else "<div></div>"
        for row, word in zip(rows, words, strict=True)
    )
    return f'<div class="rw-row-movers">{"".join(lines)}</div>'


def words_html(words: Sequence[RowWords]) -> str:
    """Return what stands at the right of the rows, for a screen reader each behind what it is about."""
    lines = (
        f'<div><span class="rw-visually-hidden">{escape(word.label)}</span>'
        f"<b>{escape(word.value)}</b>{_interval(word)}</div>"
        for word in words
    )
    return f'<div class="rw-row-words">{"".join(lines)}</div>'


def _interval(word: RowWords) -> str:
    """Write an interval in two ways, one of which the style sheet shows."""
    if not word.interval:
        return ""
    return (
        f'<span class="rw-row-ends">{escape(word.interval)}</span><span class="rw-row-half">{escape(word.half)}</span>'
    )


def _name(text: Catalogue, row: RowPlan) -> str:
    site = row.site
    if row.kind == "mover":
        return "<div></div>"
    if row.kind == "value":
        return f'<div class="rw-row-inner">{text.html("latents.value", value=row.value)}</div>'
    if row.inner:
        return f'<div class="rw-row-inner">{_element(site, row.element)}</div>'
    if row.kind == "site":
        name = f'<button type="button" data-rw-open="{escape(site.name)}">{_cut(site.name)}</button>'
    else:
        name = f"<b>{_element(site, row.element) if site.size > 1 else _cut(site.name)}</b>"
    return f"<div>{name}<small>{escape(_kind(text, site))}</small></div>"


def _cut(name: str, index: str = "") -> str:
    """Write a name and an index behind it; where they have no room, the style sheet cuts the name in its middle."""
    whole = shown(name, LONGEST)
    head, tail = (whole[:-END], whole[-END:]) if len(whole) > 2 * END else (whole, "")
    title = f' title="{escape(name + index)}"' if tail else ""
    behind = f"<i>{escape(isolated(tail) + index)}</i>" if tail or index else ""
    return f'<span class="rw-row-name"{title}><span>{escape(isolated(head))}</span>{behind}</span>'


def _element(site: ShownSite, place: int) -> str:
    return _cut(site.name, element_label("", site.index(place)))


def _kind(text: Catalogue, site: ShownSite) -> str:
    shape = f"({', '.join(map(str, site.shape))})" if site.shape else ""
    if site.kind == "parameter":
        return shape
    return f"{text(f'latents.kind.{site.kind}', count=site.num_values)} {shape}".rstrip()
