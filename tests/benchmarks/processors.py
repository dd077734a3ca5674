"""Processor time of the processes that take part: the browser's, the server's and the kernel's."""

from __future__ import annotations

from typing import NamedTuple

import psutil


class Processors(NamedTuple):
    """Processor seconds so far, or of a while.

    Attributes
    ----------
    renderer, gpu, rest
        Of the browser: its pages, what composes and draws them, and its other processes.
    server
        Of the Jupyter server.
    kernel, main
        Of the kernel, and of that its main thread, which computes.
    """

    renderer: float
    gpu: float
    rest: float
    server: float
    kernel: float
    main: float

    @property
    def browser(self) -> float:
        """Of all processes of the browser."""
        return self.renderer + self.gpu + self.rest

    def since(self, before: Processors) -> Processors:
        """Return what was spent since an earlier reading."""
        return Processors(*(now - then for now, then in zip(self, before, strict=True)))

    def over(self, seconds: float) -> Processors:
        """Return processor seconds a second."""
        return Processors(*(spent / seconds for spent in self))


class Processes:
    """The processes below this one, of one browser, one Jupyter server and one kernel."""

    def __init__(self) -> None:
        below = psutil.Process().children(recursive=True)
        self._browser = {process: _kind(process) for process in below if "chrom" in process.name()}
        words = {process: " ".join(process.cmdline()) for process in below if "python" in process.name()}
        (self._kernel,) = (process for process, said in words.items() if "ipykernel" in said)
        (self._server,) = (process for process, said in words.items() if "jupyterlab" in said)

    def read(self) -> Processors:
        """Read the processor time that each has used so far."""
        spent = dict.fromkeys(("renderer", "gpu", "rest"), 0.0)
        for process, kind in self._browser.items():
            if process.is_running():
                spent[kind] += _seconds(process)
        main = next(thread for thread in self._kernel.threads() if thread.id == self._kernel.pid)
        kernel = _seconds(self._kernel)
        return Processors(**spent, server=_seconds(self._server), kernel=kernel, main=main.user_time + main.system_time)

    def pin(self, browser: list[int], kernel: list[int]) -> None:
        """Let browser and server run on these cores only, and every thread of the kernel on those."""
        for process in (*self._browser, self._server):
            if process.is_running():
                _pin(process, browser)
        _pin(self._kernel, kernel)


def _pin(process: psutil.Process, cores: list[int]) -> None:
    for thread in process.threads():
        psutil.Process(thread.id).cpu_affinity(cores)  # Linux takes a thread here as well


def _kind(process: psutil.Process) -> str:
    words = process.cmdline()
    kinds = {"--type=renderer": "renderer", "--type=gpu-process": "gpu"}
    return next((kind for word, kind in kinds.items() if word in words), "rest")


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
