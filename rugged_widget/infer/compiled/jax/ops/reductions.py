"""JAX counterparts of torch's reductions: sums, extremes, moments, cumulative sums, sorts."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Dtype, Result
from rugged_widget.infer.compiled.jax.ops.elementwise import in_type_of

Dims: TypeAlias = int | Sequence[int] | None
_Pair: TypeAlias = tuple[Result, Result]


def axes_of(dims: Dims, values: jax.Array) -> int | tuple[int, ...] | None:
    """Return dimensions as JAX takes them; torch means all by an empty list, too, and gives a number dimensions."""
    if dims is None or not values.ndim:
        return None
    return dims if isinstance(dims, int) else tuple(dims) or None


def _reduced(function: Callable[..., jax.Array]) -> Counterpart:
    """Make the counterpart of an operation that takes dimensions together, in the type of its result."""

    def counterpart(
        result: Result, values: jax.Array, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype | None = None
    ) -> jax.Array:
        return function(in_type_of(result, values), axis=axes_of(dim, values), keepdims=keepdim)

    return counterpart


def _arg(function: Callable[..., jax.Array]) -> Counterpart:
    """Make the counterpart of an operation that says where something is, along a dimension or in all."""

    def counterpart(result: Result, values: jax.Array, dim: int | None = None, keepdim: bool = False) -> jax.Array:
        return in_type_of(result, function(values, axis=axes_of(dim, values), keepdims=keepdim))

    return counterpart


def _extreme(best: Callable[..., jax.Array], where: Callable[..., jax.Array]) -> Counterpart:
    """Make the counterpart of an operation that returns extreme values and where they are."""

    def counterpart(result: _Pair, values: jax.Array, dim: int, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
        if not values.ndim:
            return values, jnp.zeros((), result[1].dtype)
        places = in_type_of(result[1], where(values, axis=dim, keepdims=keepdim))
        return best(values, axis=dim, keepdims=keepdim), places

    return counterpart


def _var(
    result: Result, values: jax.Array, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False
) -> jax.Array:
    axes = axes_of(dim, values)
    values = in_type_of(result, values)
    deviations = values - jnp.mean(values, axis=axes, keepdims=True)
    total = jnp.sum(deviations * deviations, axis=axes, keepdims=keepdim)
    degrees = values.size / max(total.size, 1) - (1 if correction is None else correction)
    return total / in_type_of(result, max(degrees, 0))


def _running(function: Callable[..., jax.Array]) -> Counterpart:
    """Make the counterpart of an operation that goes on along one dimension, in the type of its result."""

    def counterpart(result: Result, values: jax.Array, dim: int, *, dtype: Dtype | None = None) -> jax.Array:
        values = in_type_of(result, values)
        return function(values, axis=dim % values.ndim) if values.ndim else values

    return counterpart


def _sort(result: _Pair, values: jax.Array, dim: int = -1, descending: bool = False) -> tuple[jax.Array, jax.Array]:
    if not values.ndim:
        return values, jnp.zeros((), result[1].dtype)
    order = jnp.argsort(values, axis=dim, stable=True, descending=descending)
    return jnp.take_along_axis(values, order, axis=dim), in_type_of(result[1], order)


COUNTERPARTS: Mapping[str, Counterpart] = {
    **{f"sum.{kind}": _reduced(jnp.sum) for kind in ("default", "dim_IntList")},
    **{f"mean.{kind}": _reduced(jnp.mean) for kind in ("default", "dim")},
    **{f"prod.{kind}": _reduced(jnp.prod) for kind in ("default", "dim_int")},
    **{f"any.{kind}": _reduced(jnp.any) for kind in ("default", "dim", "dims")},
    **{f"all.{kind}": _reduced(jnp.all) for kind in ("default", "dim", "dims")},
    "_log_softmax.default": lambda result, values, dim, half_to_float: (
        jax.nn.log_softmax(in_type_of(result, values), axis=dim) if values.ndim else jnp.zeros_like(values)
    ),
    "_softmax.default": lambda result, values, dim, half_to_float: (
        jax.nn.softmax(in_type_of(result, values), axis=dim) if values.ndim else jnp.ones_like(values)
    ),
    "amax.default": _reduced(jnp.max),
    "amin.default": _reduced(jnp.min),
    "argmax.default": _arg(jnp.argmax),
    "argmin.default": _arg(jnp.argmin),
    "cumprod.default": _running(jnp.cumprod),
    "cumsum.default": _running(jnp.cumsum),
    "flip.default": lambda _, values, dims: jnp.flip(values, axis=tuple(dims)),
    "logcumsumexp.default": _running(lax.cumlogsumexp),
    "logsumexp.default": _reduced(jax.scipy.special.logsumexp),
    "max.default": _reduced(jnp.max),
    "max.dim": _extreme(jnp.max, jnp.argmax),
    "min.default": _reduced(jnp.min),
    "min.dim": _extreme(jnp.min, jnp.argmin),
    "sort.default": _sort,
    "std.correction": lambda result, values, dim=None, **options: jnp.sqrt(_var(result, values, dim, **options)),
    "var.correction": _var,
    "var_mean.correction": lambda result, values, dim=None, keepdim=False, **options: (
        _var(result[0], values, dim, keepdim=keepdim, **options),
        jnp.mean(values, axis=axes_of(dim, values), keepdims=keepdim),
    ),
}
