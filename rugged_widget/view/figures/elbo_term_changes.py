"""Bars of the terms of the ELBO, and the term that has worsened most."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rugged_widget.snapshot.model_values import ElboTerm, TermRole

MAX_BARS = 12
"""Bars at most; where there are more terms, the last bar is the sum of the others."""

LOYALTY = 1.5
"""How much larger a term has to be than one that has a bar, to take its place: bars should not come and go."""

FRAMES = 30
"""Frames over which a running fit is looked back at, two seconds."""

SURE = 3.0
"""Standard errors of a change that is told."""


@dataclass(frozen=True)
class Bar:
    """A bar of the figure.

    Attributes
    ----------
    site, role
        Those of its term.
    mean, spread
        Mean and standard deviation of single draws, nats; the latter is 0 where it is not known.
    count
        Number of terms of which it is the sum; 0 where it is a term's own.
    """

    site: str
    role: TermRole
    mean: float
    spread: float
    count: int = 0


def bars_of(terms: Sequence[ElboTerm], before: Sequence[str] = ()) -> tuple[Bar, ...]:
    """Return the bars of terms in their order, at most `MAX_BARS`; terms that are not finite have none.

    `before` are the sites that have bars now, which they keep unless others are much larger.
    """
    finite = [term for term in terms if math.isfinite(term.mean)]
    if len(finite) <= MAX_BARS:
        return tuple(Bar(term.site, term.role, term.mean, _spread([term])) for term in finite)
    kept = set(before)
    by_size = sorted(finite, key=lambda term: -abs(term.mean) * (LOYALTY if term.site in kept else 1.0))
    large = set(map(id, by_size[: MAX_BARS - 1]))
    others = [term for term in finite if id(term) not in large]
    bars = [Bar(term.site, term.role, term.mean, _spread([term])) for term in finite if id(term) in large]
    return *bars, Bar("", "latent", math.fsum(term.mean for term in others), _spread(others), len(others))


def _spread(terms: Sequence[ElboTerm]) -> float:
    """Return the standard deviation of the sum of terms, as if they were independent; 0 where it is not known."""
    spread = math.sqrt(math.fsum(term.sd**2 for term in terms if math.isfinite(term.sd)))
    return spread if math.isfinite(spread) else 0.0


class Worsening(NamedTuple):
    """A term that has become less by so many nats, > 0, since a step."""

    site: str
    nats: float
    since: int


class _Moment(NamedTuple):
    """Terms by site after a step: mean and standard error."""

    step: int
    terms: Mapping[str, tuple[float, float]]


class TermChanges:
    """Compares the terms with earlier ones: with those of some frames ago, and at rest with those of the last rest."""

    def __init__(self) -> None:
        self._frames: deque[_Moment] = deque(maxlen=FRAMES)
        self._rests: deque[_Moment] = deque(maxlen=2)

    def __repr__(self) -> str:
        return f"TermChanges({len(self._frames)} frames, {len(self._rests)} rests)"

    def worst(self, step: int, terms: Sequence[ElboTerm], *, running: bool) -> Worsening | None:
        """Return the term that has worsened most since then; None where none has, beyond the noise of the draws."""
        if not terms:
            self._frames.clear()
            self._rests.clear()
            return None
        now = _Moment(step, {term.site: (term.mean, _error(term)) for term in terms})
        moments = self._frames if running else self._rests
        for known in (self._frames, self._rests):
            while known and known[-1].step > step:  # the fit began again or went back
                known.pop()
        if not running and not self._rests and self._frames:
            self._rests.append(self._frames[0])
        if moments and moments[-1].step == step:
            moments.pop()
        moments.append(now)
        if not running:
            self._frames.clear()
        return _worst(moments[0], now)


def _error(term: ElboTerm) -> float:
    return term.sd / math.sqrt(term.num_draws) if math.isfinite(term.sd) else math.inf


def _worst(before: _Moment, now: _Moment) -> Worsening | None:
    if before.step == now.step:
        return None
    fallen = []
    for site, (mean, error) in now.terms.items():
        if site not in before.terms:
            continue
        mean_before, error_before = before.terms[site]
        nats = mean_before - mean
        if math.isfinite(nats) and nats > SURE * math.hypot(error, error_before) and nats > 0:
            fallen.append(Worsening(site, nats, before.step))
    return max(fallen, key=lambda one: one.nats, default=None)
