"""Guide families by name, and custom guides."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

import torch
from pyro.infer import autoguide
from torch import nn

from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.sampling import draw, is_known
from rugged_widget.infer.guides.setup import rehearsal_of, remember, set_up
from rugged_widget.validation import CUSTOM

Guide: TypeAlias = str | Callable[..., Any]
"""What `guide=` takes: the name of a family, a subclass of AutoGuide, or a guide that is called as the model is."""

T = TypeVar("T")

_FAMILIES: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "diagonal": ("diagonal normal", autoguide.AutoDiagonalNormal),
    "normal": ("normal, site by site", autoguide.AutoNormal),
    "multivariate": ("multivariate normal", autoguide.AutoMultivariateNormal),
    "low_rank": ("low-rank normal", autoguide.AutoLowRankMultivariateNormal),
    "laplace": ("Laplace", autoguide.AutoLaplaceApproximation),
    "iaf": ("inverse autoregressive flow", autoguide.AutoIAFNormal),
    "delta": ("point (MAP)", autoguide.AutoDelta),
}

_LABELS: Final = {name: label for name, (label, _) in _FAMILIES.items()}

GUIDE_LABELS: Final[Mapping[str, str]] = MappingProxyType(_LABELS)
"""What to call each family, by its name, in the order to offer them."""


def register_family(name: str, label: str, make: Callable[[Any], Any], *, after: str) -> None:
    """Add a family of guides that suits one model only, offered behind the family `after`.

    `name` is what the argument `guide=` takes, `label` what to call it in English; `make` makes the guide of a model
    and takes no random numbers.
    """
    _insert(_FAMILIES, name, (label, make), after)
    _insert(_LABELS, name, label, after)


def _insert(table: dict[str, T], name: str, value: T, after: str) -> None:
    items = list(table.items())
    place = list(table).index(after) + 1
    table.clear()
    table.update([*items[:place], (name, value), *items[place:]])


def checked_guide(value: Guide) -> Guide:
    """Return what `guide=` was given, or say what it takes.

    Parameters
    ----------
    value
        A key of `GUIDE_LABELS`; a subclass of AutoGuide, or a `functools.partial` of one with options; a Pyro guide, a
        function or a PyroModule, that is called with the arguments of the model.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ValueError
        If there is no family of that name.
    """
    if isinstance(value, str):
        if value not in _FAMILIES:
            raise ValueError(f"guide must be one of {', '.join(map(repr, _FAMILIES))}, got {value!r}")
        return str(value)
    takes = "guide must be the name of a family, a subclass of AutoGuide, or a guide called as the model is"
    if isinstance(value, autoguide.AutoGuide):
        kind = type(value).__name__
        raise TypeError(f"{takes}, got an {kind} that has its model already; pass the class: guide={kind}")
    if isinstance(value, type) and not issubclass(value, autoguide.AutoGuide):
        raise TypeError(f"{takes}, got the class {value.__name__}; pass an instance: guide={value.__name__}()")
    if not callable(value):
        raise TypeError(f"{takes}, got {value!r}")
    return value


def guide_key(value: Guide) -> str:
    """Return the key of a guide: that of its family, "custom" where it is none."""
    if isinstance(value, str):
        return value
    return next((name for name, (_, family) in _FAMILIES.items() if value is family), CUSTOM)


def guide_label(value: Guide) -> str:
    """Return what to call a guide: the English label of its family, or its own name without one."""
    key = guide_key(value)
    return GUIDE_LABELS[key] if key != CUSTOM else own_name(value)


def class_name(key: str) -> str:
    """Return the class of the guides of a family, such as AutoNormal; the key itself where they are made in parts."""
    return str(getattr(_FAMILIES[key][1], "__name__", key))


def own_name(value: Callable[..., Any] | str) -> str:
    """Return the name of a function or class, or that of a module's class."""
    inner = value.func if isinstance(value, partial) else value
    return str(getattr(inner, "__name__", None) or type(inner).__name__)


def make_guide(value: Guide, model: Callable[..., Any], args: Sequence[Any] | None = None) -> Any:
    """Make the guide of a model; it takes no random numbers, and an automatic one looks at the model when called.

    Parameters
    ----------
    value
        As of `checked_guide`. A module is copied, so that the user's own is not trained.
    args
        What model and guide will be called with. Without them there is no looking at a guide of the user's own, at a
        Laplace approximation, or at guides in parts before their first step.

    Raises
    ------
    TypeError, ValueError
        If the value is not as said, or a guide of the user's own does not fit the model: it was tried once.
    """
    checked_guide(value)
    if isinstance(value, str):
        make = partial(_FAMILIES[value][1], model)
    elif makes_automatic(value):
        make = partial(value, model)
    else:
        make = partial(_written, value)
    guide = make()
    if args is not None:
        remember(guide, make, model, tuple(args), tried=guide_key(value) == CUSTOM)
    return guide


def makes_automatic(value: Any) -> bool:
    """Return whether calling a value with a model makes an automatic guide of it."""
    kind = value.func if isinstance(value, partial) else value
    return isinstance(kind, type) and issubclass(kind, autoguide.AutoGuide)


def _written(value: Callable[..., Any]) -> Callable[..., Any]:
    """Return an object of its own that calls the same guide, so that two fits can be told apart."""
    return copy.deepcopy(value) if isinstance(value, nn.Module) else partial(value)


CORRELATION_DRAWS: Final = 2000
CORRELATION_COLUMNS: Final = 300

_CORRELATES: Final[Mapping[object, bool]] = {
    autoguide.AutoDiagonalNormal: False,
    autoguide.AutoNormal: False,
    autoguide.AutoDelta: False,
    autoguide.AutoDiscreteParallel: False,
    autoguide.AutoMultivariateNormal: True,
    autoguide.AutoLowRankMultivariateNormal: True,
    autoguide.AutoLaplaceApproximation: True,
    autoguide.AutoIAFNormal: True,
}


def correlates(guide: Callable[..., Any]) -> bool:
    """Return whether a guide of `make_guide` can correlate latents; call it in `Fit.inspecting`.

    Of a guide that is no family's it is told by 2,000 draws of it, so by what it has learnt: whether a correlation of
    two of its latents, the first 300, is more than five standard errors from 0. There are fewer draws where each one
    costs a call of a guide that is trained as it is.
    """
    with set_up(guide) as ready:
        if isinstance(ready, autoguide.AutoGuideList) and is_known(ready):
            return any(correlates(part) for part in ready)
    if (known := _CORRELATES.get(type(guide))) is not None:
        return known
    if isinstance(rehearsal_of(guide), LiveRehearsal):
        draws, count = (drawn := sample_guide(guide, CORRELATION_DRAWS)).values, drawn.num_draws
    else:
        draws, count = draw(guide, CORRELATION_DRAWS), CORRELATION_DRAWS
    return _any_correlated([value.reshape(count, -1)[:, :CORRELATION_COLUMNS] for value in draws.values()])


def _any_correlated(draws: Sequence[torch.Tensor]) -> bool:
    if not draws:
        return False
    columns = torch.cat([value.cpu() for value in draws], 1)[:, :CORRELATION_COLUMNS].double().T
    found = torch.corrcoef(columns[columns.std(1) > 0])
    off_diagonal = (
        found - torch.eye(len(found), dtype=found.dtype, device=found.device) if found.ndim else found.new_zeros(1)
    )
    return bool((off_diagonal.abs() > 5 / columns.shape[1] ** 0.5).any())
