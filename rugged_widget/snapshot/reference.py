"""The reference that a fit is compared with: point estimates and the exact posterior."""

from collections.abc import Mapping
from dataclasses import dataclass

from rugged_widget.snapshot.values import Array, Caution, Density, Value


@dataclass(frozen=True, eq=False, kw_only=True)
class ExactAnswer(Value):
    """The exact posterior as it is drawn.

    Attributes
    ----------
    log_evidence
        Natural logarithm of the probability of the data under the model, nats: no ELBO is above it.
    quantiles, marginals
        As of a snapshot, for the same probs and prob.
    """

    log_evidence: float
    quantiles: Mapping[str, Array]
    marginals: Mapping[str, tuple[Density, ...]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference(Value):
    """Reference that a fit is compared with; it depends on the data and the priors only.

    Attributes
    ----------
    estimates
        A point estimate by site, of the site's shape.
    exact
        The exact posterior; None where the model has no closed form of it.
    cautions
        What to be careful with, the worst first.
    """

    estimates: Mapping[str, Array]
    exact: ExactAnswer | None = None
    cautions: tuple[Caution, ...] = ()
