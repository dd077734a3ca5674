"""The window onto any model as static HTML, for a reopened notebook without a kernel."""

from html import escape

import numpy as np

from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.view.figures.number_format import within
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Subject, element_label, index_of

MAX_ROWS = 24
"""Elements of latents that the table lists."""


def still(subject: Subject, snapshot: Snapshot, status: str, *, text: Catalogue, said: str = "monitor.still") -> str:
    """Return HTML that needs nothing else: a table of the latents, and how to get the live window back.

    `status` says how the training stands, in plain text; `said` is the key of what stands below.
    """
    words = " \N{MIDDLE DOT} ".join(map(escape, (subject.subtitle, status)))
    heading = f"<p><b>{escape(subject.title)}</b> \N{MIDDLE DOT} {words}</p>"
    table = _table(snapshot, text) if snapshot.step and snapshot.quantiles else ""
    return f'<div style="max-width: 820px">{heading}{table}<p>{text.html(said)}</p></div>'


def _table(snapshot: Snapshot, text: Catalogue) -> str:
    rows: list[str] = []
    for site, values in snapshot.quantiles.items():
        flat = np.asarray(values).reshape(len(values), -1)
        for place in range(flat.shape[1]):
            if len(rows) == MAX_ROWS:
                return _rows([*rows, "<tr><td>\N{HORIZONTAL ELLIPSIS}</td><td></td><td></td></tr>"], text)
            name = element_label(site, index_of(place, values.shape[1:]))
            low, middle, high = (float(flat[row, place]) for row in (0, len(flat) // 2, -1))
            median, lower, upper = (within(text, value, low, high) for value in (middle, low, high))
            rows.append(f"<tr><td>{escape(name)}</td><td>{median}</td><td>{lower} \N{EN DASH} {upper}</td></tr>")
    return _rows(rows, text)


def _rows(rows: list[str], text: Catalogue) -> str:
    head = "".join(f"<th>{text.html(f'monitor.column.{name}')}</th>" for name in ("latent", "median", "interval"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
