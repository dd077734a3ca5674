"""Draw from a guide that can be called only while the values of its discrete latents are enumerated."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import torch
from pyro import poutine
from pyro.distributions import Categorical
from pyro.poutine.runtime import apply_stack
from pyro.poutine.util import site_is_subsample
from torch.overrides import TorchFunctionMode

from rugged_widget.errors import CannotDrawError
from rugged_widget.infer.step.elbo_traces import plate_dims
from rugged_widget.infer.step.with_gradients import called_with_gradients

_OF_ENUMERATION: Final = frozenset({"_enumerate_dim", "_dim_to_id"})
"""Entries of a site's `infer` that belong to enumerated values."""


class _DataOfMany(TorchFunctionMode):
    """Lets `data` be asked of a tensor that stands for many draws, which vmap refuses.

    Pyro's EnumMessenger asks it for the shape of each value. It can go once that takes the shape of the value itself.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func == _DATA:  # a new object each time
            return args[0].detach()
        return func(*args, **(kwargs or {}))


_DATA: Final[Any] = torch.Tensor.data.__get__  # type: ignore[attr-defined] # a descriptor, seen from the class


def ways_to_call(guide: Callable[..., Any], loss: object) -> Iterator[Callable[..., Any]]:
    """Yield in which ways draws of a guide may be had by calling it: by itself, and as an ELBO that enumerates does.

    Each is there once more for a guide that computes gradients itself.
    """
    ways: list[Callable[..., Any]] = [guide]
    dims = plate_dims(loss)
    if dims is not None:
        ways.append(partial(draw_enumerated, guide, dims))
    for way in ways:
        yield way
        yield partial(called_with_gradients, way)


def draw_enumerated(guide: Callable[..., Any], num_plate_dims: int, /, *args: Any, **kwargs: Any) -> None:
    """Call a guide with its discrete latents enumerated, and draw one of all the combinations of their values.

    Handlers around it, such as a trace, see the sites with the values that were drawn, of the shapes that they have
    without enumeration, and with the log probabilities of those, scaled and masked. The latents are marked to be
    enumerated in parallel, to the left of the `num_plate_dims` >= 0 dimensions that plates take up. CannotDrawError is
    raised where a latent stands for a few draws that depend on those of another one.
    """
    enumerated = poutine.enum(guide, first_available_dim=-1 - num_plate_dims)
    with poutine.block(hide_fn=_is_drawn), _DataOfMany():
        trace: Any = poutine.trace(enumerated).get_trace(*args, **kwargs)
    trace.compute_log_prob(lambda _, site: _is_drawn(site))
    picks = _Picks(num_plate_dims)
    for site in trace.nodes.values():
        if _is_drawn(site):
            _show(site, *picks.draw(site))


def _is_drawn(site: Any) -> bool:
    return site["type"] == "sample" and not site_is_subsample(site)


def _show(site: Mapping[str, Any], value: Any, log_prob: Any) -> None:
    """Let the handlers outside see a site with this value and log probability."""
    infer = {key: value for key, value in site["infer"].items() if key not in _OF_ENUMERATION}
    changed = {"value": value, "log_prob": log_prob, "log_prob_sum": log_prob.sum(), "infer": infer}
    message: Any = {**site, **changed, "done": True, "stop": False, "continuation": None}
    apply_stack(message)


class _Picks:
    """Which of the enumerated values of each latent were drawn so far, for each element of the plates.

    A later latent may take the dimension of one that nothing depends on any more, as those of a Markov chain do.
    """

    def __init__(self, num_plate_dims: int) -> None:
        self._num_plate_dims = num_plate_dims
        self._indices: dict[int, torch.Tensor] = {}

    def draw(self, site: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one value of a site, given those drawn before; return it with its log probability."""
        dim, event_dim = site["infer"].get("_enumerate_dim"), site["fn"].event_dim
        if dim is not None:
            self._indices.pop(dim, None)
            self._indices[dim] = Categorical(logits=self._logits(site, dim)).sample()
        num_dims = max([-frame.dim for frame in site["cond_indep_stack"] if frame.vectorized], default=0)
        return (
            _without_leading(self._of_drawn(site["value"], event_dim), num_dims + event_dim),
            _without_leading(self._of_drawn(site["log_prob"], 0), num_dims),
        )

    def _logits(self, site: Mapping[str, Any], dim: int) -> torch.Tensor:
        """Return how probable each enumerated value is, the values in the last dimension."""
        log_prob = self._of_drawn(site["fn"].log_prob(site["value"]), 0, every=dim)
        if site["infer"].get("num_samples") is None:
            return log_prob.movedim(0, -1)
        if not site["infer"].get("expand"):
            raise CannotDrawError(f"The guide cannot be drawn from: the draws of {site['name']!r} belong to others.")
        return torch.zeros_like(log_prob.movedim(0, -1))  # they were drawn, so that each counts the same

    def _of_drawn(self, tensor: torch.Tensor, event_dim: int, every: int | None = None) -> torch.Tensor:
        """Return the part of a tensor that belongs to the values drawn, or to each one in front where it is `every`."""
        num_dims = tensor.dim() - event_dim
        indices = []
        for dim in range(-num_dims, 0):
            size = tensor.shape[dim - event_dim]
            if dim == every:
                indices.append(torch.arange(size, device=tensor.device).reshape(size, *[1] * self._num_plate_dims))
            elif size > 1 and dim in self._indices:
                indices.append(self._indices[dim])
            else:
                indices.append(torch.arange(size, device=tensor.device).reshape(size, *[1] * (-1 - dim)))
        return tensor[tuple(indices)] if indices else tensor


def _without_leading(tensor: torch.Tensor, num_dims: int) -> torch.Tensor:
    """Leave out leading dimensions of size 1 as long as there are more than so many."""
    while tensor.dim() > num_dims and tensor.shape[0] == 1:
        tensor = tensor[0]
    return tensor
