"""Numbers as people read them: as many figures as mean something, in the marks of the catalogue's language.

A value that has an interval is written with it (`estimate`): the width says which digit is the last. What has none has
two or three significant figures (`brief`, `rounded`). All return plain text, and a dash for what is not known.
"""

from __future__ import annotations

import math

from rugged_widget.precision import (
    MOST_ZEROS,
    SPACE,
    Precision,
    of_decimals,
    of_error,
    of_figures,
    of_interval,
    without_zeros,
)
from rugged_widget.view.i18n.catalogue import Catalogue

CERTAIN = 0.0005  # probabilities nearer to 0 or 1 are only said to be near
CORRELATED = 0.99999  # nearer to 1 than this no correlation is told
PARAMETER_DECIMALS = 4
SLIGHT = 1e-4  # deviations that are a smaller share of their value are not told
TIMES = 3.0  # from this factor on a width is so many times another one; below it differs by so many per cent


def estimate(text: Catalogue, value: float, lower: float, upper: float, *, sign: bool = False) -> tuple[str, str, str]:
    """Write a value and the ends of its interval alike: two significant figures of the width are seen.

    With `sign`, a positive number has a plus.
    """
    precision = of_interval(lower, upper, value)
    first, second, third = (text.number(precision.write(one, sign=sign)) for one in (value, lower, upper))
    return first, second, third


def factored(text: Catalogue, value: float, lower: float, upper: float) -> tuple[str, str, str, str]:
    """Write a value and the ends of its interval as `estimate` does, with signs, and apart the power of ten of all.

    That is empty where they have none.
    """
    precision = of_interval(lower, upper, value)
    first, second, third = (text.number(precision.write(one, sign=True, power=False)) for one in (value, lower, upper))
    return first, second, third, precision.power


def within(text: Catalogue, value: float, lower: float, upper: float) -> str:
    """Write a value alone, no more finely than its interval tells."""
    precision = of_decimals(of_interval(lower, upper, value).decimals, value)
    written = precision.write(value)
    return text.number(written if value or precision.decimals <= MOST_ZEROS else "0")


def proportions(text: Catalogue, value: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Write an amount and the ends of its interval where ratios matter: with three figures each, or more to differ."""
    finest = of_interval(lower, upper, value)
    first, second, third = (
        rounded(text, one) if of_figures(one, 3).decimals > finest.decimals else text.number(finest.write(one))
        for one in (value, lower, upper)
    )
    return first, second, third


def with_error(text: Catalogue, value: float, error: float, *, most: int | None = None) -> str:
    """Write a value with its standard error, > 0 and finite, by the first figure of the error.

    With `most`, there are no more decimals than that, and an error that is too small to be seen is left out.
    """
    precision = of_error(error, value)
    if most is not None and precision.decimals > most:
        return to_decimals(text, value, most)
    return text.number(f"{precision.write(value)} \N{PLUS-MINUS SIGN} {precision.write(error)}")


def with_spread(text: Catalogue, value: float, spread: float) -> str:
    """Write a value with a standard deviation, > 0 and finite, by which single values scatter about it.

    The deviation has one figure, or two where the first one is 1 or 2; a value of which it would show more than five
    figures stands alone.
    """
    if spread < SLIGHT * abs(value):
        return text.number(of_figures(value, 5).write(value))
    figures = 2 if f"{spread:.0e}"[0] in "12" else 1
    precision = of_decimals(of_figures(spread, figures).decimals, max(abs(value), spread))
    return text.number(f"{precision.write(value)} \N{PLUS-MINUS SIGN} {precision.write(spread)}")


def rounded(text: Catalogue, value: float) -> str:
    """Write an amount with three figures: 4,870 or 0.0125."""
    return text.number(of_figures(value, 3).write(value))


def brief(text: Catalogue, value: float) -> str:
    """Write an amount with two figures, for a sentence: 0.62, 4.9 or 480."""
    return text.number(of_figures(value, 2).write(value))


def short(text: Catalogue, value: float, figures: int = 3) -> str:
    """Write a number that somebody chose: up to three figures, without zeros at its end: 0.03 or 2,000."""
    return text.number(without_zeros(of_figures(value, figures).write(value)))


def ends(text: Catalogue, low: float, high: float) -> str:
    """Write a range by three figures of its width, without zeros at their ends: 0-6.36."""
    precision = of_interval(low, high, figures=3)
    return "\N{EN DASH}".join(text.number(without_zeros(precision.write(end))) for end in (low, high))


def to_decimals(text: Catalogue, value: float, count: int) -> str:
    """Write a number with so many decimals, for columns and thresholds."""
    return text.number(Precision(count).write(value)) if abs(value) < 1e9 else rounded(text, value)


def fixed(text: Catalogue, value: float) -> str:
    """Write a parameter: four decimals where they say enough, else four figures and a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e5 or not math.isfinite(value):
        return to_decimals(text, value, PARAMETER_DECIMALS)
    if 1e5 <= abs(value) < 1e9:
        return to_decimals(text, value, 0)
    exponent = int(f"{value:.3e}".split("e")[1])
    return text.number(Precision(3 - exponent, exponent).write(value))


def probability(text: Catalogue, value: float, *, certain: bool = False) -> str:
    """Write a probability with two decimals, or three near 0 and 1, which it is never said to be unless `certain`."""
    if not certain and value < CERTAIN:
        return text.number(f"<{SPACE}0.001")
    if not certain and value > 1.0 - CERTAIN:
        return text.number(f">{SPACE}0.999")
    return to_decimals(text, value, 2 if certain or 0.005 <= value < 0.995 else 3)


def is_probability(text: Catalogue, value: float, *, certain: bool = False) -> str:
    """Write what a probability is: = 0.98 or > 0.999."""
    written = probability(text, value, certain=certain)
    return written if written[0] in "<>" else f"= {written}"


def level(text: Catalogue, prob: float) -> str:
    """Write the probability of an interval or a quantile in per cent, with all its digits."""
    return text.number(f"{100 * prob:.12g}")


def chosen(text: Catalogue, prob: float) -> str:
    """Write a probability that somebody chose with all its digits, two at least: 0.90 or 0.999."""
    whole, _, behind = f"{prob:.12g}".partition(".")
    return text.number(f"{whole}.{behind:0<2}")


def share(text: Catalogue, value: float) -> str:
    """Write a share in per cent: 21, 0.4 or > 99.9; 0 and 100 only where it is none or all."""
    percent = 100 * value
    if not 0.0 < percent < 100.0:
        return to_decimals(text, percent, 0)
    if percent < 0.01 or percent > 99.9:
        return text.number(f"<{SPACE}0.01" if percent < 0.01 else f">{SPACE}99.9")
    return brief(text, percent) if percent < 1.0 else to_decimals(text, percent, 1 if percent >= 99.5 else 0)


def correlation(text: Catalogue, value: float) -> str:
    """Write a correlation with two decimals, and more where it would read as 1 or -1 that it is not."""
    if CORRELATED < abs(value) < 1.0:
        value = math.copysign(CORRELATED, value)
    return to_decimals(text, value, next((count for count in range(2, 6) if round(abs(value), count) < 1.0), 2))


def ratio(text: Catalogue, value: float) -> str:
    """Write a ratio: with two decimals near 1, with two or three figures far from it."""
    if 0.1 <= value < 10:
        return to_decimals(text, value, 2)
    return brief(text, value) if value < 0.1 else rounded(text, value)


def times(text: Catalogue, factor: float) -> str:
    """Write how many times as much something is, in whole numbers of two figures: 3, 12 or 2,500."""
    return to_decimals(text, factor, 0) if factor < 10 else brief(text, factor)


def against(text: Catalogue, value: float, threshold: float) -> str:
    """Write a number that is compared with a threshold: with two decimals, and three where it would read like that."""
    same = round(value, 2) == round(threshold, 2) if math.isfinite(value) else False
    return to_decimals(text, value, 3 if same and value != threshold else 2)


def decimals_for(span: float) -> int:
    """Return how many decimals tell a hundredth of a range apart, negative where tens or hundreds do; `span` > 0."""
    return 2 - math.floor(math.log10(span))
