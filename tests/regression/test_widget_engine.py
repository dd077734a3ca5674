"""RuggedWidget's engine, its batches, and what it does while it is being displayed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import traitlets

from rugged_widget import RuggedWidget
from rugged_widget import svi_widget as module
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.snapshot.snapshot import EngineInfo
from tests.view import drawn
from tests.waits import wait_until_async

COLUMNS = {"response": "y", "predictor": "x", "group": "g"}


def table(num_rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, group = rng.normal(size=num_rows), np.arange(num_rows) % 2
    return pd.DataFrame({"x": x, "g": group, "y": 1 + group + 0.3 * x - 0.6 * group * x + rng.normal(size=num_rows)})


def test_the_engine_at_work_can_be_read_and_observed_but_not_assigned() -> None:
    widget = RuggedWidget(num_steps=20)
    seen: list[EngineInfo] = []
    widget.observe(lambda change: seen.append(change["new"]), "engine_info")
    asyncio.run(widget.fit())
    assert (widget.engine, widget.engine_info.name) == ("auto", "graph")
    assert widget.engine_info.reason
    assert seen[-1] == widget.engine_info
    with pytest.raises(traitlets.TraitError, match="read-only"):
        widget.engine_info = None


@pytest.mark.slow  # trains for seconds
@pytest.mark.parametrize("engine", ["plain", "graph"])
async def test_another_engine_goes_on_where_the_run_is(engine: str) -> None:
    widget = RuggedWidget(num_steps=60, engine=engine, speed=1)
    widget.start()
    await wait_until_async(lambda: widget.step >= 20)
    notes: list[str] = []
    drawn.part(widget, "rw-engine-tip").observe(lambda change: notes.append(change["new"]), "value")
    widget.engine = "graph" if engine == "plain" else "plain"
    assert widget.status == "running"
    assert not any("rw-hint" in note for note in notes)  # it was asked for
    assert widget.step >= 20
    await widget.fit()
    assert widget.engine_info.name == widget.engine
    assert widget.engine in drawn.part(widget, "rw-engine-tip").value
    unchanged = RuggedWidget(num_steps=60, engine="plain")
    await unchanged.fit()
    assert widget.history()["elbo"].tolist() == pytest.approx(unchanged.history()["elbo"].tolist(), rel=1e-4)


def test_the_engine_outlives_a_reset_and_another_seed() -> None:
    widget = RuggedWidget(num_steps=50, engine="graph")
    widget.engine = "plain"
    widget.seed = 2
    widget.advance(3)
    assert widget.engine_info.name == "plain"


@pytest.mark.slow
def test_a_step_may_look_at_a_part_of_the_rows_and_tells_the_elbo_of_all() -> None:
    widget = RuggedWidget(table(5000), **COLUMNS, num_steps=800, batch_size=100, learning_rate=0.05)
    widget.advance(800)
    # 5,000 normal observations of standard deviation 1; one estimate is off by some 5,000 / sqrt(2 x 100)
    elbo = widget.history()["elbo"].tail(100).mean()
    assert elbo == pytest.approx(-5000 * 0.5 * np.log(2 * np.pi * np.e), rel=0.05)
    assert widget.snapshot.num_rows == 5000
    assert widget.slopes().mean().tolist() == pytest.approx([0.3, -0.3], abs=0.25)


def test_a_batch_of_all_rows_or_more_is_no_batch() -> None:
    runs = []
    for batch_size in (None, 40, 1000):
        widget = RuggedWidget(table(40), **COLUMNS, num_steps=10, batch_size=batch_size, engine="plain")
        widget.advance(5)
        runs.append(widget.history()["elbo"].tolist())
    assert runs[0] == runs[1] == runs[2]


class WarmUpSpy:
    def __init__(self) -> None:
        self.then: list[Callable[[], None]] = []

    def begin(self, then: Callable[[], None]) -> None:
        self.then.append(then)


def hear_hello(widget: RuggedWidget) -> None:
    """Let a page say that it has what it draws."""
    widget.children[-1]._handle_custom_msg({"k": "hello"}, [])


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each piece of preparation says from now on: whether more is left."""
    found: list[bool] = []
    prepare = RegressionFit.prepare

    def noted(fit: RegressionFit) -> bool:
        found.append(prepare(fit))
        return found[-1]

    monkeypatch.setattr(RegressionFit, "prepare", noted)
    return found


@pytest.mark.slow  # trains or integrates for seconds
async def test_while_it_is_being_displayed_it_warms_up_and_then_prepares_the_first_step(
    pieces: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = WarmUpSpy()
    monkeypatch.setattr(module, "PRELOAD", spy)
    widget = RuggedWidget(num_steps=50)
    reason = widget.engine_info.reason
    widget._repr_mimebundle_()
    await asyncio.sleep(0.3)
    assert (spy.then, widget.engine_info.reason) == ([], reason)  # not before the page has what it draws
    hear_hello(widget)
    await asyncio.to_thread(spy.then[0])
    await wait_until_async(lambda: widget.engine_info.reason != reason)
    assert (widget.status, widget.step, widget.engine_info.name) == ("ready", 0, "graph")
    assert pieces[-1] is False
    widget.close()


async def test_a_widget_closed_before_it_is_warm_does_nothing_more(
    pieces: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = WarmUpSpy()
    monkeypatch.setattr(module, "PRELOAD", spy)
    widget = RuggedWidget(num_steps=50)
    widget._repr_mimebundle_()
    hear_hello(widget)
    widget.close()
    await asyncio.to_thread(spy.then[0])
    await asyncio.sleep(0.2)
    assert pieces == []
