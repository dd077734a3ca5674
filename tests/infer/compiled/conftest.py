"""What the tests of single modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from torch import fx

from rugged_widget.infer.step.isolation import Isolation
from tests.infer.compiled.by_hand import draw
from tests.infer.compiled.graphs import drawing
from tests.infer.compiled.small import SEED


@pytest.fixture
def inside() -> Iterator[None]:
    """Parameters and random numbers of the test's own, as a fit has them."""
    with Isolation(SEED).inside():
        yield


@pytest.fixture(scope="session")
def prelude() -> fx.GraphModule:
    """Draw what one step by hand needs."""
    return drawing(draw)
