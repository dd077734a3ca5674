"""Decide which forms of batches are worth a captured step of their own."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MAX_PROGRAMS: Final = 4
"""Captured steps at most; steps with batches of further forms are taken by Pyro."""

MAX_REMEMBERED: Final = 64
"""Forms whose count is kept. One that does not come again while so many others do is not worth a capture."""

PATIENCE: Final = 10
"""Steps after which the reader is told that no form came twice."""


NONE_ALIKE: Final = "no two batches so far are alike in shape, type and whatever is no tensor"
NOT_COMPARABLE: Final = "the batches hold something other than tensors on the CPU, numbers and text"


class Forms:
    """Counts the batches of each form.

    A capture takes as long as some hundred steps, so it is made for a form that comes a second time: not for one whose
    shape, or a number beside its tensors, is another in each step.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, int] = OrderedDict()
        self._refused: set[Hashable] = set()
        self._noted = 0

    def __repr__(self) -> str:
        return f"Forms({len(self._counts)} in {self._noted} steps)"

    def note(self, num_steps: int, form: Hashable) -> None:
        """Count the batch of the step after `num_steps`, unless the step is taken again."""
        if num_steps < self._noted:
            return
        self._noted = num_steps + 1
        if form is not None:
            self._counts[form] = self._counts.pop(form, 0) + 1
            if len(self._counts) > MAX_REMEMBERED:
                self._counts.popitem(last=False)

    def refuse(self, form: Hashable) -> None:
        """Note that steps with batches of a form cannot be captured."""
        self._refused.add(form)

    def is_worth_a_capture(self, form: Hashable, num_programs: int) -> bool:
        """Return whether to capture a step for a form, beside so many others."""
        again = form is not None and self._counts.get(form, 0) > 1
        return again and form not in self._refused and num_programs < MAX_PROGRAMS

    @property
    def obstacle(self) -> str | None:
        """Why no batch so far was worth a capture, in a few words for the reader; None where that is early to say."""
        if self._noted <= PATIENCE or max(self._counts.values(), default=0) > 1:
            return None
        return NONE_ALIKE if self._counts else NOT_COMPARABLE
