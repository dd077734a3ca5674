"""The parameters of any model as a table: small ones in full, large ones as a range with a histogram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from rugged_widget.snapshot.model_values import ParameterSummary, ParameterTable
from rugged_widget.view.figures.long_names import cut_html
from rugged_widget.view.figures.number_format import fixed, rounded
from rugged_widget.view.figures.site_table import written_shape
from rugged_widget.view.figures.svg import px
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import element_label, index_of

COLUMNS = ("parameter", "constrained", "unconstrained")
NAME_LENGTH = 44
BIN_WIDTH, HEIGHT = 4, 20
"""Size of the histogram, pixels."""


def rows_of(text: Catalogue, table: ParameterTable) -> str:
    """Return a table as HTML: a part for each network or automatic guide, a row for each parameter, or each number.

    Names are plain text, and stay so.
    """
    head = "".join(f'<th scope="col">{text.html(f"parameters.column.{name}")}</th>' for name in COLUMNS)
    body = "".join(_parts(text, table.rows))
    rest = table.num_parameters - sum(row.num_parameters for row in table.rows)
    more = f"<p>{text.html('parameters.more_one' if rest == 1 else 'parameters.more', count=rest)}</p>" if rest else ""
    return f"<table><thead><tr>{head}</tr></thead>{body}</table>{more}"


def summary_of(text: Catalogue, table: ParameterTable) -> str:
    """Return how many parameters there are, and numbers in them, as plain text."""
    key = "parameter_rows.total_one" if table.num_parameters == 1 else "parameter_rows.total"
    return text(key, count=table.num_parameters, numbers=table.num_elements)


def owner_of(name: str) -> tuple[str, str]:
    """Return which network or guide a parameter belongs to, empty where to none, and its name in it."""
    owner, mark, rest = name.partition("$$$")
    if not mark:
        owner, mark, rest = name.partition(".")
    return (owner, rest) if mark and owner and rest else ("", name)


def _parts(text: Catalogue, rows: Sequence[ParameterSummary]) -> Iterator[str]:
    for owner, members in groupby(rows, key=lambda row: owner_of(row.name)[0]):
        parts = list(members)
        if owner:
            numbers = sum(row.num_elements for row in parts)
            count = text.html("parameter_rows.numbers_one" if numbers == 1 else "parameter_rows.numbers", count=numbers)
            title = f"{cut_html(owner, NAME_LENGTH)} <span>{count}</span>"
            yield f'<tbody class="rw-owner"><tr><th colspan="3" scope="rowgroup">{title}</th></tr></tbody>'
        for row in parts:
            css = ' class="rw-owned"' if owner else ""
            yield f"<tbody{css}>{''.join(_rows(text, row))}</tbody>"


def _rows(text: Catalogue, row: ParameterSummary) -> Iterator[str]:
    name = _name_html(row)
    facts = [written_shape(row.shape)] if row.num_parameters == 1 or row.shape else []
    if row.num_parameters > 1:
        facts.append(text("model.parameters", count=row.num_parameters))
    if row.constraint != "real":
        facts.append(text(f"model.kind.{row.constraint}"))
    about = escape(" \N{MIDDLE DOT} ".join(facts))
    known = len(row.constrained) == len(row.unconstrained)
    if known and len(row.constrained) == 1 and not row.num_not_finite:  # a number stands beside its name
        values = (fixed(text, float(values[0])) for values in (row.constrained, row.unconstrained))
        title = f'<th scope="rowgroup" title="{escape(row.name)}">{name} <span>{about}</span></th>'
        yield f"<tr>{title}{''.join(f'<td>{value}</td>' for value in values)}</tr>"
        return
    title = f'<th colspan="3" scope="rowgroup" title="{escape(row.name)}">{name} <span>{about}</span></th>'
    yield f"<tr>{title}</tr>"
    if row.num_not_finite:
        bad = text.html("parameter_rows.bad", count=row.num_not_finite)
        yield f'<tr><td colspan="3" class="rw-bad">{bad}</td></tr>'
    if known and len(row.constrained):
        for number, (value, free) in enumerate(zip(row.constrained, row.unconstrained, strict=True)):
            cells = element_label("", index_of(number, row.shape)), fixed(text, float(value)), fixed(text, float(free))
            yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    elif row.counts.sum():
        yield f'<tr class="rw-range"><td colspan="3"><div>{_range(text, row)}{_histogram(row)}</div></td></tr>'


def _name_html(row: ParameterSummary) -> str:
    name = cut_html(owner_of(row.name)[1], NAME_LENGTH)
    last = cut_html(owner_of(row.last_name)[1], NAME_LENGTH)
    return f"{name} \N{HORIZONTAL ELLIPSIS} {last}" if row.last_name else name


def _range(text: Catalogue, row: ParameterSummary) -> str:
    values = {"low": row.low, "median": row.median, "high": row.high}
    written = {key: rounded(text, value) for key, value in values.items()}
    return f"<span>{text.html('parameter_rows.range', **written)}</span>"


def _histogram(row: ParameterSummary) -> str:
    """Return the histogram as SVG; the range beside it says it in words."""
    top, count = float(row.counts.max()), len(row.counts)
    bars = "".join(
        f"M{BIN_WIDTH * place} {HEIGHT}v-{px(max(HEIGHT * float(value) / top, 1.0))}h{BIN_WIDTH - 0.5}V{HEIGHT}z"
        for place, value in enumerate(row.counts)
        if value
    )
    width = BIN_WIDTH * count
    size = f'viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}"'
    return f'<svg class="rw-histogram" {size} aria-hidden="true"><path d="{bars}"/></svg>'
