"""Capture Pyro's step piece by piece, so that the caller can do other work in between."""

import copy
from collections.abc import Generator

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.feasibility import params_of, watch_of
from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.random_inputs import hoist
from rugged_widget.infer.compiled.capture.simplify import simplify
from rugged_widget.infer.compiled.capture.trace import capture
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.program import Program, State
from rugged_widget.infer.compiled.stepping.captured_step import Compiled
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.torchscript_engine import GraphEngine
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.pyro_step import PlainStep


def build(step: PlainStep) -> Generator[None, None, tuple[Compiled, Program]]:
    """Capture a step that is about to be taken; each `next` does some 0.1 s of it, inside the fit's isolation.

    Random numbers are given back. The result is the captured step, run by the graph engine, and the program it runs.
    NotYetError is raised where the next step is not like those after it, UnsupportedError where the step cannot be
    captured; whatever model and guide raise is raised too.
    """
    params = params_of(step)
    link = Link(step.optim, params)
    state, _ = link.read()
    yield
    graph = _captured(step, link, state)
    attributes = (getattr(graph, str(node.target)) for node in graph.graph.find_nodes(op="get_attr"))
    constants = [value for value in attributes if isinstance(value, torch.Tensor)]
    yield
    rates = tuple(state[0].new_ones(()) for _ in range(link.rule.num_rates))
    body, prelude = hoist(graph, (*state, *rates))
    noise = Noise(prelude)
    inputs = (*rates, *noise.example)
    graph = functional(body, (*state, *inputs))
    yield
    simplify(graph, (*state, *inputs))
    yield
    program = Program(graph, state, inputs)
    return Compiled(link, noise, GraphEngine(program), constants, watch_of(step)), program


def _captured(step: PlainStep, link: Link, state: State) -> fx.GraphModule:
    generators, elbo = Generators.copied(), copy.copy(step.elbo)
    try:
        return capture(lambda: step.loss(elbo), link.params, link.rule, state)
    finally:
        generators.rewind()
