"""Run models and guides to look at them, and undo what that changes."""

from collections.abc import Iterator
from contextlib import contextmanager

from rugged_widget.infer.step.isolation import random_numbers_kept
from rugged_widget.infer.step.module_state import behind, untouched


@contextmanager
def undone(*functions: object) -> Iterator[None]:
    """Run functions inside; afterwards parameter store, random numbers and modules are as before.

    Parameters that are made inside are forgotten. Modules are those that the functions lead to or call.
    """
    with random_numbers_kept(), untouched(behind(*functions)):
        yield
