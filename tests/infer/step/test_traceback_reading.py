"""A failure is blamed on whose code raised, with the user's own lines and the shapes so far."""

from __future__ import annotations

import functools
import linecache
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import infer, optim, poutine
from pyro.infer import autoguide
from pyro.nn import PyroModule
from torch import nn

from rugged_widget.errors import FitError
from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = torch.linspace(-1.0, 1.0, 20)


def model(data: torch.Tensor, scale: float = 1.0) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, scale), obs=data)


def guide(data: torch.Tensor, scale: float = 1.0) -> None:
    pyro.sample("mean", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))


def broken(*args: Any) -> None:
    raise KeyError("no such country")


class Both(PyroModule):
    """Model and guide as methods of one object; one of them breaks."""

    def __init__(self, broken_one: str) -> None:
        super().__init__()
        self.broken_one = broken_one

    def model(self, data: torch.Tensor) -> None:
        model(data)
        if self.broken_one == "model":
            broken()

    def guide(self, data: torch.Tensor) -> None:
        guide(data)
        if self.broken_one == "guide":
            broken()

    def forward(self, data: torch.Tensor) -> None:
        self.model(data)


class BrokenAdam(torch.optim.Adam):
    def step(self, closure: Any = None) -> Any:
        return broken()


def failure_of(model: Any, make_guide: Any, args: Any = (DATA,), **more: Any) -> FitError:
    with pytest.raises(FitError) as failure:
        Fit(model, make_guide, args, **{"learning_rate": 0.03, "seed": 1, "engine": "plain", **more}).advance(3)
    return failure.value


def scaled_guide(_: Any) -> Any:
    return poutine.scale(functools.partial(broken, 1), scale=0.5)


CASES: dict[str, tuple[str, str, Callable[[], FitError]]] = {
    "model": ("model", "Fix the model.", lambda: failure_of(broken, lambda _: guide)),
    "model in an automatic guide": ("model", "Fix the model.", lambda: failure_of(broken, autoguide.AutoNormal)),
    "guide": ("guide", "Fix the guide.", lambda: failure_of(model, lambda _: broken)),
    "wrapped guide": ("guide", "Fix the guide.", lambda: failure_of(model, scaled_guide)),
    "method of model": ("model", "Fix the model.", lambda: failure_of(Both("model").model, lambda _: Both("").guide)),
    "method of guide": ("guide", "Fix the guide.", lambda: failure_of(Both("").model, lambda _: Both("guide").guide)),
    "module": ("model", "Fix the model.", lambda: failure_of(Both("model"), lambda _: guide)),
    "optimizer": (
        "optimizer",
        "Fix the optimizer, its options or its schedule.",
        lambda: failure_of(
            model, lambda _: guide, learning_rate=None, optimizer=optim.PyroOptim(BrokenAdam, {"lr": 0.03})
        ),
    ),
    "loss": ("loss", "Fix the loss, or", lambda: failure_of(model, lambda _: guide, elbo=broken)),
}


@pytest.mark.parametrize(("cause", "advice", "fail"), CASES.values(), ids=CASES)
def test_whose_code_raised_is_told_with_the_users_line(cause: str, advice: str, fail: Callable[[], FitError]) -> None:
    error = fail()
    assert error.cause == cause
    assert str(error).startswith(f"Step 1 failed: the {cause} raised KeyError: 'no such country'. ")
    assert str(error).splitlines()[0].endswith(advice) or advice in str(error)
    assert error.user_lines[-1].startswith("test_traceback_reading.py, line ")
    assert error.user_lines[-1].endswith(', in broken: raise KeyError("no such country")')
    assert f"\nIn {error.user_lines[-1]}" in str(error)
    assert not any("site-packages" in line or "pyro" in line.split(":")[0] for line in error.user_lines)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "the model cannot be called with (): missing a required argument: 'data'"),
        ((DATA, 1.0, 2), "the model cannot be called with (a tensor of shape (20,), float, int): too many positional"),
    ],
)
def test_arguments_that_do_not_fit_are_told_as_such(args: Any, words: str) -> None:
    for make_guide in (autoguide.AutoNormal, lambda _: guide):
        error = failure_of(model, make_guide, args)
        assert (error.cause, error.user_lines) == ("arguments", ())
        assert words in str(error)
        assert "Give what the model and the guide take." in str(error)


def test_arguments_that_only_the_guide_does_not_take_are_told_as_such() -> None:
    error = failure_of(model, lambda _: lambda: None)
    assert "the guide cannot be called with (a tensor of shape (20,)): too many positional" in str(error)


def test_a_type_error_inside_the_model_is_the_models() -> None:
    def wrong(data: torch.Tensor) -> None:
        model(data)
        _ = 1 + "a"  # type: ignore[operator]

    assert failure_of(wrong, lambda _: guide).cause == "model"


def test_shapes_are_told_up_to_the_site_that_does_not_fit() -> None:
    def wrong(data: torch.Tensor) -> None:
        weights = pyro.sample("weights", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.sample("bias", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(data)):
            pyro.sample("seen", dist.Normal(weights, 1.0), obs=data)
        pyro.sample("later", dist.Normal(0.0, 1.0))

    error = failure_of(wrong, autoguide.AutoNormal)
    assert (error.site, error.cause) == ("seen", "model")
    line = "weights ( | 3), bias (), seen with a distribution of (3,) and a value of (20,)"
    assert str(error).splitlines()[-1] == f"Shapes so far: {line}."
    assert error.shapes.splitlines()[-1].split() == ["value", "20", "|"]
    assert "later" not in error.shapes
    assert "Trace Shapes" not in str(error)


def test_shapes_are_told_where_torch_raises() -> None:
    def wrong(data: torch.Tensor) -> None:
        weights = pyro.sample("weights", dist.Normal(torch.zeros(3, 2), 1.0).to_event(2))
        pyro.sample("seen", dist.Normal(data @ weights, 1.0), obs=data)

    error = failure_of(wrong, autoguide.AutoNormal)
    assert error.site is None
    assert "raised RuntimeError: mat1 and mat2 shapes cannot be multiplied" in str(error)
    assert error.user_lines[-1].endswith('pyro.sample("seen", dist.Normal(data @ weights, 1.0), obs=data)')
    assert str(error).endswith("Shapes so far: weights ( | 3, 2).")


def test_a_value_off_its_support_names_site_and_model() -> None:
    def wrong(data: torch.Tensor) -> None:
        rate = pyro.sample("rate", dist.Gamma(1.0, 1.0))
        pyro.sample("count", dist.Poisson(rate.expand(len(data))).to_event(1), obs=data)

    for elbo in (None, infer.TraceMeanField_ELBO(), infer.RenyiELBO()):
        error = failure_of(wrong, autoguide.AutoNormal, elbo=elbo)
        assert (error.site, error.cause) == ("count", "model")
        assert "Shapes so far: rate (), count ( | 20)." in str(error)


def test_a_line_of_a_cell_is_shown_with_its_source() -> None:
    name = "/tmp/ipykernel_1/2.py"  # noqa: S108 # the name that a kernel gives to a cell
    source = "def cell_model(data):\n    return data.no_such_thing\n"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {}
    exec(compile(source, name, "exec"), scope)
    error = failure_of(scope["cell_model"], lambda _: guide)
    assert error.user_lines == ("a cell, line 2, in cell_model: return data.no_such_thing",)


def test_at_a_later_step_a_smaller_learning_rate_may_be_the_answer() -> None:
    calls = 0

    def late(data: torch.Tensor) -> None:
        nonlocal calls
        calls += 1
        model(data)
        if calls > 2:
            broken()

    advice = "If a value had run away, try a tenth of the learning rate: 0.003. Otherwise fix the model."
    assert str(failure_of(late, lambda _: guide)).splitlines()[0].endswith(advice)


def test_what_goes_wrong_with_the_gradients_is_told_as_such() -> None:
    cache: list[torch.Tensor] = []

    def keeping(data: torch.Tensor) -> None:
        """Keep what was computed in the step before, whose graph is gone."""
        loc = pyro.param("kept", torch.tensor(0.5))
        if not cache:
            cache.append((loc * loc).exp())
        mean = pyro.sample("mean", dist.Normal(cache[0], 1.0))
        pyro.sample("seen", dist.Normal(mean, 1.0).expand([20]).to_event(1), obs=data)

    error = failure_of(keeping, lambda _: guide)
    assert error.cause == "gradients"
    assert "computing the gradients raised RuntimeError: " in str(error)
    assert "Otherwise fix what the model or the guide computes with the parameters." in str(error)


def test_a_network_that_is_given_a_wrong_shape_shows_the_users_call() -> None:
    net = nn.Linear(3, 1)

    def wrong(data: torch.Tensor) -> None:
        pyro.module("net", net)
        pyro.sample("seen", dist.Normal(net(data), 1.0).to_event(1), obs=data)

    error = failure_of(wrong, lambda _: lambda data: None)
    assert error.cause == "model"
    assert "net(data)" in error.user_lines[-1]
