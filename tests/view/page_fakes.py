"""Snapshots, references and data for the pages behind the tabs, made of normal densities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.snapshot import RegressionAnswer, RegressionReference, RegressionSnapshot, WhatIf
from rugged_widget.snapshot.snapshot import Density, ElboCurve, Parameter, Progress
from rugged_widget.view.frames.silent_widgets import LateText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rugged_widget.view.frames.stream import Changes

WEIGHT, BIAS, SIGMA = "linear.weight", "linear.bias", "sigma"
Z90 = 1.6448536269514722
PROBS = (0.05, 0.25, 0.5, 0.75, 0.95)
RUNNING, PAUSED = (Progress(status, 40, 1500, -500.0, 150.0) for status in ("running", "paused"))


def normal(mean: float, sd: float) -> Density:
    x = np.linspace(mean - 5 * sd, mean + 5 * sd, 128)
    height = np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    positive = 0.5 * (1 + math.erf(mean / sd / math.sqrt(2)))
    return Density(x, height, positive, mean - Z90 * sd, mean, mean + Z90 * sd, 0.9)


def point(value: float) -> Density:
    """As a point guide's draws make it: a kernel of some width around the one value."""
    width = 0.01 * abs(value)
    return Density(normal(value, width).x, normal(value, width).density, float(value > 0), value, value, value, 0.9)


def marginals(sd: float = 0.1) -> dict[str, tuple[Density, ...]]:
    weight = tuple(normal(mean, sd) for mean in (-1.8, -0.17, 0.38))
    return {WEIGHT: weight, BIAS: (normal(9.2, sd),), SIGMA: (normal(0.95, sd / 2),)}


def reference(data: RegressionData, *, exact: bool = True) -> RegressionReference:
    grid = data.grid()
    estimates = {WEIGHT: np.array([[-1.9, -0.2, 0.4]]), BIAS: np.array([9.25]), SIGMA: np.array(0.9)}
    lines = (9.25 - 0.2 * grid, 9.25 - 1.9 + 0.2 * grid)
    answer = None
    if exact:
        answer = RegressionAnswer(log_evidence=-247.6, quantiles={}, bands={}, slopes=(), marginals=marginals(0.2))
    return RegressionReference(estimates=estimates, lines=lines, exact=answer)


def snapshot(
    parameters: Sequence[Parameter] = (),
    densities: dict[str, tuple[Density, ...]] | None = None,
    what_if: WhatIf | None = None,
) -> RegressionSnapshot:
    one = np.ones(1)
    return RegressionSnapshot(
        step=40,
        elbo=-500.0,
        learning_rate=0.03,
        num_rows=170,
        curve=ElboCurve(one, one, one),
        probs=PROBS,
        quantiles={WEIGHT: np.zeros((5, 1, 3)), BIAS: np.zeros((5, 1)), SIGMA: np.zeros(5)},
        bands={},
        slopes=(normal(-0.17, 0.04), normal(0.21, 0.08)),
        parameters=tuple(parameters),
        marginals=densities or {},
        what_if=what_if,
    )


def parameter(name: str, constrained: Any, unconstrained: Any = None) -> Parameter:
    value = np.asarray(constrained, np.float64)
    return Parameter(name, value, value if unconstrained is None else np.asarray(unconstrained, np.float64))


def awkward() -> RegressionData:
    """Return data whose every name is markup."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "<b>x</b>": rng.normal(size=40),
            "<i>g</i>": np.repeat(["<u>a</u>", "<u>b</u>"], 20),
            "<s>y</s>": rng.normal(size=40),
            "<em>who</em>": [f"<q>{number}</q>" for number in range(40)],
        }
    )
    return RegressionData.from_frame(
        frame, predictor="<b>x</b>", group="<i>g</i>", response="<s>y</s>", label="<em>who</em>"
    )


def value_of(changes: Changes, target: object, name: str) -> Any:
    found = [values[name] for one, values in changes if one is target and name in values]
    assert len(found) == 1, "a frame says each thing once"
    return str(found[0]) if isinstance(found[0], LateText) else found[0]


def arrays(changes: Changes) -> list[tuple[int, str, tuple[int, ...]]]:
    """Say which arrays a frame holds, and see that browsers can draw them."""
    found = []
    for target, values in changes:
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                assert np.isfinite(value.astype(np.float32)).all()
                found.append((id(target), name, value.shape))
    return found
