"""Surroundings of tests that compare a fit with a loop of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyro
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute as fits do, and leave no parameters."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    pyro.clear_param_store()
