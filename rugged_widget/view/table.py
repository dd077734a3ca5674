"""The guide's parameters as a table: small ones number by number, large ones in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rugged_widget.snapshot import Array, Parameter
from rugged_widget.view.numerals import fixed

MAX_WRITTEN = 12
"""A parameter of no more numbers is written out, one a line."""

MAX_LISTED = 40
"""Parameters in the table: a guide may have one for every row of the data."""

FIRST = 3
"""Numbers of a large parameter that are written."""

HEAD = "<tr><th>parameter</th><th>constrained</th><th>unconstrained</th></tr>"
DOTS = "\N{HORIZONTAL ELLIPSIS}"


def table_of(parameters: Sequence[Parameter]) -> str:
    """Return a table as HTML; names are plain text, and stay so.

    Parameters
    ----------
    parameters
        In the order of the store.

    Returns
    -------
    str
        A line a number; of a parameter with more than 12 the first few, how many there are, and between what.
    """
    bodies = "".join(f"<tbody>{''.join(_rows(parameter))}</tbody>" for parameter in parameters[:MAX_LISTED])
    rest = len(parameters) - MAX_LISTED
    more = f"<p>{DOTS} and {rest:,} more parameter{'' if rest == 1 else 's'}</p>" if rest > 0 else ""
    return f"<table><thead>{HEAD}</thead>{bodies}</table>{more}"


def _rows(parameter: Parameter) -> Iterator[str]:
    constrained, unconstrained = parameter.constrained, parameter.unconstrained
    shape = f"({', '.join(map(str, constrained.shape))}{',' * (constrained.ndim == 1)})"
    yield f'<tr><th colspan="3" scope="rowgroup">{escape(parameter.name)} <span>{shape}</span></th></tr>'
    written = (
        constrained.size if constrained.size <= MAX_WRITTEN and constrained.shape == unconstrained.shape else FIRST
    )
    pairs = zip(constrained.ravel()[:written].tolist(), unconstrained.ravel()[:written].tolist(), strict=False)
    for number, (value, free) in enumerate(pairs):
        yield f"<tr><td>{_index(number, constrained.shape)}</td><td>{fixed(value)}</td><td>{fixed(free)}</td></tr>"
    if written < max(constrained.size, unconstrained.size):
        ranges = f"<td>{_range(constrained)}</td><td>{_range(unconstrained)}</td>"
        yield f"<tr><td>{DOTS} all {constrained.size:,}</td>{ranges}</tr>"


def _index(number: int, shape: tuple[int, ...]) -> str:
    """Write which element it is, as it is picked in Python: [0, 2]."""
    places = []
    for size in reversed(shape):
        number, place = divmod(number, size)
        places.append(str(place))
    return f"[{', '.join(reversed(places))}]" if places else ""


def _range(values: Array) -> str:
    return f"{fixed(float(values.min()))} to {fixed(float(values.max()))}" if values.size else "none"
