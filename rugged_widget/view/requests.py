"""Requests that controls and pages make when something is pressed or picked."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Requests:
    """Requests of the controls; each may be called from any thread and returns at once.

    `primary` starts, pauses, resumes or restarts, whichever the button says; `step` trains one step, `reset` begins
    again. `pick` uses a value for a setting: learning_rate, speed, guide or seed, correct or stop_when_converged.
    `average` puts the mean of the last iterates in place of the parameters; None where that cannot be.
    """

    primary: Callable[[], None]
    step: Callable[[], None]
    reset: Callable[[], None]
    pick: Callable[[str, object], None]
    average: Callable[[], None] | None = lambda: None


@dataclass(frozen=True)
class CompareRequests:
    """Requests of the Compare page; each may be called from any thread and returns at once.

    `keep` keeps the present run, though it has not ended; `recall`, `remove` and `rename` are given the number of a
    run. `export` writes the table as CSV to a path, replacing a file there only where told so: (path, overwrite).
    """

    keep: Callable[[], None]
    recall: Callable[[int], None]
    remove: Callable[[int], None]
    rename: Callable[[int, str], None]
    export: Callable[[str, bool], None]
