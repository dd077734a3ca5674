"""A code listing with a copy button."""

import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from html import escape

import ipywidgets

from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import classed, hbox, vbox


class Listing:
    """A piece of Python in a box of its own that scrolls, and a button that copies it in the reader's browser.

    Its title is a key of the catalogue; the widgets `beside` it, small ones, stand in the heading.
    """

    def __init__(self, text: Catalogue, title: str, code: str = "", beside: Sequence[ipywidgets.Widget] = ()) -> None:
        self._code = code
        self._text = classed(ipywidgets.HTML(as_html(code)), "rw-code")
        # The kernel cannot reach the clipboard: the page's own script listens for clicks on this class.
        copy = classed(ipywidgets.Button(layout={"width": "auto"}), "rw-copy")
        caption(copy, text, "code.copy", "code.copy_tip")
        heading = ipywidgets.HTML("")
        text.follow(lambda: setattr(heading, "value", f'<h3 class="rw-title">{text.html(title)}</h3>'))
        head = hbox("rw-head", heading, *beside, copy)
        self.box = vbox("rw-copyable", head, self._text)

    def __repr__(self) -> str:
        return f"Listing({len(self._code.splitlines())} lines)"

    @property
    def code(self) -> str:
        """The Python that is shown."""
        return self._code

    def show(self, code: str) -> None:
        """Show other code; a message goes out only where it is other code."""
        if code != self._code:
            self._code = code
            self._text.value = as_html(code)


def as_html(code: str) -> str:
    """Return Python as HTML, comments and keywords told apart; what is no Python is shown as it is."""
    try:
        pieces = "".join(_pieces(code))
    except (tokenize.TokenError, SyntaxError):
        pieces = escape(code)
    return f'<pre tabindex="0">{pieces}</pre>'


def _pieces(code: str) -> Iterator[str]:
    lines = code.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    done = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        css = _css(token)
        if css:
            begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            yield f'{escape(code[done:begin])}<span class="{css}">{escape(code[begin:end])}</span>'
            done = end
    yield escape(code[done:])


def _css(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return "rw-comment"
    return "rw-keyword" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else ""
