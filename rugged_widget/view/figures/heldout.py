"""The ELBO of held-out data as a line in the figure of the ELBO, with its key."""

from collections.abc import Mapping
from html import escape

import bqplot
import numpy as np

from rugged_widget.snapshot.heldout import HeldoutElbo
from rugged_widget.snapshot.snapshot import Array
from rugged_widget.view.figures.chart import FOREGROUND, html_text
from rugged_widget.view.figures.number_format import brief, to_decimals
from rugged_widget.view.figures.overlays import key_html
from rugged_widget.view.frames.silent_widgets import SilentLines
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue


class HeldoutLine:
    """A line of the held-out ELBO, and a key that names it and the one of training.

    Parameters
    ----------
    scales
        Scales of the figure.

    Attributes
    ----------
    mark
        The line.
    key
        The key, a text over the drawing.
    """

    def __init__(self, scales: Mapping[str, bqplot.Scale], text: Catalogue) -> None:
        self._text = text
        nowhere = [0.0, 0.0]
        self.mark = SilentLines(x=nowhere, y=nowhere, scales=dict(scales), colors=[FOREGROUND], stroke_width=1.2)
        self.key = html_text("rw-heldout-key")
        self.targets = (self.mark, self.key)

    def update(self, heldout: HeldoutElbo | None, scale: float, below: float, decimals: int) -> Changes:
        """Return what a frame has to change.

        Parameters
        ----------
        heldout
            The points; None where there are none.
        scale
            What nats are multiplied by.
        below
            A height under the axis, where the line lies before its first point.
        decimals
            Decimals of its value.
        """
        step, elbo = points(heldout)
        if not len(step):
            line = {"x": np.array([0.0, 1.0]), "y": np.full(2, below)}
        elif len(step) == 1:
            line = {"x": np.repeat(step, 2) - (1.0, 0.0), "y": np.repeat(elbo, 2) * scale}
        else:
            line = {"x": step, "y": elbo * scale}
        return [(self.mark, line), (self.key, {"value": self._words(heldout, scale, decimals)})]

    def _words(self, heldout: HeldoutElbo | None, scale: float, decimals: int) -> str:
        step, elbo = points(heldout)
        if heldout is None or not (len(step) or heldout.problem):
            return ""
        text, count = self._text, heldout.num_rows
        if heldout.problem:
            named, tip = text("heldout.failed"), text("heldout.failed_tip", problem=heldout.problem)
        else:
            best = int(np.argmax(elbo))
            named = text("heldout.line", value=to_decimals(text, elbo[-1] * scale, decimals))
            highest = to_decimals(text, elbo[best] * scale, decimals)
            which = "tip" if count > 1 else "tip_of_any"
            tip = text(f"heldout.{which}", count=count, best=highest, step=int(step[best]))
        keys = key_html("rw-key-training", text.html("heldout.training")) + key_html("rw-key-heldout", escape(named))
        return f'<div title="{escape(tip)}">{keys}</div>'


def points(heldout: HeldoutElbo | None) -> tuple[Array, Array]:
    """Return steps and values of the points that are finite; the line is straight between them."""
    if heldout is None:
        return np.empty(0), np.empty(0)
    known = np.isfinite(heldout.elbo)
    return heldout.step[known], heldout.elbo[known]


def fall_words(text: Catalogue, heldout: HeldoutElbo | None) -> str:
    """Return a sentence where the held-out ELBO falls while that of training rises, plain text; "" elsewhere."""
    fall = None if heldout is None else heldout.fall
    if fall is None:
        return ""
    return text("heldout.fall", step=fall.since, fall=brief(text, fall.nats), rise=brief(text, fall.rise))
