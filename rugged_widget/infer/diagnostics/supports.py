"""Kinds of supports: what values a distribution or a parameter can have, as a snapshot says it."""

from typing import Any, Final

import torch
from torch.distributions import constraints

from rugged_widget.snapshot.model_values import SiteKind

_KINDS: Final[dict[str, SiteKind]] = {
    "_Real": "real",
    "_Interval": "interval",
    "_HalfOpenInterval": "interval",
    "_GreaterThan": "positive",
    "_GreaterThanEq": "positive",
    "_SoftplusPositive": "positive",
    "_Simplex": "simplex",
    "_OneHot": "discrete",
    "_Boolean": "discrete",
    "_Multinomial": "discrete",
    "_IntegerInterval": "discrete",
    "_IntegerGreaterThan": "discrete",
    "_IntegerLessThan": "discrete",
    "_Integer": "discrete",
    "_LowerCholesky": "matrix",
    "_UnitLowerCholesky": "matrix",
    "_SoftplusLowerCholesky": "matrix",
    "_CorrCholesky": "matrix",
    "_CorrMatrix": "matrix",
    "_LowerTriangular": "matrix",
    "_PositiveDefinite": "matrix",
    "_PositiveSemidefinite": "matrix",
    "_Symmetric": "matrix",
    "_Square": "matrix",
}


def kind_of(support: Any) -> SiteKind:
    """Return the kind of a constraint of torch or Pyro; "other" for one that is not known."""
    base = without_dimensions(support)
    for ancestor in type(base).__mro__:
        if ancestor.__name__ in _KINDS:
            return _KINDS[ancestor.__name__]
    return "discrete" if getattr(base, "is_discrete", False) is True else "other"


def num_values_of(distribution: Any) -> int:
    """Return the number of values of a discrete distribution, one element of it; 0 where there is no end of them."""
    base = without_dimensions(distribution.support)
    if type(base).__name__ == "_Boolean":
        return 2
    if type(base).__name__ == "_OneHot":
        return int(distribution.event_shape[-1])
    if type(base).__name__ == "_IntegerInterval":
        upper, lower = (torch.as_tensor(bound) for bound in (base.upper_bound, base.lower_bound))
        return int(upper.max()) - int(lower.min()) + 1
    return 0


def without_dimensions(support: Any) -> Any:
    """Return a constraint without what only says which of its dimensions belong together."""
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support
