"""The verdict on the guide of any model, with and without what is known of its posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rugged_widget.infer.diagnostics.approximation import (
    KnownPosterior,
    approximate,
    furthest,
    judged,
    most_shifted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rugged_widget.snapshot.values import Array

SD = {"a": np.array(1.0), "b": np.array([1.0, 1.0])}
LOG_EVIDENCE = -4.0
KNOWN = KnownPosterior(SD, LOG_EVIDENCE, mean={"a": np.array(0.0), "b": np.zeros(2)})


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
    assert judged(np.array(k_hats), 0.697, factor).quality == quality


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({"shift": 0.7, "gap": 0.9}, ("good", "")),
        ({"shift": 0.8, "gap": 0.9}, ("borderline", "means")),
        ({"shift": 1.6, "gap": 0.9}, ("poor", "means")),
        ({"shift": 0.7, "gap": 1.1}, ("borderline", "gap")),
        ({"shift": 0.8, "gap": 5.0}, ("poor", "gap")),
        ({"shift": math.inf, "gap": 8e6}, ("poor", "means")),
        ({"ruled_out": 1e-4}, ("borderline", "ruled_out")),
        ({"ruled_out": 0.2}, ("poor", "ruled_out")),
        ({"factor": 1.3}, ("borderline", "widths")),
        ({"factor": 1.6, "shift": 0.8}, ("poor", "widths")),
    ],
)
def test_good_needs_means_and_gap_as_well_and_the_verdict_says_what_is_worst(
    known: dict[str, float], verdict: tuple[str, str]
) -> None:
    assert judged(np.array([0.1, 0.2]), 0.697, **known) == verdict


def moved(shift: float, sd: float = 1.0) -> tuple[dict[str, Array], Array]:
    """Draws whose number b[1] is off by a shift, and their log density."""
    draws, log_density = drawn(sd)
    draws["b"] = draws["b"] + [0.0, shift]
    return draws, log_density


@pytest.mark.parametrize(
    ("shift", "quality", "reason"),
    [(0.2, "good", ""), (-1.0, "borderline", "means"), (1.8, "poor", "means"), (-3000.0, "poor", "means")],
)
def test_a_guide_in_another_place_is_not_good_though_it_is_as_wide(shift: float, quality: str, reason: str) -> None:
    found = approximate(*moved(shift), log_joint, KNOWN, correlates=True)
    assert (found.quality, found.reason) == (quality, reason)
    if found.quality != "good":
        assert found.shifted == ("b", (1,))
        assert found.worst_mean_shift == pytest.approx(shift, abs=4 / math.sqrt(20_000))  # four standard errors
    assert found.gap is not None
    assert found.gap.nats == pytest.approx(shift**2 / 2, abs=5 * found.gap.standard_error)


def test_many_small_errors_are_a_gap() -> None:
    """Forty latents off by a third of a standard deviation are 2.2 nats, with nothing to see in any of them."""
    noise = np.random.default_rng(1).standard_normal((20_000, 40))
    draws = {"a": noise + 1 / 3}
    known = KnownPosterior({"a": np.ones(40)}, 0.0, mean={"a": np.zeros(40)})
    found = approximate(
        draws, -0.5 * (noise**2).sum(1), lambda all_draws: -0.5 * (all_draws["a"] ** 2).sum(1), known, correlates=True
    )
    assert found.quality != "good"
    assert found.gap is not None
    assert found.gap.nats == pytest.approx(40 / 18, abs=5 * found.gap.standard_error)
    assert abs(found.worst_mean_shift) < 0.75


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e9])
def test_a_hopeless_guide_is_poor_without_an_exact_answer_too(scale: float) -> None:
    draws, log_density = moved(5.0, 0.5)
    found = approximate(draws, log_density, lambda all_draws: scale * log_joint(all_draws), correlates=False)
    assert (found.quality, found.reason) == ("poor", "weights")
    assert not np.isnan(found.k_hats).any()


def test_draws_that_the_model_rules_out_are_told_of() -> None:
    def partly(draws: Mapping[str, Array]) -> Array:
        return np.where(draws["a"] < 0, -np.inf, log_joint(draws))

    found = approximate(*drawn(1.0), partly, KNOWN, correlates=True)
    assert (found.quality, found.reason, found.gap) == ("poor", "ruled_out", None)
    assert found.ruled_out == pytest.approx(0.5, abs=0.02)
    everywhere = approximate(*drawn(1.0), lambda draws: np.full(20_000, -np.inf), KNOWN, correlates=True)
    assert (everywhere.quality, everywhere.k_hat, everywhere.effective) == ("poor", math.inf, 0.0)


def test_draws_that_overflow_are_no_numbers_and_make_no_warning() -> None:
    draws, log_density = drawn(1.0)
    draws["a"][3] = np.inf
    found = approximate(draws, log_density, log_joint, KNOWN, correlates=True)
    assert found.quality == "poor"
    assert (found.shifted, found.gap) == (("a", ()), None)
    assert most_shifted({}) == (None, 0.0)


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
