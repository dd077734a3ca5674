"""A guide is chosen for a model, made or taken, and what does not agree between the two is said in sentences."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.contrib.easyguide import EasyGuide
from pyro.infer import Trace_ELBO, TraceEnum_ELBO, autoguide, config_enumerate

from rugged_widget.infer.guides import choice as choices
from rugged_widget.infer.guides.agreement import disagreements
from rugged_widget.infer.guides.choice import checked_watch_guide, choose_guide
from rugged_widget.infer.guides.probabilities import probabilities
from rugged_widget.infer.step.traceback_reading import Program
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.view.i18n.catalogue import Catalogue, catalogue
from tests.infer.plain import global_state
from tests.infer.sentences import sentence
from tests.models import basic, discrete, networks, sequences
from tests.models.basic import EFFECTS, ERRORS, eight_schools
from tests.models.case import Case
from tests.models.discrete import mixture
from tests.models.guides import GUIDES, named
from tests.models.networks import Network

ARGS = (EFFECTS, ERRORS)
POINTS = torch.tensor([0.0, 1.0, 10.0, 11.0, 12.0, 0.5])


@pytest.mark.parametrize(
    ("name", "label", "reason"),
    [
        (
            "schools chosen",
            "normal, site by site",
            "No guide was given: each latent has a normal distribution of its ",
        ),
        ("schools class", "AutoStructured", None),
        ("schools normal", "normal, site by site", None),
        ("schools blocked", "normal, site by site", None),
        ("schools method", "Schools.guide", None),
        ("schools function", "by_hand", None),
        ("mixture chosen", "normal, site by site", "The model sums over all values of 'assignment', as they are discr"),
        ("nothing chosen", "no guide", "The model has no latents: its parameters are fitted by maximum likelihood."),
        ("gamma easy", "GammaGuide", None),
    ],
)
def test_what_a_guide_is_called_and_why_it_was_chosen(name: str, label: str, reason: str | None) -> None:
    setup, before = named(name), global_state()
    choice = choose_guide(setup.guide, setup.model, setup.args, setup.kwargs)
    assert choice.label == label
    assert choice.warnings == ()
    assert choice.reason is None if reason is None else sentence(choice.reason).startswith(reason)
    assert global_state() == before


@pytest.mark.parametrize("case", [*GUIDES, *basic.CASES, *discrete.CASES, *networks.CASES], ids=str)
def test_guides_of_every_kind_agree_with_their_model(case: Case) -> None:
    setup = case.make()
    assert choose_guide(setup.guide, setup.model, setup.args, setup.kwargs, elbo=setup.loss).warnings == ()


def test_a_family_is_for_the_latents_that_are_not_discrete() -> None:
    choice = choose_guide("diagonal", mixture, (POINTS,))
    assert (choice.key, choice.label) == ("diagonal", "diagonal normal")
    assert sentence(choice.reason) == "The model sums over all values of 'assignment', as they are discrete."


def test_a_point_is_chosen_for_very_many_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "MAX_NORMAL", 9)
    choice = choose_guide(None, eight_schools, ARGS)
    assert choice.key == "delta"
    assert sentence(choice.reason) == "The guide is a point (MAP), as the latents have 10 numbers, more than 9."


def empty(*_: Any, **__: Any) -> None:
    """Draw nothing."""


def coins(x: torch.Tensor) -> None:
    """Discrete latents that Python looks at, so that they cannot be summed over."""
    fair = pyro.sample("fair", dist.Bernoulli(0.5))
    shift = pyro.sample("shift", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(shift if fair.item() else 5 + shift, 1.0).expand([len(x)]).to_event(1), obs=x)


def test_discrete_latents_are_summed_over_where_the_model_can_be_and_drawn_elsewhere() -> None:
    summed = choose_guide(None, mixture, (POINTS,))
    assert isinstance(summed.elbo, TraceEnum_ELBO)
    assert summed.model is mixture  # which marks them itself
    parted = choose_guide(None, mixture, (POINTS,), elbo=Trace_ELBO())
    assert parted.reason is not None
    assert parted.reason.key == "sampled"
    drawn = choose_guide(None, coins, (POINTS,))
    assert sentence(drawn.reason).startswith("The guide draws 'fair' from probabilities, as the model cannot be summed")
    fit = Fit(drawn.model, drawn.make, (POINTS,), learning_rate=0.05, seed=1, elbo=drawn.elbo, engine="plain")
    fit.advance(3)
    with fit.inspecting():
        assert probabilities(fit.guide)["fair"].sum().item() == pytest.approx(1.0)


def test_a_model_that_takes_all_values_for_a_value_of_each_row_is_not_summed_over() -> None:
    def misused(x: torch.Tensor) -> None:  # two rows, and two values: no error tells of it
        coin = pyro.sample("coin", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(coin, 1.0).expand([2]).to_event(1), obs=x)

    choice = choose_guide(None, misused, (POINTS[:2],))
    assert choice.reason is not None
    assert choice.reason.key == "sampled"


def test_probabilities_of_discrete_latents() -> None:
    choice = choose_guide(None, mixture, (POINTS,))
    fit = Fit(choice.model, choice.make, (POINTS,), learning_rate=0.1, seed=2, elbo=choice.elbo, engine="plain")
    fit.advance(1)
    with fit.inspecting():
        assert probabilities(fit.guide) == {}
    varying = sequences.varying.make()
    counted = Fit(
        varying.model,
        lambda model: choose_guide(varying.guide, model, varying.args).make(model),
        varying.args,
        learning_rate=0.1,
        seed=2,
        engine="plain",
    )
    with counted.inspecting():
        found = probabilities(counted.guide)["more_0"]
    assert found.shape == (2,)
    assert found[1].item() == pytest.approx(0.5, abs=0.1)  # four standard errors of 400 draws


def test_no_guide_is_chosen_for_values_without_end_or_a_model_that_raises() -> None:
    def counts(x: torch.Tensor) -> None:
        number = pyro.sample("number", dist.Poisson(3.0))
        pyro.sample("x", dist.Normal(number, 1.0).expand([len(x)]).to_event(1), obs=x)

    def heads(x: torch.Tensor) -> None:
        number = pyro.sample("heads", dist.Binomial(5, torch.tensor(0.5)))
        pyro.sample("x", dist.Normal(number, 1.0).expand([len(x)]).to_event(1), obs=x)

    def broken(x: torch.Tensor) -> None:
        pyro.sample("mu", dist.Normal(0.0, 1.0))
        pyro.sample("scaled", dist.Normal(0.0, -1.0))

    with pytest.raises(ValueError, match=r"no guide can be chosen .* the discrete latents 'number' can be neither"):
        choose_guide(None, counts, (POINTS,))
    with pytest.raises(ValueError, match="'heads' it takes a tensor of all values of 'heads' for one of"):
        choose_guide(None, heads, (POINTS,))
    with pytest.raises(
        ValueError, match=r"the model cannot be called with \(a tensor of shape \(6,\)\): it raised Val"
    ):
        choose_guide(None, broken, (POINTS,))
    with pytest.raises(
        ValueError, match=r"the model cannot be called with \(NoneType, errors=a .*\): it raised TypeError"
    ):
        choose_guide(empty, eight_schools, (None,), {"errors": ERRORS})


@pytest.mark.parametrize(
    ("guide", "error", "words"),
    [
        (3, TypeError, "guide must be None, .*; got 3"),
        (Network, TypeError, r"got the class Network: pass an instance, as in guide=Network\(\)"),
        ("normals", ValueError, "one of 'diagonal', .*got 'normals'"),
        (autoguide.AutoNormal, None, ""),
        (lambda *_, **__: autoguide.AutoNormal(eight_schools), TypeError, "the guide returned an AutoNormal"),
    ],
)
def test_what_is_no_guide_is_refused(guide: Any, error: type[Exception] | None, words: str) -> None:
    if error is None:
        assert choose_guide(guide, eight_schools, ARGS).label == "normal, site by site"
        return
    with pytest.raises(error, match=words):
        choose_guide(guide, eight_schools, ARGS)


def said(guide: Callable[..., Any], model: Callable[..., Any] = eight_schools, *args: Any, **kwargs: Any) -> list[str]:
    return [sentence(note) for note in disagreements(Program(model, guide, args or ARGS, kwargs))]


def schools(**changed: Any) -> Callable[..., None]:
    """A guide of eight schools with sites changed; None leaves one out."""
    usual = {
        "mu": dist.Normal(0.0, 1.0),
        "tau": dist.LogNormal(0.0, 1.0),
        "eta": dist.Normal(torch.zeros(8), 1.0).to_event(1),
    }

    def guide(effects: torch.Tensor, errors: torch.Tensor) -> None:
        for name, distribution in (usual | changed).items():
            if distribution is not None:
                pyro.sample(name, distribution)

    return guide


@pytest.mark.parametrize(
    ("guide", "sentences"),
    [
        (schools(), []),
        (schools(mu=dist.Delta(torch.tensor(0.0)), tau=dist.Delta(torch.tensor(1.0))), []),
        (
            schools(tau=None),
            ["The guide leaves out the latent 'tau' of the model: each step draws it from its prior."],
        ),
        (
            schools(tau=None, tua=dist.LogNormal(0.0, 1.0)),
            [
                "The guide draws 'tua', which is no latent of the model. Is 'tau' meant?",
                "The guide leaves out the latent 'tau' of the model: each step draws it from its prior.",
            ],
        ),
        (
            schools(other_number=dist.Normal(0.0, 1.0)),
            ["The guide draws 'other_number', which is no latent of the model."],
        ),
        (
            schools(mu=dist.Normal(torch.zeros(1), 1.0)),
            ["The guide draws 'mu' of shape (1,), and in the model it has ()."],
        ),
        (
            schools(tau=dist.Normal(5.0, 0.1)),
            ["The guide draws 'tau' from Normal, which may be off its support in the model, 0 and above."],
        ),
    ],
)
def test_what_does_not_agree_is_said_and_not_refused(guide: Any, sentences: list[str]) -> None:
    assert said(guide) == sentences
    assert [sentence(note) for note in choose_guide(guide, eight_schools, ARGS).warnings] == sentences


def test_latents_that_the_model_enumerates_need_no_guide() -> None:
    of_others = autoguide.AutoDelta(poutine.block(mixture, expose=["weights", "locs", "scale"]))
    assert disagreements(Program(mixture, of_others, (POINTS,))) == ()
    broadcast = poutine.broadcast(config_enumerate(coins_in_a_plate))
    assert disagreements(Program(broadcast, empty, (POINTS,))) == ()
    assert [note.key for note in disagreements(Program(coins_in_a_plate, empty, (POINTS,)))] == ["missing"]


def coins_in_a_plate(x: torch.Tensor) -> None:
    with pyro.plate("rows", len(x)):
        coin = pyro.sample("coin", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(coin, 1.0), obs=x)


def test_a_model_without_latents_has_an_empty_guide() -> None:
    setup = basic.likelihood.make()
    assert disagreements(Program(setup.model, empty, setup.args)) == ()


def test_latents_that_vary_from_call_to_call_are_named() -> None:
    setup = sequences.varying.make()
    for seed in range(3):  # three calls are alike once in four times
        torch.manual_seed(seed)
        keys = [note.key for note in disagreements(Program(setup.model, setup.guide, setup.args))]
        assert keys in ([], ["varying_model", "varying_guide"])


def test_notes_are_said_in_korean_with_the_same_facts() -> None:
    english, text = catalogue("en"), Catalogue("ko")
    for key, said in english.items():
        if key.startswith("guide_notes."):
            names = [name for _, name, _, _ in string.Formatter().parse(said) if name]
            numbers = {"elements", "limit", "count", "wanted", "numbers", "size"}
            assert text(key, **{name: 1234 if name in numbers else "'a'" for name in names})


def test_a_guide_that_picks_the_rows_agrees_with_a_model_that_takes_all() -> None:
    def model(x: torch.Tensor) -> None:
        with pyro.plate("rows", 6) as rows:
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x[rows])

    def guide(x: torch.Tensor) -> None:
        loc = pyro.param("loc", torch.zeros(6))
        with pyro.plate("rows", 6, 2) as rows:
            pyro.sample("z", dist.Normal(loc[rows], 1.0))

    assert choose_guide(guide, model, (torch.zeros(6),)).warnings == ()


def test_a_model_that_only_the_elbo_can_call_is_taken_as_svi_takes_it() -> None:
    """It counts on the dimension that the values of a discrete latent are listed in."""

    def model() -> None:
        value = pyro.sample("a", dist.Categorical(torch.ones(4)), infer={"enumerate": "parallel"})
        pyro.sample("x", dist.Normal(torch.arange(4.0)[value.reshape(4)], 1.0), obs=torch.zeros(()))

    assert choose_guide(empty, model, elbo=TraceEnum_ELBO(max_plate_nesting=0)).warnings == ()
    with pytest.raises(ValueError, match="the model cannot be called"):
        choose_guide(empty, model, elbo=Trace_ELBO())


def test_a_class_of_easy_guides_is_made_of_a_model_and_another_class_is_not() -> None:
    class Easy(EasyGuide):
        """One that draws nothing."""

        def guide(self) -> None:
            """Draw nothing."""

    assert checked_watch_guide(Easy) is Easy
    with pytest.raises(TypeError, match=r"pass an instance, as in guide=Linear\(\)"):
        checked_watch_guide(torch.nn.Linear)
