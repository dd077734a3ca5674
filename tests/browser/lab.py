"""A notebook in JupyterLab, or in Notebook 7, which is made of the same parts."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tests.browser import evidence
from tests.browser.dashboard import NAMED_BY_THE_MODULE, TOO_SLOW
from tests.browser.pages import Shown, Theme, shown, watched_page
from tests.browser.server import Server, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

    from tests.browser.chromium import Watched

ADDRESSES = {"lab": "/doc/tree/", "notebook": "/notebooks/"}  # /doc: one document, no side bars
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
KERNEL = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"

REPLACE_CELLS = """sources => {
    const { content } = jupyterapp.shell.currentWidget, model = content.model.sharedModel;
    model.transact(() => {
        model.deleteCellRange(0, model.cells.length);
        model.insertCells(0, sources.map((source) => ({ cell_type: "code", source })));
    });
    content.activeCellIndex = 0;
}"""
# Ends every widget and forgets every name, so that the kernel is as new but for what it has imported.
EMPTY_KERNEL = "import ipywidgets; ipywidgets.Widget.close_all(); get_ipython().run_line_magic('reset', '-f')"
WIDTH, HEIGHT = 1300, 1400


# The widget manager gives the kernel four seconds to tell its widgets' states, too few on a machine that is as busy as
# it can be. It then draws this sentence where the widget was.
NOT_RESTORED = "Error displaying widget: model not found"


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
        """Load the page again, as a person does, until its widgets are there.

        See `TOO_SLOW`: a page that restores a notebook is slow. See `NOT_RESTORED`.
        """
        for _attempt in range(5):
            self.page.reload()
            self.page.wait_for_function(f"Boolean({KERNEL})")
            drawn = self.page.locator(NAMED_BY_THE_MODULE).or_(self.page.get_by_text(NOT_RESTORED))
            drawn.first.wait_for(state="attached")
            complaints = [self.watched.take_back(text) for text in (TOO_SLOW, "widget model not found")]
            if not any(complaints):
                return

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
            self.watched.resolve(f"(both) => ({call})(both).then(() => true)", [name, arguments or {}])
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
        name, has_it = THEMES[theme], "name => document.body.dataset.jpThemeName === name"
        if not self.page.evaluate(has_it, name):
            self.command("apputils:change-theme", {"theme": name})
            self.page.wait_for_function(has_it, arg=name)

    def replace_cells(self, sources: Sequence[str]) -> None:
        """Put these cells, not run, in the place of all others and their outputs."""
        self.page.evaluate(REPLACE_CELLS, list(sources))

    def restart_kernel(self) -> None:
        """Restart the kernel through its connection, as the menu does after its question."""
        self.watched.resolve(f"() => {KERNEL}.restart()")
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
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Iterator[tuple[LabPage, Shown]]:
    """Show a fresh notebook with these cells, all run; its kernel ends afterwards."""
    name = f"{uuid.uuid4().hex}.ipynb"
    write_notebook(server.notebooks / name, cells)
    with watched_page(browser, width=width, height=height) as watched:
        lab = LabPage(watched, server)
        lab.go(name, host)
        with shown(watched, server, lab.kernel_id()) as both:
            lab.set_theme(theme)
            lab.run_all()
            watched.run_again = lab.run_all
            yield lab, both


class Kept(NamedTuple):
    """An open notebook that no test uses now, and what closes it."""

    stack: ExitStack
    lab: LabPage
    shown: Shown


class Notebooks:
    """Opens notebooks in JupyterLab, and keeps page and kernel of one that is done with for the next.

    To load the page, start a kernel and import torch takes several times as long as most tests.

    Parameters
    ----------
    browser
        The browser.
    server
        A JupyterLab server.
    """

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser = browser
        self._server = server
        self._kept: list[Kept] = []

    def close(self) -> None:
        """Close every page that is kept."""
        while self._kept:
            self._kept.pop().stack.close()

    @contextmanager
    def open(
        self,
        cells: Sequence[str],
        *,
        theme: Theme = "light",
        width: int = WIDTH,
        height: int = HEIGHT,
    ) -> Iterator[tuple[LabPage, Shown]]:
        """Show a notebook with these cells, all run; no widget and no name of an earlier one is left in its kernel."""
        stack, lab, both = self._kept.pop() if self._kept else self._open_another()
        evidence.take(both.watched)
        with stack:  # closes the page where a test fails
            lab.page.set_viewport_size({"width": width, "height": height})
            lab.set_theme(theme)
            lab.replace_cells(cells)
            lab.run_all()
            yield lab, both
            self._empty(lab, both)
            if not both.watched.failed:
                evidence.leave(both.watched)
                self._kept.append(Kept(stack.pop_all(), lab, both))

    def _open_another(self) -> Kept:
        with ExitStack() as stack:
            lab, both = stack.enter_context(notebook(self._browser, self._server, []))
            return Kept(stack.pop_all(), lab, both)

    def _empty(self, lab: LabPage, both: Shown) -> None:
        lab.replace_cells([""])
        both.kernel.run(EMPTY_KERNEL)
        lab.page.mouse.move(0, 0)
        lab.wait_idle()
        both.watched.check()
        both.watched.forget()
