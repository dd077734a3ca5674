"""JAX counterparts of torch's operations that read and write elements by index."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Result
from rugged_widget.infer.compiled.jax.ops.elementwise import in_type_of
from rugged_widget.infer.compiled.jax.ops.shapes import part_of

_Places: TypeAlias = jax.Array | NDArray[Any]
_Index: TypeAlias = tuple[slice | _Places, ...]

MAX_COMPARED = 1 << 17
"""Comparisons of places for one write, at most.

XLA runs a scatter by itself, element by element, some 0.3 us each; to compare all places with all that are written to
is of the kind that it fuses with what stands around, and it does a thousand in that time.
"""


def _as_index(indices: Sequence[_Places | None]) -> _Index:
    """Return an index of torch as JAX takes it: None means all rows, a fixed mask the places where it holds."""
    index: list[slice | _Places] = []
    for places in indices:
        if places is None:
            index.append(slice(None))
        elif isinstance(places, np.ndarray) and places.dtype == bool:
            index.extend(np.nonzero(places))
        else:
            index.append(places)
    return tuple(index)


def _along(shape: Sequence[int], dim: int, places: _Places) -> _Index:
    """Return the index of places along one dimension; along the others each element has its own."""
    index: list[slice | _Places] = list(np.ix_(*(np.arange(length) for length in shape)))
    index[dim] = places
    return tuple(index)


def _is_fixed(index: _Index) -> bool:
    return not any(isinstance(places, jax.Array) for places in index)


def _written(values: jax.Array, index: _Index, source: jax.Array, *, add: bool) -> jax.Array:
    """Return the values with others written over those at an index, or added to them."""
    numbers = np.arange(values.size, dtype=np.int32).reshape(values.shape)
    places: _Places = numbers[index] if _is_fixed(index) else jax.eval_shape(lambda: jnp.asarray(numbers)[index])
    if values.size * places.size > MAX_COMPARED:
        target = values.at[index]
        return target.add(source) if add else target.set(source)
    if not _is_fixed(index):
        places = jnp.asarray(numbers)[index]
    source = jnp.broadcast_to(source, places.shape).reshape(-1)
    hits = places.reshape(1, -1) == np.arange(values.size, dtype=np.int32)[:, None]
    flat = values.reshape(-1)
    if add:
        flat = flat + jnp.sum(jnp.where(hits, source, jnp.zeros((), source.dtype)), axis=1, dtype=source.dtype)
    elif source.size:
        last = jnp.max(jnp.where(hits, np.arange(source.size, dtype=np.int32), -1), axis=1)
        flat = jnp.where(last >= 0, source[jnp.maximum(last, 0)], flat)
    return flat.reshape(values.shape)


def _index_put(
    result: Result, values: jax.Array, indices: Sequence[_Places | None], source: jax.Array, accumulate: bool = False
) -> jax.Array:
    source = in_type_of(result, source)
    if isinstance(indices[0], jax.Array) and indices[0].dtype == bool:
        mask = indices[0].reshape(indices[0].shape + (1,) * (values.ndim - indices[0].ndim))
        return jnp.where(mask, values + source.reshape(()) if accumulate else source.reshape(()), values)
    return _written(values, _as_index(indices), source, add=accumulate)


def _index_add(
    result: Result, values: jax.Array, dim: int, places: _Places, source: jax.Array, *, alpha: float = 1
) -> jax.Array:
    index = (*(slice(None) for _ in range(dim % values.ndim)), places)
    return _written(values, index, source if alpha == 1 else in_type_of(result, alpha) * source, add=True)


def _scattered(values: jax.Array, dim: int, places: _Places, source: jax.Array, *, add: bool) -> jax.Array:
    if not values.ndim:
        return _scattered(values[None], 0, places.reshape(-1), source.reshape(-1), add=add)[0]
    if source.ndim:
        source = source[tuple(slice(length) for length in places.shape)]
    return _written(values, _along(places.shape, dim, places), source, add=add)


def _masked_select(_: Result, values: jax.Array, mask: NDArray[np.bool_]) -> jax.Array:
    shape = jnp.broadcast_shapes(values.shape, mask.shape)
    return jnp.broadcast_to(values, shape).reshape(-1)[np.flatnonzero(np.broadcast_to(mask, shape))]


def _slice_scatter(
    result: Result,
    values: jax.Array,
    source: jax.Array,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> jax.Array:
    index, source = part_of(values.shape, dim, start, end, step), in_type_of(result, source)
    if step == 1:
        return lax.dynamic_update_slice(values, source, [part.start or 0 for part in index])
    return _written(values, index, source, add=False)


def _slice_backward(
    result: Result, gradient: jax.Array, shape: Sequence[int], dim: int, start: int | None, end: int | None, step: int
) -> jax.Array:
    first = part_of(shape, dim, start, end, step)[dim].start
    rows = gradient.shape[dim]
    widths = [(0, 0, 0)] * gradient.ndim
    widths[dim] = (first, shape[dim] - first - step * (rows - 1) - 1, step - 1) if rows else (0, shape[dim], 0)
    return lax.pad(gradient, jnp.zeros((), result.dtype), widths)


def _places_of_strides(shape: Sequence[int], strides: Sequence[int], offset: int | None) -> NDArray[np.int32]:
    steps = np.ix_(*(np.arange(length) * stride for length, stride in zip(shape, strides, strict=True)))
    return np.asarray(sum(steps, np.zeros(shape, np.int32)) + (offset or 0), np.int32)


def _as_strided(
    _: Result, values: jax.Array, shape: Sequence[int], strides: Sequence[int], offset: int | None = None
) -> jax.Array:
    return values.reshape(-1)[_places_of_strides(shape, strides, offset)]


def _as_strided_scatter(
    result: Result,
    values: jax.Array,
    source: jax.Array,
    shape: Sequence[int],
    strides: Sequence[int],
    offset: int | None = None,
) -> jax.Array:
    places = _places_of_strides(shape, strides, offset)
    flat = _written(values.reshape(-1), (places,), in_type_of(result, source), add=False)
    return flat.reshape(values.shape)


COUNTERPARTS: Mapping[str, Counterpart] = {
    **dict.fromkeys(("_unsafe_index.Tensor", "index.Tensor"), lambda _, values, indices: values[_as_index(indices)]),
    **dict.fromkeys(("_unsafe_index_put.default", "index_put.default"), _index_put),
    **dict.fromkeys(("as_strided.default", "as_strided_copy.default"), _as_strided),
    **dict.fromkeys(
        ("scatter.src", "scatter.value"),
        lambda result, values, dim, places, source: _scattered(
            values, dim, places, in_type_of(result, source), add=False
        ),
    ),
    "as_strided_scatter.default": _as_strided_scatter,
    "embedding.default": lambda _, weight, places, padding_idx=-1, scale_grad_by_freq=False, sparse=False: weight[
        places
    ],
    "gather.default": lambda _, values, dim, places, sparse_grad=False: (
        values[_along(places.shape, dim, places)] if values.ndim else jnp.broadcast_to(values, places.shape)
    ),
    "index_add.default": _index_add,
    "index_select.default": lambda _, values, dim, places: (
        jnp.take(values, places, axis=dim) if values.ndim else values
    ),
    "masked_select.default": _masked_select,
    "scatter_add.default": lambda _, values, dim, places, source: _scattered(values, dim, places, source, add=True),
    "select_backward.default": lambda result, gradient, shape, dim, index: _slice_backward(
        result, jnp.expand_dims(gradient, dim), shape, dim, index % shape[dim], None, shape[dim]
    ),
    "select_scatter.default": lambda result, values, source, dim, index: _slice_scatter(
        result, values, jnp.expand_dims(source, dim), dim, index % values.shape[dim], None
    ),
    "slice_backward.default": _slice_backward,
    "slice_scatter.default": _slice_scatter,
}
