"""Order, streams and settings of all tests."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.streams import OneOfPages

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same examples every time, and no deadline: a shared machine makes any test slow now and then.
hypothesis.settings.register_profile("reproducible", derandomize=True, deadline=None)
hypothesis.settings.load_profile("reproducible")


def _widgets() -> dict[str, Any]:
    """Return the widgets that ipywidgets keeps until they are closed."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    return {} if module is None else module._instances


@pytest.fixture(autouse=True)
def _widgets_closed() -> Iterator[None]:
    """Forget the widgets of a test: whole dashboards, with their fits, would stay until the last one."""
    before = set(_widgets())
    yield
    for key in _widgets().keys() - before:
        del _widgets()[key]


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
