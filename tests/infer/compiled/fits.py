"""Fits of cases, and what is read off them."""

from __future__ import annotations

from typing import Any

from rugged_widget.infer.svi.fit import Fit
from tests.infer.compiled.case import Case
from tests.infer.compiled.loop import SEED, Arrays, numbers


def fit_of(case: Case, engine: Any) -> Fit:
    problem = case.make()
    adam = case.optimizer == "Adam" and not case.options
    return Fit(
        problem.model,
        problem.make_guide,
        problem.args,
        problem.kwargs,
        learning_rate=case.learning_rate if adam else None,
        seed=SEED,
        elbo=case.elbo(),
        optimizer=None if adam else case.make_optimizer(),
        engine=engine,
    )


def ready(fit: Fit) -> Fit:
    """Let the engine be set up before the first step."""
    while fit.prepare():
        pass
    return fit


def losses(fit: Fit) -> list[float]:
    return (-fit.history()["elbo"]).tolist()


def numbers_of(fit: Fit) -> Arrays:
    """Parameters, unconstrained, and moments, as Pyro's own optimizer would find them in its next step."""
    with fit.inspecting():
        return numbers(fit._plain.optim)
