"""Kept runs made by hand, of a guide that is a normal distribution in each latent."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.snapshot import ElboCurve
from rugged_widget.snapshot.values import KLGap
from tests.view.judged import approximation
from tests.view.page_fakes import BIAS, SIGMA, WEIGHT


def draws(seed: int = 0, count: int = 400, shift: float = 0.0) -> dict[str, Any]:
    """Return draws of a guide whose second weight and bias are correlated, -0.8."""
    noise = np.random.default_rng(seed).normal(size=(count, 5))
    weight, bias = 0.1 * noise[:, :3] + shift, 9.2 + 0.1 * (0.6 * noise[:, 3] - 0.8 * noise[:, 1])
    return {WEIGHT: weight[:, np.newaxis], BIAS: bias[:, np.newaxis], SIGMA: 0.95 + 0.05 * noise[:, 4]}


def curve(steps: int, end: float = -249.0) -> ElboCurve:
    """Return an ELBO that climbs from -500 to `end`."""
    step = np.linspace(1, steps, min(steps, 50)).round()
    elbo = np.linspace(-500.0, end, len(step))
    return ElboCurve(step, elbo, elbo)


def run(number: int, **changes: Any) -> SavedRun:
    """Return a kept run with some fields changed."""
    found = SavedRun(
        number=number,
        name=f"run {number}",
        guide="diagonal",
        steps=1500,
        num_steps=1500,
        learning_rate=0.03,
        rate_changed=False,
        seed=1,
        num_rows=170,
        elbo=-248.9,
        elbo_error=0.02,
        approximation=approximation(),
        gap=KLGap(1.25, 0.02),
        averaged=None,
        seconds=2.5,
        curve=curve(1500),
        draws=draws(number),
    )
    return dataclasses.replace(found, **changes)
