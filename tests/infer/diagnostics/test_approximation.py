"""The verdict on the guide of any model, with and without what is known of its posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.approximation import KnownPosterior, approximate, furthest, judged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rugged_widget.snapshot.values import Array

SD = {"a": np.array(1.0), "b": np.array([1.0, 1.0])}
LOG_EVIDENCE = -4.0


def log_joint(draws: Mapping[str, Array]) -> Array:
    """Three standard normal numbers, times the evidence."""
    return LOG_EVIDENCE + log_normal(draws, 1.0)


def log_normal(draws: Mapping[str, Array], sd: float) -> Array:
    squares = draws["a"] ** 2 + (draws["b"] ** 2).sum(1)
    return -0.5 * squares / sd**2 - 1.5 * math.log(2 * math.pi * sd**2)


def drawn(sd: float) -> tuple[dict[str, Array], Array]:
    """20,000 draws of three normal numbers of a standard deviation, and their log density."""
    noise = sd * np.random.default_rng(1).standard_normal((20_000, 3))
    draws = {"a": noise[:, 0], "b": noise[:, 1:]}
    return draws, log_normal(draws, sd)


@pytest.mark.parametrize(
    ("k_hats", "factor", "quality"),
    [
        ((0.3, 0.5), 1.1, "good"),
        ((0.3, 0.7), 1.1, "borderline"),
        ((0.8, 0.9), 1.1, "poor"),
        ((0.3, 0.5), 1.3, "borderline"),
        ((0.3, 0.5), 1.5, "poor"),
        ((0.3, math.inf), 1.0, "borderline"),
        ((math.inf, math.inf), 1.0, "poor"),
    ],
)
def test_the_verdict_is_good_only_where_no_repeat_and_no_spread_speaks_against_it(
    k_hats: tuple[float, ...], factor: float, quality: str
) -> None:
    assert judged(np.array(k_hats), 0.697, factor) == quality


def test_where_nothing_is_known_of_the_posterior_k_hat_alone_decides() -> None:
    found = approximate(*drawn(1.0), log_joint, correlates=False)
    assert (found.quality, found.gap, found.worst, found.correlated) == ("good", None, None, None)
    assert dict(found.sd_ratios) == {}
    assert math.isnan(found.correlation)
    assert found.elbo == pytest.approx(LOG_EVIDENCE)
    assert approximate(*drawn(0.3), log_joint, correlates=False).quality == "poor"


def test_what_is_known_of_the_posterior_is_compared_with_the_draws() -> None:
    pair = (("a", ()), ("b", (1,)))
    known = KnownPosterior(SD, LOG_EVIDENCE, 0.25, pair)
    found = approximate(*drawn(0.8), log_joint, known, correlates=True)
    assert (found.correlation, found.correlated, found.correlates) == (0.25, pair, True)
    for ratio in found.sd_ratios.values():
        np.testing.assert_allclose(ratio, 0.8, atol=4 * 0.8 / math.sqrt(2 * 20_000))  # four standard errors
    assert found.worst is not None
    assert found.gap is not None
    nats = -3 * (math.log(0.8) + 0.5 * (1 - 0.8**2))  # of a narrower normal distribution from a standard one, each
    assert found.gap.nats == pytest.approx(nats, abs=4 * found.gap.standard_error)


def test_the_evidence_alone_gives_the_gap() -> None:
    found = approximate(*drawn(1.0), log_joint, KnownPosterior(log_evidence=LOG_EVIDENCE), correlates=False)
    assert found.gap is not None
    assert found.gap.nats == pytest.approx(0.0, abs=1e-9)
    assert found.worst is None


def test_a_guide_without_a_density_is_not_judged() -> None:
    draws, _ = drawn(1.0)
    found = approximate(draws, None, log_joint, correlates=False)
    assert (found.quality, found.gap, found.correlated) == ("point", None, None)


def test_without_ratios_none_is_the_worst() -> None:
    assert furthest({}) == (None, 1.0)
    assert furthest(SD | {"a": np.array(0.5)}) == (("a", ()), 2.0)
