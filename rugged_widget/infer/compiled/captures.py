"""Keep what was captured of a fit for the next fits that compute the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from rugged_widget.infer.compiled.captured_function import Picture
from rugged_widget.infer.compiled.jax.background_compile import BackgroundCompile
from rugged_widget.infer.compiled.lasting import Lasting, Signature
from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.optimizer.update_rules import Rule
from rugged_widget.infer.compiled.program import Program
from rugged_widget.infer.compiled.stepping.random_prefetch import Noise
from rugged_widget.infer.compiled.torchscript_engine import GraphEngine
from rugged_widget.infer.step.pyro_step import PlainStep


@dataclass(frozen=True, eq=False)
class CapturedStep:
    """A step as it was captured: whatever state it is given, it computes what one of Pyro's steps would.

    Attributes
    ----------
    program, noise, engine
        What to run, the random numbers that it needs, and what runs it.
    constants
        Tensors that it was captured with, such as the data, with how often each had been written into by then.
    form, rule, sizes, lasting, buffers
        What the step was called with but for a batch's tensors, which are inputs; the rule of its optimizer, the shapes
        of its parameters, those and the types of the tensors that it changes beside them, and the buffers of model and
        guide that it leaves alone.
    """

    program: Program
    noise: Noise
    engine: GraphEngine
    constants: Sequence[tuple[torch.Tensor, int]]
    form: Hashable
    rule: Rule
    sizes: Sequence[torch.Size]
    lasting: Sequence[Signature]
    buffers: Sequence[torch.Tensor]

    def is_of(self, step: PlainStep, link: Link) -> bool:
        """Return whether another step would be captured as this one was, given that model and guide are alike."""
        unchanged = all(constant._version == version for constant, version in self.constants)
        buffers = buffers_of(step, link.lasting)
        alike = len(buffers) == len(self.buffers) and all(map(torch.equal, self.buffers, buffers))
        return (
            self.form == step.call.form
            and unchanged
            and alike
            and self.rule == link.rule
            and list(self.sizes) == shapes(link)
            and list(self.lasting) == link.lasting.signature
        )


@dataclass(eq=False)
class Captures:
    """What was captured of fits whose models and guides compute the same from their parameters and arguments.

    A fit that is given those of another, as after a reset, captures nothing again; that saves half a second, and the
    megabytes that TorchScript never gives back. Whoever shares them vouches that the models are alike and the guides
    are of one family; arguments, optimizer, shapes and buffers are compared.

    Attributes
    ----------
    step, compilation
        The step, and what compiles or has compiled it with JAX.
    pictures
        The tensors of a snapshot, by what they were asked for.
    others
        Steps with batches of other forms than that of `step`, by their form.
    """

    step: CapturedStep | None = None
    compilation: BackgroundCompile | None = None
    pictures: dict[object, Picture] = field(default_factory=dict)
    others: dict[Hashable, CapturedStep] = field(default_factory=dict)

    def of(self, form: Hashable) -> CapturedStep | None:
        """Return the step that was captured for calls of a form."""
        return self.step if self.step is not None and self.step.form == form else self.others.get(form)

    def keep(self, step: CapturedStep) -> None:
        """Keep a step in place of the one before."""
        if step is not self.step:
            self.step, self.compilation = step, None

    def compile(self, step: CapturedStep) -> BackgroundCompile:
        """Return what compiles a step; it may have done so."""
        self.keep(step)
        self.compilation = self.compilation or BackgroundCompile(step.program)
        return self.compilation

    def forget(self) -> None:
        """Let go of everything, as where a step turned out to be another one's."""
        self.step = self.compilation = None
        self.pictures.clear()
        self.others.clear()


def buffers_of(step: PlainStep, lasting: Lasting) -> list[torch.Tensor]:
    """Return the buffers of model and guide that steps leave alone."""
    written = set(map(id, lasting.written))
    modules = [thing for thing in (step.model, step.guide) if isinstance(thing, nn.Module)]
    return [buffer for module in modules for buffer in module.buffers() if id(buffer) not in written]


def shapes(link: Link) -> list[torch.Size]:
    """Return the shapes of the parameters."""
    return [param.shape for param in link.params]
