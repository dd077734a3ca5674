"""Print how runs end on real tables at a fixed learning rate, and at one that falls by itself; see README.md."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rugged_widget.defaults import LEARNING_RATE, NUM_STEPS
from rugged_widget.regression.infer.rate_decay import BETAS, RateDecay
from rugged_widget.regression.infer.reference import comparison_of
from tests.benchmarks.convergence_rules import ours
from tests.benchmarks.convergence_runs import Model, Runs, runs
from tests.real_tables import real_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.convergence_runs import LogDensity

NUM_RUNS = 40
SEED = 7
LAST = 200
"""Steps that the level of a run is the mean of."""


class Ends(NamedTuple):
    """How runs ended: share that was converged, mean ELBO, and what as many steps again gained; nats."""

    converged: float
    level: float
    gain: float
    most: float


def _log_density(name: str) -> LogDensity:
    """Return that of the standardized model, by least squares and what is left over, which rounds less than rows."""
    data = real_tables()[name].data()
    comparison = comparison_of(data, None, standardize=True)
    priors, scale, count = comparison.priors, comparison.scale, data.num_rows
    design = np.column_stack([scale.features(data.features), np.ones(count)])
    response = np.asarray(scale.targets(data.targets))
    center, *_ = np.linalg.lstsq(design, response, rcond=None)
    left, root = float(((response - design @ center) ** 2).sum()), np.linalg.qr(design)[1]

    def log_density(z: Any, _: Any) -> Any:
        weights, raw = z[:-1], z[-1]
        sigma = priors.sigma * jax.nn.sigmoid(raw)
        prior = -0.5 * (weights[:-1] / priors.weight) @ (weights[:-1] / priors.weight)
        prior += -0.5 * (weights[-1] / priors.bias) ** 2 + jax.nn.log_sigmoid(raw) + jax.nn.log_sigmoid(-raw)
        away = jnp.asarray(root, jnp.float32) @ (weights - jnp.asarray(center, jnp.float32))
        return prior - count * jnp.log(sigma) - 0.5 * (left + away @ away) / sigma**2

    return log_density


def _ends(elbos: NDArray[np.float32]) -> Ends:
    run, again = elbos[:, :NUM_STEPS].astype(np.float64), elbos.astype(np.float64)
    gains = again[:, -LAST:].mean(axis=1) - run[:, -LAST:].mean(axis=1)
    converged = ours(Runs(run, None, None)) <= NUM_STEPS
    return Ends(converged.mean(), run[:, -LAST:].mean(), gains.mean(), gains[converged].max(initial=-np.inf))


def table(num_runs: int) -> str:
    """Measure every table with two guides; return a table in Markdown."""
    head = ["table", "guide", "converged at 0.03", "gain of as many again"]
    head += ["converged, falling", "better by", "gain of as many again", "its most, converged"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    falling = np.array([RateDecay().rate(step) for step in range(2 * NUM_STEPS)])
    for name in real_tables():
        density = _log_density(name)
        for guide, correlates in (("diagonal", False), ("multivariate", True)):
            model = Model(density, 5, correlates=correlates)
            fixed = _ends(runs(model, LEARNING_RATE, 2 * NUM_STEPS, num_runs, SEED).elbos)
            falls = _ends(runs(model, falling, 2 * NUM_STEPS, num_runs, SEED, BETAS[1]).elbos)
            cells = [f"{100 * fixed.converged:.0f} %", f"{fixed.gain:.2f}", f"{100 * falls.converged:.0f} %"]
            cells += [f"{value:.2f}" for value in (falls.level - fixed.level, falls.gain, falls.most)]
            lines.append("| " + " | ".join([name, guide, *cells]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=NUM_RUNS, help="of each guide on each table at each rate")
    sys.stdout.write(table(parser.parse_args().runs))


if __name__ == "__main__":
    main()
