"""Record the tensor operations of a function as a graph.

`torch.fx.experimental.proxy_tensor.make_fx` does the same, and for each operation it also computes shapes on fake
tensors and reads the stack of Python, which takes 1 to 2 ms; nothing here needs either.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import fx, nn
from torch.fx._lazy_graph_module import _LazyGraphModule
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _get_current_dispatch_mode,
    autograd_would_have_decomposed,
)
from torch.utils.weak import WeakTensorKeyDictionary

from rugged_widget.infer.compiled.capture.batch_norm import WRITTEN_OUT
from rugged_widget.infer.compiled.capture.nodes import is_mutable, is_random, readers
from rugged_widget.infer.compiled.program import UnsupportedError

aten = torch.ops.aten

LOOKED_AT = "Python looks at the value of a tensor, and a graph has only its shape"

_METADATA = {
    aten.size.default,
    aten.sym_size.int,
    aten.stride.default,
    aten.storage_offset.default,
    aten.is_same_size.default,
}
_READING = {aten.is_nonzero.default, aten._local_scalar_dense.default, aten.equal.default, aten.allclose.default}


class Recorder(TorchDispatchMode):
    """Records the operations on tensors that are called while it is entered.

    Tensors that no operation has made are attributes of the graph: they are constants, or parameters. UnsupportedError
    is raised where a value becomes a number of Python's that depends on an input, a random number, or one of `learned`.

    Parameters
    ----------
    learned
        Tensors outside the graph that change from one run of it to the next.
    """

    def __init__(self, learned: Sequence[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.root = fx.Graph(), nn.Module()
        self._learned = {id(tensor) for tensor in learned}
        self._nodes: Any = WeakTensorKeyDictionary()
        self._count = 0

    def placeholder(self, name: str, value: torch.Tensor) -> None:
        """Let a tensor be an input of the graph."""
        self._nodes[value] = self.graph.placeholder(name)

    def finished(self, outputs: Any) -> fx.GraphModule:
        """Return the graph of what was recorded, given the tensors that it returns."""
        self.graph.output(map_aggregate(outputs, self._node_of))
        return module_of(self.root, self.graph)

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _METADATA:
            return func(*args, **kwargs)
        if _is_composite(func) and autograd_would_have_decomposed(func, (*args, *kwargs.values())):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if func in WRITTEN_OUT:
            with self:
                result = WRITTEN_OUT[func](*args)
            if result is not NotImplemented:
                return result
        if _is_read(func):
            if any(self.depends(value) for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)):
                raise UnsupportedError(LOOKED_AT)
            return func(*args, **kwargs)
        if func is aten.lift_fresh.default:  # the tensor is kept as a constant, and its copy may be written into
            func = aten.lift_fresh_copy.default
        operands, keywords = map_aggregate(args, self._node_of), map_aggregate(kwargs, self._node_of)
        result = func(*args, **kwargs)
        self._note(result, self.graph.call_function(func, operands, keywords))
        return result

    def depends(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is learned, or comes of what is, of an input or of random numbers."""
        node = self._nodes.get(tensor)
        return id(tensor) in self._learned if node is None else self._is_dependent(node)

    def _is_dependent(self, node: fx.Node) -> bool:
        """Look up the graph, through memory that views share too: whatever was written into it counts."""
        seen, waiting = set[fx.Node](), [node]
        while waiting:
            present = waiting.pop()
            if present in seen:
                continue
            seen.add(present)
            learned = present.op == "get_attr" and id(getattr(self.root, str(present.target))) in self._learned
            if learned or present.op == "placeholder" or is_random(present):
                return True
            waiting += present.all_input_nodes
            waiting += [user for user in readers(present) if is_mutable(user)]
        return False

    def _note(self, result: Any, node: fx.Node) -> None:
        if isinstance(result, torch.Tensor):
            self._nodes[result] = node
        elif isinstance(result, (tuple, list)):
            for i, part in enumerate(result):
                if isinstance(part, (torch.Tensor, tuple, list)):
                    self._note(part, self.graph.call_function(operator.getitem, (node, i)))

    def _node_of(self, value: Any) -> Any:
        """Return the node of a tensor, an attribute for what is none yet; other arguments stand for themselves."""
        if isinstance(value, torch.Tensor):
            node = self._nodes.get(value)
            if node is None:
                node = self._nodes[value] = self._attribute("_tensor_constant", value)
            return node
        if isinstance(value, torch.Generator):
            return self._attribute("_generator", value)
        return value

    def _attribute(self, name: str, value: Any) -> fx.Node:
        name = f"{name}{self._count}"
        self._count += 1
        setattr(self.root, name, value)
        return self.graph.get_attr(name)


def record(
    function: Callable[..., Any], example: Sequence[torch.Tensor], learned: Sequence[torch.Tensor] = ()
) -> fx.GraphModule:
    """Return the graph of a function of tensors: it is called once, with the example itself.

    What is random in it draws random numbers, which are not given back. UnsupportedError is raised as by `Recorder`.
    """
    recorder = Recorder(learned)
    for i, value in enumerate(example):
        recorder.placeholder(f"input_{i}", value)
    with recorder:
        outputs = function(*example)
    return recorder.finished(outputs)


def current_recorder() -> Recorder | None:
    """Return the recorder that is entered, None where none is."""
    mode = _get_current_dispatch_mode()
    return mode if isinstance(mode, Recorder) else None


def module_of(root: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    """Return a graph with the attributes of a module, compiled to Python when it is first called, if ever."""
    return _LazyGraphModule(root, graph)


@cache
def _is_composite(func: Any) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"))


@cache
def _is_read(func: Any) -> bool:
    return func in _READING or torch.Tag.data_dependent_output in func.tags
