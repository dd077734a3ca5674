"""The verdict on guides of which it is known how far they are from the posterior, and what it advises."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from scipy import stats

from rugged_widget import watch
from rugged_widget.infer.diagnostics.approximation import NUM_REPEATS
from rugged_widget.infer.diagnostics.psis import smoothed
from rugged_widget.monitor.infer import guide_judge
from tests.models import CASES
from tests.monitor.watched import watched
from tests.view import drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from rugged_widget import ModelWidget
    from rugged_widget.snapshot.values import Approximation

SEEDS = range(5)


@pytest.fixture(autouse=True)
def _enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine take as many draws as a quick one."""
    monkeypatch.setattr(guide_judge, "JUDGE_SECONDS", 1e3)


def verdict(model: Callable[..., None], guide: Callable[..., None], *args: Any) -> Approximation:
    """Judge a guide as it is after a step at a rate of nearly nothing."""
    pyro.clear_param_store()
    with closing(watch(model, guide, *args, learning_rate=1e-12, num_steps=1, engine="plain")) as monitor:
        monitor.advance(1)
        return monitor.approximation()


def normal_of(loc: float, scale: float) -> Callable[..., None]:
    """Return a guide that is a normal distribution with these parameters."""

    def guide(*_args: Any) -> None:
        center = pyro.param("center", torch.tensor(loc))
        pyro.sample("z", dist.Normal(center, scale))

    return guide


def level(y: torch.Tensor) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(y)):
        pyro.sample("y", dist.Normal(z, 1.0), obs=y)


def posterior_of(y: torch.Tensor) -> tuple[float, float]:
    precision = 1.0 + len(y)
    return float(y.sum()) / precision, precision**-0.5


def values(seed: int) -> torch.Tensor:
    return 0.5 + torch.randn(8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_guide_that_is_the_posterior_is_good(seed: int) -> None:
    """All weights are equal but for rounding: no tail in any of ten repeats, and the ELBO is the log evidence."""
    y = values(seed)
    found = verdict(level, normal_of(*posterior_of(y)), y)
    assert found.quality == "good"
    assert len(found.k_hats) == NUM_REPEATS
    assert (found.k_hats < 0.3).all()
    assert found.effective > 0.99
    covariance = np.eye(len(y)) + 1.0
    evidence = -0.5 * (y.numpy() @ np.linalg.solve(covariance, y.numpy()))
    evidence -= 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
    assert found.elbo == pytest.approx(evidence, abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_half_as_wide_as_the_posterior_lies_at_the_threshold_or_above(seed: int) -> None:
    """The weights are exp(3/8 x^2) at standard normal x, a tail of the shape 1 - (1/2)^2 = 3/4.

    k-hat scatters by (1 + k) / sqrt(134) = 0.15 about it, by 0.05 as a median of ten, and is a little lower, for the
    tail is reached slowly.
    """
    y = values(seed)
    loc, scale = posterior_of(y)
    found = verdict(level, normal_of(loc, scale / 2), y)
    assert found.quality in {"borderline", "poor"}
    assert np.median(found.k_hats) == pytest.approx(0.70, abs=0.15)
    assert 0.05 < found.k_hats.std() < 0.3
    twice = verdict(level, normal_of(loc, 2 * scale), y)  # weights are bounded then
    assert twice.quality == "good"
    assert (twice.k_hats < 0.3).all()
    third = verdict(level, normal_of(loc, scale / 3), y)
    assert np.median(third.k_hats) > np.median(found.k_hats)


def two_modes(distance: float) -> Callable[..., None]:
    def model() -> None:
        locs = torch.tensor([-distance / 2, distance / 2])
        pyro.sample("z", dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Normal(locs, 1.0)))

    return model


def test_a_mode_that_is_missed_is_seen_only_where_draws_come_near_it() -> None:
    """k-hat looks where the draws are: of a mode ten standard deviations away it sees nothing, and the ELBO neither."""
    near = verdict(two_modes(4.0), normal_of(2.0, 1.0))
    assert near.quality == "poor"
    assert (near.k_hats > 0.7).all()
    far = verdict(two_modes(10.0), normal_of(5.0, 1.0))
    assert far.quality == "good"
    assert far.elbo == pytest.approx(-np.log(2.0), abs=0.01)


def test_the_page_says_that_a_good_k_hat_does_not_rule_out_another_mode() -> None:
    settings = {"learning_rate": 1e-12, "num_steps": 1, "engine": "plain", "language": "en"}
    with closing(watch(two_modes(10.0), normal_of(5.0, 1.0), **settings)) as monitor:
        monitor.advance(1)
        panel = drawn.part(drawn.part(monitor, "rw-approximation"), "rw-explain-panel")
        assert any("does not rule it out" in text.value for text in drawn.texts(panel))


@pytest.mark.parametrize(("freedom", "k_hat"), [(1.0, 0.75), (2.0, 0.72), (4.0, 0.66), (30.0, 0.50)])
def test_tails_that_are_heavier_than_the_guides_are_seen(freedom: float, k_hat: float) -> None:
    """Weights of a normal guide for Student's t have a tail of the shape 1 but for a logarithm: 2,000 draws see less.

    `k_hat` is the median of 200 repeats with NumPy's draws and SciPy's densities; that of ten scatters by 0.055.
    """

    def model() -> None:
        pyro.sample("z", dist.StudentT(freedom, 0.0, 1.0))

    noise = np.random.default_rng(0).standard_normal((200, 2000))
    elsewhere = smoothed(stats.t.logpdf(noise, freedom) - stats.norm.logpdf(noise)).k_hat
    assert np.median(elsewhere) == pytest.approx(k_hat, abs=0.01)
    found = verdict(model, normal_of(0.0, 1.0))
    assert found.quality != "good"
    assert np.median(found.k_hats) == pytest.approx(k_hat, abs=3 * 0.055)
    assert found.k_hats.std() == pytest.approx(elsewhere.std(), rel=0.7)


# Advice


def advice_of(monitor: ModelWidget) -> tuple[str, bool]:
    """Return what the card says, and whether it offers the multivariate guide."""
    card = drawn.part(monitor, "rw-approximation")
    return drawn.part(card, "rw-verdict-text").value, not drawn.part(card, "rw-cure").disabled


@pytest.mark.parametrize("guide", ["normal", "delta"])
def test_no_multivariate_guide_is_advised_for_thousands_of_latents(guide: str) -> None:
    def cells(x: torch.Tensor) -> None:
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        with pyro.plate("cells", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, scale))
            pyro.sample("x", dist.Normal(z, 0.5), obs=x)

    with closing(watch(cells, guide, torch.randn(3000), num_steps=4, engine="plain", language="en")) as monitor:
        monitor.advance(4)
        said, offered = advice_of(monitor)
        assert monitor.snapshot.approximation.quality in {"poor", "point"}
    assert not offered
    assert "multivariate" not in said


def test_no_multivariate_guide_is_advised_for_one_latent() -> None:
    y = values(0)
    settings = {"learning_rate": 1e-12, "num_steps": 1, "engine": "plain", "language": "en"}
    with closing(watch(level, normal_of(3.0, 0.1), y, **settings)) as monitor:
        monitor.advance(1)
        assert monitor.snapshot.approximation.quality == "poor"
        said, offered = advice_of(monitor)
    assert not offered
    assert "independent" not in said


NAMES = {"eight schools", "maximum a posteriori", "mixture, enumerated", "as many objects as it takes"}
NAMES |= {"mixture, assignments drawn", "local level"}


@pytest.mark.parametrize("case", [case for case in CASES if case.name in NAMES], ids=str)
def test_a_guide_that_is_advised_can_be_had(case: Any) -> None:
    with closing(watched(case, num_steps=5, language="en")) as monitor:
        monitor.advance(4)
        said, offered = advice_of(monitor)
        assert offered == ("multivariate guide" in said)
        assert offered == (case.name != "as many objects as it takes")
        if offered:
            monitor.guide = "multivariate"
            monitor.advance(1)
            assert monitor.status == "paused"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_guide_has_a_verdict_or_a_sentence_why_not(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guide_judge, "JUDGE_SECONDS", 2.0)  # else two models take most of a minute
    with closing(watched(case, num_steps=5, language="en")) as monitor:
        monitor.advance(3)
        snapshot = monitor.snapshot
        said, _ = advice_of(monitor)
    assert (snapshot.approximation is None) == bool(snapshot.unjudged)
    if snapshot.unjudged:
        assert "weigh" in said or "posterior" in said or "test takes" in said
