"""Draw from guides of any kind as far as that is affordable, and say what was left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch

from rugged_widget.infer.guides.compatibility import latents_of, traced
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.sampling import all_drawn, draws_at_once, is_known, ready_to_draw, same_noise
from rugged_widget.infer.guides.setup import rehearsal_of

MAX_SECONDS: Final = 0.25
"""Time for the calls of a guide that is called once a draw."""

MIN_DRAWS: Final = 20
"""Draws that are taken however long they take."""

MAX_NUMBERS: Final = 10_000_000
"""Numbers that all draws may have together: 40 MB in single precision."""


@dataclass(frozen=True, eq=False)
class GuideDraws:
    """Draws of a guide.

    Attributes
    ----------
    values
        By site, on its support, shape (num_draws, *site shape).
    log_density
        Log density of each draw, of all latents together, nats, shape (num_draws,); None for a point, and where sites
        were left out.
    num_draws
        Draws taken, a multiple of 10; fewer than asked for where they are expensive.
    notes
        Sentences: how many draws were taken where they are fewer, which sites were left out, and of which elements of
        a plate the draws are.
    """

    values: dict[str, torch.Tensor]
    log_density: torch.Tensor | None
    num_draws: int
    notes: tuple[str, ...] = ()


@torch.no_grad()
def sample_guide(guide: Callable[..., Any], num_draws: int, *, max_seconds: float = MAX_SECONDS) -> GuideDraws:
    """Draw from a guide with the same noise each time, as many draws as are affordable; call it in `Fit.inspecting`.

    Parameters
    ----------
    guide
        As of `draw`.
    num_draws
        Draws asked for, >= 10.
    max_seconds
        Time for them where the guide has to be called once a draw, > 0. How long a call takes is measured once, so
        that the number of draws stays the same.

    Raises
    ------
    CannotDrawError
        If the guide cannot be drawn from.
    """
    count, notes = _plan(guide, num_draws, max_seconds)
    drawn = all_drawn(guide, count)
    log_density = drawn.log_density
    if log_density is not None and bool(log_density.isposinf().all()):  # a point just now
        log_density = None
    missing = [f"{name!r} is left out: not every draw of the guide has it, of one shape." for name in drawn.left_out]
    return GuideDraws(drawn.values, log_density, count, (*missing, *notes))


def _plan(guide: Callable[..., Any], num_draws: int, max_seconds: float) -> tuple[int, tuple[str, ...]]:
    """Return how many draws to take, and what is to be said of it; worked out once for a guide that is called."""
    rehearsal = rehearsal_of(guide)
    plans = rehearsal.plans if isinstance(rehearsal, LiveRehearsal) else {}
    key = num_draws, max_seconds
    if key not in plans:
        count = affordable_draws(guide, num_draws, max_seconds=max_seconds)
        fewer = f"{count} draws instead of {num_draws}: each one costs a call of the guide, or much memory."
        plans[key] = count, (*([fewer] if count < num_draws else []), *_subsampled(guide))
    return plans[key]


def affordable_draws(guide: Callable[..., Any], num_draws: int, *, max_seconds: float = MAX_SECONDS) -> int:
    """Return how many draws `sample_guide` takes: at most `num_draws`, a multiple of 10."""
    one = all_drawn(guide, 1)
    numbers = sum(value.numel() for value in one.values.values())
    count = min(num_draws, MAX_NUMBERS // max(numbers, 1))
    if not draws_at_once(guide):
        with ready_to_draw(guide) as (_, rehearsal), same_noise():
            if isinstance(rehearsal, LiveRehearsal):
                count = min(count, int(max_seconds / max(rehearsal.seconds_per_call(), 1e-6)))
    return max(count - count % 10, min(MIN_DRAWS, num_draws))


def _subsampled(guide: Callable[..., Any]) -> list[str]:
    """Return a sentence for each plate of which a called guide looks at some elements only."""
    with ready_to_draw(guide) as (ready, rehearsal), same_noise():
        if not isinstance(rehearsal, LiveRehearsal) or is_known(ready):
            return []
        latents = latents_of(traced(ready, rehearsal.args, rehearsal.kwargs))
    frames = {
        frame.name: frame
        for site in latents.values()
        for frame in site["cond_indep_stack"]
        if (frame.full_size or frame.size) != frame.size
    }
    return [
        f"The draws are of {frame.size} of the {frame.full_size} elements of the plate {name!r}."
        for name, frame in frames.items()
    ]
