"""Terms of the ELBO and gradients beside a loop of one's own, and that these looks leave the loop alone."""

from __future__ import annotations

import random
from contextlib import closing
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import Monitor
from rugged_widget.infer.diagnostics import elbo_terms_average
from rugged_widget.monitor.view import loop_window
from rugged_widget.snapshot.request import SnapshotRequest
from tests.monitor.loops import DATA, hand_written, model, svi
from tests.view import drawn


@config_enumerate
def mixture(x: torch.Tensor) -> None:
    locs = pyro.sample("locs", dist.Normal(0.0, 2.0).expand([2]).to_event(1))
    with pyro.plate("data", len(x)):
        which = pyro.sample("which", dist.Categorical(torch.tensor([0.5, 0.5])))
        pyro.sample("x", dist.Normal(locs[which], 0.5), obs=x)


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch, in_a_notebook: None, at_every_step: None) -> None:
    """Show windows on a page that is always there."""
    del in_a_notebook, at_every_step
    monkeypatch.setattr(loop_window.LoopWindow, "ready", lambda self: self._dashboard is not None)


def run(monitor: Monitor, steps: SVI, count: int = 10) -> Any:
    for _ in range(count):
        monitor.update(steps.step(DATA), DATA)
    monitor.rest()
    return monitor.snapshot


def test_terms_add_up_to_the_elbo_of_the_loop() -> None:
    steps = svi()
    with closing(Monitor(steps)) as monitor:
        snapshot = run(monitor, steps, 30)
        assert [(term.site, term.role) for term in snapshot.elbo_terms] == [("x", "observed"), ("z", "latent")]
        assert snapshot.elbo_terms_note is None
        spread = sum(term.sd for term in snapshot.elbo_terms)
        assert sum(term.mean for term in snapshot.elbo_terms) == pytest.approx(
            -steps.evaluate_loss(DATA), abs=4 * spread
        )


@pytest.mark.parametrize("said", ["svi", "model and guide"])
def test_a_model_that_is_summed_over_has_a_term_for_that(said: str) -> None:
    by = AutoNormal(pyro.poutine.block(mixture, hide=["which"]))
    steps = svi(by, mixture, TraceEnum_ELBO(max_plate_nesting=1))
    with closing(Monitor(steps) if said == "svi" else Monitor(model=mixture, guide=by)) as monitor:
        terms = run(monitor, steps).elbo_terms
        assert {(term.site, term.role) for term in terms} == {
            ("x", "observed"),
            ("locs", "latent"),
            ("which", "enumerated"),
        }


def test_the_gradients_are_those_of_the_steps() -> None:
    steps, seen = svi(hand_written), []
    loss_and_grads = steps.loss_and_grads

    def noting(*args: Any, **kwargs: Any) -> Any:
        loss = loss_and_grads(*args, **kwargs)
        params = dict(pyro.get_param_store().named_parameters())
        seen.append({name: param.grad.norm().item() for name, param in params.items()})
        return loss

    steps.loss_and_grads = noting
    with closing(Monitor(model=model, guide=hand_written)) as monitor:
        norms = run(monitor, steps).gradient_norms
        assert set(norms.names) == {"loc", "scale"}
        assert norms.steps.tolist() == list(range(1, 10))  # the first step comes before the first look
        for column, name in enumerate(norms.names):
            assert norms.norms[:, column].tolist() == pytest.approx([one[name] for one in seen[1:]])


def test_a_parameter_that_gets_no_gradient_is_told_of_and_those_of_other_models_are_not() -> None:
    def idle(x: torch.Tensor) -> None:
        hand_written(x)
        pyro.param("idle", torch.tensor(1.0))

    pyro.param("foreign", torch.tensor(1.0))
    steps = svi(idle)
    with closing(Monitor(steps)) as monitor:
        norms = run(monitor, steps).gradient_norms
        assert set(norms.names) == {"loc", "scale", "idle"}
        assert norms.flags == {"idle": "zero"}


def test_nothing_listens_to_the_parameters_after_a_rest_and_after_closing() -> None:
    steps = svi(hand_written)
    monitor = Monitor(steps)
    for end in (monitor.rest, monitor.close):
        monitor.update(steps.step(DATA), DATA)
        params = dict(pyro.get_param_store().named_parameters()).values()
        assert any(param._post_accumulate_grad_hooks for param in params)
        end()
        assert not any(param._post_accumulate_grad_hooks for param in params)


def test_losses_parameters_gradients_and_random_numbers_are_those_of_the_bare_loop() -> None:
    ends = []
    for monitored in (False, True):
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        steps = svi()
        with closing(Monitor(steps)) as monitor:
            losses = []
            for _ in range(30):
                losses.append(steps.step(DATA))
                if monitored:
                    monitor.update(losses[-1], DATA)
            monitor.rest()
            assert bool(monitored) == bool(monitor.snapshot and monitor.snapshot.elbo_terms)
            assert monitor.step == 30 * monitored
        params = dict(pyro.get_param_store().named_parameters())
        values = {name: (param.tolist(), param.grad.tolist()) for name, param in params.items()}
        numpy = np.random.get_state(legacy=False)["state"]["key"].tolist()
        ends.append([losses, values, torch.get_rng_state().tolist(), random.getstate(), numpy])
    assert ends[0] == ends[1]


def test_each_look_is_at_the_batch_of_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elbo_terms_average, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(elbo_terms_average, "SHARE", 1.0)
    rows: list[int] = []

    def batches(x: torch.Tensor) -> None:
        rows.append(len(x))
        model(x)

    steps = svi(hand_written, batches)
    with closing(Monitor(steps)) as monitor:
        for size in (4, 2, 3):
            loss = steps.step(DATA[:size])
            rows.clear()
            monitor.update(loss, DATA[:size])
            assert rows[-1] == size


def test_without_a_model_one_sentence_says_why_there_are_none() -> None:
    steps = svi(hand_written)
    with closing(Monitor(guide=hand_written, language="en")) as monitor:
        snapshot = run(monitor, steps)
        assert snapshot.elbo_terms == ()
        assert snapshot.unjudged == "own_loop"
        assert not monitor._loop.view.request.elbo_terms  # there is no figure that would ask for them
        assert "give the monitor svi, or model= and guide=" in words(monitor)


def test_a_part_of_a_model_that_a_guide_was_made_of_is_not_taken_for_the_model() -> None:
    by = AutoNormal(config_enumerate(pyro.poutine.block(mixture, hide=["which"])))
    steps = svi(by, mixture, TraceEnum_ELBO(max_plate_nesting=1))
    with closing(Monitor(guide=by)) as monitor:
        snapshot = run(monitor, steps)
        assert (snapshot.elbo_terms, snapshot.unjudged) == ((), "own_loop")
        assert snapshot.quantiles["locs"].shape == (5, 2)
    with closing(Monitor(guide=AutoNormal(config_enumerate(model)))) as monitor:
        assert monitor._loop.view.knows_both


def test_what_cannot_be_called_is_said_in_the_figure() -> None:
    steps = svi(hand_written)
    with closing(Monitor(steps, language="en")) as monitor:
        monitor.update(steps.step(DATA))  # without what the step was given
        monitor.update(steps.step(DATA))
        monitor.rest()
        assert "The terms could not be computed" in words(monitor)
        assert "Give update() what svi.step() was given" in monitor.snapshot.elbo_terms_note.detail


def test_a_step_of_ones_own_in_a_subclass_of_svi_is_no_obstacle() -> None:
    class Twice(SVI):
        def step(self, *args: Any, **kwargs: Any) -> Any:
            super().step(*args, **kwargs)
            return super().step(*args, **kwargs)

    steps = Twice(model, hand_written, Adam({"lr": 0.02}), Trace_ELBO())
    with closing(Monitor(steps)) as monitor:
        assert run(monitor, steps).elbo_terms


def test_snapshots_hold_only_what_is_asked_for() -> None:
    steps = svi(hand_written)
    with closing(Monitor(steps)) as monitor:
        run(monitor, steps)
        view = monitor._loop.view
        view.request = SnapshotRequest()
        snapshot = view.snapshot(listens=True)
        assert (snapshot.elbo_terms, snapshot.elbo_terms_note, snapshot.gradient_norms) == ((), None, None)
        assert not any(p._post_accumulate_grad_hooks for p in dict(pyro.get_param_store().named_parameters()).values())


def words(monitor: Monitor) -> str:
    """Return all texts of a window."""
    return " ".join(text.value for text in drawn.texts(monitor))
