"""What watching a model costs while its page is open in a real JupyterLab, beside the lesson's page."""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import psutil

from tests.benchmarks.figures import Figure
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.browser.kernel import Kernel
    from tests.browser.lab import LabPage

ROOT = Path(__file__).parents[2]
ROUNDS = 3
SECONDS = 12.0
"""Time for which frames are counted."""

WAIT = 6.7
"""How many times as long as the lesson's the first painted step may take: a second where that takes 0.15."""

IMPORTS = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom rugged_widget import RuggedWidget, watch"
CELLS = """import pyro, pyro.distributions as dist, torch
def cells(x):
    with pyro.plate("cells", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 0.5), obs=x)
x = torch.linspace(-2.0, 2.0, 10_000)"""
LESSON = "widget = RuggedWidget(num_steps=10**9, speed='max')"
MANY = "widget = watch(cells, None, x, num_steps=10**9, speed='max', engine={engine!r})"
EXAMPLES = ("eight_schools", "mixture", "variational_autoencoder")

# In the page: notes when the first step of a new widget was painted.
FIRST_STEP = r"""() => {
    window.firstPainted = undefined;
    const old = new Set(document.querySelectorAll(".rw-status"));
    const look = () => {
        const seen = [...document.querySelectorAll(".rw-status")].some((status) => !old.has(status) &&
            Number(/step ([\d,]+)/.exec(status.textContent)?.[1].replaceAll(",", "")) > 0);
        if (!seen) return;
        observer.disconnect();
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => { window.firstPainted = Date.now() / 1000; };
            channel.port2.postMessage(0);
        });
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, characterData: true, subtree: true });
}"""

# In the kernel: processor time that frames take. On the main thread that of snapshots, of showing them and of messages
# of the page; and all of the threads that send and receive messages.
PROBES = """
import gc as _gc, threading as _threading, time as _time
from pathlib import Path as _Path

class _Frames:
    def __init__(self, widget, kernel):
        self.count, self.seconds, self.snapshots, self.showing = 0, 0.0, [], []
        self._kernel, self._dispatch = kernel, type(kernel).dispatch_shell.__get__(kernel)
        kernel.dispatch_shell = self._handle
        self._time(widget._session.training.fit, "snapshot", self.snapshots)
        self._time(widget._dashboard, "show", self.showing)
        self._time(widget._dashboard, "ready", [])

    def _time(self, owner, name, kept):
        method = getattr(owner, name)
        def timed(*args, **kwargs):
            began = _time.thread_time()
            try:
                return method(*args, **kwargs)
            finally:
                kept.append(_time.thread_time() - began)
                self.seconds += kept[-1]
        setattr(owner, name, timed)

    async def _handle(self, *args, **kwargs):
        began = _time.thread_time()
        try:
            return await self._dispatch(*args, **kwargs)
        finally:
            if _threading.current_thread() is _threading.main_thread():
                self.seconds += _time.thread_time() - began

    def _messengers(self):
        of_python = {str(one.native_id) for one in _threading.enumerate()}
        for task in _Path("/proc/self/task").iterdir():
            ours = task.name in of_python and task.name != str(_threading.main_thread().native_id)
            if ours or (task / "comm").read_text().startswith("ZMQ"):
                yield int((task / "schedstat").read_text().split()[0]) / 1e9

    def read(self):
        return [len(self.showing), self.seconds + sum(self._messengers())]
"""


@dataclass(frozen=True)
class Streamed:
    """What frames took, in processor seconds.

    Attributes
    ----------
    frames
        Number of frames.
    kernel
        Of the kernel for each frame: snapshot, figures, encoding, sending, and handling acknowledgements.
    snapshot
        Of the kernel for each snapshot, the mean.
    browser
        Of all processes of the browser for each frame.
    """

    frames: int
    kernel: float
    snapshot: float
    browser: float


def measure() -> list[Figure]:
    """Measure all of it."""
    with (
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(tempfile.mkdtemp(prefix="rw_bench_"))) as server,
        notebook(browser, server, [f"{IMPORTS}\n{CELLS}\n{PROBES}"]) as (lab, shown),
    ):
        figures = first_steps(lab, shown.kernel)
        return [*figures, *frames(lab, shown.kernel)]


def frames(lab: LabPage, kernel: Kernel) -> list[Figure]:
    """Measure what frames of 10,000 latents take in kernel and browser, in turns with those of the lesson."""
    cells = {"lesson": LESSON, "graph": MANY.format(engine="graph"), "plain": MANY.format(engine="plain")}
    measured: dict[str, list[Streamed]] = {name: [] for name in cells}
    for _ in range(ROUNDS):
        for name, cell in cells.items():
            measured[name].append(streamed(lab, kernel, cell))
    return [figure for name in ("plain", "graph") for figure in _of_frames(name, measured[name], measured["lesson"])]


def _of_frames(engine: str, many: Sequence[Streamed], lesson: Sequence[Streamed]) -> list[Figure]:
    """Compare rounds with those of the lesson beside them."""
    snapshots, kernels, browsers = (
        [(1e3 * getattr(one, part), 1e3 * getattr(other, part)) for one, other in zip(many, lesson, strict=True)]
        for part in ("snapshot", "kernel", "browser")
    )
    ratio = statistics.median(one / other for one, other in browsers)
    name = f"10,000 latents, {engine}"
    return [
        Figure(f"{name}: a snapshot, page open", _middle(snapshots), 5.0, "ms", detail=_beside(snapshots)),
        Figure(f"{name}: kernel a frame, all in", _middle(kernels), 8.0, "ms", detail=_beside(kernels)),
        Figure(f"{name}: browser a frame / the lesson's", ratio, 1.0, "x", detail=_beside(browsers)),
    ]


def _middle(pairs: Sequence[tuple[float, float]]) -> float:
    return statistics.median(one for one, _ in pairs)


def _beside(pairs: Sequence[tuple[float, float]]) -> str:
    return "; ".join(f"{one:.1f} ms, the lesson {other:.1f}" for one, other in pairs)


def streamed(lab: LabPage, kernel: Kernel, cell: str) -> Streamed:
    """Let a widget train on an open page for a while."""
    _show(lab, f"{cell}\n_frames = _Frames(widget, get_ipython().kernel)\nwidget")
    lab.page.locator(".rw-primary").wait_for()
    lab.page.wait_for_timeout(2000)
    kernel.run("widget.start()")
    lab.page.wait_for_timeout(4000)
    kernel.run("_frames.snapshots.clear()")
    before, spent = kernel.value("_frames.read()"), _browser_seconds()
    lab.page.wait_for_timeout(1e3 * SECONDS)
    after, spent = kernel.value("_frames.read()"), _browser_seconds() - spent
    snapshot: float = kernel.value("sum(_frames.snapshots) / len(_frames.snapshots)")
    kernel.run("widget.pause(); widget.close()")
    count = after[0] - before[0]
    return Streamed(count, (after[1] - before[1]) / count, snapshot, spent / count)


def first_steps(lab: LabPage, kernel: Kernel) -> list[Figure]:
    """Measure the time from making a widget, which starts at once, to its first painted step, in a warm kernel."""
    cells = {"the lesson": ("", LESSON), "10,000 latents": (CELLS, MANY.format(engine="auto"))}
    cells |= {name.replace("_", " "): _of_example(name) for name in EXAMPLES}
    for preparation, _ in cells.values():
        if preparation:
            kernel.run(preparation)
    taken: dict[str, list[float]] = {name: [] for name in cells}
    for _ in range(ROUNDS + 1):
        for name, (_, cell) in cells.items():
            taken[name].append(_first_step(lab, kernel, cell))
    lesson = taken.pop("the lesson")
    figures = []
    for name, seconds in taken.items():
        ratio = statistics.median(one / other for one, other in zip(seconds[1:], lesson[1:], strict=True))
        detail = f"{_listed(seconds[1:])} s beside {_listed(lesson[1:])} s; first in its kernel {seconds[0]:.2f} s"
        figures.append(Figure(f"{name}: call to first painted step / the lesson's", ratio, WAIT, "x", detail=detail))
    return figures


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.2f}" for number in numbers)


def _first_step(lab: LabPage, kernel: Kernel, cell: str) -> float:
    _show(lab, "")
    lab.page.wait_for_timeout(500)
    lab.page.evaluate(FIRST_STEP)
    _show(lab, f"_began = _time.time()\n{cell}\nwidget.start()\nwidget")
    lab.page.wait_for_function("window.firstPainted")
    painted: float = lab.page.evaluate("window.firstPainted")
    began: float = kernel.value("_began")
    kernel.run("widget.pause(); widget.close()")
    return painted - began


def _of_example(name: str) -> tuple[str, str]:
    """Return what an example does before it watches, and the cell in which it does."""
    sources = [
        cell.source for cell in nbformat.read(ROOT / "examples" / f"{name}.ipynb", 4).cells if cell.cell_type == "code"
    ]
    at = next(number for number, source in enumerate(sources) if "= watch(" in source)
    watching = sources[at].removesuffix("\nmonitor") + "\nwidget = monitor"
    return "\n".join(sources[:at]), watching


def _show(lab: LabPage, cell: str) -> None:
    lab.replace_cells([cell])
    lab.run_all()


def _browser_seconds() -> float:
    """Return the processor time of this process's browser so far."""
    processes = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
    times = [one.cpu_times() for one in processes]
    return sum(time.user + time.system for time in times)
