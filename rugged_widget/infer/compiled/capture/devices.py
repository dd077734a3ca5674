"""Refuse steps that compute elsewhere than on the CPU: their random numbers and constants are not held in a graph."""

import torch
from pyro import get_param_store
from torch import fx

from rugged_widget.infer.compiled.program import UnsupportedError


def refuse_parameters_elsewhere() -> None:
    """Raise UnsupportedError where a parameter of the store is not on the CPU."""
    for name, param in get_param_store().named_parameters():
        if param.device.type != "cpu":
            raise UnsupportedError(_sentence(f"the parameter {name!r} is", param.device))


def refuse_graph_elsewhere(graph: fx.GraphModule) -> None:
    """Raise UnsupportedError where a captured step reads a tensor, or makes one, that is not on the CPU."""
    for node in graph.graph.nodes:
        held = getattr(graph, str(node.target)) if node.op == "get_attr" else None
        device = held.device if isinstance(held, torch.Tensor) else node.kwargs.get("device")
        if device is not None and torch.device(device).type != "cpu":
            raise UnsupportedError(_sentence("the model has tensors", torch.device(device)))


def _sentence(what: str, device: torch.device) -> str:
    return f"{what} on {device}, and only steps on the CPU are captured"
