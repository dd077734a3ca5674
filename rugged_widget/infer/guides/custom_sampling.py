"""Sample from a custom guide by tracing it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, NamedTuple

import pyro
import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch.distributions import dirichlet
from torch.overrides import TorchFunctionMode

from rugged_widget.infer.guides.compatibility import innermost, latents_of, traced

COPIED_NUMBERS: Final = 100_000_000
"""Numbers that the copies of one parameter may have together: vmap copies a matrix that a triangular solve or a product
takes for each draw; 400 MB in single precision."""

NO_KWARGS: Final[Mapping[str, Any]] = MappingProxyType({})


class Drawn(NamedTuple):
    """Draws of a guide, and what could not be drawn.

    Attributes
    ----------
    values
        By site, draws on its support, (num_draws, *site shape).
    log_density
        Log density of each draw, (num_draws,); None for a point, and where it was not asked for.
    left_out
        Sites that some draws lack, or have of another shape.
    """

    values: dict[str, torch.Tensor]
    log_density: torch.Tensor | None
    left_out: tuple[str, ...] = ()


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


@contextmanager
def _dirichlet_of_many() -> Iterator[None]:
    """Let Dirichlet and beta numbers, and correlations, be drawn for many draws at once.

    torch.distributions draws them by an autograd.Function that vmap refuses, as it has no `setup_context`; the function
    that it calls is not refused, and no gradient is wanted. It can go once Beta can be drawn inside vmap.
    """
    module: Any = dirichlet
    function = module._Dirichlet
    module._Dirichlet = SimpleNamespace(apply=torch._sample_dirichlet)
    try:
        yield
    finally:
        module._Dirichlet = function


class FirstRows(Messenger):
    """Lets a plate that looks at some of its elements look at the first ones, so that all draws are of the same."""

    def _pyro_sample(self, msg: Any) -> None:
        if site_is_subsample(msg) and msg["value"] is None:
            count = msg["fn"].subsample_size
            msg["value"] = torch.arange(msg["fn"].size if count is None else count, device=msg["fn"].device)


def draw_together(
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    num_draws: int,
    kwargs: Mapping[str, Any] = NO_KWARGS,
    *,
    density: bool = True,
) -> Drawn:
    """Call a guide that has its parameters once for all draws, with `args` and `kwargs`.

    Without `density` the log density is left out: it may cost far more than the draws, as that of a flow whose inverse
    goes element by element, or of a normal distribution whose covariance vmap copies for each draw.

    Where a parameter is large, such as the covariance of a Gaussian process, it is called for some draws at a time.

    RuntimeError is raised where it does what cannot be done for all draws at once, such as to branch on a value; some
    guides raise something else then.
    """
    is_point = False
    largest = max((param.numel() for _, param in pyro.get_param_store().named_parameters()), default=1)
    chunk = max(1, COPIED_NUMBERS // max(largest, 1))

    def of_one(_: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        nonlocal is_point
        values, log_density = _called(guide, args, kwargs, density=density)
        is_point = log_density is None
        return values, torch.zeros(()) if log_density is None else log_density

    with pyro.validation_enabled(False), _dirichlet_of_many(), _Fresh():
        together = torch.func.vmap(of_one, randomness="different", chunk_size=chunk if chunk < num_draws else None)
        values, log_density = together(torch.zeros(num_draws))
    return Drawn(values, None if is_point else log_density)


def draw_one_by_one(
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    num_draws: int,
    kwargs: Mapping[str, Any] = NO_KWARGS,
    *,
    density: bool = True,
) -> Drawn:
    """Call a guide once a draw: as `draw_together`, for any guide, and slowly.

    Sites that some draws lack, or have of another shape, are left out, and so is the density then.
    """
    with pyro.validation_enabled(False):
        draws = [_called(guide, args, kwargs, density=density) for _ in range(num_draws)]
    kept, left_out = _common_sites([values for values, _ in draws])
    values = {name: torch.stack([value[name] for value, _ in draws]) for name in kept}
    densities = [log_density for _, log_density in draws if log_density is not None]
    has_density = len(densities) == num_draws and not left_out
    return Drawn(values, torch.stack(densities) if has_density else None, left_out)


def _common_sites(draws: Sequence[Mapping[str, torch.Tensor]]) -> tuple[list[str], tuple[str, ...]]:
    """Return the sites that all draws have, of one shape, and the others."""
    counts = Counter((name, value.shape) for draw in draws for name, value in draw.items())
    kept = [name for name, value in draws[0].items() if counts[name, value.shape] == len(draws)]
    return kept, tuple(dict.fromkeys(name for name, _ in counts if name not in kept))


def can_draw_together(guide: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_KWARGS) -> bool:
    """Return whether `draw_together` can draw from a guide."""
    try:
        values, _, _ = draw_together(guide, args, 3, kwargs)
    except Exception:  # whatever a guide raises where values are not numbers: it is then called draw by draw
        return False
    one, _ = _called(guide, args, kwargs, density=False)
    return {name: value.shape[1:] for name, value in values.items()} == {n: v.shape for n, v in one.items()}


def _called(
    guide: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, density: bool
) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    with FirstRows():
        trace = traced(guide, args, kwargs)
    latents = latents_of(trace)
    values = {name: site["value"].detach() for name, site in latents.items()}
    if not density:
        return values, None
    has_auxiliary = any(site["infer"].get("is_auxiliary") for _, site in trace.iter_stochastic_nodes())
    # A Delta that no helping site stands behind is a point, where Pyro counts its density as 1.
    is_point = not has_auxiliary and any(
        isinstance(innermost(site["fn"]), pyro.distributions.Delta) for site in latents.values()
    )
    # A guide that runs the model inside itself traces what is observed too, which is no part of its density.
    log_density = None if is_point else torch.as_tensor(trace.log_prob_sum(lambda _, site: not site["is_observed"]))
    return values, None if log_density is None else log_density.detach()
