"""Where the ELBO comes from: a bar for each site."""

import math
from html import escape

import ipywidgets

from rugged_widget.names import shown
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.view.figures.axis_range import SteppingDomain, ten_to, ticks
from rugged_widget.view.figures.chart import Explained, html_picture, with_separator
from rugged_widget.view.figures.elbo_term_changes import Bar, TermChanges, bars_of
from rugged_widget.view.figures.explanation import Sentence
from rugged_widget.view.figures.figure import Figure
from rugged_widget.view.figures.long_names import cut_html
from rugged_widget.view.figures.number_format import brief, rounded, with_spread
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.widgets import box, hbox, vbox

NAME_LENGTH = 21
"""Characters of a site's name that are shown at most: as many as there is room for."""

NAMED = 3
"""Sites whose terms are not finite that are named at most."""

VALUE_WIDTH = 16
"""Characters of the values that there is room for, and more where a value is longer."""

NOTHING = 1e-6
"""Share of the axis below which a term is written as 0: that much single precision leaves of a sum that is zero."""

AXIS_WIDTH = 150.0
"""Pixels of the axis where the page is narrow, beside names and values."""


class ElboTermsFigure(Figure):
    """A bar from 0 to the mean of each site's term, a thin one as far as a single draw scatters, and the numbers.

    Observed sites come first. Where there are many, the largest have bars and the others one together. The term that
    has worsened most lately is named and coloured.
    """

    def __init__(self, *, text: Catalogue, explain: Explained | None = None) -> None:
        self._text = text
        self._changes = TermChanges()
        self._domain = SteppingDomain(-1.0, 0.0)
        self._bars: tuple[Bar, ...] = ()
        self._worse, self._about, self._failed = "", "", False
        self._heading = ipywidgets.HTML()
        self._body = html_picture("rw-terms-body")
        head = hbox("rw-head", self._heading, *([] if explain is None else [explain.box]))
        self.box = vbox("rw-chart rw-terms", head, box("rw-drawing", self._body))
        self.boxes, self.targets = (self.box,), (self._body,)
        text.follow(self._name)

    def __repr__(self) -> str:
        return f"ElboTermsFigure({len(self._bars)} bars)"

    @property
    def labels(self) -> dict[str, str]:
        """Accessible names by css class."""
        return {"rw-terms": self._text("elbo_terms.label")}

    def request(self) -> SnapshotRequest:
        """Return what a snapshot has to hold for it."""
        return SnapshotRequest(elbo_terms=True)

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        note = snapshot.elbo_terms_note
        self._about, self._failed = self._told(snapshot), note is not None and note.kind == "failed"
        terms = snapshot.elbo_terms
        worse = self._changes.worst(snapshot.step, terms, running=progress.status == "running")
        self._worse = ""
        if worse is not None:
            change = {"name": worse.site, "nats": brief(self._text, worse.nats), "step": worse.since}
            self._worse = self._text("elbo_terms.worse", **change)
        self._bars = bars_of(terms, [bar.site for bar in self._bars])
        return [(self._body, {"value": self._html(None if worse is None else worse.site)})]

    def sentence(self, snapshot: Snapshot) -> str:
        """Return which term worsened, if one did, as a sentence without its stop."""
        return self._worse if snapshot.elbo_terms else ""

    def _name(self) -> None:
        self._heading.value = f'<h3 class="rw-title">{escape(self._text("elbo_terms.title"))}</h3>'

    def _told(self, snapshot: Snapshot) -> str:
        """Return what stands under the heading, plain text."""
        text, note = self._text, snapshot.elbo_terms_note
        if note is not None and note.kind == "failed":
            return text("elbo_terms.failed", detail=note.detail)
        if not snapshot.elbo_terms:
            return text("elbo_terms.what")
        count = snapshot.elbo_terms[0].num_draws
        about = text("elbo_terms.about", count=count) if count > 1 else text("elbo_terms.what")
        parts = [about, *([] if note is None else [text("elbo_terms.other_loss", loss=note.detail)])]
        odd = [shown(term.site, NAME_LENGTH) for term in snapshot.elbo_terms if not math.isfinite(term.mean)]
        if odd:
            named = ", ".join([*odd[:NAMED], *(["\N{HORIZONTAL ELLIPSIS}"] if len(odd) > NAMED else [])])
            parts.append(text("elbo_terms.not_finite", names=named))
        return " \N{MIDDLE DOT} ".join(parts)

    def _html(self, worse: str | None) -> str:
        about = f'<p class="rw-terms-about" title="{escape(self._about)}">{escape(self._about)}</p>'
        if not self._bars:
            empty = "" if self._failed else self._text.html("elbo_terms.empty")
            return f'{about}<p class="rw-terms-empty">{empty}</p>'
        named = f'<p class="rw-terms-worse">{escape(self._worse)}</p>'
        ends = [end for bar in self._bars for end in (bar.mean - bar.spread, bar.mean, bar.mean + bar.spread)]
        low, high = self._domain.cover(min(0.0, *ends), max(0.0, *ends))
        values = [self._value(bar, NOTHING * (high - low)) for bar in self._bars]
        rows = "".join(
            self._row(bar, value, low, high, worse=not bar.count and bar.site == worse)
            for bar, value in zip(self._bars, values, strict=True)
        )
        axis = ticks(low, high, 4, width=AXIS_WIDTH, labelled=False)
        grid = "".join(
            f'<i class="rw-term-tick" style="--rw-at: {_place(value, low, high)}"><span>{escape(tick)}</span></i>'
            for value, tick in zip(axis.values, map(self._text.number, map(tick_words, axis.texts)), strict=True)
        )
        grid = f'<div class="rw-terms-grid"><div>{grid}</div></div>'
        name = max((len(self._caption(bar)[1]) for bar in self._bars if bar.role != "guide"), default=0)
        value = max(VALUE_WIDTH, *map(len, values))
        style = f"--rw-terms: {len(self._bars)}; --rw-name: {name}; --rw-value: {value}"
        return f'{about}{named}<div class="rw-terms-rows" style="{style}">{grid}{rows}</div>'

    def _row(self, bar: Bar, value: str, low: float, high: float, *, worse: bool) -> str:
        ends = {
            "from": min(0.0, bar.mean),
            "to": max(0.0, bar.mean),
            "low": bar.mean - bar.spread,
            "high": bar.mean + bar.spread,
        }
        style = "; ".join(f"--rw-{name}: {_place(value, low, high)}" for name, value in ends.items())
        css = "rw-term" + (" rw-term-observed" if bar.role == "observed" else "") + (" rw-term-worst" if worse else "")
        name, full = self._caption(bar)
        return (
            f'<div class="{css}" style="{style}"><span class="rw-term-name" title="{escape(full)}">{name}</span>'
            f'<span class="rw-term-bar"><b></b><i></i></span><span class="rw-term-value">{escape(value)}</span></div>'
        )

    def _caption(self, bar: Bar) -> tuple[str, str]:
        """Return the name of a bar as HTML, and in full as plain text."""
        text = self._text
        if bar.count:
            others = text("elbo_terms.others", count=bar.count)
            return escape(others), others
        if bar.role == "guide":
            return escape(text("elbo_terms.joint")), text("elbo_terms.joint_of", name=bar.site)
        key = f"elbo_terms.role.{bar.role}"
        name = cut_html(bar.site, NAME_LENGTH)
        if bar.role == "latent" or key not in text:
            return name, bar.site
        return f"{name} <small>{text.html(key)}</small>", f"{bar.site} {text(key)}"

    def _value(self, bar: Bar, nothing: float) -> str:
        if max(abs(bar.mean), bar.spread) < nothing:
            return "0"
        if bar.spread > 0:
            return with_spread(self._text, bar.mean, bar.spread)
        return rounded(self._text, bar.mean)


def elbo_terms_facts(_key: str, snapshot: Snapshot) -> list[Sentence]:
    """Return the sentences of the explanation that hold at a moment, as `Explanation` asks for them."""
    terms = snapshot.elbo_terms
    roles = {term.role for term in terms}
    told: list[Sentence] = [("what", {}), ("observed", {}), ("latent", {})]
    told += [(role, {}) for role in ("enumerated", "guide") if role in roles]
    if terms:
        told.append(("draws", {"count": terms[0].num_draws}))
    return [*told, ("worse", {})]


def tick_words(tick: str) -> str:
    """Write a tick as the values beside it are written: 1,000, and a power of ten as such."""
    digits, marked, power = tick.partition("e")
    if not marked:
        return with_separator(tick)
    exponent = ten_to(int(power.replace("\N{MINUS SIGN}", "-")))
    one = digits.lstrip("\N{MINUS SIGN}") == "1"
    return f"{digits[:-1]}{exponent}" if one else f"{digits} \N{MULTIPLICATION SIGN} {exponent}"


def _place(value: float, low: float, high: float) -> float:
    return round((value - low) / (high - low), 4)
