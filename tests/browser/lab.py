"""A notebook in JupyterLab, or in Notebook 7, which is made of the same parts."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from tests.browser.pages import Shown, Theme, shown, watched_page
from tests.browser.server import Server, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

    from tests.browser.chromium import Watched

ADDRESSES = {"lab": "/doc/tree/", "notebook": "/notebooks/"}  # /doc: one document, no side bars
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
KERNEL = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"


class LabPage:
    """Drives one open notebook through the application's own commands.

    Parameters
    ----------
    watched
        The page.
    server
        The server that it belongs to.
    """

    def __init__(self, watched: Watched, server: Server) -> None:
        self.watched = watched
        self.page = watched.page
        self.server = server

    def go(self, name: str, host: Literal["lab", "notebook"]) -> None:
        """Open the notebook `name` and wait until its kernel is idle."""
        self.page.goto(f"{self.server.url}{ADDRESSES[host]}{name}?token={self.server.token}")
        self.wait_idle()

    def reload(self) -> None:
        """Load the page again, as a person does, and wait until the notebook is there."""
        self.page.reload()
        self.page.wait_for_function(f"Boolean({KERNEL})")

    def wait_idle(self) -> None:
        """Wait until no cell runs and none is queued."""
        self.page.wait_for_function(f"{KERNEL}?.status === 'idle'")

    def kernel_id(self) -> str:
        """Identify the notebook's kernel."""
        return str(self.page.evaluate(f"{KERNEL}.id"))

    def command(self, name: str, arguments: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Run a command of the application; `wait=False` where it lasts as long as a busy cell."""
        call = "([name, given]) => jupyterapp.commands.execute(name, given)"
        if wait:
            # What a command resolves to may hold the whole application: only that it is done matters.
            self.watched.settle(f"(both) => ({call})(both).then(() => true)", [name, arguments or {}])
        else:
            self.page.evaluate(call.replace("=> ", "=> void "), [name, arguments or {}])

    def run_all(self) -> None:
        """Run every cell and wait for the last."""
        self.command("notebook:run-all-cells")
        self.wait_idle()

    def run_cell(self, index: int, *, wait: bool = True) -> None:
        """Run one cell."""
        self.page.evaluate("i => { jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", index)
        self.command("notebook:run-cell", wait=wait)
        if wait:
            self.wait_idle()

    def set_theme(self, theme: Theme) -> None:
        """Change the application's theme, whatever an earlier test left."""
        name = THEMES[theme]
        self.command("apputils:change-theme", {"theme": name})
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def restart_kernel(self) -> None:
        """Restart the kernel through its connection, as the menu does after its question."""
        self.watched.settle(f"() => {KERNEL}.restart()")
        self.wait_idle()

    def add_cell(self, source: str) -> None:
        """Add a code cell at the end, not run."""
        script = """source => jupyterapp.shell.currentWidget.content.model.sharedModel.addCell(
            {cell_type: "code", source}) && true"""
        self.page.evaluate(script, source)

    def save(self) -> None:
        """Save the notebook with its outputs, so that a reload shows them."""
        self.command("docmanager:save")


@contextmanager
def notebook(
    browser: Browser,
    server: Server,
    cells: Sequence[str],
    *,
    host: Literal["lab", "notebook"] = "lab",
    theme: Theme = "light",
    width: int = 1300,
    height: int = 1400,
    reduced_motion: bool = False,
) -> Iterator[tuple[LabPage, Shown]]:
    """Show a fresh notebook with these cells, all run; its kernel ends afterwards."""
    name = f"{uuid.uuid4().hex}.ipynb"
    write_notebook(server.notebooks / name, cells)
    with watched_page(browser, width=width, height=height, reduced_motion=reduced_motion) as watched:
        lab = LabPage(watched, server)
        lab.go(name, host)
        with shown(watched, server, lab.kernel_id()) as both:
            lab.set_theme(theme)
            lab.run_all()
            yield lab, both
