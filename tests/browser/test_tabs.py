"""The tabs in JupyterLab: what is opened goes on, what is hidden costs nothing, and all of it is current at rest."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage, same_drawing
from tests.browser.lab import LabPage, Notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.pages import Theme

# The lesson's widget with two pages of this test, so that nothing here depends on what the lesson's pages show.
PAGES = """
import ipywidgets
from rugged_widget import RuggedWidget
from rugged_widget.regression import widget as regression
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.figures.chart import Chart, Ruler, html_text
from rugged_widget.view.frames.silent_widgets import SilentLines

class CurvePage:
    def __init__(self, changed):
        self.updates = 0
        x, y = Ruler("slope", -2.0, 2.0), Ruler("density", 0.0, 8.0, vertical=True)
        self.line = SilentLines(x=[0.0, 1.0], y=[0.0, 0.0], scales={"x": x.scale, "y": y.scale})
        self.words = html_text("rw-said")
        self.site = ipywidgets.Dropdown(options=["one", "two"])
        self.site.add_class("rw-site")
        chart = Chart("rw-curve", "A curve", marks=[self.line], axes=[x.axis, y.axis], controls=[self.site])
        self.box = ipywidgets.VBox([chart.box, self.words])
        self.targets = (self.line, self.words)
        self.labels = {"rw-curve": "A curve of the test", "rw-site": "Site"}

    def update(self, snapshot, progress):
        self.updates += 1
        slope = snapshot.slopes[0]
        return [(self.line, {"x": slope.x, "y": slope.density}), (self.words, {"value": f"at {snapshot.step}"})]

    def request(self):
        return SnapshotRequest()

curves = []

def build(changed):
    curves.append(CurvePage(changed))
    return curves[-1]

def pages(*given, **named):
    return {"train": lesson(*given, **named)["train"], "Curve": build, "Other": CurvePage}

lesson = regression.regression_pages
try:
    regression.regression_pages = pages
    widget = RuggedWidget(engine="plain", num_steps=100_000)
finally:
    regression.regression_pages = lesson  # the kernel goes on to other tests
widget
"""
UPDATES = "curves[0].updates"
# The figure fills its place, and its plot all of that but the margins.
SIZED = """([root, name]) => {
    const figure = root.querySelector(`.${name} .bqplot`);
    const plot = figure?.querySelector(".plotarea_background")?.getBoundingClientRect();
    if (!plot) return false;
    const { width, height } = figure.getBoundingClientRect();
    const svg = figure.querySelector("svg").getBoundingClientRect();
    const near = (one, other) => Math.abs(one - other) < 3;
    const margins = [width - plot.width, height - plot.height];
    return width > 300 && height > 180 && near(svg.width, width) && near(svg.height, height)
        && margins[0] > 20 && margins[0] < 200 && margins[1] > 20 && margins[1] < 90;
}"""


@contextmanager
def opened(
    notebooks: Notebooks, *, theme: Theme = "light", width: int = 1300
) -> Iterator[tuple[LabPage, DashboardPage]]:
    with notebooks.open([PAGES], theme=theme, width=width) as (lab, shown):
        yield lab, DashboardPage(shown)


def wait_sized(widget: DashboardPage, figure: str) -> None:
    """Wait until a figure is drawn in the size of its place."""
    widget.part(f"{figure} path.line").first.wait_for(state="attached")
    widget.page.wait_for_function(SIZED, arg=[widget.root.element_handle(), figure])


def still(widget: DashboardPage, figure: str) -> list[str]:
    """Read what is drawn once it does not change any more: bqplot moves its lines to another size step by step."""
    widget.wait_still()
    return widget.drawing(figure)


def test_a_page_opened_while_training_runs_is_drawn_on_and_so_is_the_first_one_again(notebooks: Notebooks) -> None:
    with opened(notebooks) as (_, widget):
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        assert widget.kernel.value("len(curves)") == 0
        widget.open_tab("Curve")
        widget.part("rw-curve path.line").wait_for()
        before = widget.drawing("rw-curve")
        widget.wait_step(widget.step() + 60)
        assert widget.drawing("rw-curve") != before
        wait_sized(widget, "rw-curve")
        widget.kernel.wait(f"{UPDATES} > 3")
        widget.open_tab("Train")
        widget.part("rw-grid").wait_for()
        updates = widget.kernel.value(UPDATES)
        grid = widget.drawing()
        widget.wait_step(widget.step() + 60)
        assert widget.drawing() != grid
        assert widget.kernel.value(UPDATES) <= updates + 1  # a frame may have been under way
        widget.press("rw-primary", "Pause")
        widget.wait_status("paused")
        assert widget.differences() == []
        step = widget.kernel.value("widget.step")
        widget.open_tab("Curve")
        assert widget.part("rw-said").first.inner_text() == f"at {step}"
        assert widget.kernel.value("len(curves)") == 1


def test_a_page_that_was_hidden_when_the_notebook_was_loaded_comes_out_at_its_size(notebooks: Notebooks) -> None:
    with opened(notebooks) as (lab, widget):
        widget.kernel.run("widget.advance(50)")
        widget.wait_status("paused")
        widget.open_tab("Curve")
        wait_sized(widget, "rw-curve")
        drawn = still(widget, "rw-curve")
        widget.open_tab("Train")
        lab.save()
        lab.reload()
        again = DashboardPage(widget.shown)
        again.open_tab("Curve")
        wait_sized(again, "rw-curve")
        assert same_drawing(still(again, "rw-curve"), drawn)
        lab.save()
        lab.reload()
        again.part("rw-curve path.line").wait_for()  # it is open now, and Train is hidden
        again.open_tab("Train")
        for name in ("rw-elbo", "rw-panel-0", "rw-panel-1", "rw-slopes"):
            wait_sized(again, name)
        again.press("rw-primary", "Resume")
        again.wait_step(100)
        again.press("rw-primary", "Pause")
        again.wait_status("paused")
        assert again.differences() == []


def test_the_keyboard_goes_from_tab_to_tab_and_opens_one(notebooks: Notebooks) -> None:
    with opened(notebooks) as (_, widget):
        widget.wait_status("ready")
        tabs = widget.root.get_by_role("tab")
        assert tabs.all_inner_texts() == ["Train", "Curve", "Other"]
        assert widget.root.get_by_role("tablist", name="Pages").count() == 1
        tabs.nth(0).focus()
        widget.page.keyboard.press("ArrowRight")
        widget.page.keyboard.press("Enter")
        widget.part("rw-curve path.line").wait_for()
        assert [tab.get_attribute("aria-selected") for tab in tabs.all()] == ["false", "true", "false"]
        widget.root.get_by_role("combobox", name="Site").wait_for()


def test_nothing_above_the_pages_moves_between_them(notebooks: Notebooks) -> None:
    script = """root => [".rw-header", ".rw-controls", ".rw-progress", ".lm-TabBar"].flatMap((name) => {
        const { left, top, width, height } = root.querySelector(name).getBoundingClientRect();
        return [left, top, width, height];
    }).concat([...root.querySelectorAll(".lm-TabBar-tab")].map((tab) => tab.getBoundingClientRect().left))"""
    with opened(notebooks) as (_, widget):
        before = widget.root.evaluate(script)
        height = widget.root.bounding_box()
        widget.open_tab("Curve")
        widget.part("rw-curve path.line").wait_for()
        assert widget.root.evaluate(script) == before
        now = widget.root.bounding_box()
        assert height is not None
        assert now is not None
        assert now["height"] == pytest.approx(height["height"], abs=60)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tabs_look_like_the_rest(notebooks: Notebooks, theme: Theme) -> None:
    colours = """root => [...root.querySelectorAll(".lm-TabBar-tab")].map((tab) => {
        const style = getComputedStyle(tab);
        return [style.color, style.borderBottomColor, style.backgroundColor];
    })"""
    with opened(notebooks, theme=theme) as (_, widget):
        widget.kernel.run("widget.advance(60)")
        widget.wait_status("paused")
        widget.open_tab("Curve")
        widget.part("rw-curve path.line").wait_for()
        widget.page.mouse.move(5, 5)
        train, curve, _other = widget.root.evaluate(colours)
        assert train[2] == curve[2] == "rgba(0, 0, 0, 0)"
        assert train[1] == "rgba(0, 0, 0, 0)"
        assert curve[1] == ("rgb(11, 102, 200)" if theme == "light" else "rgb(88, 166, 255)")
        assert train[0] != curve[0]
        widget.shown.watched.screenshot(f"lab-tabs-{theme}")
