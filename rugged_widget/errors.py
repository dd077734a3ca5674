"""Exceptions of our own; wrong arguments raise ValueError or TypeError instead."""

from typing import Literal, TypeAlias

Cause: TypeAlias = Literal[
    "", "not_finite", "data", "model", "guide", "loss", "gradients", "optimizer", "arguments", "iterates"
]
"""What made a fit fail: numbers that ran away, observed values that are not finite, whose code raised, arguments that
model or guide does not take, too few iterates for a mean; "" where that is not known."""


class RuggedWidgetError(Exception):
    """Base of every exception that only this package raises."""


class FitError(RuggedWidgetError):
    """A fit could not go on: something is not finite, or the model, the guide, the loss or the optimizer raised.

    Parameters
    ----------
    message
        What happened, where, and what to try: plain text, complete sentences for the reader of the widget. Lines after
        the first hold details.
    step
        The step, from 1, that failed.
    site
        The sample site or parameter where it showed first; None where it cannot be told.
    cause
        What made it fail.
    user_lines
        Lines of the user's own code that led there, the innermost last, each with its file or cell.
    shapes
        Shapes of the sites up to there, as Pyro's table; empty where they are not known.
    """

    def __init__(
        self,
        message: str,
        *,
        step: int,
        site: str | None = None,
        cause: Cause = "",
        user_lines: tuple[str, ...] = (),
        shapes: str = "",
    ) -> None:
        super().__init__(message)
        self.step = step
        self.site = site
        self.cause: Cause = cause
        self.user_lines = user_lines
        self.shapes = shapes


class CannotDrawError(RuggedWidgetError):
    """No draws of a guide can be had; the message says why, and what is needed."""


class ClosedError(RuggedWidgetError):
    """The training was closed: nothing can be asked of it any more."""


class MissingBundleError(RuggedWidgetError):
    """The built front end is not in the installed package, so nothing can be displayed."""
