"""Prints what a slice of training measured in processor time would gain, in turns with the one in wall time.

`python -m tests.benchmarks.slices [--rounds 3] [--busy 0 2 4]`: the lesson by the graph engine without a page, beside
so many busy loops; some twenty seconds a round and number. Its steps are the estimate of how many fit into a slice.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from jupyter_client.manager import start_new_kernel

from tests.benchmarks.figures import percentile
from tests.benchmarks.process import cell_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS, CELLS = 2.0, 40
WAYS = {
    "wall time": "'wall', 'wall'",
    "wall time, its steps by processor time (as it is)": "'wall', 'thread'",
    "processor time": "'thread', 'thread'",
    "processor time, twice as much wall time at most": "'capped', 'thread'",
}

CELL = """
import time, types
from rugged_widget import RuggedWidget
from rugged_widget.infer.compiled.stepping import stepper
widget = RuggedWidget(num_steps=10**9, speed="max", engine="graph")
widget.start()
"""
PROBES = """
_fit = widget._session.training.fit
_fit.wait_for_engine(60)
_advance = _fit.advance
_slices = [0]

def _capped():
    began, processor = time.perf_counter(), time.thread_time()
    return lambda: max(time.thread_time() - processor, (time.perf_counter() - began) / 2)

_clocks = {"wall": lambda: time.perf_counter, "thread": lambda: time.thread_time, "capped": _capped}

def use(slices, estimate):
    def advance(max_steps, seconds):
        _slices[0] += 1
        return _advance(max_steps, seconds, _clocks[slices]())
    _fit.advance = advance
    stepper.time = types.SimpleNamespace(perf_counter=time.perf_counter, thread_time=_clocks[estimate]())

def state():
    return f"{time.perf_counter()} {time.thread_time()} {widget.step} {_slices[0]}"
"""


class Run(NamedTuple):
    """Steps a second, and a second of the thread's processor time; steps a slice; milliseconds of a cell."""

    steps: float
    per_processor_second: float
    per_slice: float
    cell: float


class Trainer:
    """A kernel that trains the lesson; a context manager that ends it."""

    def __enter__(self) -> Self:
        self._manager, self._client = start_new_kernel()
        self.execute(CELL)
        time.sleep(2.0)
        self.execute(PROBES)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def execute(self, code: str, expression: str = "None") -> str:
        """Run statements and return an expression's text."""
        sent = self._client.execute(code, silent=True, store_history=False, user_expressions={"value": expression})
        while (reply := self._client.get_shell_msg(timeout=120))["parent_header"].get("msg_id") != sent:
            pass
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        return str(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])

    def run(self, way: str) -> Run:
        """Train for a while with slices of a kind."""
        self.execute(f"use({WAYS[way]})")
        time.sleep(0.5)
        before = self._state()
        time.sleep(SECONDS)
        seconds, processor, steps, slices = (new - old for new, old in zip(self._state(), before, strict=True))
        cell = percentile(cell_milliseconds(self.execute, CELLS), 95)
        return Run(steps / seconds, steps / processor, steps / slices, cell)

    def _state(self) -> list[float]:
        return [float(part) for part in self.execute("", "state()").strip("'").split()]


@contextmanager
def _busy() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _line(num_busy: int, way: str, runs: Sequence[Run], by_wall: Sequence[Run]) -> str:
    one = Run(*(statistics.median(column) for column in zip(*runs, strict=True)))
    steps, processor = (
        statistics.median(getattr(run, of) / getattr(wall, of) for run, wall in zip(runs, by_wall, strict=True))
        for of in ("steps", "per_processor_second")
    )
    ratios = f"{one.steps:,.0f} | {steps:.2f} | {processor:.2f}"
    return f"| {num_busy} | {way} | {ratios} | {one.per_slice:.1f} | {one.cell:.0f} ms |\n"


def measure(numbers: Sequence[int], rounds: int) -> str:
    """Return a Markdown table: of each number of busy loops and each way, medians of the rounds."""
    columns = "steps/s | / by wall time | the same, by processor time | steps a slice | a cell, 95 %"
    lines = [f"| busy loops | slices by | {columns} |\n", "|---:|---|---:|---:|---:|---:|---:|\n"]
    with Trainer() as trainer:
        for number in numbers:
            runs: dict[str, list[Run]] = {way: [] for way in WAYS}
            with ExitStack() as stack:
                for _ in range(number):
                    stack.enter_context(_busy())
                for _ in range(rounds):
                    for way in WAYS:
                        runs[way].append(trainer.run(way))
            lines += [_line(number, way, runs[way], runs["wall time"]) for way in WAYS]
    return "".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 2, 4])
    given = parser.parse_args()
    sys.stdout.write(measure(given.busy, given.rounds))


if __name__ == "__main__":
    main()
