"""JAX counterparts of torch's operations that reshape, split, join and create tensors."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Dtype, Result
from rugged_widget.infer.compiled.jax.ops.elementwise import Operand, direct, in_type_of

_Shape: TypeAlias = Sequence[int]


def _copy(result: Result, values: Operand, *, dtype: Dtype | None = None) -> jax.Array:
    return in_type_of(result, values)


def part_of(
    shape: _Shape, dim: int, start: int | None = None, end: int | None = None, step: int = 1
) -> tuple[slice, ...]:
    """Return the index of a slice along one dimension; ends beyond the last row mean the last, as in torch."""
    index = [slice(None)] * len(shape)
    index[dim] = slice(*slice(start, end, step).indices(shape[dim]))
    return tuple(index)


def _slice(
    _: Result, values: jax.Array, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> jax.Array:
    return values[part_of(values.shape, dim, start, end, step)]


def _select(_: Result, values: jax.Array, dim: int, index: int) -> jax.Array:
    return lax.index_in_dim(values, index, dim, keepdims=False)


def _split(result: tuple[Result, ...], values: jax.Array, _: object, dim: int = 0) -> list[jax.Array]:
    ends = np.cumsum([part.shape[dim] for part in result])
    return [
        values[part_of(values.shape, dim, end - part.shape[dim], end)] for end, part in zip(ends, result, strict=True)
    ]


def _constant_pad(result: Result, values: jax.Array, pad: _Shape, value: float = 0) -> jax.Array:
    widths = list(zip(pad[::2], pad[1::2], strict=True))[::-1]  # torch starts with the last dimension
    widths = [(0, 0)] * (values.ndim - len(widths)) + widths
    return lax.pad(values, in_type_of(result, value), [(before, after, 0) for before, after in widths])


def _diagonal_mask(shape: _Shape, offset: int) -> jax.Array:
    """Return the mask of a diagonal of the last two dimensions."""
    rows = lax.broadcasted_iota(np.int32, shape[-2:], 0)
    return lax.broadcasted_iota(np.int32, shape[-2:], 1) - rows == offset


def _along_diagonal(values: jax.Array, shape: _Shape, offset: int) -> jax.Array:
    """Spread a diagonal over whole matrices: its element at (i, i + offset) fills row i, or column where offset < 0."""
    if offset >= 0:
        return jnp.broadcast_to(_padded_to(values, shape[-2])[..., :, None], shape)
    return jnp.broadcast_to(_padded_to(values, shape[-1])[..., None, :], shape)


def _padded_to(values: jax.Array, length: int) -> jax.Array:
    widths = [(0, 0, 0)] * (values.ndim - 1) + [(0, length - values.shape[-1], 0)]
    return lax.pad(values, jnp.zeros((), values.dtype), widths)


def _diagonal(result: Result, values: jax.Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> jax.Array:
    places = np.arange(result.shape[-1])
    return jnp.moveaxis(values, (dim1, dim2), (-2, -1))[..., places + max(-offset, 0), places + max(offset, 0)]


def _diagonal_scatter(
    result: Result, values: jax.Array, source: jax.Array, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> jax.Array:
    last = jnp.moveaxis(values, (dim1, dim2), (-2, -1))
    source = _along_diagonal(in_type_of(result, source), last.shape, offset)
    return jnp.moveaxis(jnp.where(_diagonal_mask(last.shape, offset), source, last), (-2, -1), (dim1, dim2))


def _diagonal_backward(result: Result, gradient: jax.Array, _: _Shape, offset: int, dim1: int, dim2: int) -> jax.Array:
    return _diagonal_scatter(result, jnp.zeros(result.shape, result.dtype), gradient, offset, dim1, dim2)


def _arange(result: Result, *bounds: float, dtype: Dtype | None = None) -> jax.Array:
    start, step = (bounds[0] if len(bounds) > 1 else 0), (bounds[2] if len(bounds) > 2 else 1)
    return jnp.asarray(start + step * np.arange(*result.shape), result.dtype)


_RESHAPES = """_reshape_alias.default _unsafe_view.default reshape.default squeeze.default squeeze.dim squeeze.dims
squeeze_copy.default squeeze_copy.dim squeeze_copy.dims unsqueeze.default unsqueeze_copy.default
view.default view_copy.default"""
_COPIES = """_to_copy.default alias.default alias_copy.default clone.default detach.default detach_copy.default
lift_fresh.default lift_fresh_copy.default"""
# The values of an empty tensor are not defined.
_ZEROS = """empty.memory_format empty_like.default empty_strided.default new_empty.default
new_empty_strided.default new_zeros.default zeros.default zeros_like.default"""

COUNTERPARTS: Mapping[str, Counterpart] = {
    **dict.fromkeys(_RESHAPES.split(), lambda result, values, *_: jnp.reshape(values, result.shape)),
    **dict.fromkeys(_COPIES.split(), _copy),
    **dict.fromkeys(_ZEROS.split(), lambda result, *_, dtype=None: jnp.zeros(result.shape, result.dtype)),
    **dict.fromkeys(
        ("new_ones.default", "ones.default", "ones_like.default"),
        lambda result, *_, dtype=None: jnp.ones(result.shape, result.dtype),
    ),
    **dict.fromkeys(
        ("full.default", "full_like.default", "new_full.default"),
        lambda result, *like_and_value, dtype=None: jnp.full(result.shape, like_and_value[-1], result.dtype),
    ),
    **dict.fromkeys(("arange.default", "arange.start", "arange.start_step"), _arange),
    **dict.fromkeys(
        ("eye.default", "eye.m"),
        lambda result, *_, dtype=None: jnp.eye(result.shape[0], result.shape[1], dtype=result.dtype),
    ),
    **dict.fromkeys(
        ("expand.default", "expand_copy.default"),
        lambda result, values, shape, implicit=False: jnp.broadcast_to(values, result.shape),
    ),
    **dict.fromkeys(("permute.default", "permute_copy.default", "t.default", "t_copy.default"), direct(jnp.transpose)),
    **dict.fromkeys(
        ("transpose.int", "transpose_copy.int"),
        lambda _, values, first, second: jnp.swapaxes(values, first, second) if values.ndim else values,
    ),
    **dict.fromkeys(("slice.Tensor", "slice_copy.Tensor"), _slice),
    **dict.fromkeys(("select.int", "select_copy.int"), _select),
    **dict.fromkeys(
        ("unbind.int", "unbind_copy.int"),
        lambda result, values, dim=0: [_select(part, values, dim, i) for i, part in enumerate(result)],
    ),
    **dict.fromkeys(("split.Tensor", "split_with_sizes.default", "split_with_sizes_copy.default"), _split),
    **dict.fromkeys(("diagonal.default", "diagonal_copy.default"), _diagonal),
    "cat.default": lambda result, parts, dim=0: jnp.concatenate(  # torch leaves out empty ones
        [in_type_of(result, part) for part in parts if part.ndim == len(result.shape)], axis=dim
    ),
    "constant_pad_nd.default": _constant_pad,
    "copy.default": lambda result, _, values: jnp.broadcast_to(in_type_of(result, values), result.shape),
    "diag_embed.default": lambda result, values, offset=0, dim1=-2, dim2=-1: _diagonal_backward(
        result, values, (), offset, dim1, dim2
    ),
    "diagonal_backward.default": _diagonal_backward,
    "diagonal_scatter.default": _diagonal_scatter,
    "repeat.default": lambda _, values, repeats: jnp.tile(values, tuple(repeats)),
    "scalar_tensor.default": _copy,
    "stack.default": lambda result, parts, dim=0: jnp.stack([in_type_of(result, part) for part in parts], axis=dim),
    "tril.default": direct(jnp.tril),
    "triu.default": direct(jnp.triu),
}
