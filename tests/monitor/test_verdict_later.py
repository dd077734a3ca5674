"""The verdict on the guide does not hold up who steps on, and what it needs of the model is looked at once."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from rugged_widget import ModelWidget, watch
from rugged_widget.infer.diagnostics.log_joint import LogJoint
from tests.monitor.level import DATA, model


def opened() -> ModelWidget:
    return watch(model, "normal", DATA, engine="plain", num_steps=50)


async def test_on_an_event_loop_it_follows_a_moment_after_the_pause() -> None:
    with closing(opened()) as monitor:
        monitor.advance(1)
        assert monitor.snapshot.is_brief
        assert monitor.snapshot.approximation is None
        for _ in range(1000):
            if monitor.snapshot.approximation is not None:
                break
            await asyncio.sleep(0.01)
        assert (monitor.snapshot.step, monitor.snapshot.is_brief) == (1, False)
        assert monitor.snapshot.approximation is not None


def test_without_one_and_at_the_end_it_is_there_at_once() -> None:
    with closing(opened()) as monitor:
        monitor.advance(1)
        assert monitor.snapshot.approximation is not None
        asyncio.run(monitor.fit())
        assert monitor.snapshot.approximation is not None
        assert monitor.saved_runs[0].approximation is not None


def test_the_log_joint_is_prepared_once_for_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[LogJoint] = []
    prepare = LogJoint.__init__

    def counted(joint: LogJoint, *args: object) -> None:
        made.append(joint)
        prepare(joint, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(LogJoint, "__init__", counted)
    with closing(opened()) as monitor:
        for _ in range(3):
            monitor.advance(1)
        assert len(made) == 1
        DATA.add_(1.0)
        try:
            before = monitor.approximation().elbo
        finally:
            DATA.sub_(1.0)
        assert len(made) == 1
        assert before < monitor.approximation().elbo - 1.0  # the data are read anew each time
        monitor.guide = "multivariate"
        monitor.advance(1)
        assert len(made) == 2
