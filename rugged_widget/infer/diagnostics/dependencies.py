"""Track which sites and parameters of a model a value was computed from."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import torch
from pyro.ops.provenance import (
    ProvenanceTensor,
    detach_provenance,
    extract_provenance,
    get_provenance,
    track_provenance,
)
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import nn
from torch.distributions import Distribution
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

OF_MODULE = "$$$"
"""What `pyro.module` puts between its own name of a network and a parameter's."""

MAX_DEPTH = 6
"""How deep a distribution is searched for tensors: distributions in distributions, lists of transforms."""


class Tracking(Messenger):
    """Marks the value of each site and parameter with its name, so that what is computed from it is known.

    Only what a value depends on directly is known: the value of a site carries its own name and no other. Networks are
    called without marks, and what they return carries the marks of what they were given and the names of their
    parameters: so they run as they do in a step, and `pyro.module` never puts a marked tensor into one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[int, str] = {}
        self._given: list[frozenset[str]] = []
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        self._hooks = [register_module_forward_pre_hook(self._before), register_module_forward_hook(self._after)]
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        super().__exit__(kind, error, frames)

    def _pyro_post_sample(self, msg: Any) -> None:
        if not site_is_subsample(msg):
            msg["value"] = _marked(msg["value"], msg["name"])

    def _pyro_post_param(self, msg: Any) -> None:
        if isinstance(msg["value"], torch.Tensor):
            self._names[id(detach_provenance(msg["value"]))] = msg["name"]
            if OF_MODULE not in msg["name"]:
                msg["value"] = _marked(msg["value"], msg["name"])

    def _before(self, _module: nn.Module, inputs: Any) -> Any:
        bare, given = extract_provenance(inputs)
        self._given.append(frozenset(given))
        return bare

    def _after(self, module: nn.Module, _inputs: object, output: Any) -> Any:
        own = {self._names[id(one)] for one in module._parameters.values() if id(one) in self._names}
        names = self._given.pop() | own
        return track_provenance(output, names) if names else output


def _marked(value: Any, name: str) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return ProvenanceTensor(detach_provenance(value), frozenset({name}))


def parents_of(site: Any) -> frozenset[str]:
    """Return the names that the distribution of a site of a tracked trace depends on; its own may be among them."""
    try:
        names = get_provenance(site["fn"].log_prob(site["value"]))
    except Exception:  # a distribution without a density, or one that does not take marked tensors
        names = frozenset()
    return frozenset(names) | frozenset(_of_tensors(site["fn"], MAX_DEPTH))


def _of_tensors(value: Any, depth: int) -> Iterator[str]:
    """Yield the marks of the tensors that a distribution, or a transform in it, holds."""
    if isinstance(value, torch.Tensor):
        yield from get_provenance(value)
    elif depth and isinstance(value, (list, tuple)):
        for one in value:
            yield from _of_tensors(one, depth - 1)
    elif depth and isinstance(value, (Distribution, torch.distributions.Transform)):
        for one in vars(value).values():
            yield from _of_tensors(one, depth - 1)
