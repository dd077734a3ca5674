"""Counterparts of the derivatives, and their functions, that networks and constraints use most.

Others are decomposed by torch: that takes some 10 ms each, and for the first of all most of a second.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Result


def _softplus(_: Result, values: jax.Array, beta: float = 1, threshold: float = 20) -> jax.Array:
    scaled = values * beta
    return jnp.where(scaled > threshold, values, jnp.log1p(jnp.exp(scaled)) / beta)


def _softplus_backward(_: Result, gradient: jax.Array, values: jax.Array, beta: float, threshold: float) -> jax.Array:
    scaled = values * beta
    power = jnp.exp(scaled)
    return jnp.where(scaled > threshold, gradient, gradient * power / (power + 1))


def _log_sigmoid(result: tuple[Result, Result], values: jax.Array) -> tuple[jax.Array, jax.Array]:
    output = jnp.minimum(values, jnp.zeros((), values.dtype)) - jnp.log1p(jnp.exp(-jnp.abs(values)))
    return output, jnp.zeros(result[1].shape, result[1].dtype)  # a buffer for the derivative, which needs none here


def _summed(values: jax.Array, dim: int) -> jax.Array:
    return jnp.sum(values, axis=dim, keepdims=True)


COUNTERPARTS: Mapping[str, Counterpart] = {
    "_log_softmax_backward_data.default": lambda _, gradient, output, dim, input_dtype: (
        gradient - jnp.exp(output) * _summed(gradient, dim)
    ),
    "_softmax_backward_data.default": lambda _, gradient, output, dim, input_dtype: (
        gradient * output - output * _summed(gradient * output, dim)
    ),
    "log_sigmoid_backward.default": lambda _, gradient, values, buffer: gradient * lax.logistic(-values),
    "log_sigmoid_forward.default": _log_sigmoid,
    "sigmoid_backward.default": lambda _, gradient, output: gradient * (output * (1 - output)),
    "softplus.default": _softplus,
    "softplus_backward.default": _softplus_backward,
    "tanh_backward.default": lambda _, gradient, output: gradient * (1 - output * output),
    "threshold_backward.default": lambda result, gradient, values, threshold: jnp.where(
        values <= threshold, jnp.zeros((), result.dtype), gradient
    ),
}
