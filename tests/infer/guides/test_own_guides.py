"""A guide of the user's own is called by its name, and is refused with a reason where it does not fit."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import autoguide

from rugged_widget.infer.guides.families import GUIDE_LABELS, checked_guide, guide_key, guide_label
from rugged_widget.infer.guides.sampling import draw_with_density
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.validation import CUSTOM
from tests.infer.own_guides import OWN, SHAPES, Branching, Correlated
from tests.infer.plain import RUGGED, global_state, normal_model


def test_guides_are_called_by_their_family_or_their_own_name() -> None:
    assert [guide_key(name) for name in GUIDE_LABELS] == list(GUIDE_LABELS)
    assert guide_key(autoguide.AutoDiagonalNormal) == "diagonal"
    assert {guide_key(guide) for guide in OWN.values()} == {CUSTOM}
    labels = [guide_label(guide) for guide in OWN.values()]
    assert labels == ["mean_field", "Correlated", "Branching", "Narrow", "AutoMultivariateNormal"]
    assert guide_label("iaf") == guide_label(autoguide.AutoIAFNormal) == "inverse autoregressive flow"


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("normals", ValueError, "one of 'diagonal', 'normal', .*got 'normals'"),
        (3, TypeError, "guide must be the name of a family.*got 3"),
        (autoguide.AutoNormal(normal_model), TypeError, "pass the class: guide=AutoNormal"),
        (Correlated, TypeError, r"pass an instance: guide=Correlated\(\)"),
    ],
)
def test_what_is_no_guide_is_refused(value: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        checked_guide(value)


def sampling(**changed: Any) -> Any:
    """A guide with one site changed; None leaves it out."""
    usual = {
        "linear.weight": dist.Normal(torch.zeros(1, 3), 1.0).to_event(2),
        "linear.bias": dist.Normal(torch.zeros(1), 1.0).to_event(1),
        "sigma": dist.Uniform(1.0, 2.0),
    }
    sites = usual | {name.replace("_", "."): value for name, value in changed.items()}

    def guide(x: torch.Tensor, y: torch.Tensor) -> None:
        for name, distribution in sites.items():
            if distribution is not None:
                pyro.sample(name, distribution)

    return guide


@pytest.mark.parametrize(
    ("guide", "words"),
    [
        (sampling(sigma=None), "does not draw 'sigma'"),
        (sampling(slope=dist.Normal(0.0, 1.0)), "draws 'slope', which is no latent of the model"),
        (sampling(linear_weight=dist.Normal(torch.zeros(3), 1.0)), r"'linear.weight' of shape \(3,\).* \(1, 3\)"),
        (sampling(sigma=dist.Normal(3.0, 0.01)), "'sigma' on its support in the model, from 0 to 10.* from Normal"),
        (sampling(sigma=dist.Uniform(5.0, 30.0)), "'sigma' on its support in the model, from 0 to 10"),
        (lambda model: autoguide.AutoNormal(model), r"with \(a tensor of shape \(170, 3\), .*it raised TypeError"),  # noqa: PLW0108 as users write it
    ],
)
def test_a_guide_that_does_not_fit_the_model_is_refused_with_the_site(guide: Any, words: str) -> None:
    before = global_state()
    with pytest.raises(ValueError, match=words):
        RegressionFit(RUGGED, guide=guide, engine="plain")
    assert global_state() == before


def test_a_point_by_hand_has_no_density() -> None:
    guide = sampling(
        linear_weight=dist.Delta(torch.zeros(1, 3), event_dim=2), linear_bias=dist.Delta(torch.ones(1), event_dim=1)
    )
    fit = RegressionFit(RUGGED, guide=guide, engine="plain")
    with fit.inspecting():
        draws, log_density = draw_with_density(fit.guide, 5)
    assert log_density is None
    assert bool((draws["linear.bias"] == 1).all())


def test_a_guide_that_branches_is_called_once_a_draw() -> None:
    fit = RegressionFit(RUGGED, guide=Branching(), engine="plain")
    with fit.inspecting():
        draws, log_density = draw_with_density(fit.guide, 60)
    above = draws["linear.weight"][:, 0, 0] > 0
    nearer = draws["linear.bias"][:, 0] < 1.5
    assert torch.equal(above, nearer)
    assert log_density is not None
    assert log_density.shape == (60,)


def test_lists_may_hold_parts_of_any_kind() -> None:
    def make(model: Any) -> Any:
        guide: Any = autoguide.AutoGuideList(model)
        guide.append(autoguide.AutoIAFNormal(poutine.block(model, expose=["linear.weight", "linear.bias"])))
        guide.append(lambda *_: {"sigma": pyro.sample("sigma", dist.Uniform(1.0, 2.0))})
        return guide

    class Listed(autoguide.AutoGuideList):
        def __new__(cls, model: Any) -> Any:
            return make(model)

    fit = RegressionFit(RUGGED, guide=Listed, seed=3, engine="plain")
    for _ in range(2):
        with fit.inspecting():
            draws, log_density = draw_with_density(fit.guide, 7)
        assert {name: tuple(value.shape) for name, value in draws.items()} == {n: (7, *s) for n, s in SHAPES.items()}
        assert log_density is not None
        fit.advance(2)
