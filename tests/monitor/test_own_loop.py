"""A loop of one's own: what its monitor shows, and that the loop stays as it is."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from contextlib import closing
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from torch import nn

from rugged_widget import Monitor
from rugged_widget.monitor import own_loop
from rugged_widget.monitor.view import loop_window
from rugged_widget.snapshot.request import SnapshotRequest
from tests.monitor.loops import DATA, hand_written, model, svi
from tests.view import drawn
from tests.waits import wait_until_async


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
def test_a_look_moves_no_running_mean_and_no_mode() -> None:
    class Amortised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(1)

        def guide(self, x: torch.Tensor) -> None:
            pyro.module("norm", self.norm)
            pyro.sample("z", dist.Normal(self.norm(x[:, None]).mean(), 1.0))

    network = Amortised()
    steps = svi(network.guide)
    with closing(Monitor(steps)) as monitor:
        monitor.update(steps.step(DATA), DATA)
        before = [network.norm.running_mean.clone(), int(network.norm.num_batches_tracked)]
        for _ in range(3):
            monitor.update(1.0, DATA)
        monitor.rest()
        assert int(network.norm.num_batches_tracked) == before[1] == 1
        assert torch.equal(network.norm.running_mean, before[0])
        assert monitor.snapshot.quantiles["z"].shape == (5,)


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
@pytest.mark.parametrize("known", ["svi", "guide alone", "model and guide by name"])
def test_quantiles_are_those_of_the_guide(known: str) -> None:
    steps = svi(hand_written)
    given = {"guide": hand_written} if known == "guide alone" else {"guide": hand_written, "model": model}
    with closing(Monitor(steps) if known == "svi" else Monitor(**given)) as monitor:
        for _ in range(20):
            monitor.update(steps.step(DATA), DATA)
        monitor.rest()
        middle = monitor.snapshot.quantiles["z"][2]
        assert middle == pytest.approx(pyro.param("loc").item(), abs=0.1)
        assert ("x" in [site.name for site in monitor.snapshot.structure.sites]) == (known != "guide alone")
        assert monitor.snapshot.num_rows == (1 if known == "guide alone" else 4)


@pytest.mark.usefixtures("in_a_notebook")
def test_between_two_looks_nothing_but_the_loss_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 1e9)
    with closing(Monitor(guide=hand_written)) as monitor:
        steps = svi(hand_written)
        for _ in range(10):
            assert monitor.update(steps.step(DATA), DATA)
        assert (monitor.step, monitor.status) == (1, "running")
        monitor.rest()
        assert (monitor.step, monitor.status) == (10, "paused")
        assert monitor.elbo == monitor.history()["elbo"].iloc[-1]
        assert monitor.history()["step"].tolist() == list(range(1, 11))


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
def test_draws_of_another_algorithm_take_the_place_of_a_guide() -> None:
    with closing(Monitor(title="sampler")) as monitor:
        for _ in range(3):
            monitor.update(2.0, draws={"w": torch.arange(30.0).reshape(10, 3), "s": np.arange(10.0)})
        monitor.rest()
        assert {name: value.shape for name, value in monitor.snapshot.quantiles.items()} == {"w": (5, 3), "s": (5,)}
        assert monitor.snapshot.quantiles["s"][2] == pytest.approx(4.5, abs=1)
        with pytest.raises(ValueError, match=r"draws\['s'\] must be of shape \(number of draws, \*site shape\)"):
            monitor.update(2.0, draws={"s": 3.0})


@pytest.mark.usefixtures("in_a_notebook")
def test_wrong_draws_are_refused_at_once_though_no_look_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 1e9)
    with closing(Monitor()) as monitor:
        monitor.update(2.0)
        with pytest.raises(ValueError, match=r"draws\['s'\] must be of shape"):
            monitor.update(2.0, draws={"s": torch.empty(0, 3)})
        assert len(monitor.history()) == 1


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
def test_a_guide_that_cannot_be_called_is_said_and_the_losses_are_shown() -> None:
    with closing(Monitor(guide=hand_written)) as monitor:
        steps = svi(hand_written)
        monitor.update(steps.step(DATA))  # without what the step was given
        monitor.update(steps.step(DATA))
        monitor.rest()
        assert monitor.snapshot.step == 2
        assert monitor.snapshot.quantiles == {}
        assert "Give update() what svi.step() was given" in words(monitor)


def words(monitor: Monitor) -> str:
    """Return all texts of a window."""
    return " ".join(text.value for text in drawn.texts(monitor))


def test_stop_ends_a_loop_that_asks_and_the_next_loop_begins_anew() -> None:
    with closing(Monitor()) as monitor:
        assert monitor.update(1.0)
        monitor.stop()
        assert not monitor.update(1.0)
        monitor.rest()
        assert monitor.update(1.0)


def test_turns_end_where_they_are_stopped() -> None:
    with closing(Monitor()) as monitor:
        seen = []
        for batch in monitor.over(range(10)):
            seen.append(batch)
            monitor.update(float(batch))
            if batch == 3:
                monitor.stop()
        assert seen == [0, 1, 2, 3]
        assert (monitor.step, monitor.status) == (4, "paused")
        assert list(monitor.over("ab")) == ["a", "b"]


@pytest.mark.usefixtures("in_a_notebook")
async def test_an_async_loop_pauses_takes_a_step_goes_on_and_stops() -> None:
    with closing(Monitor(num_steps=10_000)) as monitor:

        async def run() -> int:
            count = 0
            async for _ in monitor.over(range(10_000)):
                monitor.update(1.0)
                count += 1
                await asyncio.sleep(0)
            return count

        loop = monitor._loop
        task = asyncio.create_task(run())
        await wait_until_async(lambda: loop.step > 3)
        loop.ask(loop.toggle)
        await wait_until_async(lambda: monitor.status == "paused")
        held = loop.step
        loop.ask(loop.advance)
        await wait_until_async(lambda: loop.step == held + 1)
        await wait_until_async(lambda: monitor.status == "paused")
        assert monitor.snapshot.step == held + 1
        loop.ask(loop.toggle)
        await wait_until_async(lambda: loop.step > held + 3)
        loop.ask(loop.stop)
        assert await task == monitor.step < 10_000


@pytest.mark.usefixtures("in_a_notebook")
async def test_a_loop_that_says_nothing_of_its_end_comes_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "REST_SECONDS", 0.01)
    with closing(Monitor()) as monitor:
        for _ in range(5):
            monitor.update(1.0)
        assert monitor.status == "running"
        await wait_until_async(lambda: monitor.status == "paused")
        assert monitor.snapshot.step == 5


def test_in_a_script_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Monitor(title="two steps", num_steps=2)) as monitor:
        monitor.update(1.0)
        monitor.update(0.25)
        monitor.rest()
    line = capsys.readouterr().err.split("\r")[-1]
    assert "two steps: 100%" in line
    assert "2/2" in line
    assert "ELBO=-0.25" in line


def test_lightning_tells_it_of_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Monitor()) as monitor:
        monkeypatch.delitem(sys.modules, "lightning.pytorch.callbacks", raising=False)
        monkeypatch.delitem(sys.modules, "pytorch_lightning.callbacks", raising=False)
        with pytest.raises(ModuleNotFoundError, match="import lightning"):
            monitor.lightning()
        module = ModuleType("pytorch_lightning.callbacks")
        module.Callback = type("Callback", (), {})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", module)
        callback, trainer = monitor.lightning(), SimpleNamespace(should_stop=False)
        callback.on_train_batch_end(trainer, None, {"loss": torch.tensor(3.0)}, [DATA], 0)
        callback.on_train_batch_end(trainer, None, torch.tensor(2.0), DATA, 1)
        callback.on_train_batch_end(trainer, None, None, DATA, 2)  # a step that was left out
        assert not trainer.should_stop
        monitor.stop()
        callback.on_train_batch_end(trainer, None, torch.tensor(1.0), DATA, 3)
        assert trainer.should_stop
        callback.on_train_end(trainer, None)
        assert monitor.history()["elbo"].tolist() == [-3.0, -2.0, -1.0]
        assert monitor.status == "paused"


def test_parameters_that_modules_keep_to_themselves_are_listed() -> None:
    with pyro.settings.context(module_local_params=True):
        guide = AutoNormal(model)
        loss = Trace_ELBO()(model, guide)
        with closing(Monitor(guide=guide)) as monitor:
            monitor.update(loss(DATA), DATA)
            view = monitor._loop.view
            view.request = SnapshotRequest(parameter_table=True)
            table = view.snapshot().parameter_table
            assert [(row.name, row.constraint) for row in table.rows] == [
                ("AutoNormal.locs.z", "real"),
                ("AutoNormal.scales.z", "positive"),
            ]
    assert len(pyro.get_param_store()) == 0


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: Monitor("svi"), TypeError, "SVI"),
        (lambda: Monitor(model), TypeError, "give model= and guide= by name"),
        (lambda: Monitor(svi(), guide=hand_written), ValueError, "leave model= and guide= out"),
        (lambda: Monitor(guide=AutoNormal), TypeError, "guide must be what svi trains"),
        (lambda: Monitor(guide="normal"), TypeError, "guide must be what svi trains"),
        (lambda: Monitor(num_steps=0), ValueError, "num_steps"),
        (lambda: Monitor(title=3), TypeError, "title must be a text"),  # type: ignore[arg-type]
        (lambda: Monitor(language="xx"), ValueError, "language"),
        (lambda: Monitor().update("much"), TypeError, "loss must be a number, as svi.step"),
        (lambda: Monitor().update(torch.zeros(3)), TypeError, "loss must be a number, as svi.step"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(wrong: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        wrong()


@pytest.mark.parametrize(
    ("step", "reach"), [(0, 10), (10, 10), (11, 20), (21, 50), (99, 100), (101, 200), (5001, 10_000)]
)
def test_without_an_end_the_axis_grows_in_round_steps(step: int, reach: int) -> None:
    assert own_loop._reach(step) == reach


class Shell:
    """Stands for IPython's shell, whose cells end when the test says so."""

    def __init__(self) -> None:
        self.kernel, self.callbacks = object(), {"post_run_cell": list[Any]()}
        self.events = self

    def register(self, name: str, call: Any) -> None:
        self.callbacks[name].append(call)

    def unregister(self, name: str, call: Any) -> None:
        self.callbacks[name].remove(call)

    def end_cell(self) -> None:
        for call in self.callbacks["post_run_cell"]:
            call(None)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: made))
    return made


def test_the_end_of_a_cell_is_the_end_of_its_loop(shell: Shell) -> None:
    with closing(Monitor(num_steps=2)) as monitor:
        monitor.update(1.0)
        monitor.update(1.0)
        assert monitor.status == "running"
        shell.end_cell()
        assert (monitor.status, monitor.step) == ("finished", 2)
    assert shell.callbacks["post_run_cell"] == []


async def test_a_loop_in_the_background_runs_on_where_a_cell_ends(shell: Shell) -> None:
    with closing(Monitor()) as monitor:
        statuses: list[str] = []
        monitor.observe(lambda change: statuses.append(change["new"]), "status")

        async def run() -> None:
            async for _ in monitor.over(range(10_000)):
                monitor.update(1.0)
                await asyncio.sleep(0)

        task = asyncio.create_task(run())
        await wait_until_async(lambda: monitor._loop.step > 3)
        shell.end_cell()
        assert statuses == ["running"]
        monitor.stop()
        await task
        assert statuses == ["running", "paused"]


async def test_an_async_loop_rests_where_its_own_cell_ends(shell: Shell) -> None:
    with closing(Monitor()) as monitor:

        async def cell() -> None:
            for _ in range(3):
                monitor.update(1.0)
                await asyncio.sleep(0)

        await asyncio.create_task(cell())
        assert monitor.status == "running"
        shell.end_cell()
        assert monitor.status == "paused"


def test_a_loop_in_a_thread_runs_on_where_a_cell_ends(shell: Shell) -> None:
    begun, over = threading.Event(), threading.Event()
    with closing(Monitor()) as monitor:

        def run() -> None:
            monitor.update(1.0)
            begun.set()
            over.wait()

        thread = threading.Thread(target=run)
        thread.start()
        begun.wait()
        shell.end_cell()
        assert monitor.status == "running"
        over.set()
        thread.join()
        shell.end_cell()
        assert monitor.status == "paused"


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
async def test_a_loop_that_keeps_the_kernel_busy_says_that_no_button_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "UNHEARD_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "REST_SECONDS", 0.01)
    with closing(Monitor(language="en")) as monitor:

        def said() -> bool:
            return "interrupt the kernel to end it" in words(monitor)

        for _ in range(3):
            monitor.update(1.0)
        assert not said()  # the next step may let it be heard
        monitor.update(1.0)
        assert said()
        await wait_until_async(lambda: monitor.status == "paused")
        assert not said()
        async for _ in monitor.over(range(10)):
            monitor.update(1.0)
            assert not said()


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
@pytest.mark.parametrize(("language", "said"), [("en", "when the loop ends or pauses"), ("ko", "루프가 끝나거나")])
def test_the_card_says_when_the_verdict_comes(monkeypatch: pytest.MonkeyPatch, language: str, said: str) -> None:
    monkeypatch.setattr(loop_window.LoopWindow, "ready", lambda self: self._dashboard is not None)
    steps = svi()
    with closing(Monitor(steps, language=language)) as monitor:
        monitor.update(steps.step(DATA), DATA)
        assert said in words(monitor)
        assert "Pause to see" not in words(monitor)


@pytest.mark.usefixtures("in_a_notebook", "at_every_step")
@pytest.mark.parametrize(("language", "said"), [("en", "hardly lower the loss"), ("ko", "손실이 거의 내려가지")])
def test_what_converged_means_is_explained_by_the_loss(
    monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    monkeypatch.setattr(loop_window.LoopWindow, "ready", lambda self: self._dashboard is not None)
    steps = svi()
    with closing(Monitor(steps, language=language)) as monitor:
        monitor.update(steps.step(DATA), DATA)
        panel = drawn.part(drawn.part(monitor, "rw-converged"), "rw-explain-panel")
        (explained,) = (text.value for text in drawn.texts(panel))
        assert said in explained
        assert not re.search(r"\b(nan|nats?|ELBO)\b", explained)
