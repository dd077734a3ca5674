"""Note facts of the first step that a fit takes: its sites, their plates and scales, and what does not train."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import torch
from pyro import get_param_store
from torch import nn

from rugged_widget.infer.step.contents import reached

BASELINE = "__baseline_avg_downstream_cost_"
"""What the names begin with of the running means that TraceGraph_ELBO keeps among the parameters."""

MAX_NODES = 100_000
"""Nodes of the graph of gradients that are looked at."""


class Plate(NamedTuple):
    """A plate that a site is in: its name, the elements that the step looked at, and all of them."""

    name: str
    looked_at: int
    size: int


class SiteFacts(NamedTuple):
    """A sample site as guide or model ran it once.

    `scale` is what its log probability was multiplied by, the mean of several; `shape` that of its value.
    """

    name: str
    is_observed: bool
    is_point: bool
    plates: tuple[Plate, ...]
    scale: float
    shape: tuple[int, ...]


class FirstStep(NamedTuple):
    """What the first step showed.

    Attributes
    ----------
    sites
        Every run of a sample site in the order of execution: those of the guide, then those of the model.
    without_gradient
        Names of parameters that the step asked for and that had no gradient.
    unregistered
        Shapes of tensors that require a gradient and are no parameters of the fit.
    """

    sites: tuple[SiteFacts, ...]
    without_gradient: tuple[str, ...]
    unregistered: tuple[tuple[int, ...], ...]


def first_step(
    messages: Collection[Any],
    gradients: Iterable[tuple[torch.Tensor, torch.Tensor | None]],
    functions: Collection[object] = (),
) -> FirstStep:
    """Return the facts of a step, given Pyro's messages of it, and each parameter with its gradient.

    Parameters in the store that the step did not ask for are another model's; those that a handler hides from it are
    held as they are on purpose. `functions` are model and guide: a tensor that is no module's parameter, and that they
    do not lead to, was made by the step for gradients of its own.
    """
    known = [param for param, gradient in gradients if gradient is not None]
    params = list(get_param_store().named_parameters())
    asked = {message["name"] for message in messages if message["type"] == "param"}
    asked = {name for name in asked if not name.startswith(BASELINE)}
    missing = tuple(
        name for name, param in params if name in asked and param.requires_grad and not _holds(known, param)
    )
    sites = tuple(_facts(message) for message in messages if _counts(message))
    return FirstStep(sites, missing, _unregistered(messages, [param for _, param in params], functions))


def _counts(message: Any) -> bool:
    return message["type"] == "sample" and type(message["fn"]).__name__ != "_Subsample"


def _facts(message: Any) -> SiteFacts:
    plates = tuple(
        Plate(frame.name, int(frame.size), int(frame.size if frame.full_size is None else frame.full_size))
        for frame in message["cond_indep_stack"]
        if frame.vectorized and frame.size > 0
    )
    observed = message["is_observed"] and not message["infer"].get("_deterministic")
    distribution = message["fn"]
    while hasattr(distribution, "base_dist"):
        distribution = distribution.base_dist
    is_point = type(distribution).__name__ in {"Delta", "Unit"}
    scale = message["scale"]
    scale = float(scale.detach().cpu().double().mean()) if isinstance(scale, torch.Tensor) else float(scale)
    shape = tuple(map(int, getattr(message["value"], "shape", ())))
    return SiteFacts(str(message["name"]), bool(observed), is_point, plates, scale, shape)


def _unregistered(
    messages: Collection[Any], params: Collection[torch.Tensor], functions: Collection[object]
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the tensors at the ends of the graph of gradients that are no parameters.

    Only samples count: a parameter is registered, and a PyroModule that makes one in its first run replaces the tensor
    behind it afterwards.
    """
    roots = [tensor for message in messages if message["type"] == "sample" for tensor in _tensors_of(message)]
    ends = [tensor for tensor in roots if tensor.is_leaf and tensor.requires_grad]
    waiting, seen = [tensor.grad_fn for tensor in roots if tensor.grad_fn is not None], set[Any]()
    while waiting and len(seen) < MAX_NODES:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(end := getattr(node, "variable", None), torch.Tensor):
            ends.append(end)
        waiting += [following for following, _ in node.next_functions if following is not None]
    foreign: list[torch.Tensor] = []
    for end in ends:
        if not (_holds(params, end) or _holds(foreign, end)):
            foreign.append(end)
    if not all(isinstance(end, nn.Parameter) for end in foreign):
        _, lasting = reached(functions)
        foreign = [end for end in foreign if isinstance(end, nn.Parameter) or _holds(lasting, end)]
    return tuple(tuple(end.shape) for end in foreign)


def _tensors_of(message: Any) -> list[torch.Tensor]:
    distribution, tensors = message["fn"], [message["value"]]
    while distribution is not None:
        tensors += getattr(distribution, "__dict__", {}).values()
        distribution = getattr(distribution, "base_dist", None)
    return [tensor for tensor in tensors if isinstance(tensor, torch.Tensor)]


def _holds(tensors: Iterable[torch.Tensor], tensor: torch.Tensor) -> bool:
    return any(held is tensor for held in tensors)
