"""Hooks that the user has put on the gradients of parameters are called in each step, as a loop of one's own does."""

from __future__ import annotations

from contextlib import closing

import pyro
import pytest
import torch

from tests.models.basic import EFFECTS, ERRORS, schools
from tests.monitor.watched import made, watched

NUM_STEPS = 30


@pytest.mark.parametrize("engine", ["plain", "auto", "graph"])
@pytest.mark.parametrize("kind", ["register_hook", "register_post_accumulate_grad_hook"])
def test_a_hook_on_a_gradient_is_called_once_in_each_step(engine: str, kind: str) -> None:
    setup = made(schools)
    setup.guide(EFFECTS, ERRORS)  # so that there are parameters
    norms: list[torch.Tensor] = []
    name, param = next(iter(pyro.get_param_store().named_parameters()))
    getattr(param, kind)(lambda tensor: norms.append(tensor.norm()))
    with closing(watched(schools, setup, engine=engine, num_steps=NUM_STEPS)) as monitor:
        assert not norms
        monitor.advance(NUM_STEPS)
        assert len(norms) == NUM_STEPS
        assert monitor.engine_info is not None
        assert monitor.engine_info.name == "plain"
        assert engine == "plain" or repr(name) in monitor.engine_info.reason
