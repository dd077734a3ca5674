"""What is trained is the user's: a fit begins from it, leaves it alone while it trains, and hands over the result."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyro import poutine
from pyro.infer import Predictive, autoguide
from torch import nn

from rugged_widget.errors import FitError
from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import RUGGED
from tests.infer.step.brought import CASES, ROWS, adam, bring, equal, look, losses

STEPS = 12


@pytest.mark.parametrize("case", CASES)
def test_the_plain_steps_and_what_is_handed_over_are_those_of_the_bare_loop(case: str) -> None:
    brought = bring(case)
    expected = brought.losses(STEPS)
    end = brought.state()

    brought = bring(case)
    fit = brought.fit(brought.owned())
    for _ in range(4):
        look(fit, brought)
        fit.advance(STEPS // 4)
    assert losses(fit) == expected
    fit.hand_over()
    assert equal(brought.state(), end)


@pytest.mark.parametrize("engine", ["plain", pytest.param("graph", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_while_it_trains_the_user_has_what_he_brought(case: str, engine: str) -> None:
    brought = bring(case)
    before = brought.state()
    fit = brought.fit(brought.owned(), engine)
    for _ in range(3):
        while fit.prepare():
            pass
        fit.advance(3)
        look(fit, brought)
        assert equal(brought.state(), before)


@pytest.mark.parametrize("case", CASES)
def test_two_fits_in_turns_and_one_after_a_reset_take_the_same_steps(case: str) -> None:
    brought = bring(case)
    ownership = brought.owned()
    one, other = brought.fit(ownership), brought.fit(brought.owned())
    for _ in range(4):
        one.advance(3)
        other.advance(2)
    one.hand_over()
    other.advance(4)
    again = brought.fit(ownership)
    again.advance(STEPS)
    assert losses(one) == losses(other) == losses(again)


@pytest.mark.parametrize("case", ["a VAE of two networks", "a Bayesian network as a PyroModule", "a trained guide"])
def test_captured_steps_differ_by_rounding(case: str) -> None:
    brought = bring(case)
    expected = brought.losses(STEPS)
    end = brought.state()

    brought = bring(case)
    fit, other = brought.fit(brought.owned(), "graph"), brought.fit(brought.owned(), "graph", seed=8)
    for _ in range(4):
        fit.advance(3)
        other.advance(3)
    assert fit.engine.name == "graph"
    assert losses(fit) == pytest.approx(expected, rel=1e-5)
    fit.hand_over()
    assert equal(brought.state(), end, 1e-5)


def test_a_guide_that_was_handed_over_works_as_after_steps_of_ones_own() -> None:
    brought = bring("an automatic guide that was never called")
    fit = brought.fit(brought.owned())
    fit.advance(STEPS)
    guide: Any = brought.guide
    assert guide.prototype_trace is None
    fit.hand_over()
    assert guide.quantiles([0.25, 0.75])["weight"].shape == (2, 3)
    assert guide.median()["shift"].shape == ()
    assert Predictive(brought.model, guide=guide, num_samples=7)(ROWS)["target"].shape == (7, len(ROWS))
    assert {"noise", "AutoNormal.locs.weight", "AutoNormal.scales.shift"} <= set(pyro.get_param_store().keys())
    assert pyro.param("noise").item() == fit.param_store()["noise"].item()


def test_a_guide_that_the_fit_made_is_handed_over_too() -> None:
    brought = bring("an automatic guide that was never called")
    fit = Fit(
        brought.model,
        autoguide.AutoDiagonalNormal,
        brought.args,
        learning_rate=0.02,
        seed=1,
        engine="plain",
        ownership=brought.owned(),
    )
    fit.advance(5)
    fit.hand_over()
    values = fit.param_store()
    assert pyro.param("AutoDiagonalNormal.loc").tolist() == values["AutoDiagonalNormal.loc"].tolist()
    brought._replace(guide=fit.guide).losses(3)
    assert pyro.param("AutoDiagonalNormal.loc").tolist() != values["AutoDiagonalNormal.loc"].tolist()
    assert {name: value.tolist() for name, value in fit.param_store().items()} == {
        name: value.tolist() for name, value in values.items()
    }


def test_the_user_may_go_on_and_the_fit_too() -> None:
    brought = bring("a VAE with batch normalization and dropout")
    alone = brought.fit(brought.owned())
    alone.advance(2 * STEPS)

    fit = brought.fit(brought.owned())
    fit.advance(STEPS)
    fit.hand_over()
    result = brought.state()
    brought.losses(3)
    assert not equal(brought.state(), result)
    fit.advance(STEPS)
    assert losses(fit) == losses(alone)


def test_a_new_fit_goes_on_from_what_was_handed_over() -> None:
    brought = bring("a trained guide")
    fit = brought.fit(brought.owned())
    fit.advance(STEPS)
    fit.hand_over()
    values = fit.param_store()
    more = brought.fit(brought.owned())
    assert {name: value.tolist() for name, value in more.param_store().items()} == {
        name: value.tolist() for name, value in values.items()
    }


def test_each_of_two_fits_hands_over_all_of_its_own_again_and_again() -> None:
    brought = bring("a VAE with batch normalization and dropout")
    ownership = brought.owned()
    before = brought.state()
    untrained, trained = brought.fit(ownership), brought.fit(ownership)
    trained.advance(STEPS)
    trained.hand_over()
    result = brought.state()
    untrained.hand_over()
    module = {name: value for name, value in brought.state().items() if not name.startswith("store")}
    assert equal(module, {name: value for name, value in before.items() if not name.startswith("store")})
    trained.hand_over()
    assert equal(brought.state(), result)


def test_parameters_of_other_models_stay_as_the_user_has_them() -> None:
    brought = bring("a store with parameters")
    fit = brought.fit(brought.owned())
    fit.advance(3)
    with torch.no_grad():
        pyro.param("of another model").fill_(8.0)
    fit.hand_over()
    assert pyro.param("of another model").item() == 8.0
    assert pyro.param("noise").item() != 3.0


def test_what_is_handed_over_is_of_the_type_that_the_user_has_made_his_of() -> None:
    brought = bring("a VAE of two networks")
    fit = brought.fit(brought.owned())
    brought.module.double()
    fit.advance(3)
    assert {value.dtype for value in brought.module.state_dict().values()} == {torch.float64}
    fit.hand_over()
    result = brought.module.state_dict()["decoder.weight"]
    assert result.dtype == torch.float64
    assert result.float().tolist() == fit.param_store()["decoder$$$weight"].tolist()


def test_gradients_and_frozen_weights_of_the_users_come_back() -> None:
    brought = bring("a VAE of two networks")
    decoder: Any = brought.module.get_submodule("decoder")
    fit = brought.fit(brought.owned())
    decoder.weight.grad = torch.ones_like(decoder.weight)
    decoder.bias.requires_grad_(requires_grad=False)
    fit.advance(3)
    assert decoder.weight.grad.sum() == decoder.weight.numel()
    assert not decoder.bias.requires_grad


def test_a_network_that_no_search_finds_is_owned_when_it_is_registered() -> None:
    hidden = {"network": nn.Linear(1, 3)}
    before = hidden["network"].weight.clone()

    def model(rows: torch.Tensor) -> None:
        network = pyro.module("network", hidden["network"])
        with pyro.plate("rows", len(rows)):
            pyro.sample("row", dist.Normal(network(torch.ones(len(rows), 1)), 1.0).to_event(1), obs=rows)

    ownership = Ownership()
    fits = [
        Fit(model, lambda _: lambda _: None, (ROWS,), learning_rate=0.1, seed=1, engine="plain", ownership=ownership)
        for _ in range(2)
    ]
    for fit in fits:
        fit.advance(5)
        assert hidden["network"].weight.equal(before)
    assert losses(fits[0]) == losses(fits[1])
    fits[0].hand_over()
    assert not hidden["network"].weight.equal(before)


def test_a_large_buffer_is_as_before_a_look_that_writes_into_it_though_others_did_not() -> None:
    net, is_written = nn.Module(), False
    net.register_buffer("counts", torch.zeros((1 << 16) + 1))

    def model() -> None:
        if is_written:
            net.counts.add_(1.0)  # type: ignore[operator, union-attr]
        pyro.sample("x", dist.Normal(pyro.param("loc", torch.zeros(())), 1.0), obs=torch.ones(()))

    ownership = Ownership(model)
    fit = Fit(model, lambda _: lambda: None, (), learning_rate=0.1, seed=1, engine="plain", ownership=ownership)
    for _ in range(4):
        with fit.inspecting():
            assert not torch.as_tensor(net.counts).any()
            model()
        is_written = not is_written
    fit.advance(1)
    fit.hand_over()
    assert not torch.as_tensor(net.counts).any()


def test_data_that_the_user_sets_on_a_module_count() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = ROWS.clone()

        def forward(self) -> None:
            loc = pyro.param("loc", torch.zeros(3))
            with pyro.plate("rows", len(self.rows)):
                pyro.sample("row", dist.Normal(loc, 1.0).to_event(1), obs=self.rows)

    model = Shifted()
    ownership = Ownership(model)
    fit = Fit(model, lambda _: lambda: None, (), learning_rate=0.01, seed=1, engine="plain", ownership=ownership)
    fit.advance(2)
    first = fit.elbo
    model.rows = ROWS + 100.0
    fit.advance(1)
    assert fit.elbo < first - 1000.0
    model.rows.sub_(100.0)
    fit.advance(1)
    assert fit.elbo > first - 10.0


def test_after_a_failure_statistics_are_those_of_where_the_fit_went_back_to() -> None:
    brought = bring("a VAE with batch normalization and dropout")
    rows = ROWS.clone()
    brought = brought._replace(args=(rows,))
    fit = brought.fit(brought.owned())
    fit.advance(7)
    fit.hand_over()
    good, expected = brought.state(), losses(fit)
    rows.fill_(torch.nan)
    with pytest.raises(FitError):
        fit.advance(1)
    rows.copy_(ROWS)
    assert fit.step < 7
    fit.advance(7 - fit.step)
    assert losses(fit) == expected
    fit.hand_over()
    assert equal(brought.state(), good)


def test_an_interrupt_in_the_model_gives_the_user_back_what_is_his() -> None:
    brought = bring("a VAE of two networks")
    before = brought.state()

    def model(rows: torch.Tensor) -> None:
        brought.model(rows)
        raise KeyboardInterrupt

    fit = Fit(
        model,
        lambda _: brought.guide,
        (ROWS,),
        learning_rate=0.01,
        seed=1,
        engine="plain",
        ownership=Ownership(model, brought.guide),
    )
    with pytest.raises(KeyboardInterrupt):
        fit.advance(1)
    assert equal(brought.state(), before)


def test_nothing_is_handed_over_while_it_computes() -> None:
    brought = bring("a VAE of two networks")
    fit = brought.fit(brought.owned())
    with fit.inspecting(), pytest.raises(RuntimeError, match="between its steps"):
        fit.hand_over()


class Holder:
    """An object with networks and methods that call one another."""

    of_all = nn.Linear(4, 4)

    def __init__(self, network: nn.Module) -> None:
        self.networks = [network]

    def outer(self, rows: torch.Tensor) -> None:
        self.inner(rows)

    def inner(self, rows: torch.Tensor) -> None:
        in_a_global(rows)


GLOBAL = nn.Linear(3, 1)


def in_a_global(rows: torch.Tensor) -> torch.Tensor:
    return GLOBAL(rows)  # type: ignore[no-any-return]


def test_modules_are_found_wherever_a_model_has_them() -> None:
    closed, held, blocked = nn.Linear(1, 1), nn.Linear(2, 2), nn.Linear(3, 3)

    def closure(rows: torch.Tensor) -> Any:
        return closed(rows)

    for thing, module in (
        (closure, closed),
        (Holder(held).outer, held),
        (Holder(held).outer, GLOBAL),
        (Holder(held).outer, Holder.of_all),
        (poutine.block(lambda: blocked), blocked),
        (autoguide.AutoNormal(closure), closed),
    ):
        weight: torch.Tensor = module.weight
        ownership = Ownership(thing)
        assert any(held is weight for held in ownership.tensors), thing


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["one", "other", "user", "look", "lesson"]), max_size=14))
def test_fits_the_lesson_and_the_user_do_not_move_each_other(actions: list[str]) -> None:
    """In any order, fits of one VAE and the user's own steps on it give what each gives alone."""
    case = "a VAE with batch normalization and dropout"
    brought = bring(case)
    reference = brought.fit(brought.owned())
    reference.advance(14)
    alone = bring(case).losses(actions.count("user"))

    brought = bring(case)
    one, other = brought.fit(brought.owned()), brought.fit(brought.owned())
    lesson = RegressionFit(RUGGED, engine="plain")
    svi = pyro.infer.SVI(brought.model, brought.guide, adam(), pyro.infer.Trace_ELBO())
    users: list[float] = []
    for action in actions:
        if action == "user":
            users.append(svi.step(*brought.args))
        elif action == "look":
            look(one, brought)
        elif action == "lesson":
            lesson.advance(1)
        else:
            (other if action == "other" else one).advance(1)
    assert users == alone
    for fit in (one, other):
        assert losses(fit) == losses(reference)[: fit.step]
