"""Guides of every kind, on models of every kind, are taken as they are, trained as Pyro trains them, and drawn from."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import optim, poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoGuide, AutoGuideList
from pyro.poutine.guide import GuideMessenger
from torch import nn

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides import custom_sampling, drawing, gaussian
from rugged_widget.infer.guides.choice import choose_guide
from rugged_widget.infer.guides.densities import marginal_densities
from rugged_widget.infer.guides.drawing import MIN_DRAWS, sample_guide
from rugged_widget.infer.guides.element_densities import element_densities
from rugged_widget.infer.guides.families import correlates
from rugged_widget.infer.guides.sampling import closed_quantiles, draw, draws_at_once, quantiles
from rugged_widget.infer.step.module_state import Copies, ModuleState, behind
from rugged_widget.infer.svi.fit import Fit
from tests.infer.plain import global_state
from tests.infer.sentences import sentence
from tests.models import basic, discrete, networks, sequences
from tests.models.case import Case, Setup
from tests.models.guides import GUIDES, named, schools

CASES = (
    *GUIDES,
    basic.flow,
    basic.likelihood,
    discrete.enumerated,
    discrete.full,
    discrete.listed,
    discrete.topics,
    networks.half_drawn,
    networks.normed,
    networks.picked,
    sequences.markov,
    sequences.varying,
)
NUM_PICKED = 5
"""Rows that the guide of `networks.picked` draws at a time."""

POINTS = {discrete.enumerated, discrete.full, sequences.markov, sequences.varying}
"""Cases whose guides have no density: points, and one of which a site is left out."""


def made(case: Case) -> Setup:
    torch.manual_seed(0)
    return case.make()


def fit_of(setup: Setup, learning_rate: float = 0.01) -> Fit:
    choice = choose_guide(setup.guide, setup.model, setup.args, setup.kwargs, elbo=setup.loss)
    elbo = choice.elbo or setup.loss
    options: dict[str, Any] = {"learning_rate": learning_rate, "seed": 3, "elbo": elbo, "engine": "plain"}
    return Fit(choice.model, choice.make, setup.args, setup.kwargs, **options)


def shapes_of(case: Case, setup: Setup) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the sites that are drawn, as the model has them."""
    if case is networks.picked:
        return {"z": (NUM_PICKED, 2)}
    trace = poutine.trace(setup.model).get_trace(*setup.args, **setup.kwargs)
    return {name: tuple(trace.nodes[name]["value"].shape) for name in case.drawn}


def is_made(guide: Any) -> bool:
    """Whether a guide is not given, but made: of nothing, of a name, or of a class and options."""
    kind = guide.func if isinstance(guide, partial) else guide
    return kind is None or isinstance(kind, (str, type))


def pyros_losses(setup: Setup, count: int) -> list[float]:
    """Train by Pyro alone."""
    choice = choose_guide(setup.guide, setup.model, setup.args, setup.kwargs, elbo=setup.loss)
    pyro.set_rng_seed(3)
    pyro.clear_param_store()
    guide = choice.make(choice.model) if is_made(setup.guide) else setup.guide
    adam: Any = optim.Adam({"lr": 0.01})  # type: ignore[attr-defined] # Pyro makes it at import
    svi = SVI(choice.model, guide, adam, choice.elbo or setup.loss or Trace_ELBO())
    losses = [svi.step(*setup.args, **setup.kwargs) for _ in range(count)]
    pyro.clear_param_store()
    return losses


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_guide_is_drawn_from_before_and_after_steps_and_the_draws_are_the_same_each_time(case: Case) -> None:
    setup = made(case)
    shapes = shapes_of(case, setup)
    fit = fit_of(setup)
    for _ in range(2):
        before = global_state()
        with fit.inspecting():
            drawn, again = (sample_guide(fit.guide, 40, density=True) for _ in range(2))
        assert global_state() == before
        assert drawn.num_draws in {MIN_DRAWS, 30, 40}
        assert {n: tuple(v.shape) for n, v in drawn.values.items()} == {
            n: (drawn.num_draws, *s) for n, s in shapes.items()
        }
        assert all(torch.equal(value, again.values[site]) for site, value in drawn.values.items())
        assert (drawn.log_density is None) == (case in POINTS) or case.name == "schools laplace"  # no maximum yet
        fit.advance(2)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_looking_leaves_no_trace_and_the_steps_are_those_of_pyros_own_loop(case: Case) -> None:
    expected = pyros_losses(made(case), 3)
    fit = fit_of(made(case))
    for _ in range(3):
        with fit.inspecting():
            sample_guide(fit.guide, 20)
            quantiles(fit.guide, (0.1, 0.9), 20)
            correlates(fit.guide)
        fit.advance(1)
    assert (-fit.history()["elbo"]).tolist() == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_guide_that_is_given_is_the_one_that_is_trained(case: Case) -> None:
    setup = made(case)
    fit = fit_of(setup)
    if isinstance(setup.guide, (AutoGuide, GuideMessenger, nn.Module)):
        assert fit.guide is setup.guide
    elif not is_made(setup.guide):
        assert fit.guide.func is setup.guide


def test_a_guide_that_was_trained_before_goes_on_from_where_it_is() -> None:
    setup = named("schools structured")
    first = fit_of(setup, learning_rate=0.1)
    first.advance(20)
    with first.inspecting():
        before = draw(first.guide, 5)
    second = fit_of(setup)
    with second.inspecting():
        after = draw(second.guide, 5)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_running_statistics_of_a_network_stay_where_they_are() -> None:
    setup = made(networks.normed)
    fit = fit_of(setup)
    fit.advance(2)
    network: networks.Autoencoder = setup.guide.__self__
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    with fit.inspecting():
        sample_guide(fit.guide, 30)
    assert statistics
    assert all(torch.equal(value, statistics[name]) for name, value in network.named_buffers())


def test_draws_of_some_of_the_rows_say_so() -> None:
    fit = fit_of(made(networks.picked))
    with fit.inspecting():
        drawn = sample_guide(fit.guide, 30)
    assert [sentence(note) for note in drawn.notes] == [
        "The draws are of 5 of the 20 elements of the plate 'pictures'."
    ]


def test_the_modules_behind_methods_partials_and_closures_are_known_and_can_be_put_back() -> None:
    network = nn.BatchNorm1d(2)

    def closure(x: torch.Tensor) -> Any:
        return network(x)

    assert network in behind(closure)
    assert network in behind(poutine.block(closure))
    vae = networks.Autoencoder()
    assert {vae, vae.encoder, vae.decoder} <= set(behind(vae.guide))
    state = ModuleState.of(behind(closure), Copies())
    network(torch.randn(5, 2))
    network.extra = 1  # type: ignore[assignment]
    assert int(network.num_batches_tracked or 0) == 1
    state.restore()
    assert int(network.num_batches_tracked or 0) == 0
    assert not hasattr(network, "extra")


def test_a_laplace_approximation_of_the_users_has_the_width_of_the_curvature() -> None:
    def one(data: torch.Tensor, *, scale: float) -> None:
        mean = pyro.sample("mu", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("row", dist.Normal(mean, scale), obs=data)

    from pyro.infer.autoguide import AutoLaplaceApproximation

    fit = fit_of(Setup(one, AutoLaplaceApproximation(one), (torch.zeros(3),), {"scale": 2.0}))
    with fit.inspecting():
        lower, upper = quantiles(fit.guide, (0.15865525, 0.84134475), 10)["mu"]
    assert (upper - lower) / 2 == pytest.approx((1 + 3 / 4) ** -0.5, rel=1e-4)


def test_the_density_of_draws_is_that_of_their_distributions() -> None:
    fit = fit_of(named("schools function"))
    fit.advance(3)
    with fit.inspecting():
        drawn = sample_guide(fit.guide, 20, density=True)
        loc, scale = pyro.param("loc"), pyro.param("scale")
        of_latents = [
            dist.Normal(loc[0], scale[0]).log_prob(drawn.values["mu"]),
            dist.LogNormal(loc[1], scale[1]).log_prob(drawn.values["tau"]),
            dist.Normal(loc[2:], scale[2:]).log_prob(drawn.values["eta"]).sum(1),
        ]
    assert drawn.log_density is not None
    torch.testing.assert_close(drawn.log_density, torch.stack(of_latents).sum(0), rtol=1e-4, atol=1e-4)


class Counted(dist.Normal):
    """A normal distribution that counts how often its density is computed."""

    densities = 0

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        Counted.densities += 1
        return super().log_prob(value)


def test_the_density_of_draws_is_computed_only_where_it_is_wanted() -> None:
    """It may cost far more than the draws: the inverse of a flow, or a covariance that is copied for each draw."""

    def guide(effects: torch.Tensor, errors: torch.Tensor) -> None:
        pyro.sample("mu", dist.Normal(pyro.param("at", torch.tensor(0.0)), 1.0))
        pyro.sample("tau", dist.LogNormal(0.0, 0.1))
        pyro.sample("eta", Counted(torch.zeros(8), torch.ones(8)))

    fit = fit_of(schools(guide))
    with fit.inspecting():
        sample_guide(fit.guide, 20)  # tries how the guide can be drawn from
        Counted.densities = 0
        sample_guide(fit.guide, 20)
        quantiles(fit.guide, (0.1, 0.9), 20)
        correlates(fit.guide)
        assert Counted.densities == 0
        sample_guide(fit.guide, 20, density=True)
        assert Counted.densities > 0


def test_a_guide_with_a_large_parameter_is_called_for_some_draws_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise vmap may copy the parameter for each draw: 800 covariances of 1,000 points had 5 GB."""
    fit = fit_of(named("schools function"))  # its largest parameter has 10 numbers
    fit.advance(1)
    with fit.inspecting():
        at_once = sample_guide(fit.guide, 20)
        monkeypatch.setattr(custom_sampling, "COPIED_NUMBERS", 25)
        calls: list[int] = []
        called = custom_sampling._called

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            return called(*args, **kwargs)

        monkeypatch.setattr(custom_sampling, "_called", counted)
        in_chunks, again = sample_guide(fit.guide, 20, density=True), sample_guide(fit.guide, 20)
    assert len(calls) == 2 * 10
    assert in_chunks.log_density is not None
    assert in_chunks.log_density.shape == (20,)
    for name, value in in_chunks.values.items():
        assert value.shape == at_once.values[name].shape
        assert torch.equal(value, again.values[name])
        assert len(value.unique(dim=0)) == 20


def test_a_guide_that_is_called_once_a_draw_is_drawn_from_as_often_as_its_time_allows() -> None:
    fit = fit_of(made(sequences.varying))
    with fit.inspecting():
        assert not draws_at_once(fit.guide)
        drawn = sample_guide(fit.guide, 1000, max_seconds=1e-9)
    assert drawn.num_draws == MIN_DRAWS
    notes = [sentence(note) for note in drawn.notes]
    assert notes[0] == "'size_0' is left out: not every draw of the guide has it, or of the same shape."
    assert notes[-1] == "20 draws instead of 1,000: each one costs a call of the guide."


def test_a_draw_of_very_many_numbers_is_taken_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_NUMBERS", 550)
    fit = fit_of(named("schools normal"))
    with fit.inspecting():
        drawn = sample_guide(fit.guide, 100)
    assert drawn.num_draws == 50
    assert [sentence(note) for note in drawn.notes] == ["50 draws instead of 100: one has 10 numbers."]


def test_the_curvature_of_very_many_latents_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (gaussian, drawing):
        monkeypatch.setattr(module, "MAX_CURVATURE", 9)
    fit = fit_of(named("schools laplace"))
    with fit.inspecting():
        drawn, (lower, upper) = (
            sample_guide(fit.guide, 20, density=True),
            quantiles(fit.guide, (0.1, 0.9), 20)["eta"],
        )
    assert drawn.log_density is None
    assert [sentence(note) for note in drawn.notes] == [
        "The guide is drawn as a point: the curvature of more than 9 numbers is not computed."
    ]
    assert lower.tolist() == upper.tolist()


def test_densities_of_a_guide_are_those_of_its_normal_distribution_without_a_covariance() -> None:
    for setup in (named("schools normal"), named("schools family"), made(discrete.listed)):
        fit = fit_of(setup)
        fit.advance(1)
        with fit.inspecting():
            part: Any = fit.guide[0] if isinstance(fit.guide, AutoGuideList) else fit.guide
            affine = gaussian.affine_of(part)
            assert affine is not None
            expected = marginal_densities(affine, 0.9)
            sites = [site for site in affine.sites if site.name in expected]
            latents = [(site.name, index) for site in sites for index in np.ndindex(*site.shape)]
            found = element_densities(fit.guide, latents, 0.9, dict)
        assert list(found) == latents
        for one, other in zip((one for site in sites for one in expected[site.name]), found.values(), strict=True):
            np.testing.assert_allclose(one.density, other.density, rtol=1e-4)


def test_what_cannot_be_drawn_says_why() -> None:
    def guide(effects: torch.Tensor, errors: torch.Tensor) -> None:
        shift = pyro.param("shift", torch.tensor(0.0))
        if broken:
            raise OSError("the file is gone.")
        pyro.sample("mu", dist.Normal(shift, 1.0))

    broken = False
    fit = fit_of(schools(guide))
    broken = True
    with (
        fit.inspecting(),
        pytest.raises(CannotDrawError, match=r"^The guide cannot be drawn from: it raised OSError: the"),
    ):
        sample_guide(fit.guide, 10)


def test_quantiles_of_discrete_latents_are_their_smallest_values_with_so_much_probability() -> None:
    fit = fit_of(made(discrete.listed))
    fit.advance(1)
    with fit.inspecting():
        closed = closed_quantiles(fit.guide, (0.05, 0.5, 0.95))
        part: Any = fit.guide[1]
        part.assignment_probs_unconstrained.data = torch.tensor([[0.96, 0.04], [0.9, 0.1], [0.3, 0.7]]).log()
        found = closed_quantiles(part, (0.05, 0.5, 0.95))
    assert closed is not None
    assert closed["assignment"].shape == (3, 5)
    assert found is not None
    assert found["assignment"].T.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1]]


def test_no_draws_are_taken_of_what_has_a_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    from rugged_widget.infer.guides import sampling

    def refuse(*_: object) -> None:
        raise AssertionError("drawn")

    mixtures = made(discrete.listed), made(discrete.enumerated)
    for setup in (named("schools normal"), named("schools laplace"), *mixtures):
        fit = fit_of(setup)
        fit.advance(1)
        with monkeypatch.context() as patch, fit.inspecting():
            patch.setattr(sampling, "_drawn", refuse)
            assert quantiles(fit.guide, (0.5,), 800)
