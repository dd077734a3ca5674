"""Describe the run of any model, so that a loop can repeat it."""

import inspect
from collections.abc import Callable
from typing import Any

from pyro.infer import autoguide
from pyro.poutine.messenger import unwrap

from rugged_widget.infer.guides.families import own_name
from rugged_widget.infer.guides.source import own_guide, source_of
from rugged_widget.monitor.infer.fit import ModelFit
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.monitor.script import Loop
from rugged_widget.script.run_spec import learning_rate_changes
from rugged_widget.validation import CUSTOM

POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def loop_of(fit: ModelFit) -> Loop:
    """Return what decides on a run: its model, guide, optimizer, seed, learning rates and steps so far."""
    problem, name = fit.problem, own_name(fit.problem.model)
    guide = type(fit.guide).__name__
    is_own = fit.guide_name == CUSTOM
    loss = problem.choice.elbo if problem.loss is None else problem.loss
    elbo = "Trace_ELBO" if loss is None else type(loss).__name__
    is_automatic = not is_own and hasattr(autoguide, guide)
    return Loop(
        model=name,
        source=source_of(problem.model, name) if inspect.isfunction(problem.model) else None,
        call=call_of(problem),
        guide=f"{guide}(model)",
        own=own_guide(problem.guide) if is_own else None,
        optimizer='Adam({{"lr": {rate}}})',
        elbo=f"{elbo}()",
        imported={
            "pyro.infer": ("SVI", elbo),
            "pyro.infer.autoguide": (guide,) if is_automatic else (),
            "pyro.optim": ("Adam",),
        },
        learning_rates=learning_rate_changes(fit.history()["learning_rate"].tolist()) or ((1, fit.learning_rate),),
        seed=fit.seed,
        num_steps=fit.step,
        averages=fit.means,
    )


def call_of(problem: Problem) -> str:
    """Return the arguments as they stand in a call, by the names that the model has for them: "x, y, size=size"."""
    names = [parameter.name for parameter in parameters_of(problem.model) if parameter.kind in POSITIONAL]
    positional = [names[place] if place < len(names) else f"arg_{place}" for place in range(len(problem.args))]
    return ", ".join([*positional, *(f"{name}={name}" for name in problem.kwargs)])


def parameters_of(model: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return what a model says of its arguments, in order; nothing where that is not known."""
    try:
        return [*inspect.signature(getattr(unwrap(model), "forward", unwrap(model))).parameters.values()]
    except (TypeError, ValueError):  # of what is written in C nothing is known
        return []
