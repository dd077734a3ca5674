"""Axis bounds that change in steps: an axis that moves with every frame cannot be read."""

import math
from collections.abc import Callable, Sequence

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def nice_step(span: float, num_steps: int = 6) -> float:
    """Return the round number nearest above span / num_steps; `span` > 0."""
    raw = span / num_steps
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(magnitude * step for step in STEPS if magnitude * step >= raw * (1 - 1e-9))


def ticks(low: float, high: float, num_steps: int = 5) -> list[float]:
    """Return round numbers in [low, high], about `num_steps` apart; `low` < `high`."""
    step = nice_step(high - low, num_steps)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]  # + 0.0: no minus before a zero


def tick_format(values: Sequence[float]) -> str:
    """Return the d3 format that tells ticks apart, and says no more; given at least two, evenly spaced."""
    step = values[1] - values[0]
    if step >= 1e3 and max(abs(value) for value in values) >= 1e5:
        return "~s"  # 100k
    if step < 1e-4:
        return "~e"
    digits = range(7)  # differences of large numbers are not exact: the last may have to do
    decimals = next((count for count in digits if math.isclose(step, round(step, count), rel_tol=1e-3)), digits[-1])
    return f".{decimals}f"


class SteppingDomain:
    """Bounds of an axis that change only when the data leave them, or use less than the share `slack` of them."""

    def __init__(self, low: float, high: float, *, slack: float = 0.45) -> None:
        self.low, self.high = low, high
        self._slack = slack

    def __repr__(self) -> str:
        return f"SteppingDomain({self.low:g}, {self.high:g})"

    def cover(self, low: float, high: float) -> tuple[float, float]:
        """Return bounds that hold [low, high]; those of before where they still serve."""
        if not (math.isfinite(low) and math.isfinite(high)) or high < low:
            return self.low, self.high
        inside = self.low <= low and high <= self.high
        if not inside or high - low < self._slack * (self.high - self.low):
            span = max(high - low, 1e-9 * max(1.0, abs(low), abs(high)))
            step = nice_step(span * 1.1)
            margin = 0.05 * span
            bounds = (_outwards(low, margin, step, math.floor), _outwards(high, -margin, step, math.ceil))
            if not inside or bounds[1] - bounds[0] < 0.8 * (self.high - self.low):  # not back and forth by a tick
                self.low, self.high = bounds
        return self.low, self.high


def _outwards(end: float, margin: float, step: float, rounded: Callable[[float], int]) -> float:
    # An end at zero is one on purpose, such as the foot of a density.
    return step * rounded((end - margin) / step) if end else 0.0
