"""Capture Pyro's step piece by piece, so that the caller can do other work in between."""

import warnings
from collections.abc import Generator

import torch
from torch import fx

from rugged_widget.infer.compiled.capture.devices import refuse_graph_elsewhere
from rugged_widget.infer.compiled.capture.feasibility import tried, watch_of
from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.nodes import is_random
from rugged_widget.infer.compiled.capture.random_inputs import hoist, refuse_unused_draws
from rugged_widget.infer.compiled.capture.shapes_by_value import refuse_shapes_by_value
from rugged_widget.infer.compiled.capture.simplify import simplify_in_pieces
from rugged_widget.infer.compiled.capture.trace import capture
from rugged_widget.infer.compiled.captures import CapturedStep, buffers_of, shapes
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.schedule import Schedule
from rugged_widget.infer.compiled.program import Program, State, UnsupportedError
from rugged_widget.infer.compiled.stepping.captured_step import Compiled
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.torchscript_engine import GraphEngine
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.loss import uncompiled
from rugged_widget.infer.step.pyro_step import PlainStep

NO_NUMBER = "a number in the batches changes from step to step, and the model cannot take a tensor in its place"
"""Why steps with such batches are not captured; the exception before tells what stood in the way."""


def build(
    step: PlainStep, before: CapturedStep | None = None, most: int | None = None
) -> Generator[None, None, tuple[Compiled, CapturedStep]]:
    """Capture a step that is about to be taken; each `next` does some 0.1 s of it, inside the fit's isolation.

    Random numbers are given back. The result is the step, run by the graph engine, and what was captured of it: that of
    a fit `before`, with the same model and family of guide, where it is of this step too. NotYetError is raised where
    the next step is not like those after it, UnsupportedError where the step cannot be captured, TooLongError where the
    loss has more operations than `most`; whatever model and guide raise is raised too.
    """
    pieces = _build(step, before, most)
    while True:
        generators = Generators.copied()
        try:
            next(pieces)
        except StopIteration as done:
            result: tuple[Compiled, CapturedStep] = done.value
            return result
        finally:
            generators.rewind()
        yield


def _build(
    step: PlainStep, before: CapturedStep | None, most: int | None
) -> Generator[None, None, tuple[Compiled, CapturedStep]]:
    link = Link(step.optim, *tried(step, most))
    state, _ = link.read()
    if before is not None and before.is_of(step, link):
        return _running(step, link, before), before
    yield
    graph = _captured(step, link, state)
    refuse_graph_elsewhere(graph)
    attributes = (getattr(graph, str(node.target)) for node in graph.graph.find_nodes(op="get_attr"))
    constants = [value for value in attributes if isinstance(value, torch.Tensor)]
    yield
    rates = tuple(state[0].new_ones(()) for _ in range(link.rule.num_rates))
    given = (*rates, *step.call.tensors)
    refuse_shapes_by_value(graph, (*state, *given), len(state) + len(rates))
    yield
    body, prelude = hoist(graph, (*state, *given))
    noise = Noise(prelude, inside=any(map(is_random, body.graph.nodes)))
    inputs = (*given, *noise.example)
    yield
    graph = functional(body, (*state, *inputs))
    yield
    yield from simplify_in_pieces(graph, (*state, *inputs))
    refuse_unused_draws(graph)
    program = Program(graph, state, inputs)
    engine = yield from GraphEngine.in_pieces(program)
    captured = CapturedStep(
        program=program,
        noise=noise,
        engine=engine,
        constants=[(constant, constant._version) for constant in constants],
        form=step.call.form,
        rule=link.rule,
        sizes=shapes(link),
        lasting=link.lasting.signature,
        buffers=buffers_of(step, link.lasting),
    )
    return _running(step, link, captured), captured


def _running(step: PlainStep, link: Link, captured: CapturedStep) -> Compiled:
    constants = [constant for constant, _ in captured.constants]
    optimizer = step.optimizer
    schedule = Schedule(optimizer, link.params, link.rule) if optimizer.scheduled else None
    return Compiled(
        link, captured.noise, captured.engine, constants, watch_of(step, link.lasting), captured.form, schedule
    )


def _captured(step: PlainStep, link: Link, state: State) -> fx.GraphModule:
    elbo, call = uncompiled(step.elbo), step.call
    step.call = call.opened or call
    try:
        with warnings.catch_warnings():
            if call.opened is not None:  # torch.tensor of a tensor warns, and the model was given a number
                warnings.simplefilter("ignore")
            with link.lasting.undone():
                return capture(lambda: step.loss(elbo), link.params, link.rule, state, call.tensors, link.lasting)
    except UnsupportedError as error:
        if not call.numbers:
            raise
        raise UnsupportedError(NO_NUMBER) from error
    finally:
        step.call = call
