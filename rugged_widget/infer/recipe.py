"""What it takes to do a fit's run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rugged_widget.script import Columns, Recipe, learning_rate_changes

if TYPE_CHECKING:
    from rugged_widget.infer.lesson import RegressionFit


LESSON = ("rugged", "cont_africa", "rgdppc_2000", True)
"""Predictor, group, response and whether its logarithm is taken, as the lesson has them."""


def recipe_of(fit: RegressionFit) -> Recipe:
    """Return the recipe of a run: its data, model, guide, learning rates, seed and steps so far.

    Parameters
    ----------
    fit
        The fit; it is only looked at.
    """
    data, priors = fit.data, fit.comparison.priors
    columns = Columns(
        predictor=data.predictor,
        group=data.group,
        response=data.response,
        log_response=data.log_response,
        group_values=data.group_texts,
        bundled=data.bundled,
    )
    chosen = (data.predictor, data.group, data.response, data.log_response)
    return Recipe(
        columns=None if data.bundled and chosen == LESSON else columns,
        num_rows=data.num_rows,
        guide=type(fit.guide).__name__,
        learning_rates=learning_rate_changes(fit.history()["learning_rate"].tolist()) or ((1, fit.learning_rate),),
        seed=fit.seed,
        num_steps=fit.step,
        batch_size=fit.batch_size,
        weight_scale=priors.weight,
        bias_scale=priors.bias,
        sigma_max=priors.sigma,
        dtype=str(torch.get_default_dtype()).removeprefix("torch."),
    )
