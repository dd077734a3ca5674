"""What tests that train compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyro
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Compute by one thread, as a fit does, with an empty parameter store and the same random numbers each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    yield
    torch.set_num_threads(threads)
    pyro.clear_param_store()
