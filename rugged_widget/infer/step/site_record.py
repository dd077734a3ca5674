"""Record the sites of the step that is being taken, so that a failure can be explained by them."""

from collections import deque
from typing import Any

import torch
from pyro.poutine.messenger import Messenger

MAX_NUMBERS = 1 << 24
"""Numbers in all recorded values together. Of an ELBO with many particles one after another, the first ones are dropped
beyond that, whose memory Pyro has given back by then."""

MIN_SITES = 64
"""Sites that are kept however large they are."""


class SiteRecord(Messenger):
    """Holds Pyro's messages of parameters and sample sites in the order of execution: guide and model, each particle.

    They are what the step itself computed, so nothing has to be run a second time, under whatever ELBO. Sites that an
    ELBO hides, and those of a step compiled by torch.jit, are not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sites: deque[Any] = deque()
        self._numbers = 0

    def __repr__(self) -> str:
        return f"SiteRecord({len(self.sites)} sites)"

    @property
    def params(self) -> frozenset[str]:
        """Names of the parameters among them."""
        return frozenset(str(site["name"]) for site in self.sites if site["type"] == "param")

    def clear(self) -> None:
        """Let go of the sites, and of the memory that they hold."""
        self.sites.clear()
        self._numbers = 0

    def _pyro_post_sample(self, msg: Any) -> None:
        self.sites.append(msg)
        self._numbers += _size(msg)
        while self._numbers > MAX_NUMBERS and len(self.sites) > MIN_SITES:
            self._numbers -= _size(self.sites.popleft())

    _pyro_post_param = _pyro_post_sample


def _size(msg: Any) -> int:
    value = msg["value"]
    # Within torch.jit.trace a size is a tensor, and a number made of it becomes a warning.
    return value.numel() if isinstance(value, torch.Tensor) and torch._C._get_tracing_state() is None else 1
