"""The guide's parameters as a table: small ones in full, large ones as a range."""

from collections.abc import Iterator, Sequence
from html import escape

from rugged_widget.snapshot.snapshot import Array, Parameter
from rugged_widget.view.figures.number_format import fixed
from rugged_widget.view.figures.site_table import written_shape
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import element_label, index_of

MAX_WRITTEN = 12  # a parameter of no more numbers is count out, one a line
MAX_LISTED = 40  # parameters in the table: a guide may have one for every row of the data
FIRST = 3  # numbers of a large parameter that are count

COLUMNS = ("parameter", "constrained", "unconstrained")


def table_of(text: Catalogue, parameters: Sequence[Parameter]) -> str:
    """Return a table as HTML; names are plain text, and stay so.

    It has a line a number; of a parameter with more than 12 the first few, how many there are, and between what.
    """
    head = "".join(f"<th>{text.html(f'parameters.column.{name}')}</th>" for name in COLUMNS)
    bodies = "".join(f"<tbody>{''.join(_rows(text, parameter))}</tbody>" for parameter in parameters[:MAX_LISTED])
    rest = len(parameters) - MAX_LISTED
    key = "parameters.more_one" if rest == 1 else "parameters.more"
    more = f"<p>{text.html(key, count=rest)}</p>" if rest > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead>{bodies}</table>{more}"


def _rows(text: Catalogue, parameter: Parameter) -> Iterator[str]:
    constrained, unconstrained = parameter.constrained, parameter.unconstrained
    shape = written_shape(constrained.shape)
    yield f'<tr><th colspan="3" scope="rowgroup">{escape(parameter.name)} <span>{shape}</span></th></tr>'
    count = constrained.size if constrained.size <= MAX_WRITTEN and constrained.shape == unconstrained.shape else FIRST
    pairs = zip(constrained.ravel()[:count].tolist(), unconstrained.ravel()[:count].tolist(), strict=False)
    for number, (value, free) in enumerate(pairs):
        cells = element_label("", index_of(number, constrained.shape)), fixed(text, value), fixed(text, free)
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    if count < max(constrained.size, unconstrained.size):
        ranges = f"<td>{_range(text, constrained)}</td><td>{_range(text, unconstrained)}</td>"
        yield f"<tr><td>{text.html('parameters.all', count=constrained.size)}</td>{ranges}</tr>"


def _range(text: Catalogue, values: Array) -> str:
    if not values.size:
        return text.html("parameters.none")
    return text.html("parameters.range", low=fixed(text, float(values.min())), high=fixed(text, float(values.max())))
