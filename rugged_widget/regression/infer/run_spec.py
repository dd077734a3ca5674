"""Describe a fit's run completely, so that a script can repeat it."""

from rugged_widget.infer.guides.source import own_guide
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.reference import is_lesson
from rugged_widget.regression.script import Columns, Recipe
from rugged_widget.script.run_spec import learning_rate_changes
from rugged_widget.validation import CUSTOM


def recipe_of(fit: RegressionFit) -> Recipe:
    """Return the recipe of a run: its data, model, guide, learning rates, seed and steps so far."""
    data, priors = fit.data, fit.comparison.priors
    columns = Columns(
        predictor=data.predictor,
        group=data.group,
        response=data.response,
        log_response=data.log_response,
        group_values=data.group_texts,
        others=data.num_others > 0,
        covariates=tuple((covariate.column, covariate.texts) for covariate in data.covariates),
        bundled=data.bundled,
        dates=data.dates,
    )
    return Recipe(
        columns=None if is_lesson(data) else columns,
        num_rows=data.num_rows,
        guide="guide" if fit.guide_name == CUSTOM else type(fit.guide).__name__,
        learning_rates=learning_rate_changes(fit.history()["learning_rate"].tolist()) or ((1, fit.learning_rate),),
        betas=fit.betas,
        seed=fit.seed,
        num_steps=fit.step,
        batch_size=fit.batch_size,
        weight_scale=priors.weight,
        bias_scale=priors.bias,
        sigma_max=priors.sigma,
        own=own_guide(fit.guide_given) if fit.guide_name == CUSTOM else None,
        averages=fit.means,
        standardized=not fit.comparison.scale.is_identity,
    )
