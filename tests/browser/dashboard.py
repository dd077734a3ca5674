"""The widget on a page: its controls, what it says, and what it draws."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

from tests.waits import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Locator

    from tests.browser.pages import Shown

Value = TypeVar("Value")
MAKE = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget({settings})\nwidget"
# anywidget gives a model two seconds to load its module, too few for a page on a slow machine. The model then hears no
# message any more, and says so in the console.
TOO_SLOW = "[anywidget] Failed to initialize model"
NAMED_BY_THE_MODULE = ".rugged-widget .rw-progress[aria-label], .rugged-widget .rw-progress [aria-label]"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
FIGURES = ("rw-elbo", "rw-quantiles", "rw-panel-0", "rw-panel-1", "rw-slopes")
# JupyterLab and Notebook hide their widget manager behind the renderer of widget outputs; the VS Code page has it.
MANAGER = """
const manager = window.vscode ? vscode.manager : await jupyterapp.shell.currentWidget.content.rendermime
    .createRenderer("application/vnd.jupyter.widget-view+json", {})._manager.promise;
"""
MODELS = f"""async (wanted) => {{
    {MANAGER}
    const plain = (value) => ArrayBuffer.isView(value) ? Array.from(value)
        : Array.isArray(value) ? value.map(plain) : value;
    const state = {{}};
    for (const [id, names] of Object.entries(wanted)) {{
        const model = await manager.get_model(id);
        state[id] = Object.fromEntries(names.map((name) => [name, plain(model.get(name))]));
    }}
    return state;
}}"""
# Resolves once every visible figure is drawn in the size of its place and, for longer than bqplot waits before it draws
# anew (0.3 s), nothing has moved. It counts painted frames: a page that is too busy to draw is not taken as still.
STILL = """() => new Promise((resolve) => {
    const box = (element) => {
        const { left, top, width, height } = element.getBoundingClientRect();
        return [left, top, width, height].map(Math.round);
    };
    const fits = (figure) => {
        const [, , width, height] = box(figure);
        const svg = figure.querySelector("svg"), plot = figure.querySelector(".plotarea_background");
        if (!svg || !plot) return false;
        const [, , svgWidth, svgHeight] = box(svg), [, , plotWidth, plotHeight] = box(plot);
        const margins = [width - plotWidth, height - plotHeight];
        return Math.abs(svgWidth - width) < 3 && Math.abs(svgHeight - height) < 3
            && margins.every((margin) => margin > 0 && margin < 320);
    };
    let before = "", since = 0, frames = 0;
    const look = (now) => {
        const figures = Array.from(document.querySelectorAll(".rugged-widget .bqplot"))
            .filter((figure) => figure.checkVisibility() && figure.clientWidth > 0);
        const parts = document.querySelectorAll(".rugged-widget, .rugged-widget .rw-grid > *, .rugged-widget button");
        const paths = Array.from(document.querySelectorAll(".rugged-widget path"), (path) => path.getAttribute("d"));
        const seen = JSON.stringify([Array.from(parts, box), paths, figures.every(fits)]);
        if (seen !== before || !figures.every(fits)) { before = seen; since = now; frames = 0; }
        frames += 1;
        if (frames > 10 && now - since > 450) resolve(true);
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
TALL = 1800  # px of the window, for all of the widget
WIDTH = "root => root.getBoundingClientRect().width"
# Everything that frames may change: arrays of marks, texts, domains of scales.
SENT = (
    "{target.model_id: {name: value.tolist() if hasattr(value := getattr(target, name), 'tolist') else value"
    " for name in names} for target, names in widget.children[-1]._touched.items()}"
)


def cell(**settings: object) -> str:
    """Write the cell that makes and shows a widget."""
    return MAKE.format(settings=", ".join(f"{name}={value!r}" for name, value in settings.items()))


class DashboardPage:
    """One view of the widget.

    Parameters
    ----------
    shown
        The page and its kernel, in which `widget` is the widget.
    view
        Which of the page's views, from 0.
    figures
        Css classes of its figures.
    """

    def __init__(self, shown: Shown, view: int = 0, figures: Sequence[str] = FIGURES) -> None:
        self.figures = figures
        self._find(shown, view)
        for _attempt in range(5):  # as a person runs the cell again whose widget does not move
            if shown.watched.run_again is None or not shown.watched.take_back(TOO_SLOW):
                return
            shown.watched.run_again()
            self._find(shown, view)

    def _find(self, shown: Shown, view: int) -> None:
        """Find the widget once it is drawn and its module has taken it over, or says that it could not."""
        self.shown = shown
        self.page = shown.page
        self.kernel = shown.kernel
        self.root = shown.page.locator(".rugged-widget").nth(view)
        for figure in self.figures:
            self.part(f"{figure} .bqplot svg").first.wait_for()
        self.part("rw-grid path.line").first.wait_for(state="attached")
        named = self.page.locator(NAMED_BY_THE_MODULE).nth(view)
        self.wait_until(
            lambda: named.count() or any(TOO_SLOW in text for text in shown.watched.complaints), "the module is loaded"
        )

    def part(self, css_class: str) -> Locator:
        """Find a part by its class, maybe followed by more of a selector."""
        return self.root.locator(f".{css_class}")

    def open_tab(self, name: str) -> None:
        """Open the page behind a tab, and wait until it is there."""
        tab = self.root.get_by_role("tab", name=name, exact=True)
        tab.click()
        at = tab.evaluate("tab => [...tab.parentElement.children].indexOf(tab)")
        self.part("rw-page").nth(at).locator(":scope > *").first.wait_for()

    def press(self, css_class: str, word: str | None = None) -> None:
        """Press a button, once it says `word`."""
        button = self.part(css_class)
        (button if word is None else button.filter(has_text=word)).click()

    def wait_status(self, word: str) -> None:
        """Wait until the page says a status."""
        self.part("rw-status").filter(has_text=word).wait_for()

    def step(self) -> int:
        """Read the step that the page shows."""
        return int(self.part("rw-status").inner_text().split("step ")[1].split(" of")[0].replace(",", ""))

    def wait_step(self, step: int) -> None:
        """Wait until the page shows at least this step."""
        script = """([root, step]) => {
            const shown = /step ([0-9,]+) of/.exec(root.querySelector(".rw-status").innerText);
            return shown && Number(shown[1].replaceAll(",", "")) >= step;
        }"""
        self.page.wait_for_function(script, arg=[self.root.element_handle(), step])

    def wait_until(self, condition: Callable[[], Value], what: str) -> Value:
        """Ask again until a condition on the page is true, and return its value."""
        return wait_until(condition, what, pause=lambda: self.page.wait_for_timeout(50))

    def wait_still(self) -> None:
        """Wait, at rest, until every figure has the size of its place and nothing has moved for a while."""
        self.shown.watched.resolve(STILL, None)

    def set_width(self, width: int) -> None:
        """Make the widget `width` px wide by the size of the window, at rest."""
        for _round in range(3):  # more than once for what wraps at the first
            window, measured = self.page.viewport_size, self.root.evaluate(WIDTH)
            assert window is not None
            if abs(measured - width) < 1 and window["height"] == TALL:
                return
            self.page.set_viewport_size({"width": round(window["width"] - measured + width), "height": TALL})
            self.wait_still()
        assert self.root.evaluate(WIDTH) == pytest.approx(width, abs=2)

    def drawing(self, figure: str = "rw-grid") -> list[str]:
        """Read the paths of every line and area that is drawn, in order."""
        script = """root => Array.from(
            root.querySelectorAll("svg path.line, svg path.area"), (path) => path.getAttribute("d") ?? "")"""
        paths: list[str] = self.part(figure).evaluate(script)
        return paths

    def drawing_at_rest(self) -> list[str]:
        """Read the paths once they show what the kernel holds.

        A text may be on the page before its frame is, and bqplot moves paths at rest by a transition of no duration:
        an animation frame later, or more.
        """
        assert self.differences() == []
        script = """([root]) => Array.from(root.querySelectorAll("svg path")).every(
            (path) => !Object.keys(path).some((key) => key.startsWith("__transition")))"""
        self.page.wait_for_function(script, arg=[self.part("rw-grid").element_handle()])
        return self.drawing()

    def boxes(self) -> dict[str, list[float]]:
        """Measure every figure: left and top from the widget's corner, width and height, in px."""
        script = """(root, names) => {
            const {left, top} = root.getBoundingClientRect();
            return Object.fromEntries(names.map((name) => {
                const box = root.querySelector("." + name).getBoundingClientRect();
                return [name, [box.left - left, box.top - top, box.width, box.height]];
            }));
        }"""
        boxes: dict[str, list[float]] = self.root.evaluate(script, list(self.figures))
        return boxes

    def differences(self) -> list[str]:
        """Name what the page's models hold, once everything has arrived, that differs from the kernel's traits.

        The status can be on the page before the last frame is: what differs is read again until nothing does.
        """
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self._differences(), "the page holds what the kernel does")
        return self._differences()

    def _differences(self) -> list[str]:
        """Name what differs at this moment, beyond float32."""
        kernel: dict[str, dict[str, Any]] = self.kernel.value(SENT)
        wanted = {model: list(traits) for model, traits in kernel.items()}
        page = self.shown.watched.resolve(MODELS, wanted)
        assert sum(len(traits) for traits in kernel.values()) > len(self.figures), "nothing was compared"
        return [
            f"{model}.{name}: kernel {value!r:.120}, page {page[model][name]!r:.120}"
            for model, traits in kernel.items()
            for name, value in traits.items()
            if not _same(value, page[model][name])
        ]


def drawn_directly(shape: str) -> bool:
    """Return whether a path or a transform is in tenths of a pixel, as only our own front end writes them."""
    return all(len(number.partition(".")[2]) <= 1 for number in NUMBER.findall(shape))


def same_drawing(one: list[str], other: list[str]) -> bool:
    """Compare paths to a hundredth of a pixel: frames are float32, a page's first state is float64."""
    return len(one) == len(other) and all(
        NUMBER.sub("#", a) == NUMBER.sub("#", b)
        and np.allclose([float(x) for x in NUMBER.findall(a)], [float(x) for x in NUMBER.findall(b)], rtol=0, atol=0.01)
        for a, b in zip(one, other, strict=True)
    )


def _same(kernel: Any, page: Any) -> bool:
    if _of_numbers(kernel) and _of_numbers(page):
        ours, theirs = np.asarray(kernel, np.float64), np.asarray(page, np.float64)
        return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-6, atol=1e-6, equal_nan=True)
    return bool(kernel == page)


def _of_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return all(_of_numbers(item) for item in value)
    return isinstance(value, float | int) and not isinstance(value, bool)
