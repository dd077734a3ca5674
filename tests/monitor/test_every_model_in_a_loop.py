"""Beside a loop of one's own, every kind of model that Pyro's examples train is looked at and left as it is."""

from __future__ import annotations

import random
from contextlib import closing
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.infer import SVI
from torch import nn

from rugged_widget import Monitor
from rugged_widget.infer.diagnostics import elbo_terms_average
from rugged_widget.monitor import own_loop
from rugged_widget.monitor.view import loop_window
from tests.models import CASES
from tests.models.case import Case
from tests.monitor.watched import made

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")]
NUM_STEPS = 6


def run(case: Case, *, monitored: bool) -> tuple[list[Any], Any]:
    """Take steps; return what they leave, and the last snapshot of the window beside them."""
    setup = made(case)
    pyro.set_rng_seed(3)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    left: list[Any] = []
    with closing(Monitor(svi)) as monitor:
        for _ in range(NUM_STEPS):
            loss = svi.step(*setup.args, **setup.kwargs)
            left.append(loss)
            if monitored:
                monitor.update(loss, *setup.args, **setup.kwargs)
        monitor.rest()
        snapshot = monitor.snapshot
    params = dict(pyro.get_param_store().named_parameters())
    left += [
        [name, value.tolist(), None if value.grad is None else value.grad.tolist()] for name, value in params.items()
    ]
    for part in (setup.model, setup.guide):
        owner = getattr(part, "__self__", part)
        if isinstance(owner, nn.Module):
            left.append({name: buffer.tolist() for name, buffer in owner.named_buffers()})
    left += [
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),
    ]
    return left, snapshot


@pytest.mark.parametrize("case", CASES, ids=str)
def test_its_steps_are_those_of_the_bare_loop_and_its_elbo_is_divided(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_window, "in_notebook", lambda: True)
    monkeypatch.setattr(loop_window.LoopWindow, "ready", lambda self: self._dashboard is not None)
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "SHARE", 1e9)
    monkeypatch.setattr(elbo_terms_average, "PAUSE_SECONDS", 0.0)
    bare, _ = run(case, monitored=False)
    left, snapshot = run(case, monitored=True)
    assert repr(left) == repr(bare)  # NaN equals NaN
    assert snapshot.elbo_terms_note is None or snapshot.elbo_terms_note.kind != "failed", snapshot.elbo_terms_note
    assert snapshot.elbo_terms
    assert snapshot.gradient_norms is not None
    assert {*snapshot.quantiles} >= case.drawn
