"""What the tests of `watch` and `Monitor` share."""

from __future__ import annotations

import pytest

from rugged_widget.monitor import own_loop
from rugged_widget.monitor.view import loop_window
from tests.alone import alone

__all__ = ["alone", "at_every_step", "in_a_notebook"]


@pytest.fixture
def in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open windows as in a notebook."""
    monkeypatch.setattr(loop_window, "in_notebook", lambda: True)


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a loop of one's own after each step."""
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "SHARE", 1e9)
