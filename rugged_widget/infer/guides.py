"""Guide families by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pyro.infer import autoguide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FAMILIES: Final[Mapping[str, tuple[str, Callable[[Any], autoguide.AutoGuide]]]] = {
    "diagonal": ("diagonal normal", autoguide.AutoDiagonalNormal),
    "multivariate": ("multivariate normal", autoguide.AutoMultivariateNormal),
    "low_rank": ("low-rank normal", autoguide.AutoLowRankMultivariateNormal),
    "iaf": ("inverse autoregressive flow", autoguide.AutoIAFNormal),
    "delta": ("point (MAP)", autoguide.AutoDelta),
}

GUIDE_LABELS: Final[Mapping[str, str]] = MappingProxyType({name: label for name, (label, _) in _FAMILIES.items()})
"""What to call each family, by its name, in the order to offer them."""


def checked_guide(name: str) -> str:
    """Return the name of a family, or say which there are.

    Parameters
    ----------
    name
        A key of `GUIDE_LABELS`.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    TypeError
        If it is not a text.
    ValueError
        If there is no family of that name.
    """
    if not isinstance(name, str):
        raise TypeError(f"guide must be a text, got {name!r}")
    if name not in _FAMILIES:
        raise ValueError(f"guide must be one of {', '.join(map(repr, _FAMILIES))}, got {name!r}")
    return name


def make_guide(name: str, model: Callable[..., Any]) -> autoguide.AutoGuide:
    """Make the guide of a family for a model.

    Parameters
    ----------
    name
        A key of `GUIDE_LABELS`.
    model
        The Pyro model to approximate the posterior of.

    Returns
    -------
    AutoGuide
        The guide, which looks at the model when it is first called.

    Raises
    ------
    TypeError, ValueError
        If there is no family of that name.
    """
    return _FAMILIES[checked_guide(name)][1](model)
