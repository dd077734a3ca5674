"""Prints what the dashboard and the usual ways to watch a loop cost and show, in JupyterLab, in turns.

`python -m tests.benchmarks.naive [--rounds 2]`, four minutes a round, with what the extra `bench` installs. A way
that is drawn in a loop keeps its cell busy; each is measured at the cadence that tutorials use, every 10 or 50 steps.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks import naive_cells as cells
from tests.benchmarks.figures import percentile
from tests.benchmarks.process import cell_milliseconds
from tests.benchmarks.processors import Processes, Processors
from tests.browser import chromium
from tests.browser.lab import EMPTY_KERNEL, LabPage, notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.browser.kernel import Kernel
    from tests.browser.pages import Shown

SECONDS, START_SECONDS, REST_SECONDS, BARE_SECONDS, TAIL_SECONDS = 8.0, 3.0, 2.0, 3.0, 2.0
NUM_STEPS = 10**9
HIDE_CODE = "notebook:hide-all-cell-code"  # what is below the window is not painted

# In the page: notes what was painted and when. It looks where something has changed and keeps no clock of its own.
PAINTED = r"""([kind, numSteps]) => {
    const page = jupyterapp.shell.currentWidget.content.node;
    const bar = () => {
        const { transform, width } = page.querySelector(".rw-progress .progress-bar").style;
        const moved = /scaleX\(([^)]+)\)/.exec(transform)?.[1];
        return String(Math.round((moved === undefined ? Number.parseFloat(width) / 100 : Number(moved)) * numSteps));
    };
    const ways = {
        picture: [undefined, { childList: true, subtree: true, attributeFilter: ["src"] },
            () => page.querySelector(".jp-OutputArea img")?.src.trim().slice(-60)],
        label: [".naive-step", { childList: true, subtree: true, characterData: true },
            () => /\d+/.exec(page.querySelector(".naive-step").textContent)?.[0]],
        title: [".js-plotly-plot", { childList: true, subtree: true, characterData: true },
            () => page.querySelector(".gtitle")?.textContent],
        bar: [".rw-progress .progress-bar", { attributes: true, attributeFilter: ["style"] }, bar],
    };
    const [root, what, read] = ways[kind];
    window.painted = [];
    let seen, waits = false;
    const note = () => {
        requestAnimationFrame(() => {
            waits = false;
            const channel = new MessageChannel(), now = read();
            channel.port1.onmessage = () => { channel.port1.close(); painted.push([now, Date.now() / 1000]); };
            channel.port2.postMessage(0);
        });
    };
    new MutationObserver(() => {
        const now = read();
        if (now === undefined || now === seen || waits) return;
        seen = now;
        waits = true;
        const picture = kind === "picture" ? page.querySelector(".jp-OutputArea img").decode() : Promise.resolve();
        picture.then(note, () => { waits = false; });
    }).observe(root === undefined ? page : page.querySelector(root), what);
}"""


# What widgets of a loop bring onto the page.
APPEARS = {"label": ".naive-step", "title": ".js-plotly-plot"}


class Way(NamedTuple):
    """A way to watch training: the cell that shows it, how the page tells what is painted, and when it draws.

    `every` is the number of steps from one picture to the next; None where the dashboard decides.
    """

    name: str
    cell: str
    kind: str
    every: int | None = None
    needs: str = "bqplot"


def ours(name: str, engine: str, speed: int | str = "max", rate: float | None = None) -> Way:
    """Return a way to watch by the dashboard, with so many frames a second or as it finds them."""
    pace = "" if rate is None else cells.PACE.format(rate=rate)
    return Way(name, cells.OURS.format(speed=speed, engine=engine, pace=pace), "bar")


WAYS = [
    ours("ours, plain", "plain"),
    ours("ours, default", "auto"),
    ours("ours, plain, 10 steps a frame", "plain", 10),
    ours("ours, as seldom as livelossplot", "auto", rate=14),
    ours("ours, as seldom as matplotlib", "auto", rate=3.5),
    Way("matplotlib, every 10", cells.MATPLOTLIB, "picture", 10, "matplotlib"),
    Way("matplotlib, every 50", cells.MATPLOTLIB, "picture", 50, "matplotlib"),
    Way("livelossplot (loss only), every 10", cells.LIVELOSSPLOT, "picture", 10, "livelossplot"),
    Way("livelossplot (loss only), every 50", cells.LIVELOSSPLOT, "picture", 50, "livelossplot"),
    Way("bqplot's traits, every 10", cells.BQPLOT, "label", 10),
    Way("bqplot's traits, every 50", cells.BQPLOT, "label", 50),
    Way("plotly's FigureWidget, every 10", cells.PLOTLY, "title", 10, "plotly"),
    Way("plotly's FigureWidget, every 50", cells.PLOTLY, "title", 50, "plotly"),
]


class Seen(NamedTuple):
    """What was measured of a way.

    Attributes
    ----------
    frames
        Painted frames a second.
    behind, late
        Seconds from sent to painted, median and 95 %.
    steps, bare
        Steps a second with the page, and of the same steps without one.
    browser, server, kernel
        Processor time in ms a painted frame; of the browser less that at rest, of the kernel less that of the steps.
    cell
        Milliseconds until a trivial cell beside it is answered, 95 %; infinite where it waits for the loop to end.
    """

    frames: float
    behind: float
    late: float
    steps: float
    bare: float
    browser: float
    server: float
    kernel: float
    cell: float


class Window(NamedTuple):
    """A while in which a way was watched: its ends and what was spent, at rest and while it moved."""

    began: float
    ended: float
    resting: Processors
    moving: Processors

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.ended - self.began


def _spent(processes: Processes, seconds: float) -> Processors:
    before, began = processes.read(), time.monotonic()
    time.sleep(seconds)
    return processes.read().since(before).over(time.monotonic() - began)


def _seen(
    window: Window, page: LabPage, sent: dict[str, float], steps: float, bare: Sequence[float], cell: float
) -> Seen:
    painted = [(name, at) for name, at in page.page.evaluate("painted") if window.began <= at <= window.ended]
    if not painted:
        message = f"nothing was painted that was sent; last seen: {page.page.evaluate('painted.at(-1)')}"
        raise RuntimeError(message)
    frames = len(painted) / window.seconds
    behind = [at - sent[name] for name, at in painted if name in sent]
    rate, cost = bare
    return Seen(
        frames=frames,
        behind=percentile(behind, 50),
        late=percentile(behind, 95),
        steps=steps,
        bare=rate,
        browser=1e3 * (window.moving.browser - window.resting.browser) / frames,
        server=1e3 * (window.moving.server - window.resting.server) / frames,
        kernel=1e3 * (window.moving.kernel - steps * cost) / frames,
        cell=cell,
    )


def _dashboard(way: Way, lab: LabPage, kernel: Kernel) -> Seen:
    """Watch training by the dashboard."""
    lab.replace_cells([way.cell])
    lab.command(HIDE_CODE)
    lab.run_all()
    lab.page.wait_for_selector(".rugged-widget .rw-primary")
    processes = Processes()
    speed = kernel.value("widget.speed")
    kernel.run("widget.speed = 'max'; page(False); widget.start()")
    kernel.run("widget._session.training.fit.wait_for_engine(60)")
    time.sleep(1.0)
    bare = _rate(kernel, BARE_SECONDS)
    kernel.run(f"widget.pause(); page(True); widget.speed = {speed!r}")
    time.sleep(1.0)
    resting = _spent(processes, REST_SECONDS)
    lab.page.evaluate(PAINTED, [way.kind, NUM_STEPS])
    kernel.run("widget.start()")
    time.sleep(START_SECONDS)
    before, began = kernel.value("state()"), time.time()
    moving = _spent(processes, SECONDS)
    ended, after = time.time(), kernel.value("state()")
    cell = percentile(cell_milliseconds(kernel.run), 95)
    kernel.run("widget.pause()")
    time.sleep(0.5)
    steps = (after[1] - before[1]) / (after[0] - before[0])
    window = Window(began, ended, resting, moving)
    return _seen(window, lab, kernel.value("sent"), steps, bare, cell)


def _rate(kernel: Kernel, seconds: float) -> list[float]:
    """Return steps a second and processor seconds a step of the dashboard's training."""
    before = kernel.value("state()")
    time.sleep(seconds)
    after = kernel.value("state()")
    steps = after[1] - before[1]
    return [steps / (after[0] - before[0]), (after[2] - before[2]) / steps]


def _loop(way: Way, lab: LabPage, kernel: Kernel) -> Seen:
    """Watch training by a loop that draws."""
    lab.replace_cells([cells.SETUP])
    lab.run_all()
    processes = Processes()
    bare: list[float] = kernel.value(f"bare({BARE_SECONDS})")
    lab.add_cell(way.cell)
    lab.command(HIDE_CODE)
    lab.run_cell(1)
    time.sleep(1.0)
    resting = _spent(processes, REST_SECONDS)
    kernel.run("losses.clear()")
    if way.kind in APPEARS:
        lab.page.wait_for_selector(APPEARS[way.kind])
    lab.page.evaluate(PAINTED, [way.kind, NUM_STEPS])
    lab.add_cell(f"train({START_SECONDS + SECONDS + TAIL_SECONDS}, {way.every}, draw)")
    lab.run_cell(2, wait=False)
    time.sleep(START_SECONDS)
    began = time.time()
    moving = _spent(processes, SECONDS)
    ended = time.time()
    asked = time.perf_counter()
    kernel.run("1 + 1")
    waited = time.perf_counter() - asked
    log = [(at, step) for at, step in kernel.value("log") if began <= at <= ended]
    steps = (log[-1][1] - log[0][1]) / (log[-1][0] - log[0][0])
    cell = float("inf") if waited > 0.5 * TAIL_SECONDS else 1e3 * waited
    lab.wait_idle()
    return _seen(Window(began, ended, resting, moving), lab, kernel.value("sent"), steps, bare, cell)


def _watch(way: Way, lab: LabPage, shown: Shown) -> Seen:
    shown.kernel.run(EMPTY_KERNEL)
    seen = (_loop if way.every else _dashboard)(way, lab, shown.kernel)
    lab.replace_cells([""])
    lab.page.wait_for_timeout(500)
    return seen


def measure(ways: Sequence[Way], rounds: int) -> dict[str, list[Seen]]:
    """Watch in each way, in turns."""
    seen: dict[str, list[Seen]] = {way.name: [] for way in ways}
    with (
        chromium.launch() as browser,
        Server.jupyter("lab", python=sys.executable, folder=Path(tempfile.mkdtemp(prefix="rw_naive_"))) as server,
        notebook(browser, server, [cells.SETUP]) as (lab, shown),
    ):
        for _ in range(rounds):
            for way in ways:
                seen[way.name].append(_watch(way, lab, shown))
                sys.stderr.write(f"{way.name}: {seen[way.name][-1]}\n")
        shown.watched.forget()
    return seen


COLUMNS = (
    *("painted frames/s", "behind, median", "95 %", "steps/s", "/ without a page"),
    *("browser a frame", "server", "kernel", "a cell beside"),
)
HEAD = f"| | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}\n"


def table(seen: dict[str, list[Seen]]) -> str:
    """Return medians of the rounds as a Markdown table."""
    lines = []
    for name, rounds in seen.items():
        one = Seen(*(statistics.median(column) for column in zip(*rounds, strict=True)))
        kept = statistics.median(each.steps / each.bare for each in rounds)
        cell = "after the loop" if one.cell == float("inf") else f"{one.cell:.0f} ms"
        painted = (f"{one.frames:.1f}", *(f"{1e3 * late:.0f} ms" for late in (one.behind, one.late)))
        steps = f"{one.steps:,.0f}", f"{kept:.2f}"
        spent = (f"{milliseconds:.1f} ms" for milliseconds in (one.browser, one.server, one.kernel))
        lines.append(f"| {' | '.join((name, *painted, *steps, *spent, cell))} |\n")
    return HEAD + "".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="ways whose name holds this word, or one of these with | between")
    given = parser.parse_args()
    ways = [way for way in WAYS if re.search(given.only, way.name)]
    missing = sorted({way.needs for way in ways if importlib.util.find_spec(way.needs) is None})
    sys.stdout.write(table(measure([way for way in ways if way.needs not in missing], given.rounds)))
    if missing:
        sys.stdout.write(f"\nNot installed, so left out: {', '.join(missing)}.\n")


if __name__ == "__main__":
    main()
