"""Describe the run of any model, so that a loop can repeat it."""

import inspect
from collections.abc import Callable
from typing import Any

from pyro.infer import Trace_ELBO
from pyro.optim import PyroLRScheduler, PyroOptim
from pyro.poutine.messenger import unwrap
from torch.optim import Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from rugged_widget.infer.guides.families import own_name
from rugged_widget.infer.guides.source import source_of
from rugged_widget.infer.step.loss_arguments import names_in_order, parameters_of
from rugged_widget.monitor.infer.expressions import (
    Expression,
    elbo_expression,
    guide_expression,
    optimizer_expression,
    wrappers,
)
from rugged_widget.monitor.infer.fit import ModelFit
from rugged_widget.monitor.infer.problem import Problem
from rugged_widget.monitor.script import Heldout, Loop
from rugged_widget.script.run_spec import learning_rate_changes


def loop_of(fit: ModelFit) -> Loop:
    """Return what decides on a run: its model, guide, optimizer, seed, learning rates and steps so far."""
    problem = fit.problem
    loss = problem.choice.elbo if problem.loss is None else problem.loss
    changes = learning_rate_changes(fit.history()["learning_rate"].tolist()) or ((1, fit.learning_rate),)
    follows = problem.optimizer is not None and _own_schedule(problem.optimizer.optim)
    guide, guide_source = _guide_of(fit)
    parts = {
        "guide": guide,
        "optimizer": _optimizer_of(problem, None if follows else changes),
        "loss": elbo_expression(Trace_ELBO() if loss is None else loss),
    }
    source = definition(problem.model)
    missing = [name for name, part in {"model": source, **parts}.items() if part is None]
    return Loop(
        model=own_name(unwrap(problem.model)) if source else "model",
        source=source,
        call=call_of(problem),
        guide=guide.code if guide else "guide",
        guide_source=guide_source,
        helper=guide.helper if guide else "",
        optimizer=parts["optimizer"].code if parts["optimizer"] else "optimizer",
        elbo=parts["loss"].code if parts["loss"] else "loss",
        imported=_imported(
            [part for part in parts.values() if part], scaled=any(one.plates or one.sites for one in fit.heldout_parts)
        ),
        learning_rates=changes if parts["optimizer"] and not follows else (),
        schedule=_schedule_of(problem),
        schedule_every=problem.schedule_every,
        has_batches=problem.batches is not None,
        seed=fit.seed,
        num_steps=fit.step,
        averages=fit.means,
        remarks=_remarks(fit, missing, follows=follows),
        heldout=_heldout_of(fit),
    )


def _heldout_of(fit: ModelFit) -> Heldout | None:
    """Return what is computed of data that is not trained on; None where there is none."""
    problem, parts = fit.problem, fit.heldout_parts
    if not parts:
        return None
    data, num_args = problem.heldout[0], len(problem.heldout[0].call.args)
    behind = num_args - len(problem.args) if problem.batches is not None else 0
    names = names_in_order(unwrap(problem.model))

    def of_step(place: int) -> str:
        return names[place - behind] if place - behind < len(names) else f"arg_{place - behind}"

    in_order = [f"batch{data.sources[i]}" if i in data.sources else of_step(i) for i in range(num_args)]
    by_name = {name: f"batch{data.sources[name]}" if name in data.sources else name for name in data.call.kwargs}
    return Heldout(
        ", ".join([*in_order, *(f"{name}={value}" for name, value in by_name.items())]),
        has_batches=data.is_batch,
        rows=tuple(part.num_rows for part in parts),
        factors=tuple({**part.plates, **part.sites} for part in parts),
    )


def _guide_of(fit: ModelFit) -> tuple[Expression | None, str | None]:
    """Return the expression of the guide, and the definition that it needs; None where there is none."""
    problem, given = fit.problem, fit.problem.guide
    if inspect.isfunction(given):
        source = definition(given)
        return (Expression(given.__name__, {}), source) if source else (None, None)
    if given is None and problem.choice.model is not problem.model:  # discrete latents, marked to be summed over
        return None, None
    return guide_expression(fit.guide, problem.model), None


def _optimizer_of(problem: Problem, changes: tuple[tuple[int, float], ...] | None) -> Expression | None:
    """Return the expression of the optimizer, whose rate is a constant of the script unless it changes by itself."""
    rate = None if changes is None else "LEARNING_RATES[1]" if len(changes) > 1 else "LEARNING_RATE"
    optimizer = PyroOptim(Adam, {"lr": 0.0}) if problem.optimizer is None else problem.optimizer.optim
    return optimizer_expression(optimizer, rate)


def _schedule_of(problem: Problem) -> str:
    """Return the statement that steps the schedule of the optimizer; empty where it has none."""
    optimizer = None if problem.optimizer is None else problem.optimizer.optim
    if not isinstance(optimizer, PyroLRScheduler):
        return ""
    is_watching = optimizer.pt_scheduler_constructor is ReduceLROnPlateau
    return f"optimizer.step({'loss' if is_watching else ''})"


def _own_schedule(optimizer: PyroOptim) -> bool:
    """Return whether the rate of an optimizer changes by itself, or is not a constant of all parameters."""
    options: Any = optimizer.pt_optim_args
    return not isinstance(options, dict) or "lr" not in options or options.get("lrd", 1.0) != 1.0


def _remarks(fit: ModelFit, missing: list[str], *, follows: bool) -> tuple[str, ...]:
    remarks = []
    if missing:
        names = ", ".join(missing)
        remarks.append(f"From your notebook, made anew as before the first step: {names}.")
    if fit.problem.heldout:
        remarks.append("Of your notebook too: heldout, as it was given. Networks are not put into eval() here.")
    if fit.problem.stored & {*fit.param_store()}:
        remarks.append("The run went on from parameters of Pyro's store that had been trained; this begins anew.")
    if follows and fit.rate_factor != 1.0:
        remarks.append(f"All rates were multiplied by {fit.rate_factor!r} in the end, which this does not do.")
    return tuple(remarks)


def _imported(parts: list[Expression], *, scaled: bool) -> dict[str, tuple[str, ...]]:
    imported: dict[str, list[str]] = {"pyro.infer": ["SVI"]}
    if scaled:
        imported["pyro.poutine.messenger"] = ["Messenger"]
    for part in parts:
        for module, names in part.imported.items():
            imported.setdefault(module, []).extend(names)
    return {module: tuple(sorted({*names})) for module, names in imported.items()}


def definition(function: Callable[..., Any]) -> str | None:
    """Return the source of a function that needs nothing but global names; None where there is none."""
    inner = unwrap(function)
    if not inspect.isfunction(inner) or inner.__code__.co_freevars:
        return None
    source = source_of(inner, inner.__name__)
    is_decorated = source is not None and source.lstrip().startswith("@")
    return source if is_decorated == bool(wrappers(function)) else None


def call_of(problem: Problem) -> str:
    """Return the arguments as they stand in a call, by the names that the model has for them: "x, y, size=size"."""
    names = names_in_order(unwrap(problem.model))
    positional = [names[place] if place < len(names) else f"arg_{place}" for place in range(len(problem.args))]
    return ", ".join([*positional, *(f"{name}={name}" for name in problem.kwargs)])


def argument_names(model: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a model; [] where nothing is known of them."""
    return [parameter.name for parameter in parameters_of(unwrap(model)) or []]
