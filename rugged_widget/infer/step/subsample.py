"""Draw the rows of a minibatch at the cost of the batch, not of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample

LARGE = 10_000
"""Rows from which on a minibatch is drawn here. Below, a permutation of all, as Pyro takes it, is as quick, and the fit
takes the very rows that Pyro's own loop would take."""


def _subsample(size: int, count: int) -> torch.Tensor:
    """Draw `count` different numbers of [0, size), from torch's generator; shape (count,).

    One number of torch's stream seeds a generator of NumPy's, whose choice without replacement costs no more than it
    returns.
    """
    seed = torch.empty((), dtype=torch.int64).random_()
    return torch.from_numpy(np.random.default_rng(int(seed)).choice(size, count, replace=False, shuffle=False))


# An operation of torch, so that a captured graph shows it as one draw. A module may be imported again; a name may not.
if not hasattr(torch.ops.rugged_widget, "subsample"):
    torch.library.define(
        "rugged_widget::subsample", "(int size, int count) -> Tensor", tags=[torch.Tag.nondeterministic_seeded]
    )
    torch.library.impl("rugged_widget::subsample", "CompositeExplicitAutograd", _subsample)


class QuickSubsample(Messenger):
    """Draws the rows of large plates in place of Pyro's permutation of all rows."""

    def _pyro_sample(self, msg: Any) -> None:  # noqa: ANN401 a message holds anything
        plate = msg["fn"]
        if type(plate) is _Subsample and msg["value"] is None and plate.size >= LARGE:
            count = plate.subsample_size
            if count is not None and count < plate.size and torch.device(plate.device).type == "cpu":
                msg["value"], msg["done"] = torch.ops.rugged_widget.subsample(plate.size, count), True
