"""Log joint of a model at many draws by a plate over them, as Pyro's vectorized particles are computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import pyro
import torch
from pyro import poutine
from pyro.poutine.util import site_is_subsample

PLATE: Final = "_plate_of_draws"


@dataclass(frozen=True)
class Dimensions:
    """Dimensions of a model's sites.

    Attributes
    ----------
    event
        Dimensions of an event by site.
    plates
        Dimensions that plates take up, >= 0.
    """

    event: Mapping[str, int]
    plates: int

    @classmethod
    def of(cls, trace: Any) -> Self:
        """Read them from a trace of the model."""
        sites = _sites(trace)
        frames = [frame for site in sites.values() for frame in site["cond_indep_stack"]]
        plates = max((-frame.dim for frame in frames if frame.vectorized), default=0)
        return cls({name: int(site["fn"].event_dim) for name, site in sites.items()}, plates)


def log_joint_in_plate(
    model: Callable[[], Any], draws: Mapping[str, torch.Tensor], dimensions: Dimensions, dim: int
) -> torch.Tensor:
    """Return the log joint of a model, called without arguments, at each draw, shape (num_draws,).

    Draws are by site, shape (num_draws, *site shape); `dim`, < 0, is that of the plate, to the left of the model's own.
    Whatever the model raises of such shapes is raised, as where it does not leave dimensions on the left alone.
    """
    first = next(iter(draws.values()))
    count = len(first)
    data = {name: _spread(value, -dim - 1, dimensions.event.get(name, 0)) for name, value in draws.items()}
    with pyro.plate(PLATE, count, dim=dim):
        trace: Any = poutine.trace(poutine.condition(model, data=data)).get_trace()
    trace.compute_log_prob()
    terms = [site["log_prob"] for site in _sites(trace).values()]
    return sum((term.reshape(count, -1).sum(-1) for term in terms), torch.zeros(count, device=first.device))


def _sites(trace: Any) -> dict[str, Any]:
    """Return all sites but those at which a plate makes its sample."""
    nodes = trace.nodes.items()
    return {name: site for name, site in nodes if site["type"] == "sample" and not site_is_subsample(site)}


def _spread(value: torch.Tensor, width: int, event: int) -> torch.Tensor:
    """Put dimensions of size 1 behind the first one, so that plates are `width` dimensions."""
    plates = value.ndim - 1 - event
    return value.reshape(value.shape[:1] + (1,) * (width - plates) + value.shape[1:])
