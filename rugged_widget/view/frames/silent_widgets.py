"""Widgets whose traits can be brought up to date without a message.

What a frame shows has reached the browser with the frame. The kernel's own copy has to follow all the same, so that a
reloaded page, a second tab or a saved notebook finds the present state, but it must not be sent a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bqplot
import ipywidgets


class Quiet:
    """Mixin for a widget: `keep` sets traits without sending them."""

    _quiet = False

    def keep(self, values: Mapping[str, object]) -> None:
        """Set traits on the kernel's side only."""
        self._quiet = True
        try:
            for name, value in values.items():
                setattr(self, name, value)
        finally:
            self._quiet = False

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send traits to the browser, all of them or those in `key`, unless they are being kept."""
        if not self._quiet:
            super().send_state(key)  # type: ignore[misc]  # of the widget this is mixed into


class QuietLines(Quiet, bqplot.Lines):
    """bqplot's Lines, which can be kept current."""


class QuietScatter(Quiet, bqplot.Scatter):
    """bqplot's Scatter, which can be kept current."""


class QuietScale(Quiet, bqplot.LinearScale):
    """bqplot's LinearScale, which can be kept current."""


class QuietAxis(Quiet, bqplot.Axis):
    """bqplot's Axis, which can be kept current."""


class QuietText(Quiet, ipywidgets.HTML):
    """A text of ours as HTML, which can be kept current. Text from users has to be escaped first."""


class QuietProgress(Quiet, ipywidgets.FloatProgress):
    """A progress bar, which can be kept current."""
