"""Track which sites and parameters of a model a value was computed from."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import NoneType, TracebackType
from typing import Any, Self

import pyro
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
from torch.distributions import Distribution, Transform
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

OF_MODULE = "$$$"
"""What `pyro.module` puts between its own name of a network and a parameter's."""

_PLAIN = (torch.Tensor, bool, int, float, str, NoneType)

MAX_DEPTH = 6
"""How deep a distribution is searched for tensors: distributions in distributions, lists of transforms."""


class Tracking(Messenger):
    """Marks the value of each site and parameter with its name, so that what is computed from it is known.

    Only what a value depends on directly is known: the value of a site carries its own name and no other, and is the
    beginning of a gradient's way. Marks tell of values that have no gradient, as whole numbers have none; gradients of
    what loses its mark, in an assignment to a part of a tensor or in a parameter of a transform. Networks are called
    without marks, and what they return carries those of what they were given and the names of their parameters: so they
    run as they do in a step, and `pyro.module` never puts a marked tensor into one. An observation may be computed from
    sites, and a mask or a scale too: those count as what it depends on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[int, str] = {}
        self._kept: list[torch.Tensor] = []
        self._behind_observed: dict[str, frozenset[str]] = {}
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
        if isinstance(msg["value"], torch.Tensor) and not site_is_subsample(msg):
            if msg["is_observed"]:
                self._behind_observed[msg["name"]] = frozenset(get_provenance(msg["value"]))
            value = detach_provenance(msg["value"]).detach()
            if value.is_floating_point() and not msg["is_observed"]:
                start = value.requires_grad_()
                self._name(start, msg["name"])
                value = start.clone()  # a step's value may be written to in place, which a start may not
            msg["value"] = ProvenanceTensor(value, frozenset({msg["name"]}))

    def _pyro_post_param(self, msg: Any) -> None:
        if isinstance(msg["value"], torch.Tensor):
            value = detach_provenance(msg["value"])
            self._name(value, msg["name"])
            if msg["name"] in pyro.get_param_store():
                self._name(pyro.get_param_store()._params[msg["name"]], msg["name"])
            if OF_MODULE not in msg["name"]:
                msg["value"] = ProvenanceTensor(value, frozenset({msg["name"]}))

    def _name(self, tensor: torch.Tensor, name: str) -> None:
        self._kept.append(tensor)  # or its number may become that of another one
        self._names[id(tensor)] = name

    def _before(self, _module: nn.Module, inputs: Any) -> Any:
        bare, given = extract_provenance(inputs)
        self._given.append(frozenset(given))
        return bare

    def _after(self, module: nn.Module, _inputs: object, output: Any) -> Any:
        own = {self._names[id(one)] for one in module._parameters.values() if id(one) in self._names}
        names = self._given.pop() | own
        return track_provenance(output, names) if names else output

    def parents_of(self, site: Any) -> frozenset[str]:
        """Return the names that the distribution of a site of the trace depends on; its own may be among them."""
        tensors = [*_tensors_in(site["fn"], MAX_DEPTH), *_tensors_in([site["mask"], site["scale"]], 1)]
        if not _is_plain(site["fn"]):
            with suppress(Exception):  # of a distribution without a density what it holds is known all the same
                tensors.append(site["fn"].log_prob(site["value"]))
        marks = frozenset(get_provenance(tensors)) | self._behind_observed.get(site["name"], frozenset())
        return marks | frozenset(self._starts(map(detach_provenance, tensors)))

    def _starts(self, tensors: Iterable[Any]) -> Iterator[str]:
        """Yield the names of what tensors have gradients by."""
        waiting: list[Any] = []
        for tensor in tensors:
            if id(tensor) in self._names:
                yield self._names[id(tensor)]
            waiting.append(getattr(tensor, "grad_fn", None))
        seen: set[Any] = set()
        while waiting:
            node = waiting.pop()
            if node is not None and node not in seen:
                seen.add(node)
                start = id(getattr(node, "variable", None))
                if start in self._names:
                    yield self._names[start]
                waiting.extend(earlier for earlier, _ in node.next_functions)


def _is_plain(value: Any) -> bool:
    """Return whether all that a distribution depends on is tensors that it holds, or that one in it holds."""
    if isinstance(value, Distribution):
        return all(map(_is_plain, vars(value).values()))
    if isinstance(value, tuple):  # a shape
        return all(isinstance(one, int) for one in value)
    return isinstance(value, _PLAIN)


def _tensors_in(value: Any, depth: int) -> Iterator[torch.Tensor]:
    """Yield the tensors that a distribution, or a transform in it, holds."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors_in(one, depth - 1)
    elif depth and isinstance(value, (Distribution, Transform)):
        for one in vars(value).values():
            yield from _tensors_in(one, depth - 1)
