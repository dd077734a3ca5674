"""Sample from a custom guide by tracing it."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pyro
import torch
from pyro import poutine
from torch.overrides import TorchFunctionMode

from rugged_widget.infer.guides.compatibility import innermost, latents_of

Drawn: TypeAlias = tuple[dict[str, torch.Tensor], torch.Tensor | None]
"""By site, draws on its support, (num_draws, *site shape); and the log density of each, None for a point."""

_FILLING: Final = {
    torch.Tensor.normal_,
    torch.Tensor.uniform_,
    torch.Tensor.exponential_,
    torch.Tensor.cauchy_,
    torch.Tensor.bernoulli_,
    torch.Tensor.geometric_,
    torch.Tensor.log_normal_,
}
"""Methods that write random numbers into a tensor."""


class _Fresh(TorchFunctionMode):
    """Lets random numbers be written into a tensor of each draw's own.

    vmap refuses to write numbers that differ from draw to draw into a tensor that all draws share, as the empty one is
    that torch.distributions fills.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _FILLING:
            args = (torch.rand_like(args[0]), *args[1:])
        return func(*args, **(kwargs or {}))


def draw_together(guide: Callable[..., Any], args: tuple[Any, ...], num_draws: int) -> Drawn:
    """Call a guide that has its parameters once for all draws, with `args`.

    RuntimeError is raised where it does what cannot be done for all draws at once, such as to branch on a value; some
    guides raise something else then.
    """
    is_point = False

    def of_one(_: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        nonlocal is_point
        values, log_density = _called(guide, args)
        is_point = log_density is None
        return values, torch.zeros(()) if log_density is None else log_density

    with pyro.validation_enabled(False), _Fresh():
        values, log_density = torch.func.vmap(of_one, randomness="different")(torch.zeros(num_draws))
    return values, None if is_point else log_density


def draw_one_by_one(guide: Callable[..., Any], args: tuple[Any, ...], num_draws: int) -> Drawn:
    """Call a guide once a draw: as `draw_together`, for any guide, and slowly."""
    with pyro.validation_enabled(False):
        draws = [_called(guide, args) for _ in range(num_draws)]
    values = {name: torch.stack([value[name] for value, _ in draws]) for name in draws[0][0]}
    densities = [log_density for _, log_density in draws if log_density is not None]
    return values, torch.stack(densities) if len(densities) == num_draws else None


def can_draw_together(guide: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Return whether `draw_together` can draw from a guide."""
    try:
        values, _ = draw_together(guide, args, 3)
    except Exception:  # whatever a guide raises where values are not numbers: it is then called draw by draw
        return False
    one, _ = _called(guide, args)
    return {name: value.shape[1:] for name, value in values.items()} == {n: v.shape for n, v in one.items()}


def _called(guide: Callable[..., Any], args: tuple[Any, ...]) -> Drawn:
    trace: Any = poutine.trace(guide).get_trace(*args)
    latents = latents_of(trace)
    has_auxiliary = any(site["infer"].get("is_auxiliary") for _, site in trace.iter_stochastic_nodes())
    # A Delta that no helping site stands behind is a point, where Pyro counts its density as 1.
    is_point = not has_auxiliary and any(
        isinstance(innermost(site["fn"]), pyro.distributions.Delta) for site in latents.values()
    )
    log_density = None if is_point else torch.as_tensor(trace.log_prob_sum())
    return {name: site["value"] for name, site in latents.items()}, log_density
