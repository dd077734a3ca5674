"""Automatic guides of models that go through a plate in a loop, which Pyro's automatic guides refuse."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pyro.poutine.messenger import Messenger


class WithoutLoops(Messenger):
    """Takes the plates that a model goes through in a loop off its sites; nothing else changes.

    Each round of a loop has sites of its own, with the shape of one round, so that an automatic guide needs to know
    nothing of the loop; Pyro's estimates of the ELBO do not look at such plates either.
    """

    def _pyro_sample(self, msg: Any) -> None:
        msg["cond_indep_stack"] = tuple(frame for frame in msg["cond_indep_stack"] if frame.vectorized)


class Loop(NamedTuple):
    """A plate that latents are drawn in round by round: its name, the rounds of a step, and all of them."""

    plate: str
    rounds: int
    size: int


def loops_of(latents: Mapping[str, Mapping[str, Any]]) -> tuple[Loop, ...]:
    """Return the plates that latents are drawn in round by round, given Pyro's messages of the latents."""
    frames = {
        frame.name: frame for site in latents.values() for frame in site["cond_indep_stack"] if not frame.vectorized
    }
    return tuple(Loop(name, int(frame.size), int(frame.full_size or frame.size)) for name, frame in frames.items())


def refuse_changing(loops: tuple[Loop, ...]) -> None:
    """Raise ValueError where steps go through some rounds of a loop only: they have other latents each time."""
    for loop in loops:
        if loop.rounds < loop.size:
            raise ValueError(
                f"no automatic guide can be made: the loop over the plate {loop.plate!r} goes through {loop.rounds} of "
                f"its {loop.size} elements, others at each step. Pass guide=, a function with a loop over the plate"
            )


def seen_by_guide(model: Callable[..., Any], loops: tuple[Loop, ...]) -> Callable[..., Any]:
    """Return the model as an automatic guide is to see it: itself where no latent is drawn in a loop over a plate."""
    return WithoutLoops()(model) if loops else model
