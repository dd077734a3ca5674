"""A captured step that is slower than Pyro's own is given up in the first steps, unless it was asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rugged_widget.infer.compiled.stepping import captured_step, verification
from rugged_widget.infer.svi.engine_selection import SLOWER
from tests.infer.compiled.by_hand import Run, both
from tests.infer.compiled.case import Case
from tests.infer.compiled.cases_guides import lesson
from tests.infer.compiled.fits import fit_of, losses, ready

if TYPE_CHECKING:
    from torch import fx

    from rugged_widget.infer.svi.fit import Fit


class Clock:
    """Moves on by some time with each reading."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def perf_counter(self) -> float:
        self.now += self.seconds
        return self.now

    monotonic = perf_counter


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Two seconds for each call of the engine, one for each step of Pyro's own."""
    clocks = SimpleNamespace(engine=Clock(2.0), plain=Clock(1.0))
    monkeypatch.setattr(captured_step, "time", clocks.engine)
    monkeypatch.setattr(verification, "time", clocks.plain)
    return clocks


def one_by_one(run: Run, num_steps: int) -> None:
    for _ in range(num_steps):
        run.take(max_steps=1)


@pytest.mark.usefixtures("inside")
def test_it_says_so_once_runs_and_checks_have_shown_it(prelude: fx.GraphModule, clocks: SimpleNamespace) -> None:
    run = Run(both(prelude))
    run.take(max_steps=1)
    assert not run.stepping.compiled.is_slower, "one step is not enough"
    one_by_one(run, 19)
    assert run.stepping.compiled.is_slower
    clocks.engine.seconds = 0.5
    one_by_one(run, 1)
    assert not run.stepping.compiled.is_slower


def fit(engine: str) -> Fit:
    return ready(fit_of(Case("diagonal", lesson), engine))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_plain_steps_go_on_from_there(clocks: SimpleNamespace) -> None:
    clocks.engine.seconds = 1e6  # many steps a call
    slow, plain = fit("auto"), fit("plain")
    slow.advance(60), plain.advance(60)
    assert slow.engine.name == "plain"
    assert slow.engine.reason == SLOWER
    assert losses(slow) == pytest.approx(losses(plain), rel=1e-4)
    slow.use_engine("graph")
    slow.advance(10)
    assert slow.engine.name == "graph", "asked for, it is taken"


@pytest.mark.usefixtures("clocks")
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_captured_step_that_was_asked_for_is_not_given_up(clocks: SimpleNamespace) -> None:
    clocks.engine.seconds = 1e6
    asked = fit("graph")
    asked.advance(60)
    assert asked.engine.name == "graph"
