"""Memory of a kernel that watches a model of a million parameters, while its page is open and painting."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Figure, table
from tests.browser import chromium
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.browser.kernel import Kernel
    from tests.browser.lab import LabPage

ROOT = Path(__file__).parents[2]
AT_FRAMES = (100, 400, 700, 1000)
"""Frames at which memory is read; what the first ones leave is not counted."""

AT_RESETS = (5, 10, 15, 20)
TABS = ("Train", "Parameters", "Model")
ENGINES = ("plain", "graph")
FLAT_MB = 5.0
"""Growth from the second reading to the last that counts as none: allocators keep what they have freed."""

CELL = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
import ctypes, gc, tracemalloc
import psutil, pyro, pyro.distributions as dist, torch
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam
from torch import nn
from rugged_widget import watch

class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(100, 4950), nn.Softplus(), nn.Linear(4950, 4))
        self.decoder = nn.Sequential(nn.Linear(2, 4850), nn.Softplus(), nn.Linear(4850, 100))

    def model(self, x):
        pyro.module("decoder", self.decoder)
        with pyro.plate("rows", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(self.decoder(z), 1.0).to_event(1), obs=x)

    def guide(self, x):
        pyro.module("encoder", self.encoder)
        with pyro.plate("rows", len(x)):
            loc, log_scale = self.encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

def megabytes():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    traced = tracemalloc.get_traced_memory()[0]
    return [psutil.Process().memory_info().rss / 1e6, traced / 1e6]

both = Autoencoder()
svi = SVI(both.model, both.guide, Adam({{"lr": 1e-4}}), loss=Trace_ELBO())
widget = watch(svi, torch.randn(16, 100), num_steps=10**9, speed="max", engine=ENGINE, language="en")
tracemalloc.start()
widget
"""


def measure(engines: Sequence[str] = ENGINES) -> list[Figure]:
    """Measure all of it, some minutes for each engine."""
    figures = []
    for engine in engines:
        with (
            chromium.launch() as browser,
            Server.jupyter("lab", python=sys.executable, folder=Path(tempfile.mkdtemp(prefix="rw_bench_"))) as server,
            notebook(browser, server, [CELL.replace("ENGINE", repr(engine))]) as (lab, shown),
        ):
            lab.page.locator(".rw-primary").wait_for()
            figures += [_frames(lab, shown.kernel, engine, tab) for tab in TABS]
            figures.append(_resets(lab, shown.kernel, engine))
    return figures


def _frames(lab: LabPage, kernel: Kernel, engine: str, tab: str) -> Figure:
    """Measure memory over frames with a tab open."""
    lab.page.locator(".rugged-widget").get_by_role("tab", name=tab, exact=True).click()
    lab.page.wait_for_timeout(1000)
    first: int = kernel.value("widget._dashboard._stream._seq")
    readings = []
    for frame in AT_FRAMES:
        kernel.run("widget.start()")
        _wait_for_frames(lab, kernel, first + frame)
        kernel.run("widget.pause()")  # while it runs, copies of the parameters come and go
        readings.append(kernel.value("megabytes()"))
    return _figure(f"10^6 parameters, {engine}: kernel's memory over 1,000 frames of {tab}", readings)


def _resets(lab: LabPage, kernel: Kernel, engine: str) -> Figure:
    """Measure memory over resets, with some frames after each."""
    lab.page.locator(".rugged-widget").get_by_role("tab", name=TABS[0], exact=True).click()
    readings = []
    for count in range(1, AT_RESETS[-1] + 1):
        first: int = kernel.value("(widget.reset(), widget.start(), widget._dashboard._stream._seq)[-1]")
        _wait_for_frames(lab, kernel, first + 10)
        kernel.run("widget.pause()")
        if count in AT_RESETS:
            readings.append(kernel.value("megabytes()"))
    return _figure(f"10^6 parameters, {engine}: kernel's memory over 20 resets", readings)


def _wait_for_frames(lab: LabPage, kernel: Kernel, seq: int) -> None:
    while kernel.value("widget._dashboard._stream._seq") < seq:
        lab.page.wait_for_timeout(500)


def _figure(what: str, readings: Sequence[Sequence[float]]) -> Figure:
    resident, traced = ([reading[part] for reading in readings] for part in (0, 1))
    detail = f"resident {_listed(resident)} MB; of Python's objects {_listed(traced)} MB"
    return Figure(what, resident[-1] - resident[1], FLAT_MB, "MB", detail=detail)


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.1f}" for number in numbers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, help="only one of them")
    engine = parser.parse_args().engine
    sys.stdout.write(table(measure([engine] if engine else ENGINES)))


if __name__ == "__main__":
    main()
