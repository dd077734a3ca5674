"""Measures the verdict on the approximation: of the lesson, of eight schools and of 10,000 latents."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import pyro
import pyro.distributions as dist
import torch

from rugged_widget.monitor.infer.fit import ModelFit
from rugged_widget.monitor.infer.problem import problem_of
from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.fit import RegressionFit
from tests.benchmarks.figures import Figure
from tests.models.basic import EFFECTS, ERRORS, eight_schools

if TYPE_CHECKING:
    from collections.abc import Callable

    from rugged_widget.infer.svi.fit import Fit

ROUNDS = 9
STEPS = 50


def cells(x: torch.Tensor) -> None:
    with pyro.plate("cells", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 0.5), obs=x)


def _watched(model: Callable[..., None], guide: str | None, *args: Any) -> ModelFit:
    pyro.clear_param_store()
    return ModelFit(problem_of(model, guide, args, {}), learning_rate=0.01, seed=1, engine="plain")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def _measured(what: str, fit: Fit, verdict: Callable[[], Any], limit: float) -> Figure:
    """Return processor time of a verdict, in turns with plain steps of the same fit."""
    fit.advance(STEPS)
    num_draws = verdict().num_draws
    verdicts, steps = [], []
    for _ in range(ROUNDS):
        steps.append(_milliseconds(lambda: fit.advance(STEPS)) / STEPS)
        verdicts.append(_milliseconds(verdict))
    step, value = statistics.median(steps), statistics.median(verdicts)
    detail = f"as long as {value / step:.1f} plain steps of {step:.2f} ms; 10 repeats of {num_draws:,} draws"
    return Figure(f"{what}: verdict on the approximation", value, limit, "ms", detail=detail)


def measure() -> list[Figure]:
    """Measure, half a minute."""
    torch.set_num_threads(1)
    lesson = RegressionFit(RegressionData.rugged(), guide="diagonal", learning_rate=0.03, seed=1, engine="plain")
    figures = [_measured("the lesson, diagonal", lesson, lesson.approximation, 20.0)]
    for guide in ("normal", "multivariate"):
        fit = _watched(eight_schools, guide, EFFECTS, ERRORS)
        figures.append(_measured(f"eight schools, {guide}", fit, fit.approximation, 50.0))
    large = _watched(cells, None, torch.linspace(-2.0, 2.0, 10_000))
    return [*figures, _measured("10,000 latents", large, large.approximation, 1000.0)]
