"""Axis bounds that change in steps, for an axis that moves with every frame cannot be read; and ticks for them.

Nothing here is measured in a unit: data scaled by a power of ten have the same bounds and ticks, scaled.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from itertools import pairwise
from typing import TypeVar

STEPS = tuple(map(Decimal, ("1", "2", "2.5", "5", "10")))
ROUNDING = 1e-9
"""Share of a step by which numbers miss a multiple of it because of rounding only."""

RESOLUTION = 64 * sys.float_info.epsilon
"""Share of its size that a range has to span: below, ticks would be float64's own steps."""

PRECISION = 700
"""Digits of the decimal arithmetic: enough for the difference of any two numbers of float64."""

SINGLE = 0.1
"""Share of its size that is shown around a single value."""

CHARACTER = 7.0
"""Width of a digit of a tick, px, in the widest of the usual fonts at 11 px."""

WIDTHS = {
    "\N{MINUS SIGN}": 1.3,
    "+": 1.3,
    ",": 0.5,
    ".": 0.5,
    "-": 0.6,
    ":": 0.5,
    "M": 1.35,
    "G": 1.25,
    " ": 0.5,
    "[": 0.6,
    "]": 0.6,
}
"""Widths of characters in digits; those that are not here are as wide as a digit."""

GAP = 10.0
"""Pixels between neighbouring ticks, at least."""

SHORT, LONG = 6.2, 14
"""Width of a tick in digits, at most, where it need not be written in full; and length of a number with all zeros."""

OVERHANG = 22.0
"""Pixels beside the ends of an axis that its ticks may take."""

NARROWEST = 286.0
"""Width of a drawing in the narrowest column that the page has, px."""

SUFFIXES = ((3, "k"), (6, "M"), (9, "G"))
NEAR = Decimal("1.5")  # how far from the middle tick an offset may be, in ranges of the ticks
FEWEST = 3  # ticks that a way of writing has to leave room for, where another way can follow
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Ticks:
    """Ticks of an axis: places, their texts, and what the axis' label has to say of them.

    The texts are all different and in the order of the places; `note` is "" where they are the numbers themselves.
    """

    values: tuple[float, ...]
    texts: tuple[str, ...]
    note: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The texts by place, which is written as JavaScript writes it."""
        return {javascript_number(value): text for value, text in zip(self.values, self.texts, strict=True)}


def nice_step(span: float, num_steps: int = 6) -> Decimal:
    """Return the round number nearest above span / num_steps; `span` > 0."""
    raw = Decimal(span) / num_steps
    magnitude = Decimal(1).scaleb(raw.adjusted())
    return next(magnitude * step for step in STEPS if magnitude * step >= raw * (1 - Decimal(ROUNDING)))


def widened(low: float, high: float, share: float) -> tuple[float, float]:
    """Return a range with a share of itself added at both ends; a single value becomes a range around it."""
    margin = share * span_of(low, high)
    return low - margin, high + margin


def span_of(low: float, high: float) -> float:
    """Return the length of a range, > 0; where that is nothing but rounding, what is to be shown around a value."""
    size = max(abs(low), abs(high))
    return high - low if high - low > RESOLUTION * size else SINGLE * size or 1.0


def ticks(
    low: float, high: float, num_steps: int = 5, *, width: float | None = NARROWEST, labelled: bool = True
) -> Ticks:
    """Return round numbers in [low, high], about `num_steps` apart, and how to write them; `low` < `high`.

    Parameters
    ----------
    width
        Pixels of the axis where its ticks stand side by side; None where they stand one over another.
    labelled
        True where the axis has a label, which can take a power of ten or an offset out of the ticks.
    """
    choices = _choices(low, high, num_steps)
    for write, fewest in _ways(across=width is not None, labelled=labelled):
        for places in choices:
            if (way := write(places)) is None:
                continue
            drawn, texts = within(places, way[0], (low, high), width)
            if len(drawn) >= fewest and apart(drawn, texts, high - low, width):
                return Ticks(tuple(map(float, drawn)), texts, way[1])
    sparse = _thinned(max(choices, key=lambda places: places[1] - places[0]))
    written_so = _with_offset(sparse) if labelled and all(sparse) else _short(sparse) or _in_full(sparse)
    return Ticks(tuple(map(float, sparse)), *written_so)


_Written = tuple[tuple[str, ...], str]  # texts and note
Place = TypeVar("Place", Decimal, float)


def _choices(low: float, high: float, num_steps: int) -> Sequence[Sequence[Decimal]]:
    """Return ticks in ever coarser steps, as long as there are two; in finer ones than are wanted at a pinch."""
    span = high - low
    steps = dict.fromkeys(nice_step(span, count) for count in range(num_steps, 1, -1))
    if choices := [choice for step in steps if (choice := _multiples(low, high, step))]:
        return choices
    finer = (_multiples(low, high, nice_step(span, count)) for count in range(num_steps, 100))
    return [next(filter(None, finer), [Decimal(low), Decimal(high)])]


def _thinned(places: Sequence[Decimal]) -> Sequence[Decimal]:
    """Return every other tick, 0 among them where it was, as long as two are left."""
    start = next((index for index, place in enumerate(places) if not place), 0) % 2
    return places[start::2] if len(places[start::2]) > 1 else places


def _multiples(low: float, high: float, step: Decimal) -> list[Decimal]:
    """Return the multiples of a step in a range; none where there are fewer than two, or float64 has no such steps."""
    with localcontext(prec=PRECISION):
        first = (Decimal(low) / step).to_integral_value(ROUND_FLOOR)
        last = (Decimal(high) / step).to_integral_value(ROUND_CEILING)
        places = [(first + index) * step for index in range(int(last - first) + 1)]
    # As float64, so that a bound that is the number nearest to a round one has its tick.
    kept = [place for place in places if low <= float(place) <= high]
    return kept if len({float(place) for place in kept}) == len(kept) > 1 else []


def _ways(*, across: bool, labelled: bool) -> Iterator[tuple[Callable[[Sequence[Decimal]], _Written | None], int]]:
    """Yield ways of writing ticks, the best one first, with how few ticks are too few for it."""
    yield _short, 2
    yield (_with_power if labelled else _scientific), 2
    if across:
        yield _in_full, FEWEST if labelled else 2
    if labelled:
        yield _with_offset, 2


def _short(places: Sequence[Decimal]) -> _Written | None:
    """Write numbers as they are, or in thousands (k), millions (M) or billions (G) where that is shorter."""
    size = max(map(abs, places))
    ways = [_texts(places)]
    if size >= 10_000:
        ways += [_texts(places, power, suffix) for power, suffix in SUFFIXES if 1 <= size.scaleb(-power) < 1000]
    best = min(ways, key=_widest)
    return (best, "") if _widest(best) <= SHORT else None


def _with_power(places: Sequence[Decimal]) -> _Written | None:
    """Take a power of ten out of all of them, a multiple of three."""
    power = _power(places)
    texts = _texts(places, power)
    return (texts, f"(\N{MULTIPLICATION SIGN} {ten_to(power)})") if power and _widest(texts) <= SHORT else None


def _scientific(places: Sequence[Decimal]) -> _Written | None:
    """Write each with the same power of ten, where that leaves three figures at most."""
    power = max(places, key=abs).adjusted()
    if power - _last_digit(places[1] - places[0]) > 2:
        return None
    return _texts(places, power, f"e{power}".replace("-", "\N{MINUS SIGN}")), ""


def _in_full(places: Sequence[Decimal]) -> _Written:
    return _texts(places), ""


def _with_offset(places: Sequence[Decimal]) -> _Written:
    """Take a number out of all of them: the one that leaves least, of several such the roundest."""
    base, texts, power = min(
        ((base, *_short_rest([place - base for place in places])) for base in _bases(places)),
        key=lambda way: _widest(way[1]),
    )
    times = f" \N{MULTIPLICATION SIGN} {ten_to(power)}" if power else ""
    return texts, f"({written(base)} + \N{HORIZONTAL ELLIPSIS}{times})"


def _short_rest(places: Sequence[Decimal]) -> tuple[tuple[str, ...], int]:
    """Write what is left of ticks with its sign; return the power of ten that was taken out of it too."""
    size = max(map(abs, places))
    units = [(0, ""), *[unit for unit in SUFFIXES if size >= 10 ** (unit[0] + 1)]]
    ways = [(_texts(places, power, suffix, signed=True), 0) for power, suffix in units]
    power = _power(places)
    return next((way for way in ways if _widest(way[0]) <= SHORT), (_texts(places, power, signed=True), power))


def _bases(places: Sequence[Decimal]) -> Iterator[Decimal]:
    """Yield numbers at or near ticks, the roundest ones first, the last one a tick."""
    middle, reach = places[len(places) // 2], NEAR * (places[-1] - places[0])
    for power in range(middle.adjusted(), _last_digit(places[1] - places[0]), -1):
        base = middle.quantize(Decimal(1).scaleb(power))
        if abs(base - middle) <= reach:
            yield base
    yield middle


def _power(places: Sequence[Decimal]) -> int:
    return 3 * (max(places, key=abs).adjusted() // 3)


def _texts(places: Sequence[Decimal], power: int = 0, suffix: str = "", *, signed: bool = False) -> tuple[str, ...]:
    """Write numbers in units of a power of ten, with the decimals that tell neighbours apart."""
    scaled = [place.scaleb(-power) for place in places]
    comma = "," if any(abs(value) >= 10_000 for value in scaled) else ""  # 4870 and 10,000
    decimals = max(0, power - _last_digit(places[1] - places[0]))
    form = f"{'+' if signed else ''}{comma}"
    texts = _with_decimals(scaled, decimals, form, suffix)
    # Every other one of finer ticks may have a digit more than their distance: 0.5, 1.5 would both become 2.
    return texts if len(set(texts)) == len(texts) else _with_decimals(scaled, decimals + 1, form, suffix)


def _with_decimals(numbers: Sequence[Decimal], decimals: int, form: str, suffix: str) -> tuple[str, ...]:
    return tuple(
        f"{value:{form}.{decimals}f}{suffix}".replace("-", "\N{MINUS SIGN}") if value else _zero(decimals, suffix)
        for value in numbers
    )


def _zero(decimals: int, suffix: str) -> str:
    return "0" if suffix else f"{0:.{decimals}f}"


def _last_digit(number: Decimal) -> int:
    """Return the power of ten of the last digit that is not 0."""
    digits = number.normalize()
    return digits.adjusted() - len(digits.as_tuple().digits) + 1


def text_width(text: str) -> float:
    """Return about how wide a text is, in digits."""
    return sum(WIDTHS.get(character, 1.0) for character in text)


def _widest(texts: Sequence[str]) -> float:
    return max(map(text_width, texts))


def within(
    places: Sequence[Place], texts: Sequence[str], bounds: tuple[float, float], width: float | None
) -> tuple[list[Place], tuple[str, ...]]:
    """Leave out the ticks whose texts would be cut off at the ends of the figure; none where `width` is None."""
    if width is None:
        return list(places), tuple(texts)
    unit = width / (bounds[1] - bounds[0])
    kept = [
        (place, text)
        for place, text in zip(places, texts, strict=True)
        if CHARACTER * text_width(text) / 2 - OVERHANG <= min(float(place) - bounds[0], bounds[1] - float(place)) * unit
    ]
    return [place for place, _ in kept], tuple(text for _, text in kept)


def apart(places: Sequence[Place], texts: Sequence[str], span: float, width: float | None) -> bool:
    """Return whether neighbours have a gap between them, as those that stand one over another have."""
    unit = math.inf if width is None else width / span
    sides = [(place, CHARACTER * text_width(text) / 2) for place, text in zip(places, texts, strict=True)]
    return all(a + b + GAP <= float(right - left) * unit for (left, a), (right, b) in pairwise(sides))


def ten_to(power: int) -> str:
    """Write a power of ten."""
    return f"10{str(power).translate(SUPERSCRIPTS)}"


def written(number: Decimal) -> str:
    """Write a round number exactly: 4,200 or 0.05, and 1.7 x 10^15 where that takes many zeros."""
    plain = f"{number.normalize():,f}"
    if len(plain) > LONG:
        power = number.adjusted()
        digits = f"{number.scaleb(-power).normalize():f}"
        if len(digits) < LONG:
            plain = ten_to(power) if digits == "1" else f"{digits} \N{MULTIPLICATION SIGN} {ten_to(power)}"
    return plain.replace("-", "\N{MINUS SIGN}")


def javascript_number(value: float) -> str:
    """Write a number as JavaScript's String does, which bqplot finds the text of a tick by."""
    number = Decimal(repr(value)).normalize()
    power = number.adjusted()
    if not number:
        return "0"
    if -7 < power < 21:
        return f"{number:f}"
    return f"{number.scaleb(-power).normalize():f}e{power:+d}"


class SteppingDomain:
    """Bounds of an axis that change only when the data leave them, or use less than the share `slack` of them.

    Those at the beginning hold nothing yet: the first data have bounds of their own.
    """

    def __init__(self, low: float, high: float, *, slack: float = 0.45) -> None:
        self.low, self.high = low, high
        self._slack, self._empty = slack, True

    def __repr__(self) -> str:
        return f"SteppingDomain({self.low:g}, {self.high:g})"

    def cover(self, low: float, high: float) -> tuple[float, float]:
        """Return bounds that hold [low, high]; those of before where they still serve."""
        if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)) or high < low:
            return self.low, self.high
        inside = not self._empty and self.low <= low and high <= self.high
        span = span_of(low, high)
        if not inside or span < self._slack * (self.high - self.low):
            bounds = _around(low, high, span)
            if not inside or bounds[1] - bounds[0] < 0.8 * (self.high - self.low):  # not back and forth by a tick
                (self.low, self.high), self._empty = bounds, False
        return self.low, self.high

    def fit(self, low: float, high: float) -> tuple[float, float]:
        """Return round bounds around [low, high], whatever they were before."""
        self.low, self.high = _around(low, high, span_of(low, high))
        self._empty = False
        return self.low, self.high


def _around(low: float, high: float, span: float) -> tuple[float, float]:
    step, margin = nice_step(span * 1.1), 0.05 * span
    if not (low or high):  # nothing but zero
        return 0.0, float(step)
    return _outwards(low, -margin, step, ROUND_FLOOR), _outwards(high, margin, step, ROUND_CEILING)


def _outwards(end: float, margin: float, step: Decimal, rounding: str) -> float:
    # An end at zero is one on purpose, such as the foot of a density.
    if not end:
        return 0.0
    slip = Decimal(ROUNDING) if rounding == ROUND_FLOOR else -Decimal(ROUNDING)
    with localcontext(prec=PRECISION):
        return float(step * ((Decimal(end) + Decimal(margin)) / step + slip).to_integral_value(rounding))
