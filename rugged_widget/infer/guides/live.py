"""Look at a guide that is trained as it is, without a copy of it and without a trace."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import pyro
import torch

from rugged_widget.infer.guides.custom_sampling import can_draw_together, draw_one_by_one
from rugged_widget.infer.step.isolation import Generators
from rugged_widget.infer.step.module_state import (
    Copies,
    ModuleState,
    Params,
    behind,
    params_of,
    present_params,
    untouched,
)
from rugged_widget.snapshot.model_values import GuideNote

TIMED_DRAWS: Final = 8
"""Draws that are timed."""


class LiveRehearsal:
    """A guide's model and arguments, and how it looks before its first step.

    A guide that makes its parameters in the first step is called once before, with the random numbers of that step:
    `on_stage` gives it the parameters and modules of that call, and takes them away again, so that the first step is
    as it would be. `called` is what is called for a draw where it is not the guide itself.
    """

    def __init__(
        self,
        guide: Callable[..., Any],
        model: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        called: Callable[..., Any] | None = None,
    ) -> None:
        self.model, self.args, self.kwargs = model, args, dict(kwargs)
        self._guide = guide if called is None else called
        self._is_indirect = self._guide is not guide
        self._holders, self._copies = behind(guide, model), Copies()
        self._store: Params = {}, {}, {}
        self._created: set[str] = set()
        self._state: ModuleState | None = None
        self._vectorised: dict[int, bool] = {}
        self._seconds: float | None = None
        self.curvature: tuple[dict[str, int], tuple[torch.Tensor, torch.Tensor, torch.Tensor]] | None = None
        self.plans: dict[tuple[int, float], tuple[int, tuple[GuideNote, ...]]] = {}

    def __repr__(self) -> str:
        return f"LiveRehearsal({type(self._guide).__name__}, {len(self._created)} parameters)"

    def play(self, generators: Generators) -> None:
        """Call the guide once, with random numbers from there on, and keep the parameters that it makes."""
        present = set(present_params()[0])
        with self.looking(), pyro.poutine.block(), torch.no_grad():
            self._store = present_params()
            generators.rewind()
            self._guide(*self.args, **self.kwargs)
            self._holders = behind(self._guide, self.model)
            self._state = ModuleState.of(self._holders, self._copies)
        self._created = self._store[0].keys() - present

    def is_set_up(self) -> bool:
        """Return whether the present store has the parameters that the guide makes."""
        present = present_params()[0]
        return all(name in present for name in self._created)

    @contextmanager
    def on_stage(self, guide: Any) -> Iterator[Any]:
        """Give what is called for draws, with the guide's parameters: those it has, or those of its first step."""
        guide = self._guide if self._is_indirect else guide
        if self._state is None or self.is_set_up():
            yield guide
            return
        with self.looking(), params_of(self._store):
            self._state.restore()
            yield guide

    def looking(self) -> AbstractContextManager[None]:
        """Enter to call the guide, of which no trace is left: no parameter, no running mean, no attribute."""
        return untouched(self._holders, self._copies)

    def vectorises(self, guide: Callable[..., Any]) -> bool:
        """Return whether the guide, or a part of it, can be called for all draws at once; call it in `looking`."""
        if id(guide) not in self._vectorised:
            self._vectorised[id(guide)] = can_draw_together(guide, self.args, self.kwargs)
        return self._vectorised[id(guide)]

    def seconds_per_draw(self) -> float:
        """Return how long a draw takes that costs a call of the guide, timed once; call it in `looking`, on stage."""
        if self._seconds is None:
            start = time.perf_counter()
            draw_one_by_one(self._guide, self.args, TIMED_DRAWS, self.kwargs)
            self._seconds = (time.perf_counter() - start) / TIMED_DRAWS
        return self._seconds
