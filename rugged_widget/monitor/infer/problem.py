"""What is watched: a model with its guide, arguments, objective and optimizer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Problem:
    """A model that is trained, as the user gave it.

    Attributes
    ----------
    model
        A Pyro model.
    args, kwargs
        What model and guide are called with.
    elbo
        Pyro's estimate of the ELBO; Trace_ELBO where None.
    optimizer
        One of Pyro's optimizers; Adam at the learning rate where None.
    title
        What to call it; plain text.
    """

    model: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    elbo: Any = None
    optimizer: Any = None
    title: str = ""
