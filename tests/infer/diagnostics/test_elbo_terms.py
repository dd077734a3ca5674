"""Terms of the ELBO by site: they add up to Pyro's own estimate, and computing them changes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.contrib.easyguide import easy_guide
from pyro.infer import (
    SVI,
    RenyiELBO,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
    autoguide,
    config_enumerate,
)
from torch.distributions import constraints, kl_divergence

from rugged_widget.infer.diagnostics.elbo_terms import Terms, ask_terms, is_sum_over_sites
from rugged_widget.infer.diagnostics.elbo_terms_average import MAX_DRAWS, AveragedTerms
from rugged_widget.infer.step.isolation import Isolation
from rugged_widget.infer.step.transfer import Transfer
from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENUMERATING = TraceEnum_ELBO(max_plate_nesting=1, strict_enumeration_warning=False)
DATA = torch.tensor([1.2, -0.4, 0.8, 2.1, 0.3])
GUIDES = [
    autoguide.AutoNormal,
    autoguide.AutoDelta,
    autoguide.AutoDiagonalNormal,
    autoguide.AutoMultivariateNormal,
    autoguide.AutoLowRankMultivariateNormal,
    autoguide.AutoIAFNormal,
    autoguide.AutoLaplaceApproximation,
    autoguide.AutoStructured,
]


@pytest.fixture(autouse=True)
def world() -> Iterator[None]:
    with Isolation(3).inside():
        yield


def model(data: torch.Tensor) -> None:
    """Return nothing; a scale, a mask and a plate that looks at a part of the rows are in it."""
    mean = pyro.sample("mean", dist.Normal(0.0, 2.0))
    spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
    pyro.deterministic("twice", 2 * mean)
    with pyro.plate("rows", len(data), subsample_size=3) as rows, poutine.mask(mask=rows != 2):
        noise = pyro.sample("noise", dist.Normal(0.0, 1.0))
        with poutine.scale(scale=0.5):
            pyro.sample("seen", dist.Normal(mean + noise, spread), obs=data[rows])


def hand_written(data: torch.Tensor) -> None:
    both = pyro.sample("both", dist.Normal(torch.zeros(2), 1.0).to_event(1), infer={"is_auxiliary": True})
    pyro.sample("mean", dist.Delta(both[0]))
    pyro.sample("spread", dist.Delta(both[1].exp()))
    loc = pyro.param("loc", torch.zeros(len(data)))
    with pyro.plate("rows", len(data), subsample_size=3) as rows:
        pyro.sample("noise", dist.Normal(loc[rows], 1.0))


def once(model: Callable[..., Any], guide: Any, loss: Any, *args: Any) -> None:
    SVI(model, guide, pyro.optim.Adam({"lr": 0.01}), loss).step(*args)  # type: ignore[attr-defined, no-untyped-call]


def draw_terms(model: Callable[..., Any], guide: Any, args: tuple[Any, ...], loss: Any = None) -> Terms:
    return ask_terms(model, guide, args, {}, loss, Transfer())()


def both_estimates(model: Callable[..., Any], guide: Any, loss: Any, *args: Any) -> tuple[float, Terms]:
    """Return Pyro's estimate of the ELBO and the terms, by the same random numbers."""
    once(model, guide, loss, *args)
    state = torch.get_rng_state()
    expected = -float(loss.loss(model, guide, *args))
    torch.set_rng_state(state)
    return expected, draw_terms(model, guide, args, loss)


@pytest.mark.parametrize("family", GUIDES)
def test_the_terms_add_up_to_the_elbo_of_the_same_draw(family: Any) -> None:
    def guided(data: torch.Tensor) -> None:
        with pyro.plate("rows", len(data)), poutine.scale(scale=0.5):
            pyro.sample("seen", dist.Normal(pyro.sample("mean", dist.Normal(0.0, 2.0).mask(mask=True)), 1.0), obs=data)

    for one in (schools, guided):
        pyro.clear_param_store()
        expected, terms = both_estimates(one, family(one), Trace_ELBO(), DATA)
        assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
        assert next(iter(terms))[1] == "observed"


def schools(data: torch.Tensor) -> None:
    mean, tau = pyro.sample("mean", dist.Normal(0.0, 5.0)), pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", len(data)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(mean + tau * eta, 1.0), obs=data)


@pytest.mark.parametrize("loss", [Trace_ELBO(), TraceGraph_ELBO(), ENUMERATING])
def test_subsampling_scales_and_masks_count_as_in_the_elbo(loss: Any) -> None:
    expected, terms = both_estimates(model, hand_written, loss, DATA)
    assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
    assert set(terms) == {
        ("seen", "observed"),
        ("mean", "latent"),
        ("spread", "latent"),
        ("noise", "latent"),
        ("both", "guide"),
    }


def test_each_term_is_log_p_less_log_q_of_its_site() -> None:
    guide = autoguide.AutoNormal(schools, init_scale=0.5)
    once(schools, guide, Trace_ELBO(), DATA)
    state = torch.get_rng_state()
    terms = draw_terms(schools, guide, (DATA,))
    torch.set_rng_state(state)
    drawn: Any = poutine.trace(guide).get_trace(DATA)
    tau, free = drawn.nodes["tau"]["value"], drawn.nodes["tau_unconstrained"]
    # tau is the exponential of the unconstrained value, so log q is less by that value
    term = dist.HalfCauchy(5.0).log_prob(tau) - free["fn"].log_prob(free["value"]) + free["value"]
    assert terms["tau", "latent"] == pytest.approx(term.item(), rel=1e-4)


def test_independent_elements_of_a_joint_density_are_divided_among_the_sites() -> None:
    for family, divided in ((autoguide.AutoDiagonalNormal, True), (autoguide.AutoMultivariateNormal, False)):
        pyro.clear_param_store()
        _, terms = both_estimates(schools, family(schools), Trace_ELBO(), DATA)
        assert (f"_{family.__name__}_latent", "guide") in terms or divided
        assert [role for _, role in terms].count("guide") == (0 if divided else 1)


def test_a_joint_density_of_the_only_latent_is_that_of_the_latent() -> None:
    def single(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean.sum(), 1.0), obs=data)

    _, terms = both_estimates(single, autoguide.AutoMultivariateNormal(single), Trace_ELBO(), DATA)
    assert list(terms) == [("seen", "observed"), ("mean", "latent")]


def test_an_easy_guide_has_a_term_for_the_density_of_its_group() -> None:
    @easy_guide(schools)
    def guide(self: Any, _data: torch.Tensor) -> None:
        group = self.group(match="mean|tau")
        loc = pyro.param("loc", torch.zeros(group.event_shape))
        group.sample("group", dist.Normal(loc, 1.0).to_event(1))
        with self.plate("schools", 5):
            self.map_estimate("eta")

    expected, terms = both_estimates(schools, guide, Trace_ELBO(), DATA)
    assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
    assert ("group", "guide") in terms


@config_enumerate
def mixture(data: torch.Tensor) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(torch.ones(2)))
    with pyro.plate("rows", len(data), subsample_size=4) as rows:
        which = pyro.sample("which", dist.Categorical(weights))
        pyro.sample("seen", dist.Normal(2.0 * which, 1.0), obs=data[rows])


@config_enumerate
def chain(data: torch.Tensor) -> None:
    stay = pyro.sample("stay", dist.Beta(2.0, 2.0))
    state: Any = 0
    for place in pyro.markov(range(len(data))):
        moved = torch.stack([torch.stack([stay, 1 - stay]), torch.tensor([0.0, 1.0])])  # one move is impossible
        state = pyro.sample(f"state{place}", dist.Categorical(moved[state]))
        pyro.sample(f"seen{place}", dist.Normal(2.0 * state, 1.0), obs=data[place])


@pytest.mark.parametrize(("one", "latent", "nesting"), [(mixture, "weights", 1), (chain, "stay", 0)])
def test_the_terms_of_enumerated_sites_add_up(one: Any, latent: str, nesting: int) -> None:
    guide = autoguide.AutoNormal(poutine.block(one, expose=[latent]))  # type: ignore[no-untyped-call]
    expected, terms = both_estimates(one, guide, TraceEnum_ELBO(max_plate_nesting=nesting), DATA)
    assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
    enumerated = [site for site, role in terms if role == "enumerated"]
    assert enumerated == (["which"] if one is mixture else ["state0, state1, state2, …"])
    assert all(map(math.isfinite, terms.values()))


def test_a_term_of_an_enumerated_site_is_the_distance_of_its_posterior_from_its_prior() -> None:
    @config_enumerate
    def coin(data: torch.Tensor) -> None:
        pyro.sample("bias", dist.Normal(0.0, 1.0))
        up = pyro.sample("up", dist.Bernoulli(0.3))
        pyro.sample("seen", dist.Normal(up, 1.0), obs=data[0])

    guide = autoguide.AutoDelta(poutine.block(coin, expose=["bias"]))  # type: ignore[no-untyped-call]
    _, terms = both_estimates(coin, guide, TraceEnum_ELBO(max_plate_nesting=0), DATA)
    likelihood = torch.stack([dist.Normal(up, 1.0).log_prob(DATA[0]) for up in (0.0, 1.0)])
    prior = torch.tensor([0.7, 0.3])
    posterior = torch.softmax(likelihood + prior.log(), 0)
    assert terms["up", "enumerated"] == pytest.approx(float(-(posterior * (posterior / prior).log()).sum()), rel=1e-4)
    assert terms["seen", "observed"] == pytest.approx(float((posterior * likelihood).sum()), rel=1e-4)


@pytest.mark.parametrize("how", ["parallel", "sequential"])
def test_sites_that_the_guide_enumerates_are_averaged_exactly(how: str) -> None:
    def coin(data: torch.Tensor) -> None:
        up = pyro.sample("up", dist.Bernoulli(0.3))
        pyro.sample("seen", dist.Normal(up, 1.0), obs=data[0])

    def guide(_data: torch.Tensor) -> None:
        share = pyro.param("share", torch.tensor(0.6), constraint=constraints.unit_interval)
        pyro.sample("up", dist.Bernoulli(share), infer={"enumerate": how})

    expected, terms = both_estimates(coin, guide, TraceEnum_ELBO(max_plate_nesting=0), DATA)
    assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
    assert list(terms) == [("seen", "observed"), ("up", "latent")]


def factorized(data: torch.Tensor) -> None:
    loc = pyro.param("loc", torch.zeros(len(data)))
    pyro.sample("mean", dist.Normal(pyro.param("mean_loc", torch.tensor(0.3)), 0.5))
    pyro.sample("tau", dist.LogNormal(0.1, 0.3))  # no formula
    with pyro.plate("schools", len(data)), poutine.scale(scale=0.5):
        pyro.sample("eta", dist.Normal(loc, 0.7))


@pytest.mark.parametrize("guide", [factorized, None])
def test_the_terms_of_a_mean_field_elbo_are_divergences_by_formula(guide: Any) -> None:
    guide = guide or autoguide.AutoNormal(schools)
    expected, terms = both_estimates(schools, guide, TraceMeanField_ELBO(), DATA)
    assert math.fsum(terms.values()) == pytest.approx(expected, rel=1e-5)
    if guide is factorized:
        exact = kl_divergence(dist.Normal(0.3, 0.5), dist.Normal(0.0, 5.0)).item()
        assert terms["mean", "latent"] == pytest.approx(-exact, abs=0.1)  # a step has moved the mean a little


def test_losses_that_are_no_sum_over_sites_are_known() -> None:
    assert is_sum_over_sites(TraceMeanField_ELBO())
    assert not is_sum_over_sites(RenyiELBO())
    assert not is_sum_over_sites(lambda *_: 0.0)


def test_a_parameter_that_a_look_makes_is_forgotten() -> None:
    def growing(data: torch.Tensor) -> None:
        schools(data)
        pyro.param(f"new{len(list(pyro.get_param_store().keys()))}", torch.zeros(()))

    guide = autoguide.AutoNormal(schools)
    once(growing, guide, Trace_ELBO(), DATA)
    names = list(pyro.get_param_store().keys())
    draw_terms(growing, guide, (DATA,))
    assert list(pyro.get_param_store().keys()) == names


class TestInAFit:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        """Leave the isolation to the fit."""

    @staticmethod
    def make(one: Any = schools, engine: str = "plain", **settings: Any) -> Fit:
        return Fit(one, autoguide.AutoNormal, (DATA,), learning_rate=0.01, seed=1, engine=engine, **settings)

    @pytest.mark.parametrize("engine", ["plain", "graph"])
    def test_looking_does_not_change_the_trajectory(self, engine: str) -> None:
        alone, watched = self.make(engine=engine), self.make(engine=engine)
        alone.advance(60)
        for _ in range(12):
            watched.elbo_terms(thorough=watched.step == 30)
            watched.gradient_norms()
            watched.advance(5)
        assert watched.history().equals(alone.history())
        assert all((watched.param_store()[name] == value).all() for name, value in alone.param_store().items())

    def test_nothing_is_known_before_the_first_step(self) -> None:
        fit = self.make()
        assert fit.elbo_terms() == ()
        assert fit.gradient_norms() is None

    def test_running_means_of_a_batch_norm_are_not_moved(self) -> None:
        norm = torch.nn.BatchNorm1d(1)

        def normed(data: torch.Tensor) -> None:
            mean = pyro.sample("mean", dist.Normal(0.0, 5.0))
            with pyro.plate("rows", len(data)):
                pyro.sample("seen", dist.Normal(mean, 1.0), obs=norm(data[:, None])[:, 0].detach())

        fit = self.make(normed)
        fit.advance(2)
        before = int(norm.num_batches_tracked)
        assert len(fit.elbo_terms()) == 2
        assert int(norm.num_batches_tracked) == before

    def test_a_model_that_raises_when_it_is_looked_at_gives_a_sentence(self) -> None:
        stepped = []

        def breaking(data: torch.Tensor) -> None:
            if stepped:
                raise ValueError("no more\n  of this")
            schools(data)

        fit = self.make(breaking)
        fit.advance(1)
        stepped.append(1)
        assert fit.elbo_terms(thorough=True) == ()
        note = fit.elbo_terms_note
        assert note is not None
        assert (note.kind, note.detail) == ("failed", "ValueError: no more of this")

    def test_a_loss_that_is_no_sum_over_sites_is_named(self) -> None:
        fit = self.make(elbo=RenyiELBO(num_particles=2))
        fit.advance(1)
        assert len(fit.elbo_terms()) == 4
        note = fit.elbo_terms_note
        assert note is not None
        assert (note.kind, note.detail) == ("other_loss", "RenyiELBO")

    def test_means_are_over_the_draws_of_the_last_snapshots(self) -> None:
        fit = self.make()
        fit.advance(1)
        now = [0.0]
        monitor = AveragedTerms(fit._plain, clock=lambda: now[0])

        def look(count: int) -> int:
            now[0] = float(count)
            return monitor.look(1 + count)[0].num_draws

        with fit.inspecting():
            numbers = [look(count) for count in range(30)]
        assert numbers == sorted(numbers)
        assert numbers[0] == 4 < numbers[-1] < MAX_DRAWS

    def test_a_look_at_rest_counts_only_the_present_parameters(self) -> None:
        fit = self.make()
        fit.advance(1)
        fit.elbo_terms()
        fit.advance(1)
        monitor = AveragedTerms(fit._plain, clock=lambda: 0.0)
        with fit.inspecting():
            terms = monitor.look(2, thorough=True)
        assert {term.num_draws for term in terms} == {MAX_DRAWS}

    def test_draws_of_other_parameters_are_forgotten_when_iterates_are_averaged(self) -> None:
        fit = self.make()
        fit._terms = AveragedTerms(fit._plain, clock=lambda: 0.0)
        fit.advance(200)
        before = fit.elbo_terms(thorough=True)
        fit.average_iterates()
        after = fit.elbo_terms()
        assert (before[0].num_draws, after[0].num_draws) == (MAX_DRAWS, 4)

    def test_sites_that_come_and_go_add_nothing_where_they_are_not(self) -> None:
        def moody(data: torch.Tensor) -> None:
            schools(data)
            if torch.rand(()) < 0.5:
                pyro.factor("mood", torch.tensor(3.0))

        fit = self.make(moody)
        fit.advance(1)
        monitor = AveragedTerms(fit._plain, clock=lambda: 0.0)
        with fit.inspecting():
            terms = {term.site: term.mean for term in monitor.look(1, thorough=True)}
        assert 0.5 < terms["mood"] < 2.5

    def test_the_sd_is_that_of_a_single_draw(self) -> None:
        fit = self.make()
        fit.advance(1)
        monitor = AveragedTerms(fit._plain, clock=lambda: 0.0)
        with fit.inspecting():
            terms = {term.site: term.sd for term in monitor.look(1, thorough=True)}
            draws = [draw_terms(fit.model, fit.guide, (DATA,))["mean", "latent"] for _ in range(300)]
        assert terms["mean"] == pytest.approx(float(torch.tensor(draws).std()), rel=0.5)

    def test_a_page_that_asks_often_gets_new_draws_a_few_times_a_second(self) -> None:
        fit = self.make()
        fit.advance(1)
        now = 0.0
        monitor = AveragedTerms(fit._plain, clock=lambda: now)
        with fit.inspecting():
            first = monitor.look(1)
            now = 0.03
            assert monitor.look(2) is first
            now = 0.11
            assert monitor.look(3) is not first
            assert monitor.look(3, thorough=True)[0].num_draws == MAX_DRAWS

    def test_draws_that_take_long_are_taken_less_often(self) -> None:
        fit = self.make()
        fit.advance(1)
        now = [0.0]

        def clock() -> float:
            now[0] += 0.5
            return now[0]

        monitor = AveragedTerms(fit._plain, clock=clock)
        with fit.inspecting():
            numbers = [monitor.look(1 + count)[0].num_draws for count in range(10)]
        assert numbers[-1] <= 2
