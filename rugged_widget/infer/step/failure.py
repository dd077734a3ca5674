"""Explain to the reader why a fit failed, and what to try."""

import re

from rugged_widget.errors import Cause, FitError
from rugged_widget.infer.step.first_fault import NonFiniteError
from rugged_widget.infer.step.traceback_reading import (
    Program,
    cause_of,
    described,
    misfit,
    shapes_of,
    site_of,
    user_lines,
)

MAX_TEXT = 300
"""Characters of an exception's own message that are shown; Pyro appends all shapes."""

_ABOUT_SHAPES = (ValueError, RuntimeError, IndexError)
"""What torch and Pyro raise where shapes do not fit."""

_WHO: dict[Cause, str] = {
    "model": "the model",
    "guide": "the guide",
    "optimizer": "the optimizer",
    "loss": "the loss",
    "gradients": "computing the gradients",
}
_FIX: dict[Cause, str] = {
    "model": "Fix the model.",
    "guide": "Fix the guide.",
    "optimizer": "Fix the optimizer, its options or its schedule.",
    "loss": "Fix the loss, or choose one that suits model and guide.",
    "gradients": "Fix what the model or the guide computes with the parameters.",
}


def describe(error: Exception, step: int, learning_rate: float, back_at: int, program: Program) -> FitError:
    """Turn what broke off a step into complete sentences: the step, the site where it can be told, and what to try.

    The first line of the message says all of that; lines after it hold the user's code or the numbers at the site.

    Parameters
    ----------
    error
        What was raised.
    step
        The step that failed, from 1.
    learning_rate
        That of the step that failed.
    back_at
        The step that the fit went back to, >= 0.
    program
        Model, guide and their arguments.
    """
    if isinstance(error, NonFiniteError):
        return _not_finite(error, step, learning_rate, back_at)
    cause = cause_of(error, program)
    site, shapes, lines = named_site(error), shapes_of(error), user_lines(error)
    if cause == "arguments":
        text, advice = _arguments(program), "Give what the model and the guide take."
        lines = ()
    else:
        where = f" at site {site!r}" if site else ""
        text = f"{_WHO[cause]} raised {type(error).__name__}{where}: {_shortened(_words(error))}"
        advice = _FIX[cause]
    if _may_be_the_rate(error, cause, step):
        advice = f"If a value had run away, {_smaller(learning_rate)}. Otherwise {advice[0].lower()}{advice[1:]}"
    details = [f"In {line}" for line in lines]
    if shapes.line and isinstance(error, _ABOUT_SHAPES):
        details.append(f"Shapes so far: {shapes.line}.")
    message = "\n".join([f"Step {step} failed: {text}. The fit is back at step {back_at}. {advice}", *details])
    return FitError(message, step=step, site=site, cause=cause, user_lines=lines, shapes=shapes.table)


def too_few(step: int) -> FitError:
    """Return the error that there are not enough iterates to take a mean of, after so many steps."""
    text = f"At step {step} there are too few steps behind the fit to average its iterates. Train some hundred more."
    return FitError(text, step=step, cause="iterates")


def _may_be_the_rate(error: Exception, cause: Cause, step: int) -> bool:
    """Return whether too large a step may be why something raised: the step before this one, or this one itself."""
    if cause == "optimizer":
        return isinstance(error, (RuntimeError, ArithmeticError))
    return step > 1 and cause in {"model", "guide", "gradients"}


def _not_finite(error: NonFiniteError, step: int, learning_rate: float, back_at: int) -> FitError:
    cause: Cause = "data" if error.kind == "data" else "not_finite"
    skipped = f" {error.num_skipped} steps before it were skipped for that reason." if error.num_skipped else ""
    text = f"Step {step} failed: {error}.{skipped} The fit is back at step {back_at}. "
    message = "\n".join(filter(None, [text + _advice(error, step, learning_rate), error.detail]))
    return FitError(message, step=step, site=error.site, cause=cause)


def _advice(error: NonFiniteError, step: int, learning_rate: float) -> str:
    if error.kind == "data":
        return "Remove these rows from the data, or mask them."
    if step == 1 and error.kind == "gradient":
        return "A function in the model or the guide has no finite slope where the parameters start."
    if step == 1 and error.kind not in {"parameter", "range"}:
        return "The learning rate has no part in a first step: look at the data and at where the parameters start."
    return f"{_smaller(learning_rate).capitalize()}."


def _smaller(learning_rate: float) -> str:
    return f"try a tenth of the learning rate: {learning_rate / 10:.3g}"


def _arguments(program: Program) -> str:
    name, why = misfit(program) or ("model", "")
    return f"the {name} cannot be called with ({described(program.args, program.kwargs)}): {why}"


def named_site(error: Exception) -> str | None:
    """Name the site that was being handled: from Pyro's own words, or from the innermost frame that handles one."""
    words = _words(error)
    named = re.search(r"\bsite '([^']+)'", words) or re.search(r'\bsite "([^"]+)"', words)
    return named[1] if named else site_of(error)


def in_a_line(error: Exception) -> str:
    """Return the message of an exception on one line, without the table of shapes that Pyro appends to it."""
    return " ".join(str(error).split("Trace Shapes:", maxsplit=1)[0].split())[:MAX_TEXT]


def _words(error: Exception) -> str:
    """Return the message of an exception; empty where it cannot say one."""
    try:
        return str(error)
    except Exception:  # the user's own class
        return ""


def _shortened(text: str) -> str:
    """Put a message on one line, without the table of shapes that Pyro appends to it."""
    line = " ".join(re.split(r"\n\s*Trace Shapes:", text)[0].split()).rstrip(".") or "no message"
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 3] + "..."
