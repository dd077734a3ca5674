"""Where the user's default dtype is float64, steps are those of a loop of one's own in float64."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pyro
import pytest
import torch
from pyro.infer import SVI

from tests.models.basic import regression, schools
from tests.monitor.watched import losses, made, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.models.case import Case

NUM_STEPS = 8


@pytest.fixture(autouse=True)
def _doubles() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def bare(case: Case) -> list[float]:
    setup = made(case)
    pyro.set_rng_seed(3)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    return [float(svi.step(*setup.args, **setup.kwargs)) for _ in range(NUM_STEPS)]


@pytest.mark.parametrize("case", [schools, regression], ids=str)
def test_steps_and_parameters_are_doubles(case: Case) -> None:
    wanted = bare(case)
    with closing(watched(case, num_steps=NUM_STEPS)) as monitor:
        monitor.advance(NUM_STEPS)
        assert losses(monitor) == wanted
        assert {value.dtype for value in pyro.get_param_store().values()} == {torch.float64}
        assert monitor.error == ""
        assert monitor.snapshot is not None
        assert monitor.snapshot.quantiles
    assert torch.get_default_dtype() is torch.float64


def test_the_captured_step_computes_in_doubles() -> None:
    wanted = bare(schools)
    with closing(watched(schools, engine="graph", num_steps=NUM_STEPS)) as monitor:
        monitor.advance(NUM_STEPS)
        assert monitor.engine_info is not None
        assert monitor.engine_info.name == "graph"
        np.testing.assert_allclose(losses(monitor), wanted, rtol=1e-12)
