"""Watch the models of `tests.models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyro
from pyro.infer import SVI

from rugged_widget import ModelWidget, watch
from rugged_widget.svi_widget import SVIWidget

if TYPE_CHECKING:
    from tests.models.case import Case, Setup


def made(case: Case) -> Setup:
    """Make what is trained, anew and the same each time."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    return case.make()


def watched(case: Case, setup: Setup | None = None, **settings: Any) -> ModelWidget:
    """Watch a case by its SVI and with Pyro's own steps, where no other engine is asked for."""
    setup = setup or made(case)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    return watch(svi, *setup.args, kwargs=setup.kwargs, **{"engine": "plain", "seed": 3, "num_steps": 12, **settings})


def losses(monitor: SVIWidget) -> list[float]:
    """Return the losses of all steps."""
    return [-float(elbo) for elbo in monitor.history()["elbo"]]
