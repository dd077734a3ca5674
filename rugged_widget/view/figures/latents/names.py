"""Names at the left of the rows; those of sites open them when they are pressed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rugged_widget.names import shown
from rugged_widget.view.figures.latents.plan import RowPlan
from rugged_widget.view.figures.latents.rows import RowWords
from rugged_widget.view.figures.latents.values import ShownSite
from rugged_widget.view.i18n.catalogue import Catalogue

LENGTH = 24  # characters of a name
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
    note = text.html("latents.moves")
    lines = (
        f"<div>{_cut(word.mover)}<small>{note}</small></div>" if row.kind == "mover" else "<div></div>"
        for row, word in zip(rows, words, strict=True)
    )
    return f'<div class="rw-row-movers">{"".join(lines)}</div>'


def words_html(words: Sequence[RowWords]) -> str:
    """Return what stands at the right of the rows, for a screen reader each behind what it is about."""
    lines = (
        f'<div><span class="rw-visually-hidden">{escape(word.label)}</span>'
        f"<b>{escape(word.value)}</b>{f' {escape(word.interval)}' if word.interval else ''}</div>"
        for word in words
    )
    return f'<div class="rw-row-words">{"".join(lines)}</div>'


def _name(text: Catalogue, row: RowPlan) -> str:
    site = row.site
    if row.kind == "mover":
        return "<div></div>"
    if row.kind == "value":
        return f'<div class="rw-row-inner">{text.html("latents.value", value=row.value)}</div>'
    if row.inner:
        return f'<div class="rw-row-inner">{_cut(site.label(row.element))}</div>'
    if row.kind == "site":
        name = f'<button type="button" data-rw-open="{escape(site.name)}">{_cut(site.name)}</button>'
    else:
        label = site.label(row.element) if site.size > 1 else site.name
        name = f"<b>{_cut(label)}</b>"
    return f"<div>{name}<small>{escape(_kind(text, site))}</small></div>"


def _cut(name: str) -> str:
    if len(name) <= LENGTH:
        return f"<span>{escape(shown(name, LENGTH))}</span>"
    return f'<span title="{escape(name)}">{escape(shown(name, LENGTH))}</span>'


def _kind(text: Catalogue, site: ShownSite) -> str:
    kind = text(f"latents.kind.{site.kind}", count=site.num_values)
    if not site.shape:
        return kind
    return f"{kind} ({', '.join(map(str, site.shape))})"
