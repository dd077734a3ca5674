"""Print, as JSON, what a loop and the dashboard make of each model on the pretended device."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import pyro
import torch
from pyro.infer import SVI

from rugged_widget import watch
from rugged_widget.infer.guides.element_densities import element_densities
from rugged_widget.monitor.infer.loop_view import LoopView
from tests import pretended_device
from tests.crossings import crossings_beside_loop, crossings_of, crossings_of_noise_cost
from tests.device_models import MODELS, SEED, data_beside, losses_of, losses_of_loop, made, watched
from tests.models import CASES
from tests.models.case import bare_losses, numbers
from tests.pretended_device import DEVICE, Pretending

STEPS = 5


def of_model(name: str) -> dict[str, Any]:
    loop = losses_of_loop(name, DEVICE, STEPS)
    more = data_beside(name, DEVICE)
    pretended_device.mixed.clear()
    dashboard = watched(name, DEVICE, num_steps=STEPS, **more)
    dashboard.advance(STEPS)
    snapshot, first = dashboard.snapshot, losses_of(dashboard)
    fit = dashboard._session.training.fit
    with fit.inspecting():
        latents = [(site, (0,) * (value.ndim - 1)) for site, value in snapshot.quantiles.items()]
        densities = element_densities(fit.guide, latents, 0.9, lambda: snapshot.draws or {})
    dashboard.reset()
    dashboard.advance(STEPS)
    again, mixed = losses_of(dashboard), list(pretended_device.mixed)
    dashboard.close()
    graph = watched(name, DEVICE, num_steps=STEPS, engine="graph")
    graph.advance(STEPS)
    reason = graph._session.training.fit.engine.reason
    graph.close()
    return {
        "loop": loop,
        "watched": first,
        "again": again,
        "graph": losses_of(graph),
        "engine": reason,
        "mixed": mixed,
        "error": dashboard.error,
        "terms": len(snapshot.elbo_terms),
        "drawn": sorted(snapshot.quantiles),
        "densities": len(densities),
        "arrays": all(type(value) is np.ndarray for value in snapshot.quantiles.values()),
        "heldout": snapshot.heldout.problem if snapshot.heldout else None,
        "predictions": len(snapshot.predictions),
        "verdict": snapshot.unjudged or snapshot.approximation.quality,
    }


def by_batches() -> dict[str, Any]:
    """Train on batches that are on the device."""
    batches = [(numbers(7, 6, seed=seed) > 0).float().to(DEVICE) for seed in range(3)]
    setup = made("autoencoder", DEVICE)
    pyro.set_rng_seed(SEED)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    loop = [float(svi.step(batches[step % 3])) for step in range(STEPS)]
    setup = made("autoencoder", DEVICE)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    pretended_device.mixed.clear()
    dashboard = watch(svi, batches=batches, seed=SEED, num_steps=STEPS, engine="graph")
    dashboard.advance(STEPS)
    return {"loop": loop, "watched": losses_of(dashboard), "mixed": list(pretended_device.mixed)}


def in_own_loop() -> dict[str, Any]:
    """Look at a loop of one's own."""
    setup = made("schools", DEVICE)
    pyro.set_rng_seed(SEED)
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    pretended_device.mixed.clear()
    view, losses = LoopView(svi.model, svi.guide, setup.loss), []
    for _ in range(STEPS):
        losses.append(svi.step(*setup.args))
        view.add(losses[-1:])
        view.meet(setup.args, {})
        drawn = sorted(view.snapshot().quantiles)
    mixed = list(pretended_device.mixed)
    return {"loop": losses_of_loop("schools", DEVICE, STEPS), "watched": losses, "mixed": mixed, "drawn": drawn}


def by_default_device() -> dict[str, Any]:
    """Train a model that says nothing of devices where the user has chosen one for all tensors."""
    coin = next(case for case in CASES if case.name == "coin")
    torch.set_default_device(DEVICE)
    try:
        loop = bare_losses(coin, STEPS, SEED)
        pyro.set_rng_seed(0)
        pyro.clear_param_store()
        setup = coin.make()
        svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
        dashboard = watch(svi, *setup.args, seed=SEED, num_steps=STEPS, engine="plain", kwargs=setup.kwargs)
    finally:
        torch.set_default_device(None)
    pretended_device.mixed.clear()
    dashboard.advance(STEPS)
    return {"loop": loop, "watched": losses_of(dashboard), "mixed": list(pretended_device.mixed)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Pretending():
        outcomes = {name: of_model(name) for name in MODELS}
        outcomes["crossings"] = {name: crossings_of(name, DEVICE) for name in MODELS}
        outcomes["beside_loop"] = crossings_beside_loop(DEVICE)
        outcomes["noise_cost"] = crossings_of_noise_cost(DEVICE)
        outcomes |= {other.__name__: other() for other in (by_batches, in_own_loop, by_default_device)}
    sys.stdout.write(json.dumps(outcomes))
