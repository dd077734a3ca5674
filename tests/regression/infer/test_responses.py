"""Responses at draws of the latents, against the model itself."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch
from pyro import poutine

from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.responses import mean_response, observed_response
from tests.infer.plain import RUGGED

PROBS = np.array([0.05, 0.5, 0.95])
Z = np.array([NormalDist().inv_cdf(prob) for prob in PROBS])
POINTS = RUGGED.points()


@pytest.fixture(scope="module")
def fit() -> RegressionFit:
    made = RegressionFit(RUGGED, seed=2, engine="plain")
    made.advance(100)
    return made


def test_the_mean_is_what_the_model_returns_for_each_draw(fit: RegressionFit) -> None:
    draws = fit.latents(800)
    mean = mean_response(draws, POINTS)
    features = torch.tensor(POINTS, dtype=torch.float32)
    for number in (0, 1, 799):
        data = {site: torch.tensor(value[number], dtype=torch.float32) for site, value in draws.items()}
        with fit.inspecting(), torch.no_grad():
            expected = poutine.condition(fit.model, data=data)(features)
        np.testing.assert_allclose(mean[number], expected, atol=1e-4)


def test_a_draw_lies_as_far_from_its_line_everywhere_in_units_of_its_sigma(fit: RegressionFit) -> None:
    draws = fit.latents(800)
    away = (observed_response(draws, POINTS) - mean_response(draws, POINTS)) / draws["sigma"][:, None]
    assert np.abs(away - away[:, :1]).max() < 1e-9
    # what is drawn are evenly spread quantiles of a standard normal number: off by half a step of 1/800
    density = np.array([NormalDist().pdf(z) for z in Z])
    assert np.all(np.abs(np.quantile(away[:, 0], PROBS) - Z) < 1 / 800 / density)
