"""What is not finite first is named, with its value and distribution, whatever ELBO was given."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import infer, poutine
from pyro.infer import autoguide
from torch.distributions import constraints

from rugged_widget.errors import FitError
from rugged_widget.infer.step.first_fault import distribution_in_words, numbers_in
from rugged_widget.infer.svi.fit import Fit
from tests.infer.plain import global_state

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = torch.linspace(-1.0, 1.0, 20)
SPREAD_AT = 0.9
"""The mean from which on the model below breaks; its guide walks there."""


def breaking(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.factor("pull", 200.0 * mean)
    pyro.sample("first", dist.Gamma(2.0, 2.0).expand([3]).to_event(1))
    scale = 1.0 + torch.where(mean < SPREAD_AT, 0.0, math.nan)
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, scale, validate_args=False), obs=data)


@infer.config_enumerate
def mixed(data: torch.Tensor) -> None:
    """Break as the model above does; a state of its discrete latent is impossible, which is no fault."""
    breaking(data)
    pyro.sample("state", dist.Categorical(torch.tensor([0.5, 0.5, 0.0])))


def own_loss(model: Any, guide: Any, *args: Any) -> torch.Tensor:
    trace = poutine.trace(guide).get_trace(*args)
    replayed = poutine.trace(poutine.replay(model, trace)).get_trace(*args)
    return trace.log_prob_sum() - replayed.log_prob_sum()


def near_zero(model: Any) -> autoguide.AutoNormal:
    starts = {"mean": torch.tensor(0.0), "first": torch.ones(3)}
    return autoguide.AutoNormal(model, init_loc_fn=autoguide.init_to_value(values=starts), init_scale=1e-3)


ELBOS = {
    "default": lambda: None,
    "trace": infer.Trace_ELBO,
    "particles": lambda: infer.Trace_ELBO(num_particles=3),
    "vectorized": lambda: infer.Trace_ELBO(num_particles=3, vectorize_particles=True),
    "mean-field": infer.TraceMeanField_ELBO,
    "graph": infer.TraceGraph_ELBO,
    "renyi": lambda: infer.RenyiELBO(alpha=0.5, num_particles=2),
    "jit": lambda: infer.JitTrace_ELBO(ignore_jit_warnings=True),
    "function": lambda: own_loss,
}


def failure_of(
    model: Any,
    make_guide: Any = near_zero,
    args: Any = (DATA,),
    steps: int = 200,
    learning_rate: float = 0.05,
    **more: Any,
) -> FitError:
    before = global_state()
    with pytest.raises(FitError) as failure:  # and no warning of Pyro's, which would be an error here
        Fit(model, make_guide, args, learning_rate=learning_rate, seed=1, engine="plain", **more).advance(steps)
    assert global_state() == before
    return failure.value


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("elbo", ELBOS.values(), ids=ELBOS)
def test_the_site_that_is_not_finite_is_named_under_every_elbo(elbo: Callable[[], Any]) -> None:
    error = failure_of(breaking, elbo=elbo())
    assert (error.site, error.cause) == ("seen", "not_finite")
    assert error.step > 10
    assert "the log probability of site 'seen' is nan" in str(error)
    assert "Its value: -1, -0.895, -0.789, -0.684, ... (from -1 to 1). Its distribution: Normal(loc" in str(error)
    assert "scale all nan" in str(error) or "scale nan" in str(error)


def test_a_state_that_is_impossible_is_not_taken_for_what_broke_an_enumerated_model() -> None:
    guide = lambda model: near_zero(poutine.block(model, hide=["state"]))  # noqa: E731
    assert failure_of(mixed, guide, elbo=infer.TraceEnum_ELBO()).site == "seen"


def test_an_impossible_state_is_named_where_nothing_else_is_wrong() -> None:
    @infer.config_enumerate
    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        pyro.sample("state", dist.Categorical(torch.tensor([0.5, 0.5, 0.0])))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Uniform(mean + 5.0, mean + 6.0, validate_args=False), obs=data)

    guide = lambda model: autoguide.AutoDelta(poutine.block(model, hide=["state"]))  # noqa: E731
    error = failure_of(model, guide, elbo=infer.TraceEnum_ELBO())
    assert "the log probability of site 'state'" in str(error) or "of site 'seen' is -inf" in str(error)


def test_warnings_of_the_users_are_shown_as_before_and_filters_stay() -> None:
    def model(data: torch.Tensor) -> None:
        warnings.warn("mind the gap", stacklevel=2)
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        pyro.sample("seen", dist.Normal(mean, 1.0).expand([20]).to_event(1), obs=data)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        filters = list(warnings.filters)
        Fit(model, autoguide.AutoNormal, (DATA,), learning_rate=0.05, seed=1, engine="plain").advance(20)
        assert list(warnings.filters) == filters
    assert [str(warning.message) for warning in shown] == ["mind the gap"] * len(shown)
    assert 0 < len(shown) < 5, "once a place, and not once a step"


def test_a_model_may_reset_the_filters_of_warnings() -> None:
    def model(data: torch.Tensor) -> None:
        warnings.resetwarnings()
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        pyro.sample("seen", dist.Normal(mean, 1.0).expand([20]).to_event(1), obs=data)

    with warnings.catch_warnings():
        fit = Fit(model, autoguide.AutoNormal, (DATA,), learning_rate=0.05, seed=1, engine="plain")
        assert fit.advance(3) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_missing_numbers_in_the_data_are_blamed_on_the_data(value: float) -> None:
    data = DATA.clone()
    data[3] = value

    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(mean, 1.0, validate_args=False), obs=data)

    error = failure_of(model, autoguide.AutoNormal, (data,))
    assert (error.step, error.site, error.cause) == (1, "seen", "data")
    assert "the value observed at site 'seen' is not finite" in str(error)
    assert "Remove these rows from the data, or mask them." in str(error)
    assert "1 of 20 not finite" in str(error)
    assert "learning rate" not in str(error)


def test_a_missing_number_that_is_masked_does_not_matter() -> None:
    data = DATA.clone()
    data[3] = math.nan

    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)), poutine.mask(mask=~torch.isnan(data)):
            pyro.sample("seen", dist.Normal(mean, 1.0, validate_args=False), obs=torch.nan_to_num(data))
        bad = mean + math.inf
        pyro.sample("late", dist.Normal(bad, 1.0, validate_args=False), obs=torch.tensor(0.0))

    error = failure_of(model, autoguide.AutoNormal, (data,))
    assert (error.step, error.site) == (1, "late")
    assert "has no part in a first step" in str(error)


def test_a_draw_that_is_not_finite_is_named_before_what_follows_from_it() -> None:
    def guide(data: torch.Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(0.0))
        pyro.sample("a", dist.Normal(loc, 1.0))
        pyro.sample("b", dist.Delta(torch.exp(loc + 1000.0)))

    def model(data: torch.Tensor) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        b = pyro.sample("b", dist.Normal(a, 1.0, validate_args=False))
        pyro.sample("seen", dist.Normal(b, 1.0, validate_args=False).expand([20]).to_event(1), obs=data)

    error = failure_of(model, lambda _: guide)
    assert error.site == "b"
    assert "the value drawn at site 'b' is not finite" in str(error)


def test_a_parameter_whose_range_is_too_wide_is_named() -> None:
    def guide(data: torch.Tensor) -> None:
        scale = pyro.param("wide", torch.tensor(1.0), constraint=constraints.positive)
        pyro.sample("mean", dist.Normal(torch.tensor(0.0), scale, validate_args=False))

    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1e30))
        pyro.factor("pull", mean.abs().clamp(max=1e30), has_rsample=True)

    error = failure_of(model, lambda _: guide, learning_rate=200.0)
    assert error.site == "wide"


def test_a_gradient_that_is_not_finite_is_named_under_another_elbo() -> None:
    def model(data: torch.Tensor) -> None:
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):  # the root is 0, its slope infinite
            pyro.sample("seen", dist.Normal((mean - mean).abs().sqrt(), 1.0), obs=data)

    error = failure_of(model, autoguide.AutoNormal, elbo=infer.TraceMeanField_ELBO())
    assert (error.step, error.site) == (1, "AutoNormal.locs.mean")
    assert "no finite slope where the parameters start" in str(error)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.tensor(0.25), "0.25"),
        (torch.tensor([]), "empty"),
        (torch.tensor([1.0, 2.0]), "1, 2"),
        (torch.arange(6.0), "0, 1, 2, 3, ... (from 0 to 5)"),
        (torch.tensor([math.nan, 1.0, 2.0, 3.0, 4.0]), "nan, 1, 2, 3, ... (from 1 to 4, 1 of 5 not finite)"),
        (torch.full((5,), math.nan), "nan, nan, nan, nan, ... (all nan)"),
        (torch.ones(5), "1, 1, 1, 1, ... (1)"),
        (torch.tensor([True, False]), "1, 0"),
    ],
)
def test_a_value_is_told_by_a_few_numbers_and_its_range(value: torch.Tensor, words: str) -> None:
    assert numbers_in(value) == words


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        (dist.Normal(torch.tensor([0.0, 2.0]), 0.5), "Normal(loc from 0 to 2, scale 0.5)"),
        (dist.Normal(0.0, 1.0).expand([4]).to_event(1), "Normal(loc 0, scale 1)"),
        (dist.Categorical(logits=torch.zeros(2)), "Categorical(logits -0.693)"),
        (dist.LogNormal(torch.tensor(1.0), 2.0), "transformed Normal(loc 1, scale 2)"),
        (dist.Beta(1.0, 3.0), "Beta(concentration1 1, concentration0 3)"),
        (dist.Delta(torch.tensor(3.0)), "Delta(v 3, log_density 0)"),
        (
            dist.MixtureSameFamily(dist.Categorical(torch.ones(2)), dist.Normal(torch.zeros(2), 1.0)),
            "MixtureSameFamily()",
        ),
    ],
)
def test_a_distribution_is_told_by_its_parameters_ranges(distribution: Any, words: str) -> None:
    assert distribution_in_words(distribution) == words
