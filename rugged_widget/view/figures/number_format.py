"""Format numbers for readers: significant figures only, at a steady width."""

import math

from rugged_widget.view.figures.chart import minus

MANY = 1e9  # from here on a number is written with a power of ten


def fixed(value: float) -> str:
    """Write a parameter: four decimals where they say enough, else four figures and a power of ten."""
    if not math.isfinite(value):
        return minus(str(value))
    plain = value == 0 or 1e-3 <= abs(value) < 1e5
    return minus(f"{value:.4f}" if plain else f"{value:.3e}")


def rounded(value: float) -> str:
    """Write an amount with three figures: 4,870 or 0.0125."""
    return _significant(value, 3, most=6)


def brief(value: float) -> str:
    """Write an amount with two figures, for a sentence: 0.62, 4.9 or 480."""
    return _significant(value, 2, most=4)


def short(value: float) -> str:
    """Write a setting with two figures and no zeros behind them: 0.01, 2.5 or 2,000."""
    return minus(f"{float(f'{value:.2g}'):,g}")


def _significant(value: float, figures: int, *, most: int) -> str:
    """Write so many figures, with a power of ten where that takes more than `most` decimals."""
    if value == 0 or not math.isfinite(value):
        return minus(f"{value:g}")
    digits = figures - 1 - math.floor(math.log10(abs(value)))
    if abs(value) >= MANY or digits > most:
        return minus(f"{value:.{figures - 1}e}")
    return minus(f"{round(value, digits):,.{max(digits, 0)}f}")


def decimals_for(span: float) -> int:
    """Return how many decimals tell a hundredth of a range apart, negative where tens or hundreds do; `span` > 0."""
    return 2 - math.floor(math.log10(span))
