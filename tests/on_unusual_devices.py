"""Print, as JSON, what becomes of models that make use of the pretended device in less usual ways."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import watch
from rugged_widget.errors import CannotDrawError
from rugged_widget.snapshot.request import SnapshotRequest
from tests import pretended_device
from tests.device_models import SEED, losses_of, made
from tests.models.case import numbers
from tests.pretended_device import DEVICE, Pretending

STEPS = 10
X = torch.linspace(-1.0, 1.0, 12)


def _trained(model: Any, guide: Any, *args: Any, **options: Any) -> Any:
    """Return the dashboard after some steps, and the losses of a loop of one's own."""
    losses = []
    for last in (False, True):
        pyro.clear_param_store()
        pyro.set_rng_seed(SEED)
        svi = SVI(model, guide(model), Adam({"lr": 0.05}), loss=Trace_ELBO())
        losses = losses if last else [float(svi.step(*args)) for _ in range(STEPS)]
    pretended_device.mixed.clear()
    dashboard = watch(svi, *args, seed=SEED, num_steps=STEPS, engine="plain", **options)
    dashboard.advance(STEPS)
    return dashboard, losses


def _outcome(dashboard: Any, losses: list[float]) -> dict[str, Any]:
    snapshot = dashboard.snapshot
    predictions = [prediction.problem for prediction in snapshot.predictions]
    return {
        "watched": losses_of(dashboard),
        "loop": losses,
        "error": dashboard.error,
        "drawn": sorted(snapshot.quantiles),
        "predictions": predictions,
        "heldout": snapshot.heldout.problem if snapshot.heldout else None,
        "mixed": list(pretended_device.mixed),
    }


def moving(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
    """Move arguments from the CPU to the device itself."""
    x, one = x.to(DEVICE), torch.ones((), device=DEVICE)
    slope = pyro.sample("slope", dist.Normal(0 * one, one))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Normal(slope * x, one), obs=None if y is None else y.to(DEVICE))


def without_latents(x: torch.Tensor, y: torch.Tensor | None = None) -> None:
    slope = pyro.param("slope", lambda: torch.zeros((), device=DEVICE))
    with pyro.plate("rows", len(x)):
        mean = slope * x.to(DEVICE)
        pyro.sample("y", dist.Normal(mean, torch.ones_like(mean)), obs=None if y is None else y.to(DEVICE))


def two_devices(x: torch.Tensor, y: torch.Tensor) -> None:
    level = pyro.sample("level", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    one = torch.ones((), device=DEVICE)
    slope = pyro.sample("slope", dist.Normal(0 * one, one))
    with pyro.plate("rows", len(x)):
        pyro.sample("y", dist.Normal(slope * x.to(DEVICE) + level.sum().to(DEVICE), one), obs=y.to(DEVICE))


def by_hand(_model: Any) -> Any:
    def guide(_x: torch.Tensor, _y: torch.Tensor) -> None:
        level, slope = pyro.param("at", lambda: torch.zeros(2)), pyro.param("b", lambda: torch.zeros((), device=DEVICE))
        pyro.sample("level", dist.Normal(level, 1.0).to_event(1))
        pyro.sample("slope", dist.Normal(slope, torch.ones((), device=DEVICE)))

    return guide


def refused_draws() -> dict[str, Any]:
    """Train a guide whose latents are on two devices."""
    dashboard, losses = _trained(two_devices, AutoNormal, X, 2 * X)
    try:
        dashboard.quantiles([0.5])
        refusal = ""
    except CannotDrawError as error:
        refusal = str(error)
    return {**_outcome(dashboard, losses), "refusal": refusal}


def families() -> dict[str, str]:
    """Train guides that are picked by name; return the errors."""
    errors = {}
    for family in ("iaf", "low_rank", "laplace"):
        setup = made("schools", DEVICE)
        dashboard = watch(setup.model, family, *setup.args, seed=SEED, num_steps=3, engine="plain")
        dashboard.advance(3)
        errors[family] = dashboard.error or ("" if dashboard.snapshot.quantiles else "nothing is drawn")
        dashboard.close()
    return errors


def without_double() -> dict[str, Any]:
    """Train on a device without double precision, as Apple's GPU, and look at everything."""
    pretended_device.has_double = False
    try:
        y = numbers(12)
        dashboard, losses = _trained(moving, AutoNormal, X, y, heldout=(X, y), predict=("y", (X,)))
        fit = dashboard._session.training.fit
        fit.request = SnapshotRequest(
            parameters=True, elbo_terms=True, gradient_norms=True, densities=(("slope", ()),), approximation=True
        )
        snapshot = fit.snapshot()
    finally:
        pretended_device.has_double = True
    more = {"densities": len(snapshot.densities), "judged": snapshot.unjudged or snapshot.approximation.quality}
    return {**_outcome(dashboard, losses), **more}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Pretending():
        data = X, 2 * X
        outcomes = {
            "moving": _outcome(*_trained(moving, AutoNormal, *data, heldout=data, predict=("y", (X,)))),
            "without_latents": _outcome(
                *_trained(without_latents, lambda _model: lambda *_: None, *data, predict=("y", (X,)))
            ),
            "two_devices": _outcome(*_trained(two_devices, by_hand, *data)),
            "refused_draws": refused_draws(),
            "families": families(),
            "without_double": without_double(),
        }
    sys.stdout.write(json.dumps(outcomes))
