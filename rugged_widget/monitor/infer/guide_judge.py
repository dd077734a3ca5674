"""The verdict on a guide of any model, by draws of the guide and the model's log joint, within a budget of time."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from rugged_widget.infer.diagnostics.approximation import NUM_REPEATS, approximate
from rugged_widget.infer.diagnostics.log_joint import LogJoint, UnknownJointError, affordable_draws
from rugged_widget.infer.guides.drawing import sample_guide
from rugged_widget.infer.guides.families import correlates
from rugged_widget.infer.guides.sampling import as_float64
from rugged_widget.snapshot.values import Approximation

FEW_ELEMENTS: Final = 200
"""Elements of all latents up to which a guide that can correlate them is an advice that can be followed."""

JUDGE_SECONDS: Final = 0.4
"""Time that the verdict on the guide may take."""


class GuideJudge:
    """Judges guides of one model, called with `args` and `kwargs`; what is prepared for its log joint is kept."""

    def __init__(self, model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._model, self._args, self._kwargs = model, args, kwargs
        self._log_joint: LogJoint | None = None

    def __repr__(self) -> str:
        return f"GuideJudge({self._log_joint!r})"

    def judge(self, guide: Callable[..., Any]) -> Callable[[], Approximation]:
        """Draw from the guide, inside a fit's world; return what makes the verdict of the draws, outside of it.

        Raises
        ------
        UnknownJointError
            Where the log joint cannot be computed.
        CannotDrawError
            Where the guide cannot be drawn from.
        """
        few = sample_guide(guide, 10, density=True)
        if not few.values:
            raise UnknownJointError("no_latents")
        if any(note.key == "rows" for note in few.notes):  # the model by itself would take all
            raise UnknownJointError("subsampled")
        elements = sum(value[0].numel() for value in few.values.values())
        if few.log_density is None:
            return lambda: approximate({}, None, lambda _draws: np.empty(0), correlates=elements > FEW_ELEMENTS)
        if self._log_joint is None or not self._log_joint.takes(few.values):
            self._log_joint = LogJoint(self._model, self._args, self._kwargs, few.values)
        count = affordable_draws(self._log_joint.seconds, elements, budget=JUDGE_SECONDS, repeats=NUM_REPEATS)
        if not count:
            raise UnknownJointError("slow")
        drawn = sample_guide(guide, NUM_REPEATS * count, density=True)
        ties = not 1 < elements <= FEW_ELEMENTS or correlates(guide)  # then there is nothing to correlate with
        log_joint = self._log_joint(drawn.values)
        values = {name: as_float64(value) for name, value in drawn.values.items()}
        log_density = None if drawn.log_density is None else as_float64(drawn.log_density)
        return lambda: approximate(values, log_density, lambda _draws: log_joint, correlates=ties)
