"""State of torch's random generators: the processor's and, where CUDA is in use, those of its devices."""

from typing import NamedTuple

import torch


class TorchRandom(NamedTuple):
    """The state of torch's generators, to be installed again.

    Attributes
    ----------
    cpu
        State of the processor's.
    cuda
        State of each CUDA device's; () where CUDA was not in use.
    seed
        What those of CUDA begin with where `cuda` is empty and CUDA is in use by then; None leaves them as they are.
    """

    cpu: torch.Tensor
    cuda: tuple[torch.Tensor, ...] = ()
    seed: int | None = None


_waiting: int | None = None  # the seed that those of CUDA begin with once they are in use


def seeded_torch(seed: int) -> TorchRandom:
    """Return the state that `torch.manual_seed(seed)` would leave, without touching a generator."""
    return TorchRandom(torch.Generator().manual_seed(seed).get_state(), seed=seed)


def current_torch() -> TorchRandom:
    """Return a copy of the state; CUDA is not asked before it is in use, which would begin to use it."""
    if torch.cuda.is_initialized():
        return TorchRandom(torch.get_rng_state(), tuple(torch.cuda.get_rng_state_all()))
    return TorchRandom(torch.get_rng_state(), seed=_waiting)


def install_torch(state: TorchRandom) -> None:
    """Make a state the present one; it stays as it is while numbers are drawn."""
    global _waiting  # noqa: PLW0603 the generators are global too
    torch.set_rng_state(state.cpu)
    _waiting = state.seed
    if not torch.cuda.is_initialized():
        return
    if state.cuda:
        torch.cuda.set_rng_state_all(state.cuda)
    elif state.seed is not None:
        torch.cuda.manual_seed_all(state.seed)
