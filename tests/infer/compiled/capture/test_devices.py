"""A step that computes elsewhere than on the CPU is not captured."""

from __future__ import annotations

import pyro
import pytest
import torch
from torch import fx

from rugged_widget.infer.compiled.capture.devices import refuse_graph_elsewhere, refuse_parameters_elsewhere
from rugged_widget.infer.compiled.program import UnsupportedError


def test_a_parameter_elsewhere_is_named() -> None:
    pyro.param("here", torch.zeros(2))
    refuse_parameters_elsewhere()
    pyro.param("there", torch.zeros(2, device="meta"))
    with pytest.raises(UnsupportedError, match="the parameter 'there' is on meta, and only steps on the CPU"):
        refuse_parameters_elsewhere()


@pytest.mark.parametrize("held", [True, False])
def test_a_graph_that_reads_or_makes_a_tensor_elsewhere_is_refused(held: bool) -> None:
    graph, root = fx.Graph(), torch.nn.Module()
    value = graph.placeholder("value")
    root.register_buffer("constant", torch.zeros(2, device="meta" if held else "cpu"))
    constant = graph.get_attr("constant")
    graph.output(graph.call_function(torch.ops.aten.add.Tensor, (value, constant)))
    made = fx.GraphModule(root, graph)
    if not held:
        refuse_graph_elsewhere(made)
        with graph.inserting_after(constant):
            graph.call_function(torch.ops.aten.zeros.default, ([2],), {"device": "meta"})
    with pytest.raises(UnsupportedError, match="the model has tensors on meta"):
        refuse_graph_elsewhere(made)
