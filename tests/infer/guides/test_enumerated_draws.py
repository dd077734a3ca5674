"""A guide that can be called only under enumeration is drawn from, as its distribution says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO, config_enumerate

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.guides.choice import choose_guide
from rugged_widget.infer.guides.custom_sampling import Drawn, can_draw_together, draw_one_by_one, draw_together
from rugged_widget.infer.guides.enumerated_draws import draw_enumerated
from rugged_widget.infer.guides.sampling import all_drawn
from rugged_widget.infer.svi.fit import Fit
from tests.infer.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

NUM_DRAWS = 20_000
FIRST = torch.tensor([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
NEXT = torch.tensor([[0.9, 0.1], [0.3, 0.7]])


def chain() -> None:
    """Draw a chain of three states for each of three rows, and a place by the last of them."""
    with pyro.plate("rows", 3):
        state = pyro.sample("state_0", dist.Categorical(FIRST))
        for time in pyro.markov(range(1, 3)):
            state = pyro.sample(f"state_{time}", dist.Categorical(NEXT[state]))
        pyro.sample("place", dist.Normal(torch.tensor([-5.0, 5.0])[state], 1.0))


def drawn(guide: Callable[..., Any], num_plate_dims: int = 1, num_draws: int = NUM_DRAWS) -> Drawn:
    return draw_together(partial(draw_enumerated, guide, num_plate_dims), (), num_draws)


@pytest.mark.parametrize("expand", [False, True])
def test_a_chain_whose_states_share_dimensions_is_drawn_state_by_state(expand: bool) -> None:
    values = drawn(config_enumerate(chain, expand=expand)).values
    assert {name: tuple(value.shape) for name, value in values.items()} == {
        "state_0": (NUM_DRAWS, 3),
        "state_1": (NUM_DRAWS, 3),
        "state_2": (NUM_DRAWS, 3),
        "place": (NUM_DRAWS, 3),
    }
    for before, after in (("state_0", "state_1"), ("state_1", "state_2")):
        for state in range(2):
            chosen = values[after][values[before] == state]
            assert abs(chosen.float().mean() - NEXT[state, 1]) < 4 * 0.5 / len(chosen) ** 0.5  # 4 standard errors
    assert ((values["state_0"].float().mean(0) - FIRST[:, 1]).abs() < 4 * 0.5 / NUM_DRAWS**0.5).all()
    assert ((values["place"] > 0) == (values["state_2"] == 1)).float().mean() > 0.999  # 5 sds from 0


def test_the_density_of_a_draw_is_that_of_the_guide_without_enumeration() -> None:
    result = drawn(config_enumerate(chain), num_draws=5)
    assert result.log_density is not None
    for number in range(5):
        data = {name: value[number] for name, value in result.values.items()}
        trace: Any = poutine.trace(poutine.condition(chain, data=data)).get_trace()
        torch.testing.assert_close(result.log_density[number], trace.log_prob_sum())


def test_draws_one_by_one_are_of_the_same_shapes() -> None:
    guide = partial(draw_enumerated, config_enumerate(chain), 1)
    assert can_draw_together(guide, ())
    values = draw_one_by_one(guide, (), 3).values
    assert {tuple(value.shape) for value in values.values()} == {(3, 3)}


def test_an_outer_plate_and_a_site_outside_of_plates_keep_their_shapes() -> None:
    @config_enumerate
    def guide() -> None:
        kind = pyro.sample("kind", dist.Bernoulli(0.25))
        pyro.sample("vector", dist.Normal(kind.unsqueeze(-1) * torch.ones(4), 0.1).to_event(1))
        with pyro.plate("outer", 2, dim=-2):
            pyro.sample("column", dist.Normal(10.0 * kind, 0.1))
            with pyro.plate("inner", 3, dim=-1):
                pyro.sample("cell", dist.Bernoulli(0.1 + 0.8 * kind))

    values = drawn(guide, 2, 4000).values
    shapes = {name: tuple(value.shape[1:]) for name, value in values.items()}
    assert shapes == {"kind": (), "vector": (4,), "column": (2, 1), "cell": (2, 3)}
    is_one = values["kind"] == 1
    assert (values["column"][is_one] > 5).all()
    assert (values["column"][~is_one] < 5).all()
    assert abs(values["cell"][is_one].mean() - 0.9) < 0.03  # some 1,000 draws of 6 cells, sd 0.3
    assert abs(values["cell"][~is_one].mean() - 0.1) < 0.03


def test_several_draws_in_place_of_all_values_are_drawn_from_unless_they_belong_to_others() -> None:
    def guide() -> None:
        rate = pyro.sample("rate", dist.Normal(0.0, 1.0))
        pyro.sample("value", dist.Normal(rate, 0.1))

    values = drawn(config_enumerate(guide, num_samples=4, expand=True), 0, 2000).values
    assert {tuple(value.shape) for value in values.values()} == {(2000,)}
    with pytest.raises(CannotDrawError, match="'rate' belong to others"):
        drawn(config_enumerate(guide, num_samples=4, expand=False), 0, 3)


def test_parameters_and_the_rows_that_a_plate_picks_are_seen_from_outside() -> None:
    @config_enumerate
    def guide() -> None:
        logits = pyro.param("logits", torch.zeros(10, 2))
        with pyro.plate("rows", 10, subsample_size=4) as rows:
            pyro.sample("kind", dist.Categorical(logits=logits[rows]))

    trace: Any = poutine.trace(partial(draw_enumerated, guide, 1)).get_trace()
    assert list(trace.nodes)[1:-1] == ["logits", "rows", "kind"]
    assert trace.nodes["kind"]["value"].shape == (4,)
    assert "_enumerate_dim" not in trace.nodes["kind"]["infer"]


def listing(kinds: torch.Tensor) -> None:
    """Return nothing; raise where a tensor does not list two kinds."""
    assert kinds.numel() == 2


@config_enumerate
def counting_guide() -> None:
    with pyro.plate("rows", 3):
        listing(pyro.sample("kind", dist.Categorical(pyro.param("probs", torch.ones(3, 2) / 2))))


def model() -> None:
    with pyro.plate("rows", 3):
        kind = pyro.sample("kind", dist.Categorical(torch.tensor([0.3, 0.7])))
        pyro.sample("x", dist.Normal(kind.float(), 1.0), obs=torch.zeros(3))


def fit_of(guide: Any, elbo: Any) -> tuple[Fit, Any]:
    choice = choose_guide(guide, model, elbo=elbo)
    return Fit(choice.model, choice.make, elbo=elbo, learning_rate=0.01, seed=3, engine="plain"), choice


def test_a_guide_that_only_its_elbo_can_call_is_taken_and_drawn_from() -> None:
    fit, choice = fit_of(counting_guide, TraceEnum_ELBO(max_plate_nesting=1))
    assert choice.warnings == ()
    with fit.inspecting():  # before the first step, which makes the parameter
        assert all_drawn(fit.guide, 10).values["kind"].shape == (10, 3)
    fit.advance(3)
    with fit.inspecting():
        assert all_drawn(fit.guide, 10).values["kind"].shape == (10, 3)


def test_a_guide_that_cannot_be_drawn_from_is_trained_and_a_sentence_says_so() -> None:
    def guide() -> None:
        with pyro.plate("rows", 3):
            kind = pyro.sample("kind", dist.Bernoulli(pyro.param("probs", torch.ones(3) / 2)))
            assert kind.shape == (1,)

    elbo = TraceEnum_ELBO(max_plate_nesting=1)
    fit, choice = fit_of(config_enumerate(guide, "sequential"), elbo)
    assert list(map(sentence, choice.warnings)) == [
        "No draws of the guide can be shown: TraceEnum_ELBO alone can call it."
    ]
    fit.advance(3)
    with fit.inspecting(), pytest.raises(CannotDrawError, match="AssertionError"):
        all_drawn(fit.guide, 10)


def test_what_does_not_agree_is_said_of_a_guide_that_only_its_elbo_can_call() -> None:
    @config_enumerate
    def guide() -> None:
        counting_guide()
        listing(pyro.sample("knd", dist.Bernoulli(0.5)))

    _, choice = fit_of(guide, TraceEnum_ELBO(max_plate_nesting=1))
    assert [sentence(note) for note in choice.warnings] == [
        "The guide draws 'knd', which is no latent of the model. Is 'kind' meant?"
    ]


def test_a_loss_of_ones_own_that_enumerates_trains_such_a_guide_too() -> None:
    def loss(model: Any, guide: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        elbo = TraceEnum_ELBO(max_plate_nesting=1)
        value: torch.Tensor = elbo.differentiable_loss(model, guide, *args, **kwargs)
        return value

    fit, choice = fit_of(counting_guide, loss)
    assert [note.key for note in choice.warnings] == ["undrawn"]
    assert fit.advance(3) == 3


def test_a_guide_that_nothing_can_call_is_refused() -> None:
    def guide() -> None:
        raise RuntimeError("no")

    with pytest.raises(ValueError, match="the guide cannot be called with"):
        choose_guide(guide, model, elbo=TraceEnum_ELBO(max_plate_nesting=1))
