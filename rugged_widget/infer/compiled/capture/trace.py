"""Trace a whole SVI step (loss, gradients, optimizer) into one graph of tensor operations."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pyro
import torch
from torch import fx
from torch.overrides import TorchFunctionMode

from rugged_widget.infer.compiled.capture.recorder import LOOKED_AT, current_recorder, record
from rugged_widget.infer.compiled.lasting import Lasting
from rugged_widget.infer.compiled.optimizer.update_rules import Rule
from rugged_widget.infer.compiled.program import State, UnsupportedError, message_of

aten = torch.ops.aten
_CHECK = aten._linalg_check_errors.default


def capture(
    loss: Callable[[], torch.Tensor],
    params: Sequence[torch.Tensor],
    rule: Rule,
    state: State,
    batch: Sequence[torch.Tensor] = (),
    lasting: Lasting | None = None,
) -> fx.GraphModule:
    """Trace one step as it would be taken now; random numbers and what it writes into are not given back.

    The step is traced with the real leaf tensors, wherever model and guide keep them: putting others in their place
    would miss references that modules hold. In the finished graph(*state, *rates, *batch) -> (loss, *state) the leaves
    are replaced by parts of its first input; it draws random numbers where the model does. UnsupportedError is raised
    where the step depends on values in a way that a graph of tensors cannot follow. The lasting tensors are parts of
    the state in the same way.

    Parameters
    ----------
    loss
        Computes the differentiable loss from the parameters, shape ().
    params
        The leaves to differentiate by, all of one dtype on the CPU.
    state
        An example: the parameters flat, then the moments of the rule, vectors of one length, then the lasting tensors.
    batch
        An example of the tensors that other steps have others in place of; the loss is computed from these very ones.
    lasting
        The tensors beside the parameters that steps change.
    """
    lasting = lasting or Lasting()
    before, num_vectors = lasting.tensors, 1 + len(rule.moments)
    sizes = [param.numel() for param in params]
    rates = [state[0].new_ones(()) for _ in range(rule.num_rates)]

    def step(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flat, *moments = values[:num_vectors]
        parts = [part.view(param.shape) for part, param in zip(torch.split(flat, sizes), params, strict=True)]
        with pyro.validation_enabled(False), torch.enable_grad(), Capturing([*params, *before]):
            value = loss()
            grads = torch.autograd.grad(value, params)
        flat_grads = torch.cat([grad.reshape(-1) for grad in grads])
        given = values[len(state) : len(state) + len(rates)]
        updated = rule.update(flat, flat_grads, tuple(moments), given)
        return value.detach().reshape(()), *updated, *lasting.tensors, *parts

    try:
        with _without_mkldnn():
            traced = record(step, (*state, *rates, *batch), [*params, *before])
    except UnsupportedError:
        raise
    except Exception as error:
        raise UnsupportedError(f"the step could not be captured: {message_of(error)}") from error
    for place, tensor in enumerate(before, num_vectors):
        _begin_with_input(traced, tensor, place)
    return _rewired(traced, params)


class _Never:
    """Stands for a tensor of which nothing is true, as checks of values ask for."""

    def any(self) -> bool:
        return False


class Capturing(TorchFunctionMode):
    """Refuses to give values away as numbers, which the graph would not see change.

    It also answers the questions that Pyro and torch ask about values as the real steps before the capture did. Each
    would end the capture, because a graph cannot branch: arguments that are validated, losses that are turned into
    numbers and looked at, and the branch on zeros in Pyro's sum over enumerated sites, where torch.jit takes the same.
    """

    def __init__(self, params: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._params = {id(param) for param in params}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch._is_all_true:
            return True
        if func in _AS_NUMBERS:
            return self._number(func, args, kwargs or {})
        if func in _FROM_NUMBERS and any(self._depends(tensor) for tensor in _inside_lists(args)):
            raise UnsupportedError(LOOKED_AT)
        asking = _ASKED.get(func)
        if asking is not None and _caller() == asking[0]:
            return asking[1]
        return func(*args, **(kwargs or {}))

    def _number(self, func: Any, args: Any, kwargs: Any) -> Any:
        if not self._depends(args[0]):
            return func(*args, **kwargs)
        if func is torch.Tensor.item:  # Pyro calls it for losses, which it goes on to add up
            return args[0].detach()
        raise UnsupportedError(LOOKED_AT)

    def _depends(self, tensor: torch.Tensor) -> bool:
        recorder = current_recorder()
        return id(tensor) in self._params if recorder is None else recorder.depends(tensor)


_FROM_NUMBERS = {torch.tensor, torch.as_tensor, torch.Tensor.new_tensor}
"""Functions that read the values of tensors inside a list without calling an operation."""

_AS_NUMBERS = {
    getattr(torch.Tensor, name)
    for name in ("item", "numpy", "tolist", "__array__", "__float__", "__int__", "__bool__", "__index__", "__complex__")
}
_ASKED: dict[Any, tuple[str, Any]] = {
    torch.Tensor.register_hook: ("pyro.util", None),
    torch.isnan: ("pyro.util", _Never()),
    torch.isinf: ("pyro.util", _Never()),
    torch.Tensor.all: ("pyro.infer.util", False),
}


def _inside_lists(args: Sequence[Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that are in lists and tuples among arguments, which may be nested."""
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from (part for part in arg if isinstance(part, torch.Tensor))
            yield from _inside_lists(arg)


def _caller() -> str:
    """Name the module that called a function of torch's, outside torch and modes of functions such as this one."""
    frame = sys._getframe(2)
    while frame.f_back and _is_between(frame):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def _is_between(frame: FrameType) -> bool:
    in_torch = str(frame.f_globals.get("__name__")).split(".")[0] == "torch"
    return in_torch or frame.f_code.co_name == "__torch_function__"


@contextmanager
def _without_mkldnn() -> Iterator[None]:
    """Let torch do without oneDNN, whose recurrent networks keep memory that only the tensors of a real step have.

    `torch.backends.mkldnn.flags` would do it, with a warning about graphics processors.
    """
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def _rewired(traced: fx.GraphModule, params: Sequence[torch.Tensor]) -> fx.GraphModule:
    """Replace the leaves by the parts of the first input, which are the last outputs; those go."""
    graph = traced.graph
    output = graph.output_node()
    outputs: Any = output.args[0]
    parts, output.args = outputs[-len(params) :], (tuple(outputs[: -len(params)]),)
    _hoist(graph, parts)
    _replace(traced, params, parts, "a parameter")
    _let_errors_show(graph)
    graph.lint()
    traced.recompile()
    return traced


def _begin_with_input(traced: fx.GraphModule, tensor: torch.Tensor, place: int) -> None:
    """Replace a tensor that steps write into by a copy of an input, so that they write into none of the inputs."""
    graph = traced.graph
    placeholder = graph.find_nodes(op="placeholder")[place]
    last = graph.find_nodes(op="placeholder")[-1]
    with graph.inserting_after(last):
        copied = graph.call_function(aten.clone.default, (placeholder,))
    _replace(traced, [tensor], [copied], "a tensor that it writes into")


def _replace(traced: fx.GraphModule, tensors: Sequence[torch.Tensor], nodes: Sequence[fx.Node], whole: str) -> None:
    """Replace tensors that a graph holds by nodes; one that is a part of such a tensor, a `whole`, is refused."""
    for held in list(traced.graph.find_nodes(op="get_attr")):
        value = getattr(traced, str(held.target))
        if not isinstance(value, torch.Tensor):
            continue
        node = next((node for tensor, node in zip(tensors, nodes, strict=True) if _same_memory(tensor, value)), None)
        if node is not None:
            held.replace_all_uses_with(node)
            traced.graph.erase_node(held)
        elif value.numel() and any(_same_storage(tensor, value) for tensor in tensors):
            raise UnsupportedError(f"the model holds a part of {whole} as a tensor of its own")


def _let_errors_show(graph: fx.Graph) -> None:
    """Make the loss NaN where a factorization fails: what raises has no result, and no graph would keep it."""
    output = graph.output_node()
    for node in graph.find_nodes(op="call_function", target=_CHECK):
        outputs: Any = output.args[0]
        loss, *rest = outputs
        with graph.inserting_before(output):
            failed = graph.call_function(aten.any.default, (graph.call_function(aten.ne.Scalar, (node.args[0], 0)),))
            loss = graph.call_function(aten.where.ScalarSelf, (failed, math.nan, loss))
        output.args = ((loss, *rest),)
        graph.erase_node(node)


def _same_memory(one: torch.Tensor, other: torch.Tensor) -> bool:
    same_place = one.data_ptr() == other.data_ptr() and one.dtype == other.dtype
    return same_place and one.shape == other.shape and one.stride() == other.stride()


def _same_storage(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _hoist(graph: fx.Graph, nodes: Sequence[fx.Node]) -> None:
    """Move nodes, and what they need, to right behind the inputs."""
    last = graph.find_nodes(op="placeholder")[-1]
    done: set[fx.Node] = set()

    def move(node: fx.Node) -> None:
        nonlocal last
        if node.op == "placeholder" or node in done:
            return
        for source in node.all_input_nodes:
            move(source)
        last.append(node)
        last = node
        done.add(node)

    for node in nodes:
        move(node)
