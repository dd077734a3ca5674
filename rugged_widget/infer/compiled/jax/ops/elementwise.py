"""JAX counterparts of torch's elementwise operations."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Dtype, Result

Operand: TypeAlias = jax.Array | float | int | bool
_Function: TypeAlias = Callable[..., jax.Array]

_KINDS = "biuf"
"""Kinds of numbers as NumPy writes them, in torch's order: a Boolean gives way to an integer, that to a real number."""

MAX_EXACT_POWER = 3
"""Largest whole exponent that torch computes by multiplying."""


def in_type_of(result: Result, value: Operand) -> jax.Array:
    """Return an operand in the type of the result, in which torch computes."""
    return jnp.asarray(value, result.dtype)


def common_type(*operands: Operand) -> Dtype:
    """Return the type in which torch compares values.

    An array of no dimension gives way to one of some, and a Python number to both, unless it is of a higher kind.
    """
    arrays = [value for value in operands if not isinstance(value, (bool, int, float))]
    groups = (
        [value.dtype for value in arrays if value.ndim],
        [value.dtype for value in arrays if not value.ndim],
        [_type_of_number(value) for value in operands if isinstance(value, (bool, int, float))],
    )
    types: list[Dtype] = [reduce(jnp.promote_types, group) for group in groups if group]
    return reduce(lambda dtype, other: other if _rank(other) > _rank(dtype) else dtype, types)


def _type_of_number(value: float) -> Dtype:
    kind = np.bool_ if isinstance(value, bool) else np.int64 if isinstance(value, int) else np.float32
    return np.dtype(kind)


def _rank(dtype: Dtype) -> int:
    return _KINDS.index(dtype.kind.replace("u", "i"))


def _each(function: _Function) -> Counterpart:
    """Make the counterpart of an operation that computes in the type of its result."""

    def counterpart(result: Result, *operands: Operand) -> jax.Array:
        return function(*(in_type_of(result, value) for value in operands))

    return counterpart


def _compared(function: _Function) -> Counterpart:
    """Make the counterpart of a comparison."""

    def counterpart(_: Result, left: Operand, right: Operand) -> jax.Array:
        dtype = common_type(left, right)
        return function(jnp.asarray(left, dtype), jnp.asarray(right, dtype))

    return counterpart


def direct(function: _Function) -> Counterpart:
    """Make the counterpart of an operation on values in the type that they have, called in JAX as in torch."""

    def counterpart(_: Result, *operands: Any) -> jax.Array:
        return function(*operands)

    return counterpart


def _add(result: Result, left: Operand, right: Operand, alpha: float = 1) -> jax.Array:
    return in_type_of(result, left) + _times(alpha, in_type_of(result, right))


def _sub(result: Result, left: Operand, right: Operand, alpha: float = 1) -> jax.Array:
    return in_type_of(result, left) - _times(alpha, in_type_of(result, right))


def _times(factor: float, values: jax.Array) -> jax.Array:
    return values if factor == 1 else jnp.asarray(factor, values.dtype) * values


def _div(result: Result, left: Operand, right: Operand, rounding_mode: str | None = None) -> jax.Array:
    left, right = in_type_of(result, left), in_type_of(result, right)
    if rounding_mode is None:
        return left / right
    if rounding_mode == "floor":
        return jnp.floor_divide(left, right)
    return jnp.trunc(left / right) if result.dtype.kind == "f" else lax.div(*jnp.broadcast_arrays(left, right))


def _pow(result: Result, base: Operand, exponent: Operand) -> jax.Array:
    base = in_type_of(result, base)
    if isinstance(exponent, (int, float)):
        if float(exponent).is_integer() and abs(exponent) <= MAX_EXACT_POWER:
            return lax.integer_pow(base, int(exponent))
        if abs(exponent) == 1 / 2:
            return jnp.sqrt(base) if exponent > 0 else lax.rsqrt(base)
    return jnp.power(base, in_type_of(result, exponent))


def _clamp(
    result: Result,
    values: jax.Array,
    min: Operand | None = None,  # noqa: A002 torch's name
    max: Operand | None = None,  # noqa: A002 torch's name
) -> jax.Array:
    values = in_type_of(result, values)
    if min is not None:
        values = jnp.maximum(values, in_type_of(result, min))
    return values if max is None else jnp.minimum(values, in_type_of(result, max))


def _where(result: Result, condition: jax.Array, yes: Operand, no: Operand) -> jax.Array:
    return jnp.where(condition, in_type_of(result, yes), in_type_of(result, no))


def _sign(result: Result, values: jax.Array) -> jax.Array:
    zero = jnp.zeros((), values.dtype)
    return in_type_of(result, values > zero) - in_type_of(result, values < zero)  # 0 where it is not a number


def _xlogy(result: Result, factor: Operand, values: Operand) -> jax.Array:
    factor, values = in_type_of(result, factor), in_type_of(result, values)
    return jnp.where((factor == 0) & ~jnp.isnan(values), 0, factor * jnp.log(values))


def _lerp(result: Result, start: Operand, end: Operand, weight: Operand) -> jax.Array:
    start, end, weight = (in_type_of(result, value) for value in (start, end, weight))
    step = end - start
    return jnp.where(jnp.abs(weight) < 1 / 2, start + weight * step, end - step * (1 - weight))


def _logical(function: _Function) -> Counterpart:
    def counterpart(_: Result, *operands: jax.Array) -> jax.Array:
        return function(*(value.astype(bool) for value in operands))

    return counterpart


_NAMED_ALIKE = """abs ceil cos cosh exp exp2 expm1 floor log log10 log1p log2 logaddexp maximum minimum reciprocal
round sin sinh sqrt tan tanh trunc"""
"""Operations that JAX calls as torch does."""

_EACH: Mapping[str, _Function] = {
    **{name: getattr(jnp, name) for name in _NAMED_ALIKE.split()},
    "acos": jnp.arccos,
    "acosh": jnp.arccosh,
    "asin": jnp.arcsin,
    "asinh": jnp.arcsinh,
    "atan": jnp.arctan,
    "atan2": jnp.arctan2,
    "atanh": jnp.arctanh,
    "bitwise_not": jnp.invert,
    "digamma": lax.digamma,
    "erf": lax.erf,
    "erfc": lax.erfc,
    "erfinv": lax.erf_inv,
    "lgamma": lax.lgamma,
    "neg": jnp.negative,
    "relu": lambda values: jnp.maximum(values, jnp.zeros((), values.dtype)),
    "rsqrt": lax.rsqrt,
    "sigmoid": lax.logistic,
    "special_i0e": lax.bessel_i0e,
    "special_i1e": lax.bessel_i1e,
}

_EACH_OF_TWO: Mapping[str, _Function] = {
    **{name: getattr(jnp, name) for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "fmod", "remainder")},
    "mul": jnp.multiply,
}

_COMPARED: Mapping[str, _Function] = {
    "eq": jnp.equal,
    "ge": jnp.greater_equal,
    "gt": jnp.greater,
    "le": jnp.less_equal,
    "lt": jnp.less,
    "ne": jnp.not_equal,
}

_BOTH = ("Tensor", "Scalar")

COUNTERPARTS: Mapping[str, Counterpart] = {
    **{f"{name}.default": _each(function) for name, function in _EACH.items()},
    **{f"{name}.{kind}": _each(function) for name, function in _EACH_OF_TWO.items() for kind in _BOTH},
    **{f"{name}.{kind}": _compared(function) for name, function in _COMPARED.items() for kind in _BOTH},
    **{f"logical_{name}.default": _logical(getattr(jnp, f"logical_{name}")) for name in ("and", "not", "or", "xor")},
    **{f"{name}.default": direct(getattr(jnp, name)) for name in ("isfinite", "isinf", "isnan")},
    **{f"{name}.{kind}": function for name, function in (("add", _add), ("sub", _sub)) for kind in _BOTH},
    **dict.fromkeys(
        ("rsub.Tensor", "rsub.Scalar"), lambda result, left, right, alpha=1: _sub(result, right, left, alpha)
    ),
    **{f"div.{kind}": _div for kind in (*_BOTH, "Tensor_mode", "Scalar_mode")},
    **{f"pow.{kind}": _pow for kind in ("Tensor_Scalar", "Tensor_Tensor", "Scalar")},
    **{f"where.{kind}": _where for kind in ("self", "ScalarOther", "ScalarSelf", "Scalar")},
    **{f"xlogy.{kind}": _xlogy for kind in ("Tensor", "Scalar_Self", "Scalar_Other")},
    **{f"lerp.{kind}": _lerp for kind in _BOTH},
    **dict.fromkeys(("clamp.Tensor", "clamp.default", "clamp_min.Tensor", "clamp_min.default"), _clamp),
    **dict.fromkeys(
        ("clamp_max.Tensor", "clamp_max.default"), lambda result, values, bound: _clamp(result, values, max=bound)
    ),
    **dict.fromkeys(
        ("masked_fill.Scalar", "masked_fill.Tensor"),
        lambda result, values, mask, value: _where(result, mask, value, values),
    ),
    **dict.fromkeys(("sgn.default", "sign.default"), _sign),
    "addcdiv.default": lambda result, start, left, right, value=1: _add(
        result, start, in_type_of(result, left) / in_type_of(result, right), value
    ),
    "addcmul.default": lambda result, start, left, right, value=1: _add(
        result, start, in_type_of(result, left) * in_type_of(result, right), value
    ),
    "polygamma.default": lambda result, order, values: jax.scipy.special.polygamma(order, in_type_of(result, values)),
}
