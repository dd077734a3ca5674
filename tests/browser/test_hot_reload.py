"""A change of the front end's sources shows in an open page, while the kernel goes on."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import notebook
from tests.front_end import JS, TOP, hatch_build
from tests.waits import LIMIT_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.server import Server

# As `ANYWIDGET_HMR=1 jupyter lab` in the checkout would, in a kernel of its own.
FROM = "import os, sys\nos.environ['ANYWIDGET_HMR'] = '1'\nsys.path.insert(0, {checkout!r})"
ACCENT = "root => getComputedStyle(root).getPropertyValue('--rw-accent').trim()"


@contextmanager
def watched_checkout(folder: Path) -> Iterator[Path]:
    """Copy the package and its front end's sources, and build them again whenever they change."""
    unbuilt = shutil.ignore_patterns("static", "__pycache__", "node_modules")
    for name in ("rugged_widget", "js"):
        shutil.copytree(TOP / name, folder / name, ignore=unbuilt)
    node = hatch_build.find_node()
    assert node is not None
    hatch_build.install_packages(node, JS)
    (folder / "js" / "node_modules").symlink_to(JS / "node_modules")
    static = folder / "rugged_widget" / "static"
    with subprocess.Popen([node.executable, "build.mjs", "--watch"], cwd=folder / "js") as build:
        try:
            wait_until(lambda: all((static / name).is_file() for name in hatch_build.BUNDLE), "both files are built")
            yield folder
        finally:
            build.terminate()
            build.wait(LIMIT_SECONDS)


def _replace(path: Path, old: str, new: str) -> None:
    source = path.read_text()
    assert source.count(old) == 1, f"{path.name} holds {source.count(old)} times {old}"
    path.write_text(source.replace(old, new))


def test_changed_sources_show_in_the_open_page_and_training_goes_on(
    browser: Browser, lab_server: Server, tmp_path: Path
) -> None:
    with watched_checkout(tmp_path) as checkout:
        cells = [FROM.format(checkout=str(checkout)), cell(num_steps=100_000)]
        with notebook(browser, lab_server, cells) as (lab, shown):
            widget = DashboardPage(shown)
            kernel = lab.kernel_id()
            assert Path(shown.kernel.value("__import__('rugged_widget').__file__")).is_relative_to(checkout)
            widget.press("rw-primary", "Start")
            widget.wait_step(30)

            accent = widget.root.evaluate(ACCENT)
            _replace(checkout / "js" / "src" / "style.css", f"--rw-accent: {accent};", "--rw-accent: #123456;")
            widget.wait_until(lambda: widget.root.evaluate(ACCENT) == "#123456", "the page has the new style")

            _replace(checkout / "js" / "src" / "summary.ts", '= "rw-summary"', '= "rw-summary rw-reloaded"')
            widget.part("rw-reloaded").wait_for(state="attached")
            assert widget.part("rw-summary").count() == 1
            widget.wait_step(widget.step() + 30)  # its frames come to the new module
            shown.kernel.wait("widget.children[-1].presence == 'here'")  # an answer may be late now and then

            widget.press("rw-primary", "Pause")
            widget.wait_status("paused")
            assert widget.differences() == []
            assert lab.kernel_id() == kernel
