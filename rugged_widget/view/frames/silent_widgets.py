"""Widgets whose traits can be brought up to date without a message.

What a frame shows has reached the browser with the frame. The kernel's own copy has to follow all the same, so that a
reloaded page, a second tab or a saved notebook finds the present state, but it must not be sent a second time.
"""

from collections.abc import Callable, Iterable, Mapping

import bqplot
import ipywidgets


class LateText:
    """A text that is composed when it is needed: most frames are sent without texts.

    Parameters
    ----------
    compose
        Returns the text, of the other arguments.
    """

    def __init__(self, compose: Callable[..., str], *of: object) -> None:
        self._compose, self._of = compose, of

    def __str__(self) -> str:
        return self._compose(*self._of)


class Silent:
    """Mixin for a widget: `keep` sets traits without sending them."""

    _quiet = False

    def keep(self, values: Mapping[str, object]) -> None:
        """Set traits on the kernel's side only; texts that were not composed are."""
        self._quiet = True
        try:
            for name, given in values.items():
                value = str(given) if isinstance(given, LateText) else given
                # Most texts and numbers of a frame are those of the frame before, and to set a trait takes 10 us.
                if not (isinstance(value, (str, int, float, dict)) and getattr(self, name) == value):
                    setattr(self, name, value)
        finally:
            self._quiet = False

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send traits to the browser, all of them or those in `key`, unless they are being kept."""
        if not self._quiet:
            super().send_state(key)  # type: ignore[misc]  # of the widget this is mixed into


class SilentLines(Silent, bqplot.Lines):
    """bqplot's Lines, which can be kept current."""


class SilentScatter(Silent, bqplot.Scatter):
    """bqplot's Scatter, which can be kept current."""


class SilentScale(Silent, bqplot.LinearScale):
    """bqplot's LinearScale, which can be kept current."""


class SilentAxis(Silent, bqplot.Axis):
    """bqplot's Axis, which can be kept current."""


class SilentText(Silent, ipywidgets.HTML):
    """A text of ours as HTML, which can be kept current. Text from users has to be escaped first.

    While frames stream it changes at most five times a second: faster it cannot be read.
    """


class SilentPicture(SilentText):
    """A picture made of HTML: it moves with every frame."""


class SilentProgress(Silent, ipywidgets.FloatProgress):
    """A progress bar, which can be kept current."""
