"""What JAX computes in place of torch's operations: tables by the names that torch gives them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from rugged_widget.infer.compiled import (
    jax_ops_arithmetic,
    jax_ops_gradients,
    jax_ops_indices,
    jax_ops_matrices,
    jax_ops_reductions,
    jax_ops_shapes,
)

if TYPE_CHECKING:
    from rugged_widget.infer.compiled.jax_recipe import Counterpart


def _table(*parts: Mapping[str, Counterpart]) -> Mapping[str, Counterpart]:
    return MappingProxyType({f"aten.{name}": function for part in parts for name, function in part.items()})


COUNTERPARTS: Final = _table(
    jax_ops_arithmetic.COUNTERPARTS,
    jax_ops_gradients.COUNTERPARTS,
    jax_ops_indices.COUNTERPARTS,
    jax_ops_matrices.COUNTERPARTS,
    jax_ops_reductions.COUNTERPARTS,
    jax_ops_shapes.COUNTERPARTS,
)
"""Each is called with what torch's own result looks like, then with the arguments of the operation."""

FUSED: Final = MappingProxyType({**COUNTERPARTS, **_table(jax_ops_matrices.FUSED)})
"""The same, of such operations of XLA as can be one function with others, where that is sensible."""
