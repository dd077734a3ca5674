"""Verify a captured step: take Pyro's own from the same state with the same random numbers, and compare."""

import time

import numpy as np
import torch

from rugged_widget.infer.compiled.program import State
from rugged_widget.infer.compiled.stepping.captured_step import Array, Compiled
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.pyro_step import PlainStep

TOLERANCE = 1e-3
"""Relative difference of loss and gradient beyond which two steps are not the same; rounding makes some 1e-6 of it."""


CANCELLED = 1e-2
"""Part of the largest value seen that later ones are compared with, if they are smaller."""

ROUNDING = 1e-6
"""Difference that single precision leaves in numbers of size one."""


class DisagreementError(ArithmeticError):
    """The captured step is not Pyro's own: half a sentence says in what, `num_steps` until when they were the same."""

    def __init__(self, what: str, num_steps: int = 0) -> None:
        super().__init__(what)
        self.num_steps = num_steps


class Verification:
    """Takes a captured step and Pyro's own beside it, and compares.

    Differences count relative to the values compared or, where large terms cancel, to a part of the largest seen: only
    that much can be told from rounding.
    """

    def __init__(self, plain: PlainStep, compiled: Compiled) -> None:
        self._plain, self._compiled = plain, compiled
        self._largest_loss = 1.0
        self._largest_gradients = np.zeros(len(compiled.link.params))

    def __call__(self, num_steps: int = 0) -> tuple[Array, Array]:
        """Take one step, for which both have to hold the present state; return loss and learning rate, shape (1,).

        It is the step after `num_steps`, and Pyro's own has its arguments already.

        The captured step holds what it leads to, and random numbers go on from there. DisagreementError is raised where
        the two differ; whatever Pyro's own step raises is raised too.
        """
        before, start = self._compiled.state, Generators.copied()
        rate = self._plain.learning_rate
        loss, rates = self._compiled.run(1, rate, num_steps)
        after = torch.get_rng_state()
        start.rewind()
        begin = time.perf_counter()
        try:
            expected = self._plain()
            self._compiled.note_plain(num_steps, time.perf_counter() - begin)
            end = torch.get_rng_state()
        finally:
            self._plain.optimizer.follow(rate)
            start.rewind()
        if not torch.equal(end, after):
            raise DisagreementError("Pyro's own step drew other random numbers")
        self._compare_losses(float(loss[0]), expected)
        expected_state, _ = self._compiled.link.read()
        self._compare_gradients(before, self._compiled.state, expected_state)
        self._compare_lasting(self._compiled.state, expected_state)
        torch.set_rng_state(after)
        self._plain.optimizer.follow(float(rates[0]))
        return loss, rates

    def _compare_losses(self, loss: float, expected: float) -> None:
        self._largest_loss = max(self._largest_loss, abs(expected))
        scale = max(1.0, abs(expected), CANCELLED * self._largest_loss)
        if not abs(loss - expected) <= TOLERANCE * scale:
            raise DisagreementError(f"the loss is {loss:.6g}, and that of Pyro's own step {expected:.6g}")

    def _compare_gradients(self, before: State, result: State, expected: State) -> None:
        """Compare first moments, which hold the gradients; without moments the parameters have moved along them."""
        if self._compiled.link.rule.moments:
            one, other, size = result[1], expected[1], 0.0
        else:
            one, other, size = result[0] - before[0], expected[0] - before[0], float(before[0].norm())
        parts = zip(self._compiled.link.by_parameter(one), self._compiled.link.by_parameter(other), strict=True)
        differences = np.array([(float((a - b).norm()), float(b.norm())) for a, b in parts])
        self._largest_gradients = np.maximum(self._largest_gradients, differences[:, 1])
        scale = np.maximum(differences[:, 1], CANCELLED * self._largest_gradients)
        rounding = ROUNDING * max(1.0, size, float(self._largest_gradients.max()))
        if not (differences[:, 0] <= TOLERANCE * scale + rounding).all():
            raise DisagreementError("the gradient is not that of Pyro's own step")

    def _compare_lasting(self, result: State, expected: State) -> None:
        """Compare the tensors beside parameters and moments that a step leaves changed."""
        first = 1 + len(self._compiled.link.rule.moments)
        for one, other in zip(result[first:], expected[first:], strict=True):
            difference, size = float((one.double() - other.double()).norm()), float(other.double().norm())
            if not difference <= TOLERANCE * size + ROUNDING:
                raise DisagreementError("a buffer of the model is not what Pyro's own step leaves in it")
