"""Order and settings of all tests."""

from __future__ import annotations

import hypothesis
import pytest

# The same examples every time, and no deadline: a shared machine makes any test slow now and then.
hypothesis.settings.register_profile("reproducible", derandomize=True, deadline=None)
hypothesis.settings.load_profile("reproducible")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests run last: who broke something small learns it in seconds."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
