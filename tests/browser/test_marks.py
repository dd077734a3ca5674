"""While frames stream the front end draws the marks itself: the same picture as bqplot's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.browser.dashboard import NUMBER, DashboardPage, cell, drawn_directly

if TYPE_CHECKING:
    from tests.browser.lab import Notebooks

# In the kernel: what a frame of this moment holds, and a way to send it again as one of many that stream: as that one a
# second with which the kernel's arrays become current too.
MOMENT = "widget._dashboard._changes([widget._dashboard._tabs.visible])"
STREAM = "widget.children[-1].hurry()\nwidget.children[-1].push({moment}, str)"
REST = "widget.children[-1].push_final({moment}, str)"
# Lines, areas and dots that are seen: where each is drawn. Below the second row of a band there is no area.
SEEN = """root => Array.from(root.querySelectorAll(
    ".rw-grid g.curve > path.line, .rw-grid g.curve:first-child > path.area[d], .rw-grid g.object_grp"
)).filter((element) => {
    const clear = getComputedStyle(element).stroke === "rgba(0, 0, 0, 0)";
    return element.checkVisibility() && !(clear && element.matches(".line"));
}).map((element) => element.getAttribute("d") ?? element.getAttribute("transform") ?? "")"""
PRECISE = 0.02  # px: two drawings of bqplot's of one float32 frame and its float64 traits
SEEN_PX = 0.1
TALL = 2600  # px of the window: both views are on it, for bqplot lays out what is seen


class Drawn(NamedTuple):
    """Where everything that is seen is drawn, in px."""

    shapes: list[str]

    @property
    def num_rounded(self) -> int:
        """How many of them our own front end may have written."""
        return sum(map(drawn_directly, self.shapes))

    def is_like(self, other: Drawn, atol: float) -> bool:
        """Compare with another drawing."""
        ours, theirs = ([np.array(NUMBER.findall(d), float) for d in drawn.shapes] for drawn in (self, other))
        return len(ours) == len(theirs) and all(
            one.shape == two.shape and np.allclose(one, two, rtol=0, atol=atol)
            for one, two in zip(ours, theirs, strict=True)
        )


def _drawn(widget: DashboardPage) -> Drawn:
    widget.wait_still()
    return Drawn(widget.root.evaluate(SEEN))


def _trained(widget: DashboardPage) -> Drawn:
    """Train to a moment, `_early`, and on to another, at which bqplot draws; return how it drew the first."""
    widget.wait_status("ready")
    widget.kernel.run("widget.advance(300)")
    widget.wait_step(300)
    early = _drawn(widget)
    widget.kernel.run(f"_early = {MOMENT}\nwidget.advance(5)")
    widget.wait_step(305)
    widget.kernel.run(f"_late = {MOMENT}")
    return early


def test_a_frame_is_drawn_as_bqplot_draws_it_to_a_tenth_of_a_pixel(notebooks: Notebooks) -> None:
    with notebooks.open([cell()]) as (_, shown):
        widget = DashboardPage(shown)
        early = _trained(widget)
        late = _drawn(widget)
        assert not early.is_like(late, SEEN_PX)
        widget.kernel.run(STREAM.format(moment="_early"))
        streamed = _drawn(widget)
        assert streamed.is_like(early, SEEN_PX)
        assert streamed.num_rounded > early.num_rounded + 10  # else bqplot has drawn it
        assert widget.differences() == []  # a notebook that is saved now is right
        widget.kernel.run(REST.format(moment="_early"))
        assert _drawn(widget).is_like(early, PRECISE)


def test_bqplot_draws_what_streams_where_it_draws_by_itself(notebooks: Notebooks) -> None:
    with notebooks.open([cell()], height=TALL) as (lab, shown):
        widget = DashboardPage(shown)
        _trained(widget)
        widget.kernel.run(STREAM.format(moment="_early"))
        lab.add_cell("widget")
        lab.run_cell(1)
        other = DashboardPage(shown, view=1)
        shown.page.set_viewport_size({"width": 1000, "height": TALL})  # another size of every figure
        resized, late = _drawn(widget), _drawn(other)
        widget.kernel.run(STREAM.format(moment="_late"))
        assert not _drawn(widget).is_like(resized, SEEN_PX)
        widget.kernel.run(REST.format(moment="_early"))
        assert _drawn(widget).is_like(resized, PRECISE)
        assert _drawn(other).is_like(late, PRECISE)  # a view that was made while frames streamed
        widget.kernel.run(STREAM.format(moment="_late"))
        both = [_drawn(view) for view in (widget, other)]
        assert all(view.num_rounded > 10 for view in both)
        widget.kernel.run(REST.format(moment="_late"))
        assert all(_drawn(view).is_like(one, SEEN_PX) for view, one in zip((widget, other), both, strict=True))
