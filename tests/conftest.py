"""Order, streams and settings of all tests."""

from __future__ import annotations

import os

import hypothesis
import pytest

from tests.streams import OneOfPages

# The same examples every time, and no deadline: a shared machine makes any test slow now and then.
hypothesis.settings.register_profile("reproducible", derandomize=True, deadline=None)
hypothesis.settings.load_profile("reproducible")


def pytest_configure() -> None:
    """Set what torch and JAX read when they are imported, here and in every process that a test starts."""
    # The tests run in two streams on two cores: with a second thread of torch's that waits for the other stream, 90
    # steps a second remain of 750.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # What is tested is our translation to XLA, and not how well XLA optimizes it.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long last: who broke something small learns it in seconds."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is not None for name in ("browser", "slow")])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneOfPages:
    """Keep, under `-n 2`, the tests that open pages in one stream and give the others out by file."""
    return OneOfPages(config, log)
