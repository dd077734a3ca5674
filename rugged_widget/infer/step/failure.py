"""Explain to the reader why a fit failed, and what to try."""

import re
from types import TracebackType

from pyro.poutine.runtime import apply_stack

from rugged_widget.errors import FitError

MAX_TEXT = 300
"""Characters of an exception's own message that are shown; Pyro appends all shapes."""


class NonFiniteError(ArithmeticError):
    """A step ran away; `site` is the sample site or parameter where it showed, None where it cannot be told.

    The message `what` says what is wrong there, with "{site}" in place of its name.
    """

    def __init__(self, site: str | None, what: str) -> None:
        super().__init__(what.format(site=repr(site)))
        self.site = site


def describe(error: Exception, step: int, learning_rate: float, back_at: int) -> FitError:
    """Turn what broke off a step into complete sentences: the step, the site where it can be told, and what to try.

    Steps count from 1; the learning rate is that of the step that failed, and the fit went back to step `back_at`.
    """
    smaller = f"{learning_rate / 10:.3g}"
    if isinstance(error, NonFiniteError):
        site, text = error.site, str(error)
        advice = f"Try a tenth of the learning rate: {smaller}."
    else:
        site = _site_of(error)
        where = f" at site {site!r}" if site else ""
        text = f"the model or the guide raised {type(error).__name__}{where}: {_shortened(str(error))}"
        advice = f"If a value had run away, try a tenth of the learning rate: {smaller}. Otherwise fix the model."
    return FitError(f"Step {step} failed: {text}. The fit is back at step {back_at}. {advice}", step=step, site=site)


def too_few(step: int) -> FitError:
    """Return the error that there are not enough iterates to take a mean of, after so many steps."""
    text = f"At step {step} there are too few steps behind the fit to average its iterates. Train some hundred more."
    return FitError(text, step=step)


def _site_of(error: Exception) -> str | None:
    """Name the site that was being handled: from Pyro's own words, or from the innermost frame that handles one."""
    named = re.search(r"\bsite '([^']+)'", str(error)) or re.search(r'\bsite "([^"]+)"', str(error))
    if named:
        return named[1]
    site = None
    frames: TracebackType | None = error.__traceback__
    while frames is not None:
        if frames.tb_frame.f_code is apply_stack.__code__:
            site = frames.tb_frame.f_locals["initial_msg"]["name"]
        frames = frames.tb_next
    return site


def _shortened(text: str) -> str:
    """Put a message on one line, without the table of shapes that Pyro appends to it."""
    line = " ".join(re.split(r"\n\s*Trace Shapes:", text)[0].split()).rstrip(".") or "no message"
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 3] + "..."
