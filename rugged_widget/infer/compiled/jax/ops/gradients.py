"""Counterparts of the derivatives, and their functions, that networks and constraints use most.

Others are decomposed by torch: that takes some 10 ms each, and for the first of all most of a second.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Dtype, Result


def _sigmoid_backward(_: Result, gradient: jax.Array, output: jax.Array) -> jax.Array:
    return gradient * (output * (1 - output))


def _tanh_backward(_: Result, gradient: jax.Array, output: jax.Array) -> jax.Array:
    return gradient * (1 - output * output)


def _threshold_backward(result: Result, gradient: jax.Array, values: jax.Array, threshold: float) -> jax.Array:
    return jnp.where(values <= threshold, jnp.zeros((), result.dtype), gradient)


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


def _log_sigmoid_backward(_: Result, gradient: jax.Array, values: jax.Array, __: jax.Array) -> jax.Array:
    return gradient * lax.logistic(-values)


def _softmax_backward(_: Result, gradient: jax.Array, output: jax.Array, dim: int, input_dtype: Dtype) -> jax.Array:
    weighted = gradient * output
    return weighted - output * jnp.sum(weighted, axis=dim, keepdims=True)


def _log_softmax_backward(_: Result, gradient: jax.Array, output: jax.Array, dim: int, input_dtype: Dtype) -> jax.Array:
    return gradient - jnp.exp(output) * jnp.sum(gradient, axis=dim, keepdims=True)


COUNTERPARTS: Mapping[str, Counterpart] = {
    "_log_softmax_backward_data.default": _log_softmax_backward,
    "_softmax_backward_data.default": _softmax_backward,
    "log_sigmoid_backward.default": _log_sigmoid_backward,
    "log_sigmoid_forward.default": _log_sigmoid,
    "sigmoid_backward.default": _sigmoid_backward,
    "softplus.default": _softplus,
    "softplus_backward.default": _softplus_backward,
    "tanh_backward.default": _tanh_backward,
    "threshold_backward.default": _threshold_backward,
}
