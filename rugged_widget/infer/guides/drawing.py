"""Draw from guides of any kind as far as that is affordable, and say what was left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from pyro.infer.autoguide import AutoLaplaceApproximation

from rugged_widget.infer.guides.compatibility import latents_of, traced
from rugged_widget.infer.guides.gaussian import MAX_CURVATURE
from rugged_widget.infer.guides.live import LiveRehearsal
from rugged_widget.infer.guides.sampling import all_drawn, draws_at_once, is_known, ready_to_draw, same_noise
from rugged_widget.infer.guides.setup import rehearsal_of
from rugged_widget.snapshot.model_values import GuideNote

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
        Log density of each draw, of all latents together, nats, shape (num_draws,); None for a point, where sites were
        left out, and where it was not asked for.
    num_draws
        Draws taken, a multiple of 10; fewer than asked for where they are expensive.
    notes
        How many draws were taken where they are fewer, which sites were left out, and of which elements of
        a plate the draws are.
    """

    values: dict[str, torch.Tensor]
    log_density: torch.Tensor | None
    num_draws: int
    notes: tuple[GuideNote, ...] = ()


@torch.no_grad()
def sample_guide(
    guide: Callable[..., Any], num_draws: int, *, max_seconds: float = MAX_SECONDS, density: bool = False
) -> GuideDraws:
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
    density
        Compute the log density too, which may take longer and more memory than the draws.

    Raises
    ------
    CannotDrawError
        If the guide cannot be drawn from.
    """
    count, notes = _plan(guide, num_draws, max_seconds)
    drawn = all_drawn(guide, count, density=density)
    log_density = drawn.log_density if density else None
    if log_density is not None and bool(log_density.isposinf().all()):  # a point just now
        log_density = None
    missing = [GuideNote("left_out", {"site": repr(name)}) for name in drawn.left_out]
    return GuideDraws(drawn.values, log_density, count, (*missing, *notes))


def _plan(guide: Callable[..., Any], num_draws: int, max_seconds: float) -> tuple[int, tuple[GuideNote, ...]]:
    """Return how many draws to take, and what is to be said of it; worked out once for a guide that is called."""
    rehearsal = rehearsal_of(guide)
    plans = rehearsal.plans if isinstance(rehearsal, LiveRehearsal) else {}
    key = num_draws, max_seconds
    if key not in plans:
        count, fewer = _affordable(guide, num_draws, max_seconds)
        plans[key] = count, (*fewer, *_subsampled(guide), *_flat(guide))
    return plans[key]


def _affordable(guide: Callable[..., Any], num_draws: int, max_seconds: float) -> tuple[int, list[GuideNote]]:
    """Return how many draws to take, a multiple of 10, and why they are fewer than asked for."""
    numbers = sum(value.numel() for value in all_drawn(guide, 1, density=False).values.values())
    by_size, by_time = MAX_NUMBERS // max(numbers, 1), num_draws
    if not draws_at_once(guide):
        with ready_to_draw(guide) as (_, rehearsal), same_noise():
            if isinstance(rehearsal, LiveRehearsal):
                by_time = int(max_seconds / max(rehearsal.seconds_per_draw(), 1e-6))
    count = min(num_draws, by_size, by_time)
    count = max(count - count % 10, min(MIN_DRAWS, num_draws))
    if count == num_draws:
        return count, []
    facts = {"count": count, "wanted": num_draws}
    return count, [
        GuideNote("few_slow", facts) if by_time <= by_size else GuideNote("few_large", {**facts, "numbers": numbers})
    ]


def _flat(guide: Callable[..., Any]) -> list[GuideNote]:
    """Return a note where a Laplace approximation has too many latents for its curvature."""
    is_large = isinstance(guide, AutoLaplaceApproximation) and len(guide.loc) > MAX_CURVATURE
    return [GuideNote("curvature", {"limit": MAX_CURVATURE})] if is_large else []


def _subsampled(guide: Callable[..., Any]) -> list[GuideNote]:
    """Return a note for each plate of which a called guide looks at some elements only."""
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
        GuideNote("rows", {"count": frame.size, "size": frame.full_size, "plate": repr(name)})
        for name, frame in frames.items()
    ]
