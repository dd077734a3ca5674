"""Print, as JSON, what a loop and the dashboard make of each model on the pretended device."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import torch

from rugged_widget.infer.guides.element_densities import element_densities
from tests import pretended_device
from tests.device_models import MODELS, losses_of, losses_of_loop, watched
from tests.pretended_device import DEVICE, Pretending

STEPS = 5
GRID = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]


def of_model(name: str) -> dict[str, Any]:
    loop = losses_of_loop(name, DEVICE, STEPS)
    more: dict[str, Any] = {}
    if name == "schools":
        more["predict"] = ("seen", (torch.tensor(GRID, device=DEVICE),))
    if name == "autoencoder":
        more["heldout"] = (torch.ones(3, 6, device=DEVICE),)
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


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with Pretending():
        outcomes = {name: of_model(name) for name in MODELS}
    sys.stdout.write(json.dumps(outcomes))
