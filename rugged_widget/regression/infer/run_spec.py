"""Describe a fit's run completely, so that a script can repeat it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from pyro.infer import autoguide
from torch import nn

from rugged_widget.infer.guides.families import Guide, own_name
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.reference import is_lesson
from rugged_widget.regression.script import Columns, OwnGuide, Recipe, learning_rate_changes
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


def own_guide(value: Guide) -> OwnGuide:
    """Return how a script makes a guide that is none of the families."""
    name = own_name(value)
    if not name.isidentifier():  # a lambda has no name, and one line of source that need not be whole
        return OwnGuide(making="guide_by_hand")
    inner = value.func if isinstance(value, partial) else value
    options = value.keywords if isinstance(value, partial) else {}
    if isinstance(inner, type):
        if any(not _is_literal(option) for option in options.values()) or (isinstance(value, partial) and value.args):
            return OwnGuide(making="guide_by_hand")
        making = f"{name}({', '.join(['model', *(f'{key}={option!r}' for key, option in options.items())])})"
        if getattr(autoguide, name, None) is inner:
            return OwnGuide(making=making, imported=(name,))
        return OwnGuide(making=making, source=_source(inner, name))
    if isinstance(inner, nn.Module):
        source = _source(type(inner), name)
        return OwnGuide(making="guide_by_hand", source=source and f"{source}\n\nguide_by_hand = {name}()")
    return OwnGuide(making=name, source=None if isinstance(value, (partial, str)) else _source(value, name))


def _is_literal(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def _source(value: Callable[..., Any], name: str) -> str | None:
    """Return the definition of a function or class where it is to be found and whole."""
    try:
        source = textwrap.dedent(inspect.getsource(value))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return None
    return source if [getattr(node, "name", None) for node in tree.body] == [name] else None
