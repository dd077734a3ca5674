"""A kernel's interrupt, as a signal to this process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from jupyter_client.manager import start_new_kernel

from rugged_widget.training.scheduler import Interrupts
from tests.training.fakes import Bench
from tests.waits import LIMIT_SECONDS, wait_until


@pytest.fixture
def _as_in_an_idle_kernel() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_as_in_an_idle_kernel")
async def test_an_interrupt_between_cells_pauses_every_training_and_is_ignored_again_afterwards() -> None:
    benches = [Bench(num_steps=10_000), Bench(num_steps=10_000)]
    for bench in benches:
        bench.training.start()
    await benches[1].until(lambda: benches[1].fit.step > 10)
    signal.raise_signal(signal.SIGINT)
    for bench in benches:
        await bench.until(lambda bench=bench: bench.training.status == "paused")  # type: ignore[misc]
    for _ in range(20):
        await asyncio.sleep(0)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("_as_in_an_idle_kernel")
async def test_a_handler_of_others_is_left_alone() -> None:
    heard: list[int] = []

    def mine(number: int, _frame: object) -> None:
        heard.append(number)

    signal.signal(signal.SIGINT, mine)
    interrupts = Interrupts()
    with interrupts.pausing(asyncio.get_running_loop(), lambda: None):
        interrupts.listen()
        signal.raise_signal(signal.SIGINT)
    assert heard == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is mine


@pytest.mark.slow
def test_the_stop_button_of_a_notebook_pauses_a_training_between_cells_and_in_an_awaited_one() -> None:
    manager, client = start_new_kernel()
    try:

        def value(expression: str) -> str:
            reply = client.execute_interactive(
                "", silent=True, user_expressions={"it": expression}, timeout=LIMIT_SECONDS
            )
            answers = reply["content"].get("user_expressions")  # none where it came in while a cell was broken off
            return str(answers["it"]["data"]["text/plain"]) if answers else ""

        code = "from rugged_widget import RuggedWidget\nw = RuggedWidget(num_steps=10**6, speed='max')\nw.start()"
        assert client.execute_interactive(code, timeout=LIMIT_SECONDS)["content"]["status"] == "ok"
        wait_until(lambda: int(value("w.step")) >= 20)
        manager.interrupt_kernel()
        wait_until(lambda: value("w.status") == "'paused'")
        client.execute("w.observe(lambda change: print(change.new, flush=True), 'status')\nawait w.fit()")
        wait_until(lambda: "running" in client.get_iopub_msg(timeout=LIMIT_SECONDS)["content"].get("text", ""))
        manager.interrupt_kernel()
        wait_until(lambda: value("w.status") == "'paused'")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
