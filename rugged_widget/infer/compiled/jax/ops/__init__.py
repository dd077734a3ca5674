"""JAX counterparts of torch's operations, by torch's names for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rugged_widget.infer.compiled.jax.jax_program import Counterpart
from rugged_widget.infer.compiled.jax.ops import elementwise, gradients, indexing, linalg, reductions, shapes


def _table(*parts: Mapping[str, Counterpart]) -> Mapping[str, Counterpart]:
    return MappingProxyType({f"aten.{name}": function for part in parts for name, function in part.items()})


COUNTERPARTS: Final = _table(
    elementwise.COUNTERPARTS,
    gradients.COUNTERPARTS,
    indexing.COUNTERPARTS,
    linalg.COUNTERPARTS,
    reductions.COUNTERPARTS,
    shapes.COUNTERPARTS,
)
"""Each is called with what torch's own result looks like, then with the arguments of the operation."""

FUSED: Final = MappingProxyType({**COUNTERPARTS, **_table(linalg.FUSED)})
"""The same, of such operations of XLA as can be one function with others, where that is sensible."""
