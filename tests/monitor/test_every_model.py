"""Every kind of model that Pyro's examples train takes, through `watch`, the steps of a loop of one's own."""

from __future__ import annotations

import pickle
from contextlib import closing
from functools import cache

import numpy as np
import pyro
import pytest
from pyro.infer import SVI
from pyro.optim import PyroLRScheduler

from tests.models import CASES
from tests.models.case import Case
from tests.monitor.watched import losses, made, watched

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")]
NUM_STEPS = 12
UNDRAWN = {"maximum likelihood", "density by a flow", "Gaussian process"}
"""Models without latents."""


@cache
def bare_losses(case: Case) -> list[float]:
    """Return the losses of a loop of one's own, which steps a schedule as well."""
    setup = made(case)
    pyro.set_rng_seed(3)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    steps = []
    for _ in range(NUM_STEPS):
        steps.append(float(svi.step(*setup.args, **setup.kwargs)))
        if isinstance(setup.optimizer, PyroLRScheduler):
            setup.optimizer.step()
    return steps


PLAIN = {"as many objects as it takes"}
"""Models whose step no graph can take: how many latents there are depends on a value."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_takes_the_steps_of_a_bare_loop_and_shows_its_latents(case: Case) -> None:
    bare = bare_losses(case)
    with closing(watched(case, num_steps=NUM_STEPS)) as monitor:
        monitor.advance(NUM_STEPS)
        assert monitor.error == ""
        assert monitor.status == "finished"
        assert losses(monitor) == bare
        snapshot = monitor.snapshot
        assert snapshot is not None
        assert {*snapshot.quantiles} >= case.drawn
        assert bool(snapshot.quantiles) is (case.name not in UNDRAWN)
        assert all(np.isfinite(values).all() for values in snapshot.quantiles.values())
        assert snapshot.unjudged or snapshot.approximation is not None
        assert snapshot.elbo_terms_note is None or snapshot.elbo_terms_note.kind != "failed", snapshot.elbo_terms_note
        assert "unregistered" not in {hint.key for hint in snapshot.hints}
        assert snapshot.structure is not None
        assert snapshot.structure.error == ""
        assert {site.name for site in snapshot.structure.sites} >= case.drawn
        again = pickle.loads(pickle.dumps(snapshot))
        assert again.step == snapshot.step
        assert again.quantiles.keys() == snapshot.quantiles.keys()


def test_a_guide_that_picks_rows_is_not_judged_and_the_page_says_why() -> None:
    case = next(case for case in CASES if case.name == "autoencoder of rows that the guide picks")
    with closing(watched(case, num_steps=2)) as monitor:
        monitor.advance(2)
        assert monitor.snapshot is not None
        assert monitor.snapshot.unjudged == "subsampled"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_captured_step_agrees_with_the_bare_loop_but_for_rounding(case: Case) -> None:
    with closing(watched(case, engine="auto", num_steps=NUM_STEPS)) as monitor:
        monitor.advance(NUM_STEPS)
        assert monitor.error == ""
        assert monitor.engine_info is not None
        assert (monitor.engine_info.name == "plain") is (case.name in PLAIN), monitor.engine_info.reason
        if case.name in PLAIN:
            assert monitor.engine_info.reason
            return
        np.testing.assert_allclose(losses(monitor), bare_losses(case), rtol=1e-4)
