"""Frames and resets leave nothing behind in the kernel."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rugged_widget import ModelWidget, watch
from rugged_widget.infer.diagnostics import gradient_norms
from tests.models.basic import EFFECTS, ERRORS, eight_schools

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES = 60
WARM = 60  # figures and caches have their size by then
TABS = {"train": 0, "parameters": 1, "model": 2}


@pytest.fixture(params=["plain", "graph"])
def monitor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelWidget]:
    monkeypatch.setattr(gradient_norms, "MAX_POINTS", 20)
    with closing(watch(eight_schools, None, EFFECTS, ERRORS, engine=request.param, num_steps=10**6)) as monitor:
        monitor._dashboard._stream._greet("a page")
        monitor.advance(20)
        yield monitor


def show_frames(monitor: ModelWidget, count: int) -> None:
    """Show frames as the run loop does, on a page that acknowledges each at once."""
    dashboard, fit = monitor._dashboard, monitor._session.training.fit
    running = replace(monitor._session.training.progress, status="running")
    dashboard.changed(running)
    for _ in range(count):
        fit.advance(1)
        dashboard.show(fit.snapshot(), running)
        dashboard._stream._acknowledge("page", dashboard._stream._seq, {"painted": 1, "work": 5.0, "waited": 0.0})


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.slow
@pytest.mark.parametrize("tab", TABS)
def test_frames_leave_nothing_behind(monitor: ModelWidget, tab: str) -> None:
    monitor._dashboard._tabs.widget.selected_index = TABS[tab]
    tracemalloc.start()
    try:
        show_frames(monitor, WARM)
        before = traced()
        show_frames(monitor, FRAMES)
        after = traced()
    finally:
        tracemalloc.stop()
    assert after - before < FRAMES * 1_500  # of a step its ELBO is kept; the texts of a frame would be some kilobytes


@pytest.mark.slow
def test_resets_leave_nothing_behind(monitor: ModelWidget) -> None:
    def reset(times: int) -> None:
        for _ in range(times):
            monitor.reset()
            monitor.advance(12)

    tracemalloc.start()
    try:
        reset(3)
        before = traced()
        reset(6)
        after = traced()
    finally:
        tracemalloc.stop()
    assert after - before < 6 * 15_000  # a guide of another fit would be 25 kB; the interpreter's caches still grow
