"""The engine that runs a program as a compiled JAX loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rugged_widget.infer.compiled.jax.translate import translated
from rugged_widget.infer.compiled.program import Program, State, UnsupportedError

if TYPE_CHECKING:
    from rugged_widget.infer.compiled.jax.xla_loop import Loop

MAX_INPUT_BYTES = 1 << 26
"""Memory for the inputs of one call, at most."""


class JaxEngine:
    """Runs a program, many steps a call. Making it takes some 10 ms, compiling it about a second, in any thread.

    The program has at least one input, all values on the CPU. One call takes up to `max_steps` >= 1 steps, fewer where
    their inputs would take more than 64 MB. UnsupportedError is raised without JAX, or where it has no counterpart of
    an operation.
    """

    name = "jax"

    def __init__(self, program: Program, max_steps: int = 4096) -> None:
        try:
            from rugged_widget.infer.compiled.jax.ops import COUNTERPARTS  # JAX is heavy, and an extra
        except ImportError as error:
            raise UnsupportedError('JAX is not installed: pip install "rugged_widget[fast]"') from error
        self._recipe = translated(program, COUNTERPARTS)
        row_bytes = sum(value.nbytes for value in program.inputs)
        self.max_steps = max(1, min(max_steps, MAX_INPUT_BYTES // max(row_bytes, 1)))
        self._inputs = [value.new_zeros((self.max_steps, *value.shape)) for value in program.inputs]
        self._example = [value.detach().numpy() for value in program.state]
        self._loop: Loop | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._recipe.calls)} operations, max_steps={self.max_steps})"

    def compile(self) -> None:
        """Compile, and take one step for nothing; touches neither torch nor Pyro, so that any thread may do it.

        UnsupportedError is raised where JAX computes an operation otherwise than torch.
        """
        self._compiled()

    def _compiled(self) -> Loop:
        if self._loop is None:
            from rugged_widget.infer.compiled.jax.xla_loop import Loop  # imports JAX

            loop = Loop(self._recipe, self.max_steps)
            loop(1, self._example, [rows.numpy() for rows in self._inputs])
            self._loop = loop
        return self._loop

    def run(self, state: State, inputs: Sequence[Tensor]) -> tuple[State, Tensor]:
        """Take as many steps as there are rows of inputs, as of `Engine.run`; compiles first where that is not done.

        The new state is of new memory. ValueError is raised for no rows, more than max_steps, or other shapes and types
        than the program's.
        """
        num_steps = len(inputs[0])
        if not 1 <= num_steps <= self.max_steps:
            raise ValueError(f"inputs must have 1 to {self.max_steps} rows, got {num_steps}")
        for rows, values in zip(self._inputs, inputs, strict=True):
            if values.shape != (num_steps, *rows.shape[1:]) or values.dtype != rows.dtype:
                shape = f"{rows.dtype} of shape {list(rows.shape[1:])}"
                raise ValueError(f"inputs must be {num_steps} rows of {shape}, got {values.dtype} {list(values.shape)}")
            rows[:num_steps] = values
        loop = self._compiled()
        results, losses = loop(num_steps, [value.numpy() for value in state], [rows.numpy() for rows in self._inputs])
        after = tuple(torch.from_numpy(np.array(value)) for value in results)  # copies: JAX's own cannot be written to
        return after, torch.from_numpy(np.asarray(losses)[:num_steps].copy())
