"""What `watch` takes, and what it says of what it does not take."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import MCMC, NUTS, SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import watch
from tests.monitor.watched import losses

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = torch.tensor([0.5, 1.5, 1.0])


def model(x: torch.Tensor, scale: float = 0.5) -> None:
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(z, scale), obs=x)


def guide(x: torch.Tensor, scale: float = 0.5) -> None:
    del x, scale
    pyro.sample("z", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))


def seeded(x: torch.Tensor, seed: float, *, speed: float = 1.0) -> None:
    model(x, 0.5 + seed * speed)


def svi() -> SVI:
    return SVI(model, guide, Adam({"lr": 0.01}), loss=Trace_ELBO())


def trained(*args: Any, **settings: Any) -> list[float]:
    """Return the losses of five steps."""
    pyro.clear_param_store()
    with closing(watch(*args, **{"seed": 2, "engine": "plain", "num_steps": 5, **settings})) as monitor:
        monitor.advance(5)
        return losses(monitor)


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a number": (lambda: watch(3, DATA), TypeError, "takes a Pyro model.*got 3"),
    "nothing": (lambda: watch(None), TypeError, "takes a Pyro model.*got None"),
    "a class": (lambda: watch(torch.nn.Linear, None, DATA), TypeError, r"make an object of it first, Linear\(\.\.\.\)"),
    "a sampler": (lambda: watch(NUTS(model), DATA), TypeError, "NUTS.*no guide to train"),
    "a chain": (lambda: watch(MCMC(NUTS(model), 10), DATA), TypeError, "type MCMC"),
    "no arguments": (lambda: watch(model, None), ValueError, r"cannot be called with \(\).*missing 1 required"),
    "too many": (lambda: watch(model, guide, DATA, 1.0, 2), ValueError, "takes from 1 to 2 positional"),
    "data for a guide": (lambda: watch(model, DATA), TypeError, "guide stands behind the model.*tensor"),
    "no family": (lambda: watch(model, "nope", DATA), ValueError, "guide must be one of.*got 'nope'"),
    "a guide that is a number": (lambda: watch(model, 3, DATA), TypeError, "guide stands behind the model.*there is 3"),
    "a guide twice": (lambda: watch(svi(), DATA, guide=guide), ValueError, "has its guide already.*leave guide= out"),
    "a loss twice": (lambda: watch(svi(), DATA, loss=Trace_ELBO()), ValueError, "has its loss already"),
    "an optimizer twice": (lambda: watch(svi(), DATA, optimizer=Adam({})), ValueError, "has its optimizer already"),
    "a rate beside an optimizer": (lambda: watch(svi(), DATA, learning_rate=0.1), ValueError, "use rate_factor"),
    "a factor without": (lambda: watch(model, guide, DATA, rate_factor=2.0), ValueError, "use learning_rate"),
    "factor zero": (lambda: watch(svi(), DATA, rate_factor=0), ValueError, "rate_factor must be finite and > 0, got 0"),
    "a factor in words": (lambda: watch(svi(), DATA, rate_factor="a"), TypeError, "rate_factor must be a number"),
    "no loss": (lambda: watch(model, guide, DATA, loss=3), TypeError, "loss must be an ELBO.*got 3 of type int"),
    "the class of a loss": (lambda: watch(model, guide, DATA, loss=Trace_ELBO), TypeError, r"write Trace_ELBO\(\)"),
    "torch's optimizer": (
        lambda: watch(model, guide, DATA, optimizer=torch.optim.Adam),
        TypeError,
        "optimizer must be one of Pyro's.*got torch's class Adam",
    ),
    "no schedule": (
        lambda: watch(svi(), DATA, schedule_every=0),
        ValueError,
        "schedule_every must be at least 1, got 0",
    ),
    "batches of nothing": (
        lambda: watch(model, guide, batches=[]),
        ValueError,
        "at least one batch, got an empty list",
    ),
    "batches as a number": (lambda: watch(model, guide, batches=3), TypeError, "batches must be an iterable.*got 3"),
    "kwargs as a list": (lambda: watch(model, guide, DATA, kwargs=[1]), TypeError, "kwargs must be a mapping.*list"),
    "a title as a number": (lambda: watch(model, guide, DATA, title=3), TypeError, "title must be a text, got 3"),
    "a word of no one's": (lambda: watch(model, guide, DATA, nope=1), ValueError, "unexpected keyword argument 'nope'"),
    "no steps": (lambda: watch(svi(), DATA, num_steps=0), ValueError, "num_steps must be at least 1, got 0"),
    "no seed": (lambda: watch(svi(), DATA, seed=-1), ValueError, "seed must be in"),
    "no speed": (lambda: watch(svi(), DATA, speed=3), ValueError, "speed must be 1, 10"),
    "no engine": (lambda: watch(svi(), DATA, engine="x"), ValueError, "engine must be one of"),
    "no language": (lambda: watch(svi(), DATA, language="xx"), ValueError, "language must be one of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_at_once_what_was_given_and_what_is_needed(name: str) -> None:
    make, kind, sentence = REFUSED[name]
    with pytest.raises(kind, match=sentence):
        make()


def test_an_argument_that_watch_took_as_its_own_is_named() -> None:
    with pytest.raises(
        ValueError, match=r'watch took seed as its own: give it to the model by kwargs=\{"seed": \.\.\.\}'
    ):
        watch(seeded, None, DATA, seed=1)


def test_names_of_watch_reach_the_model_by_kwargs() -> None:
    def tripled(x: torch.Tensor) -> None:
        seeded(x, 1.0, speed=3.0)

    assert trained(seeded, "normal", DATA, kwargs={"seed": 1.0, "speed": 3.0}) == trained(tripled, "normal", DATA)


def test_the_guide_stands_behind_the_model_or_has_its_name() -> None:
    assert trained(model, guide, DATA) == trained(model, DATA, guide=guide)
    assert trained(model, None, DATA) == trained(model, DATA, guide=None)


def test_a_family_a_class_and_an_object_are_the_same_guide() -> None:
    assert trained(model, "normal", DATA) == trained(model, AutoNormal, DATA) == trained(model, AutoNormal(model), DATA)


def test_other_names_are_arguments_of_the_model() -> None:
    assert trained(model, guide, DATA, scale=0.7) == trained(model, guide, DATA, 0.7)
    assert trained(model, guide, DATA, scale=0.7) != trained(model, guide, DATA)


def test_parts_of_an_svi_are_what_is_given_one_by_one() -> None:
    parts = trained(model, guide, DATA, optimizer=Adam({"lr": 0.01}), loss=Trace_ELBO())
    assert trained(svi(), DATA) == parts
    assert trained(model, guide, DATA, learning_rate=0.01) == parts


def test_rate_factor_multiplies_the_rate_of_an_optimizer() -> None:
    assert trained(svi(), DATA, rate_factor=3.0) == trained(model, guide, DATA, learning_rate=0.03)
    with closing(watch(svi(), DATA, engine="plain", num_steps=4)) as monitor:
        monitor.advance(2)
        monitor.rate_factor = 0.5
        monitor.advance(2)
        assert monitor.history()["learning_rate"].tolist() == [0.01, 0.01, 0.005, 0.005]


def test_a_rate_cannot_be_set_beside_an_optimizer() -> None:
    with closing(watch(svi(), DATA)) as monitor, pytest.raises(ValueError, match="set rate_factor"):
        monitor.learning_rate = 0.1


def test_settings_and_title_are_those_that_were_given() -> None:
    with closing(watch(svi(), DATA, num_steps=7, seed=5, speed="max", title="<b>A & B</b>", language="ko")) as monitor:
        assert (monitor.num_steps, monitor.seed, monitor.speed, monitor.language) == (7, 5, "max", "ko")
        assert "<b>A & B</b>" in repr(monitor)
        assert "&lt;b&gt;A &amp; B" in monitor._dashboard.html()


def test_opening_a_window_leaves_trained_parameters_and_random_numbers_as_they_were() -> None:
    loop = svi()
    loop.step(DATA)
    before = pyro.param("loc").item()
    pyro.set_rng_seed(4)
    expected = torch.rand(3)
    pyro.set_rng_seed(4)
    with closing(watch(loop, DATA, seed=9)) as monitor:
        assert monitor.snapshot is not None
        assert monitor.snapshot.step == 0
        assert pyro.param("loc").item() == before
        assert torch.equal(torch.rand(3), expected)
