"""Models of the kinds that Pyro's examples and tutorials train, small: what `watch` has to take."""

from __future__ import annotations

from tests.models import basic, discrete, enumerated, networks, processes, sequences, tutorials
from tests.models.case import Case

CASES: tuple[Case, ...] = (
    *basic.CASES,
    *discrete.CASES,
    *enumerated.CASES,
    *networks.CASES,
    *processes.CASES,
    *sequences.CASES,
    *tutorials.CASES,
)
