"""Count what crosses from a device to the host: each time a GPU has to do first all that it was told to do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyro
import torch
from pyro.infer import SVI
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rugged_widget.monitor.infer.loop_view import LoopView
from rugged_widget.snapshot.request import SnapshotRequest
from tests.device_models import SEED, data_beside, made, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

aten = torch.ops.aten
_READS = {aten._local_scalar_dense.default, aten.is_nonzero.default, aten.equal.default, aten.nonzero.default}
_MOVES = {aten._to_copy.default, aten.copy_.default}

REQUESTS = {
    "quantiles": SnapshotRequest(),
    "draws": SnapshotRequest(draws=True),
    "parameters": SnapshotRequest(parameters=True, parameter_table=True),
    "terms": SnapshotRequest(elbo_terms=True, gradient_norms=True),
    "densities": SnapshotRequest(),  # of a latent of each site
    "predictions": SnapshotRequest(predictions=True),
    "all": SnapshotRequest(
        draws=True,
        parameters=True,
        parameter_table=True,
        elbo_terms=True,
        gradient_norms=True,
        predictions=True,
    ),
}

DECIDES = {"laplace_schools": {"draws", "densities", "all"}, "mixture": {"terms", "all"}}
"""Requests that cross once more: a Laplace approximation asks whether its curvature is that of its parameters, and
Pyro's sum over enumerated values looks at some of its own."""


class Crossings(TorchDispatchMode):
    """Notes operations that read what is on a device, or copy it to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        result = func(*args, **(kwargs or {}))
        elsewhere = any(one.device.type != "cpu" for one in tensors)
        arrives = isinstance(result, torch.Tensor) and result.device.type == "cpu"
        if elsewhere and (func in _READS or (func in _MOVES and arrives)):
            self.seen.append(str(func))
        return result


def _counted(function: Any) -> int:
    with Crossings() as crossings:
        function()
    return len(crossings.seen)


def _bare(name: str, device: torch.device) -> Iterator[int]:
    setup = made(name, device)
    pyro.set_rng_seed(SEED)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    svi.step(*setup.args)
    with pyro.validation_enabled(False):
        while True:
            yield _counted(lambda: svi.step(*setup.args))


def crossings_of(name: str, device: torch.device) -> dict[str, int]:
    """Return how often a step of a bare loop, one of ours and snapshots of each request cross."""
    found = {"bare step": next(_bare(name, device))}
    more = data_beside(name, device)
    dashboard = watched(name, device, num_steps=60, **more)
    dashboard.advance(31)
    fit = dashboard._session.training.fit
    fit.advance(1)  # after which no gradient is wanted
    found["step"] = _counted(lambda: fit.advance(1))
    latents = tuple((site.name, (0,) * len(site.shape)) for site in fit.structure.sites if site.role == "latent")
    for kind, request in REQUESTS.items():
        fit.request = replace(request, densities=latents) if kind in {"densities", "all"} else request
        fit.advance(1)
        found[kind] = _counted(fit.snapshot)
    if "heldout" in more:
        fit._heldout_look.forget(fit.step)
        found["heldout"] = _counted(fit._look_at_heldout)
    dashboard.close()
    return found


def crossings_beside_loop(device: torch.device) -> int:
    """Return how often a snapshot beside a loop of one's own crosses, with densities and a point of held-out data."""
    setup = made("by_hand", device)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    view = LoopView(svi.model, svi.guide, setup.loss, setup.args)
    view.request = SnapshotRequest(draws=True, parameter_table=True, elbo_terms=True, densities=(("level", ()),))
    for _ in range(3):
        view.add([svi.step(*setup.args)])
        if not view.structure.sites:
            view.meet(setup.args, {})
        if view.heldout is not None and view._heldout is not None:
            view._heldout._paid = view._heldout._rested = -math.inf
        crossings, points = _counted(view.snapshot), view.heldout
    assert points is not None
    assert len(points.step) == 3
    return crossings


def crossings_of_noise_cost(device: torch.device) -> dict[str, Any]:
    """Return how often the cost of noise crosses where the optimizer counts its steps on the device, and what it is."""
    dashboard = watched("schools", device, num_steps=5)
    dashboard.advance(5)
    step = dashboard._session.training.fit._plain
    cost = step.noise_cost()
    for kept in step.optim.optim_objs.values():
        for state in kept.state.values():
            state["step"] = state["step"].to(device)  # as a fused Adam has it
    found = {"crossings": _counted(step.noise_cost), "cost": step.noise_cost(), "counted on the host": cost}
    dashboard.close()
    return found
