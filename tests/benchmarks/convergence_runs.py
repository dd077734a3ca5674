"""Many seeded runs of small models at once, by JAX: the steps that Pyro's Adam takes, but for their random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from rugged_widget.regression.data.regression_data import regression_data

LogDensity: TypeAlias = Callable[[Any, Any], Any]

EVERY = 16
"""Steps from one iterate that is kept to the next."""

HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))
RATES = {0.003: 9600, 0.03: 4000, 0.1: 4000}
"""Learning rates, and steps of a run at each."""


class Model(NamedTuple):
    """A log density of unconstrained latents, and of a key for batches; their number; whether the guide correlates."""

    log_density: LogDensity
    size: int
    correlates: bool = False


class Runs(NamedTuple):
    """What is kept of the runs: ELBO of each step, iterates, and Adam's mean square of the gradients at the end."""

    elbos: Any
    iterates: Any
    squares: Any


def _normal(x: Any, mean: Any, scale: Any) -> Any:
    return -0.5 * ((x - mean) / scale) ** 2 - jnp.log(scale) - HALF_LOG_TWO_PI


def _lesson() -> LogDensity:
    names = {"response": None, "predictor": None, "group": None}
    data = regression_data(None, names, log_response=False, label=None)
    features, targets = jnp.asarray(data.features, jnp.float32), jnp.asarray(data.targets, jnp.float32)

    def log_density(z: Any, _: Any) -> Any:
        prior = _normal(z[:3], 0.0, 1.0).sum() + _normal(z[3], 0.0, 10.0)
        prior += jax.nn.log_sigmoid(z[4]) + jax.nn.log_sigmoid(-z[4])
        return prior + _normal(targets, features @ z[:3] + z[3], 10 * jax.nn.sigmoid(z[4])).sum()

    return log_density


def _logistic() -> LogDensity:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 8))
    y = random.random(300) < 1 / (1 + np.exp(-x @ random.normal(size=8)))
    features, hits = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)

    def log_density(z: Any, _: Any) -> Any:
        logits = features @ z
        return _normal(z, 0.0, 2.0).sum() + (hits * logits - jax.nn.softplus(logits)).sum()

    return log_density


def _schools() -> LogDensity:
    effects = jnp.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    errors = jnp.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def log_density(z: Any, _: Any) -> Any:
        spread = jnp.exp(z[1])
        prior = _normal(z[0], 0.0, 5.0) - jnp.log1p((spread / 5) ** 2) + z[1] + _normal(z[2:], 0.0, 1.0).sum()
        return prior + _normal(effects, z[0] + spread * z[2:], errors).sum()

    return log_density


def _batches() -> LogDensity:
    random, rows, batch = np.random.default_rng(1), 10_000, 256
    x = np.column_stack([np.ones(rows), random.normal(size=(rows, 4))])
    y = x @ [1, 0.5, -0.5, 0.2, 0] + random.normal(size=rows)
    features, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)

    def log_density(z: Any, key: Any) -> Any:
        drawn = jax.random.randint(key, (batch,), 0, rows)
        prior = _normal(z[:5], 0.0, 5.0).sum() + _normal(z[5], 0.0, 2.0)
        return prior + _normal(targets[drawn], features[drawn] @ z[:5], jnp.exp(z[5])).sum() * (rows / batch)

    return log_density


def models() -> dict[str, Model]:
    """Return the five models by name."""
    return {
        "lesson, diagonal": Model(_lesson(), 5),
        "lesson, multivariate": Model(_lesson(), 5, correlates=True),
        "logistic, 8 weights": Model(_logistic(), 8),
        "eight schools": Model(_schools(), 10),
        "10^4 rows by 256": Model(_batches(), 6),
    }


def _elbo(model: Model) -> LogDensity:
    size = model.size
    below = jnp.tril_indices(size, -1)

    def elbo(params: Any, key: Any) -> Any:
        for_draw, for_batch = jax.random.split(key)
        noise, scale = jax.random.normal(for_draw, (size,)), jax.nn.softplus(params[size : 2 * size])
        factor = jnp.eye(size)
        if model.correlates:
            factor = factor.at[below].set(params[2 * size :])
        entropy = 0.5 * noise @ noise + size * HALF_LOG_TWO_PI + jnp.log(scale).sum()
        return model.log_density(params[:size] + scale * (factor @ noise), for_batch) + entropy

    return elbo


def runs(model: Model, learning_rate: Any, num_steps: int, num_runs: int, seed: int, decay: float = 0.999) -> Runs:
    """Take the steps of Adam from where Pyro's automatic guides begin, in as many runs.

    The learning rate is one number, or one a step; `decay` is Adam's second beta.
    """
    rates = jnp.broadcast_to(jnp.asarray(learning_rate, jnp.float32), (num_steps,))
    elbo, size = _elbo(model), model.size
    extra = size * (size - 1) // 2 if model.correlates else 0
    start = jnp.concatenate([jnp.zeros(size), jnp.full(size, float(np.log(np.expm1(0.1)))), jnp.zeros(extra)])

    def run(key: Any) -> Any:
        first, key = jax.random.split(key)

        def step(carry: Any, count: Any) -> Any:
            params, mean, square = carry
            value, gradient = jax.value_and_grad(elbo)(params, jax.random.fold_in(key, count))
            mean, square = 0.9 * mean - 0.1 * gradient, decay * square + (1 - decay) * gradient**2
            scaled = jnp.sqrt(square / (1 - decay ** (count + 1.0))) + 1e-8
            return (params - rates[count] * mean / (1 - 0.9 ** (count + 1.0)) / scaled, mean, square), value

        def block(carry: Any, number: Any) -> Any:
            carry, values = lax.scan(step, carry, number * EVERY + jnp.arange(EVERY))
            return carry, (values, carry[0])

        begun = start.at[:size].add(0.1 * jax.random.normal(first, (size,)))
        (_, _, square), (values, iterates) = lax.scan(
            block, (begun, jnp.zeros_like(start), jnp.zeros_like(start)), jnp.arange(num_steps // EVERY)
        )
        return values.reshape(-1), iterates, square / (1 - decay**num_steps)

    return Runs(*map(np.asarray, jax.jit(jax.vmap(run))(jax.random.split(jax.random.PRNGKey(seed), num_runs))))
