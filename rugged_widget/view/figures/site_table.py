"""The sites of a model as a table, groups of alike ones in a row, and the sites that a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from rugged_widget.names import isolated
from rugged_widget.snapshot.model_values import ModelStructure
from rugged_widget.view.figures.site_groups import Group, Groups
from rugged_widget.view.i18n.catalogue import Catalogue

MAX_ROWS = 200
MAX_PARENTS = 8
SEEN_ROWS = 10
"""Rows that are seen without scrolling."""

COLUMNS = ("site", "role", "distribution", "support", "shape", "plates", "parents")


def table_of_groups(text: Catalogue, groups: Groups) -> str:
    """Return a table with a row for each group of sites, as HTML; names are plain text, and stay so."""
    labels = {site.name: group.label for group in groups.groups for site in group.sites}
    plates = {key: plate.label for key, plate in groups.plates.items()}
    rows = [_row(text, group, labels, plates) for group in groups.groups[:MAX_ROWS]]
    return _table(text, rows, len(groups.groups) - MAX_ROWS)


def table_of_search(text: Catalogue, structure: ModelStructure, query: str) -> str:
    """Return a table of the single sites whose name, distribution or plate holds the query, as HTML."""
    needle = query.casefold().strip()
    found = [
        site
        for site in structure.sites
        if any(needle in part.casefold() for part in (site.name, site.distribution, *site.plates))
    ]
    if not found:
        return f'<p class="rw-nothing">{text.html("model.not_found", query=query)}</p>'
    rows = [_row(text, Group(site.name, (site,), site.plates), {}, {}) for site in found[:MAX_ROWS]]
    return _table(text, rows, len(found) - MAX_ROWS)


def _table(text: Catalogue, rows: list[str], rest: int) -> str:
    head = "".join(f'<th scope="col">{text.html(f"model.column.{name}")}</th>' for name in COLUMNS)
    more = f"<p>{text.html('model.more', count=rest)}</p>" if rest > 0 else ""
    # What scrolls has to be reached by the keyboard too.
    reached = f' tabindex="0" role="group" aria-label="{text.html("model.table")}"' if len(rows) > SEEN_ROWS else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="rw-sites-scroll"{reached}>{table}</div>{more}'


def _row(text: Catalogue, group: Group, labels: Mapping[str, str], plates: Mapping[str, str]) -> str:
    count = len(group.sites)
    name = escape(isolated(group.label))
    if group.network:
        key = "model.parameters_one" if count == 1 else "model.parameters"
        name += f" <span>{text.html(key, count=count)}</span>"
    elif count > 1:
        name += f" <span>{text.html('model.sites', count=count)}</span>"
    cells = (
        text.html(f"model.role.{group.role}"),
        escape(group.distribution),
        _support(text, group),
        _shape(text, group),
        escape(", ".join(plates.get(plate, plate) for plate in group.plates)),
        _parents(text, group, labels),
    )
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _support(text: Catalogue, group: Group) -> str:
    if len({site.kind for site in group.sites}) > 1:
        return text.html("model.varied")
    site = group.sites[0]
    kind = text.html(f"model.kind.{site.kind}")
    return text.html("model.values", kind=kind, count=site.num_values) if site.num_values else kind


def _shape(text: Catalogue, group: Group) -> str:
    shapes = {site.shape for site in group.sites}
    return text.html("model.varied") if len(shapes) > 1 else escape(written_shape(shapes.pop()))


def written_shape(shape: tuple[int, ...]) -> str:
    """Write a shape as Python does: (8,) or (3, 4); () of a number."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _parents(text: Catalogue, group: Group, labels: Mapping[str, str]) -> str:
    names = list(dict.fromkeys(_names(group, labels)))
    written = escape(", ".join(names[:MAX_PARENTS]))
    rest = len(names) - MAX_PARENTS
    return f"{written} {text.html('model.more_parents', count=rest)}" if rest > 0 else written


def _names(group: Group, labels: Mapping[str, str]) -> Iterator[str]:
    """Yield what a group depends on, other groups by their labels; a group may depend on itself."""
    for site in group.sites:
        for parent in site.parents:
            yield labels.get(parent, parent)
