"""Exceptions of our own; wrong arguments raise ValueError or TypeError instead."""


class RuggedWidgetError(Exception):
    """Base of every exception that only this package raises."""


class FitError(RuggedWidgetError):
    """A fit could not go on: the loss or a parameter is not finite, or the model raised.

    Parameters
    ----------
    message
        What happened, where, and what to try; complete sentences for the reader of the widget.
    step
        The step, from 1, that failed.
    site
        The sample site or parameter where it showed first; None where it cannot be told.
    """

    def __init__(self, message: str, *, step: int, site: str | None = None) -> None:
        super().__init__(message)
        self.step = step
        self.site = site


class CannotDrawError(RuggedWidgetError):
    """No draws of a guide can be had; the message says why, and what is needed."""


class ClosedError(RuggedWidgetError):
    """The training was closed: nothing can be asked of it any more."""


class MissingBundleError(RuggedWidgetError):
    """The built front end is not in the installed package, so nothing can be displayed."""
