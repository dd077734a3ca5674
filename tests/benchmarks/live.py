"""What is measured in a real JupyterLab, with the dashboard open and moving."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.process import cell_figure, cell_milliseconds
from tests.browser.kernel import Kernel

# In the page: notes when each step was painted, by the progress bar, which moves with every frame.
PAINTED = r"""numSteps => {
    window.painted = [];
    const bar = document.querySelector(".rw-progress .progress-bar");
    new MutationObserver(() => {
        const moved = /scaleX\(([^)]+)\)/.exec(bar.style.transform)?.[1];
        const part = moved === undefined ? Number.parseFloat(bar.style.width) / 100 : Number(moved);
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => painted.push([Math.round(part * numSteps), Date.now() / 1000]);
            channel.port2.postMessage(0);
        });
    }).observe(bar, { attributes: true, attributeFilter: ["style"] });
}"""

# In the kernel: notes when frames are sent and when a pause is done; and the loop to compare with.
PROBES = """
import time as _time, asyncio as _asyncio
import pyro as _pyro, torch as _torch
from pyro.infer import SVI as _SVI, Trace_ELBO as _ELBO
from pyro.infer.autoguide import AutoDiagonalNormal as _Guide
from rugged_widget.regression.infer.model import BayesianRegression as _Model

_sent, _packed, _paused = {}, [], []

def _watch(widget):
    dashboard, stream = widget._dashboard, widget.children[-1]
    rest, push = dashboard.rest, stream.push

    def timed_push(changes, summary):
        began = _time.perf_counter()
        push(changes, summary)
        _packed.append(_time.perf_counter() - began)
        _sent[widget.step] = _time.time()

    def timed_rest(snapshot, progress):
        if progress.status == "paused":
            _paused.append(_time.time())
        rest(snapshot, progress)

    stream.push, dashboard.rest = timed_push, timed_rest

def _bare(seconds):
    _pyro.clear_param_store()
    _pyro.set_rng_seed(1)
    threads = _torch.get_num_threads()
    _torch.set_num_threads(1)
    data = widget._data
    x = _torch.tensor(data.features, dtype=_torch.float)
    y = _torch.tensor(data.targets, dtype=_torch.float)
    model = _Model()
    svi = _SVI(model, _Guide(model), _pyro.optim.Adam({"lr": 0.03}), _ELBO())
    for _ in range(20):
        svi.step(x, y)
    began, steps = _time.perf_counter(), 0
    while _time.perf_counter() - began < seconds:
        svi.step(x, y)
        steps += 1
    rate = steps / (_time.perf_counter() - began)
    _torch.set_num_threads(threads)
    _pyro.clear_param_store()
    return rate

_watch(widget)
"""


def measure(page: Page, kernel: Kernel) -> list[Figure]:
    """Measure everything that needs the page."""
    page.wait_for_selector(".rugged-widget .rw-primary")
    time.sleep(3)
    kernel.run(PROBES)
    idle = cell_milliseconds(kernel.run)
    starting = _starting(page, kernel)
    return [starting, *_streaming(page, kernel), _pausing(page, kernel), _latency(kernel, idle), _speed(page, kernel)]


def _starting(page: Page, kernel: Kernel) -> Figure:
    """Press Start on a page that has been drawn for some seconds, five times from the beginning."""
    page.evaluate(PAINTED, kernel.value("widget.num_steps"))
    button, delays = page.locator(".rw-primary"), list[float]()
    for _ in range(5):
        page.evaluate("""() => {
            painted.length = 0;
            const start = document.querySelector('.rw-primary');
            const note = () => { window.pressed = Date.now() / 1000; };
            start.addEventListener('click', note, { capture: true, once: true });
        }""")
        button.click()
        page.wait_for_function("painted.some(([step]) => step > 0)")
        delays.append(1e3 * page.evaluate("painted.find(([step]) => step > 0)[1] - pressed"))
        kernel.run("widget.pause(); widget.reset()")
        page.wait_for_timeout(3000)
    detail = f"median of {', '.join(f'{delay:.0f}' for delay in delays)}; the first once in a kernel"
    return Figure("Start pressed to first painted step, warm page", percentile(delays, 50), 300, "ms", detail=detail)


def _streaming(page: Page, kernel: Kernel) -> list[Figure]:
    page.evaluate("painted.length = 0")
    kernel.run("widget.start()")
    time.sleep(20)
    kernel.run("widget.pause()")
    page.wait_for_timeout(500)
    painted: list[tuple[int, float]] = page.evaluate("painted")
    sent = {int(step): at for step, at in kernel.value("list(_sent.items())")}
    late = [at for _, at in painted if at > painted[-1][1] - 10]
    behind = [at - sent[step] for step, at in painted if step in sent and at in late]
    shown = f"step {kernel.value('widget.step'):,} of" in page.locator(".rw-status").inner_text()
    return [
        Figure(
            "painted frames a second, as fast as possible",
            (len(late) - 1) / (late[-1] - late[0]),
            15,
            "/s",
            at_least=True,
        ),
        Figure(
            "browser behind the kernel after 20 s",
            percentile(behind, 50) if shown else float("inf"),
            0.15,
            "s",
            detail=f"median from sent to painted; 95 %: {percentile(behind, 95):.3f} s; last frame shown: {shown}",
        ),
        Figure(
            "kernel time to pack and send a frame",
            1e3 * percentile(kernel.value("_packed[20:]"), 50),
            1.5,
            "ms",
            detail="median",
        ),
    ]


def _pausing(page: Page, kernel: Kernel) -> Figure:
    page.evaluate("""() => {
        window.pressed = [];
        document.querySelector('.rw-primary').addEventListener('click', () => pressed.push(Date.now() / 1000), true);
    }""")
    kernel.run("_paused.clear()")
    button = page.locator(".rw-primary")
    for _ in range(30):
        button.click()
        kernel.wait("widget.status == 'running'")
        page.wait_for_timeout(150)
        button.click()
        kernel.wait("widget.status == 'paused'")
    pressed: list[float] = page.evaluate("pressed.filter((_, i) => i % 2)")
    paused: list[float] = kernel.value("_paused")
    delays = [1e3 * (end - begin) for begin, end in zip(pressed, paused, strict=True)]
    return Figure("Pause pressed to training stopped, 95 %", percentile(delays, 95), 150, "ms", detail="30 presses")


def _latency(kernel: Kernel, idle: list[float]) -> Figure:
    kernel.run("widget.start()")
    time.sleep(1)
    busy = cell_milliseconds(kernel.run)
    kernel.run("widget.pause()")
    return cell_figure("the same with a page that paints beside it", idle, busy)


def _speed(page: Page, kernel: Kernel) -> Figure:
    ratios: list[float] = []
    rates: list[tuple[float, float]] = []
    for _ in range(4):
        bare: float = kernel.value("_bare(4)")
        before: Any = kernel.value("(widget.start(), widget.step, _time.perf_counter())")
        page.wait_for_timeout(4000)
        after: Any = kernel.value("(widget.step, _time.perf_counter(), widget.pause())")
        live = (after[0] - before[1]) / (after[1] - before[2])
        ratios.append(live / bare)
        rates.append((live, bare))
    detail = ", ".join(f"{live:.0f} / {bare:.0f}" for live, bare in rates) + " steps/s"
    return Figure(
        "speed with the dashboard moving / bare loop", percentile(ratios, 50), 6, "x", at_least=True, detail=detail
    )
