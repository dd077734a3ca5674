"""JAX counterparts of torch's matrix operations, by JAX's own or by ones that XLA can fuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from rugged_widget.infer.compiled.jax.jax_program import Counterpart, Result
from rugged_widget.infer.compiled.jax.ops.elementwise import in_type_of

_Pair: TypeAlias = tuple[Result, Result]

MAX_FUSED_PRODUCTS = 1 << 13
"""Multiplications of a product of matrices, up to which it is a sum among other operations."""

MAX_FUSED_SIZE = 16
"""Rows of a matrix, up to which it is factored and solved by a loop among other operations."""


@dataclass(frozen=True, eq=False)
class Matrices:
    """All the counterparts, made of three functions of matrices in the last two dimensions.

    They are the product of two arrays, as `@` is; the lower Cholesky factor of a matrix, of which the lower triangle is
    looked at; and the solution X of L X = B, of a lower triangular L and a B of as many leading dimensions.
    """

    product: Callable[[jax.Array, jax.Array], jax.Array]
    factor: Callable[[jax.Array], jax.Array]
    solve: Callable[[jax.Array, jax.Array], jax.Array]

    def counterparts(self) -> Mapping[str, Counterpart]:
        """Return them by the names of the operations."""
        return {
            **dict.fromkeys(("bmm.default", "dot.default", "matmul.default", "mm.default", "mv.default"), self._matmul),
            **dict.fromkeys(("addmm.default", "addmv.default", "baddbmm.default"), self._addmm),
            "cholesky.default": self._cholesky,
            "cholesky_solve.default": self._cholesky_solve,
            "linalg_cholesky_ex.default": self._cholesky_ex,
            "linalg_solve_triangular.default": self._solve_triangular,
            "triangular_solve.default": self._triangular_solve,
        }

    def _matmul(self, _: Result, left: jax.Array, right: jax.Array) -> jax.Array:
        return self.product(left, right)

    def _addmm(
        self, result: Result, start: jax.Array, left: jax.Array, right: jax.Array, *, beta: float = 1, alpha: float = 1
    ) -> jax.Array:
        product = self.product(left, right)
        product = product if alpha == 1 else in_type_of(result, alpha) * product
        if beta == 0:  # then what is not finite in the start does not count
            return product
        return product + (start if beta == 1 else in_type_of(result, beta) * start)

    def _cholesky(self, _: Result, matrix: jax.Array, upper: bool = False) -> jax.Array:
        return _transposed(self.factor(_transposed(matrix))) if upper else self.factor(matrix)

    def _cholesky_ex(
        self,
        result: _Pair,
        matrix: jax.Array,
        *,
        upper: bool = False,
        check_errors: bool = False,  # noqa: ARG002 a loss that is not a number tells it as well
    ) -> tuple[jax.Array, jax.Array]:
        factor = self._cholesky(result[0], matrix, upper)
        return factor, in_type_of(result[1], jnp.isnan(factor).any(axis=(-2, -1)))

    def _cholesky_solve(self, _: Result, right: jax.Array, factor: jax.Array, upper: bool = False) -> jax.Array:
        lower = _transposed(factor) if upper else factor
        return self._solved(_transposed(lower), self._solved(lower, right, upper=False), upper=True)

    def _solve_triangular(
        self,
        _: Result,
        matrix: jax.Array,
        right: jax.Array,
        *,
        upper: bool,
        left: bool = True,
        unitriangular: bool = False,
    ) -> jax.Array:
        if left:
            return self._solved(matrix, right, upper=upper, unitriangular=unitriangular)
        turned = _transposed(matrix), _transposed(right)
        return _transposed(self._solved(*turned, upper=not upper, unitriangular=unitriangular))

    def _triangular_solve(
        self,
        result: _Pair,
        right: jax.Array,
        matrix: jax.Array,
        upper: bool = True,
        transpose: bool = False,
        unitriangular: bool = False,
    ) -> tuple[jax.Array, jax.Array]:
        triangle = _transposed(matrix) if transpose else matrix
        solution = self._solved(triangle, right, upper=upper != transpose, unitriangular=unitriangular)
        return solution, jnp.broadcast_to(matrix, result[1].shape)

    def _solved(self, matrix: jax.Array, right: jax.Array, *, upper: bool, unitriangular: bool = False) -> jax.Array:
        """Solve a triangular system of any kind as one with a lower triangle."""
        if upper:
            matrix, right = matrix[..., ::-1, ::-1], right[..., ::-1, :]
        if unitriangular:
            matrix = jnp.where(jnp.eye(matrix.shape[-1], dtype=bool), jnp.ones((), matrix.dtype), matrix)
        batch = jnp.broadcast_shapes(matrix.shape[:-2], right.shape[:-2])
        matrix = jnp.broadcast_to(matrix, batch + matrix.shape[-2:])
        solution = self.solve(matrix, jnp.broadcast_to(right, batch + right.shape[-2:]))
        return solution[..., ::-1, :] if upper else solution


def _transposed(matrix: jax.Array) -> jax.Array:
    return jnp.swapaxes(matrix, -1, -2)


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.matmul(left, right, precision="highest")  # whatever the user has set for elsewhere


def _factor(matrix: jax.Array) -> jax.Array:
    return lax.linalg.cholesky(matrix, symmetrize_input=False)


def _solve(lower: jax.Array, right: jax.Array) -> jax.Array:
    return lax.linalg.triangular_solve(lower, right, left_side=True, lower=True)


def _fused_product(left: jax.Array, right: jax.Array) -> jax.Array:
    columns = right.shape[-1] if right.ndim > 1 else 1
    if left.size * columns > MAX_FUSED_PRODUCTS:
        return _product(left, right)
    if right.ndim == 1:
        return jnp.sum(left * right, axis=-1)
    if left.ndim == 1:
        return jnp.sum(left[:, None] * right, axis=-2)
    return jnp.sum(left[..., :, :, None] * right[..., None, :, :], axis=-2)


def _fused_factor(matrix: jax.Array) -> jax.Array:
    size = matrix.shape[-1]
    if size > MAX_FUSED_SIZE:
        return _factor(matrix)
    rows = lax.iota(jnp.int32, size)

    def column(i: jax.Array, factor: jax.Array) -> jax.Array:
        row = lax.dynamic_index_in_dim(factor, i, -2)
        remainder = lax.dynamic_index_in_dim(matrix, i, -1, keepdims=False) - jnp.sum(factor * row, axis=-1)
        entries = remainder / jnp.sqrt(lax.dynamic_index_in_dim(remainder, i, -1))
        entries = jnp.where(rows >= i, entries, jnp.zeros((), matrix.dtype))
        updated: jax.Array = lax.dynamic_update_index_in_dim(factor, entries[..., None], i, -1)
        return updated

    factor: jax.Array = lax.fori_loop(0, size, column, jnp.zeros_like(matrix))
    return factor


def _fused_solve(lower: jax.Array, right: jax.Array) -> jax.Array:
    size = lower.shape[-1]
    if size > MAX_FUSED_SIZE:
        return _solve(lower, right)
    lower = jnp.tril(lower)  # what stands above may be anything

    def row(i: jax.Array, solution: jax.Array) -> jax.Array:
        factors = lax.dynamic_index_in_dim(lower, i, -2, keepdims=False)
        remainder = lax.dynamic_index_in_dim(right, i, -2) - jnp.sum(
            factors[..., :, None] * solution, axis=-2, keepdims=True
        )
        entries = remainder / lax.dynamic_index_in_dim(factors, i, -1)[..., None]
        updated: jax.Array = lax.dynamic_update_index_in_dim(solution, entries, i, -2)
        return updated

    solution: jax.Array = lax.fori_loop(0, size, row, jnp.zeros_like(right))
    return solution


COUNTERPARTS = Matrices(_product, _factor, _solve).counterparts()
FUSED = Matrices(_fused_product, _fused_factor, _fused_solve).counterparts()
