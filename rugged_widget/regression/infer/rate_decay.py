"""The learning rate of a table that is standardized: high on the way to the posterior, low once the guide is there.

The more rows a table has, and the nearer they lie to a line, the narrower is its posterior. A learning rate that is
right for the way there, from a standard deviation of 5 down to that of the residuals, is then several standard
deviations of the guide a step, and the iterates wander about the optimum for ever; one that is right there takes too
long to arrive. So the rate is held for 400 steps, then falls to a hundredth, and is held again; Hägele et al. 2024,
"Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", hold and cool down so.

Chosen by simulated runs of two guides on the tables of the tests, for the ELBO at step 1500 and for the run to have
converged by then: `python -m tests.benchmarks.rate_decay` prints the table.
"""

import math
from bisect import bisect_right
from typing import Final, Self

from rugged_widget.validation import CUSTOM

RATES: Final = ((0, 0.1), (400, 0.05), (500, 0.02), (600, 0.01), (700, 0.005), (800, 0.002), (900, 0.001))
"""Pairs: steps done, and the learning rate from then on."""

CAUTIOUS: Final = 0.03
"""Highest learning rate of a flow, which higher ones make useless, and of a guide that is not known."""

BETAS: Final = (0.9, 0.99)
"""Adam's betas. The second forgets the large gradients of the first steps within a hundred, not a thousand."""


class RateDecay:
    """Learning rates by the number of steps done.

    Parameters
    ----------
    highest
        What no rate exceeds, > 0.
    """

    def __init__(self, highest: float = math.inf) -> None:
        self._highest = highest

    def __repr__(self) -> str:
        return f"RateDecay({self.rate(0):g} to {RATES[-1][1]:g})"

    def rate(self, step: int) -> float:
        """Return the learning rate after so many steps, >= 0, of the next one."""
        return min(RATES[self._place(step) - 1][1], self._highest)

    def next_change(self, step: int) -> float:
        """Return after how many steps the rate is next another one; infinite where it stays."""
        place = self._place(step)
        return RATES[place][0] if place < len(RATES) else math.inf

    @classmethod
    def of(cls, guide: str) -> Self:
        """Return that of a guide, by the key of its family."""
        return cls(CAUTIOUS if guide in {"iaf", CUSTOM} else math.inf)

    @staticmethod
    def _place(step: int) -> int:
        return bisect_right(RATES, step, key=lambda change: change[0])
