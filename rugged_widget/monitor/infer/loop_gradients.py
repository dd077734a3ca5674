"""Gradients of a loop of one's own, noted where they arise: in the step that follows a look."""

import time
from collections.abc import Iterable

from rugged_widget.infer.diagnostics.gradient_norms import GradientListener, GradientRecord
from rugged_widget.snapshot.model_values import GradientNorms


class LoopGradients:
    """Norms of the gradients in some steps of a loop that its user runs.

    Nothing is computed anew: `listen` before a step, `heard` after it. Parameters that never got a gradient, and that
    neither model nor guide asks for, are left out: the store may hold those of other models too.
    """

    def __init__(self) -> None:
        self._record = GradientRecord()
        self._listener: GradientListener | None = None
        self._used: set[str] = set()
        self._spent = 0.0

    def __repr__(self) -> str:
        return f"LoopGradients({self._record!r})"

    def use(self, names: Iterable[str]) -> None:
        """Take note that model or guide asks for these parameters."""
        self._used.update(names)

    def listen(self) -> None:
        """Note the gradients of the next step; called where the parameters of the loop are in the store."""
        self.end()
        start = time.perf_counter()
        self._listener = GradientListener()
        self._spent = time.perf_counter() - start

    def heard(self, num_steps: int) -> float:
        """Note what the step after `num_steps` showed; return the seconds that this and `listen` took."""
        listener, start = self._listener, time.perf_counter()
        self.end()
        norms = {} if listener is None else listener.norms
        if listener is not None and norms:
            self._used.update(norms)
            used = {name: param.numel() for name, param in listener.params.items() if name in self._used}
            self._record.add(num_steps, {name: norms.get(name, 0.0) for name in used}, used)
        return self._spent + time.perf_counter() - start

    def end(self) -> None:
        """Let the parameters be as they were. Idempotent."""
        if self._listener is not None:
            self._listener.end()
            self._listener = None

    def norms(self) -> GradientNorms | None:
        """Return what is known; None where that is nothing."""
        return self._record.norms()
