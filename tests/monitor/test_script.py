"""The script of a run, executed where the model and its arguments are, takes the same steps."""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal, init_to_sample
from pyro.optim import Adam, ClippedAdam

from rugged_widget import watch
from tests.models import CASES
from tests.models.basic import EFFECTS, ERRORS, eight_schools
from tests.monitor.watched import made, watched

if TYPE_CHECKING:
    from rugged_widget import ModelWidget
    from tests.models.case import Case

ALL = {"eight schools by hand, decaying rate", "batters", "coin", "gamma-Poisson", "eight schools, Renyi"}
ALL |= {"eight schools", "mixture, enumerated", "mixture, assignments drawn", "hidden Markov model", "autoencoder"}
ALL |= {"maximum likelihood", "regression as a module", "regression on samples of the rows", "deep Markov model"}


def executed(script: str, notebook: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the parameters after a script that was executed in a notebook."""
    exec(compile(script, "script", "exec"), notebook)
    return {name: value.detach().numpy() for name, value in pyro.get_param_store().items()}


def agrees(monitor: ModelWidget, notebook: dict[str, Any]) -> None:
    script, wanted = monitor.script(), monitor.param_store()
    ours = executed(script, notebook)
    assert ours.keys() == wanted.keys(), script
    for name, value in wanted.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-6, err_msg=script)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.name in ALL], ids=str)
def test_it_trains_the_same_parameters(case: Case) -> None:
    with closing(watched(case, num_steps=6)) as monitor:
        monitor.advance(6)
        anew = made(case)
        names = inspect.signature(getattr(anew.model, "forward", anew.model)).parameters
        arguments = {**dict(zip(names, anew.args, strict=False)), **anew.kwargs}
        there = vars(inspect.getmodule(pyro.poutine.unwrap(anew.model)))
        parts = {"model": anew.model, "guide": anew.guide, "optimizer": anew.optimizer, "loss": anew.loss}
        agrees(monitor, {**there, **parts, **arguments})


def schools(**settings: Any) -> ModelWidget:
    pyro.clear_param_store()
    return watch(eight_schools, settings.pop("guide", None), EFFECTS, ERRORS, engine="plain", num_steps=6, **settings)


NOTEBOOK = {"effects": EFFECTS, "errors": ERRORS}


def test_rates_that_change_and_means_of_iterates_are_repeated() -> None:
    with closing(schools()) as monitor:
        monitor.advance(3)
        monitor.learning_rate = 0.1
        monitor.advance(3)
        assert "LEARNING_RATES = {" in monitor.script()
        agrees(monitor, dict(NOTEBOOK))


@pytest.mark.parametrize(
    ("optimizer", "written"),
    [
        (Adam({"lr": 0.02, "betas": (0.8, 0.99)}), 'Adam({"lr": LEARNING_RATE, "betas": (0.8, 0.99)})'),
        (Adam({"lr": 0.02}, {"clip_norm": 5.0}), 'Adam({"lr": LEARNING_RATE}, {"clip_norm": 5.0})'),
        (ClippedAdam({"lr": 0.02, "lrd": 0.9}), 'ClippedAdam({"lr": 0.02, "lrd": 0.9})'),
    ],
)
def test_the_optimizer_has_its_options(optimizer: Any, written: str) -> None:
    with closing(schools(optimizer=optimizer)) as monitor:
        monitor.advance(4)
        assert f"optimizer = {written}\n" in monitor.script()
        agrees(monitor, dict(NOTEBOOK))


def test_it_says_that_a_run_went_on_from_what_was_trained() -> None:
    with closing(schools(guide="normal")) as monitor:
        monitor.advance(1)
        assert "went on" not in monitor.script()
    with closing(watch(eight_schools, "normal", EFFECTS, ERRORS, engine="plain", num_steps=3)) as monitor:
        monitor.advance(1)
        assert "# The run went on from parameters of Pyro's store" in monitor.script()


def test_the_guide_and_the_loss_have_their_options() -> None:
    guide = AutoNormal(eight_schools, init_loc_fn=init_to_sample, init_scale=0.3)
    svi = SVI(
        eight_schools,
        guide,
        Adam({"lr": 0.1}),
        loss=Trace_ELBO(num_particles=3, vectorize_particles=True, max_plate_nesting=1),
    )
    with closing(watch(svi, EFFECTS, ERRORS, engine="plain", num_steps=6)) as monitor:
        monitor.advance(2)
        script = monitor.script()
        assert "guide = AutoNormal(model, init_loc_fn=init_to_sample, init_scale=0.3)\n" in script
        assert "loss=Trace_ELBO(num_particles=3, max_plate_nesting=1, vectorize_particles=True)" in script
        agrees(monitor, dict(NOTEBOOK))


def test_what_cannot_be_written_is_said_to_be_of_the_notebook() -> None:
    def scaled(effects: torch.Tensor, errors: torch.Tensor) -> None:
        eight_schools(effects, errors * factor)

    factor = 2.0
    optimizer = Adam(lambda _name: {"lr": 0.1})
    with closing(
        watch(scaled, AutoNormal, EFFECTS, ERRORS, optimizer=optimizer, engine="plain", num_steps=3)
    ) as monitor:
        monitor.advance(3)
        assert "# From your notebook, made anew as before the first step: model, optimizer.\n" in monitor.script()
        agrees(monitor, {**NOTEBOOK, "model": scaled, "optimizer": Adam(lambda _name: {"lr": 0.1})})


def test_a_loop_over_batches_takes_them_in_turn() -> None:
    batches = [(EFFECTS[:4], ERRORS[:4]), (EFFECTS[4:], ERRORS[4:])]
    with closing(watch(eight_schools, AutoNormal, batches=batches, engine="plain", num_steps=5)) as monitor:
        monitor.advance(5)
        agrees(monitor, {"batches": batches})
