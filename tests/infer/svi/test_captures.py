"""What one fit captured serves the next of its kind: the same steps and pictures, with nothing captured anew."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro import distributions as dist
from pyro.infer.autoguide import AutoNormal

from rugged_widget.infer.compiled import captured_function, torchscript_engine
from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.compiled.stepping.captured_step import READ_SECONDS
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import Priors
from rugged_widget.regression.infer.reference import Comparison
from tests.infer.own_guides import OWN
from tests.infer.plain import RUGGED


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made TorchScript of since the test began; each stays in memory for ever."""
    made: list[str] = []

    def counted(where: Any, name: str) -> None:
        real = getattr(where, name)
        monkeypatch.setattr(where, name, lambda *args: made.append(name) or real(*args))

    counted(torchscript_engine, "_scripted")
    counted(captured_function, "scripted")
    return made


def captured(comparison: Comparison, seed: int, guide: Any = "diagonal", **options: Any) -> RegressionFit:
    """Return a fit that has taken a few steps, and whose snapshots are captured."""
    fit = RegressionFit(RUGGED, guide=guide, seed=seed, comparison=comparison, **options)
    while fit.prepare():
        pass
    fit.advance(20)
    while fit.prepare():
        pass
    return fit


def assert_same(one: RegressionFit, other: RegressionFit) -> None:
    np.testing.assert_array_equal(one.history()["elbo"], other.history()["elbo"])
    assert one.engine == other.engine
    for site, expected in other.snapshot().quantiles.items():
        np.testing.assert_array_equal(one.snapshot().quantiles[site], expected)


@pytest.mark.parametrize("guide", ["diagonal", pytest.param("parts", marks=pytest.mark.slow)])
def test_a_fit_with_another_seed_takes_its_own_steps_with_what_was_captured(guide: str, scripted: list[str]) -> None:
    shared = Comparison(RUGGED, Priors())
    captured(shared, 1, guide)
    made = len(scripted)
    second = captured(shared, 2, guide)
    assert made == len(scripted) == 3  # the step, and of the picture all and what has a closed form
    assert_same(second, captured(Comparison(RUGGED, Priors()), 2, guide))
    assert len(scripted) == 6


@pytest.mark.slow  # a flow is captured twice
def test_networks_that_differ_by_a_buffer_are_captured_anew(scripted: list[str]) -> None:
    shared = Comparison(RUGGED, Priors())
    captured(shared, 1, "iaf")  # the order of its variables is drawn
    second = captured(shared, 2, "iaf")
    assert len(scripted) == 4
    assert second.engine.name == "graph"
    assert_same(second, captured(Comparison(RUGGED, Priors()), 2, "iaf"))


@pytest.mark.slow  # each captures a step and a picture of its own
@pytest.mark.parametrize("what", ["batch", "guide of one's own", "other priors"])
def test_fits_of_another_kind_share_nothing(what: str, scripted: list[str]) -> None:
    shared = Comparison(RUGGED, Priors())
    guide = next(iter(OWN.values())) if what == "guide of one's own" else "diagonal"
    captured(shared, 1, guide)
    before = len(scripted)
    if what == "batch":
        captured(shared, 1, batch_size=20)
    elif what == "other priors":
        captured(Comparison(RUGGED, Priors(weight=2.0)), 1)
    else:
        captured(shared, 1, guide)
    assert len(scripted) == 2 * before


def regression(rows: torch.Tensor) -> None:
    """Model of one latent."""
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(rows)):
        pyro.sample("obs", dist.Normal(mean, 1.0), obs=rows)


def general(captures: Captures, rows: torch.Tensor, optimizer: Any = None, **options: Any) -> Fit:
    options |= {"learning_rate": 0.01} if optimizer is None else {"optimizer": optimizer}
    fit = Fit(regression, AutoNormal, (rows,), seed=1, captures=captures, **options)
    fit.advance(5)
    return fit


def test_data_that_are_others_or_were_written_into_are_captured_anew(scripted: list[str]) -> None:
    captures, rows = Captures(), torch.arange(5.0)
    general(captures, rows)
    general(captures, rows)
    assert len(scripted) == 1
    assert general(captures, rows.clone()).elbo == general(Captures(), rows.clone()).elbo
    assert len(scripted) == 3
    rows += 1.0
    general(captures, rows)
    assert len(scripted) == 4


def test_a_number_that_the_model_holds_and_that_changes_is_captured_anew(scripted: list[str]) -> None:
    class Model:
        """Holds the width of the noise as a number."""

        def __init__(self) -> None:
            self.width = 1.0

        def __call__(self, rows: torch.Tensor) -> None:
            mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
            with pyro.plate("rows", len(rows)):
                pyro.sample("obs", dist.Normal(mean, self.width), obs=rows)

    elbos = []
    for engine in ("graph", "plain"):
        model = Model()
        fit = Fit(model, AutoNormal, (torch.arange(5.0),), learning_rate=0.01, seed=1, engine=engine)
        fit.advance(40)
        model.width = 2.0
        time.sleep(2 * READ_SECONDS)  # numbers are read again no earlier
        fit.advance(40)
        assert fit.engine.name == engine
        elbos.append(fit.history()["elbo"].to_numpy())
    np.testing.assert_allclose(*elbos, rtol=1e-4)
    assert len(scripted) == 2


def test_another_optimizer_or_another_setting_of_it_is_captured_anew(scripted: list[str]) -> None:
    captures, rows = Captures(), torch.arange(5.0)
    general(captures, rows)
    general(captures, rows, pyro.optim.Adam({"lr": 0.01, "betas": (0.5, 0.9)}))  # type: ignore[attr-defined]
    assert len(scripted) == 2


def test_a_step_of_another_fit_that_disagrees_with_pyro_is_captured_anew() -> None:
    captures, rows = Captures(), torch.arange(5.0)
    general(captures, rows)
    assert captures.step is not None
    broken = captures.step.engine
    broken._run = lambda state, inputs: (torch.zeros(len(inputs[0])), state)  # type: ignore[assignment,misc]
    assert general(captures, rows).engine.name == "graph"
    assert captures.step is not None
    assert captures.step.engine is not broken


@pytest.mark.slow  # compiles with JAX
def test_what_jax_compiled_takes_the_first_steps_of_the_next_fit() -> None:
    pytest.importorskip("jax")
    captures, rows = Captures(), torch.arange(5.0)
    assert general(captures, rows, engine="jax").wait_for_engine(600)
    second = general(captures, rows, engine="jax")
    assert second.engine.name == "jax"
    first = general(Captures(), rows)
    np.testing.assert_allclose(second.history()["elbo"], first.history()["elbo"], rtol=1e-5)
