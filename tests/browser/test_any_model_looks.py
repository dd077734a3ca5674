"""The page of any model: long names and few latents break no line, cover nothing and leave the console silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage
from tests.browser.looks import CONTRASTS, OVERFLOWING

if TYPE_CHECKING:
    from tests.browser.lab import Notebooks
    from tests.browser.pages import Theme

CELL = """
import pyro, pyro.distributions as dist, torch
from rugged_widget import watch
NAME = "a_site_name_of_" + "many_words_" * 6
def model(x):
    z = pyro.sample(NAME, dist.Normal(0.0, 1.0))
    with pyro.plate("rows", len(x)):
        pyro.sample("<b>seen</b>", dist.Normal(z, 1.0), obs=x)
widget = watch(model, None, torch.ones(9), num_steps=30, title="A title that is as long as a sentence, " * 3, speed=1)
widget
"""
APART = """root => {
    const box = (css) => root.querySelector(css).getBoundingClientRect();
    const heading = box(".rw-heading"), status = box(".rw-status");
    return heading.right <= status.left || heading.bottom <= status.top + 1;
}"""


@pytest.mark.parametrize(("theme", "width"), [("light", 1000), ("dark", 700)])
def test_long_names_stay_in_their_places_on_every_page(notebooks: Notebooks, theme: Theme, width: int) -> None:
    with notebooks.open([CELL], theme=theme) as (_, shown):
        page = DashboardPage(shown, figures=("rw-elbo",))
        page.set_width(width)
        before = page.part("rw-controls").bounding_box()
        page.press("rw-primary")
        page.wait_status("finished")
        page.wait_still()
        assert page.part("rw-controls").bounding_box() == before
        for tab in ("Train", "Parameters", "Model", "Compare"):
            page.open_tab(tab)
            page.wait_still()
            assert page.root.evaluate(APART), tab
            assert [one for one in page.root.evaluate(OVERFLOWING) if one.startswith("outside")] == [], tab
            assert {text: ratio for text, ratio in page.root.evaluate(CONTRASTS).items() if ratio < 4.5} == {}, tab
        assert page.part("rw-pair-none").get_by_text("fewer than two").count() == 1


def test_a_title_is_not_cut_for_what_stands_beside_it(notebooks: Notebooks) -> None:
    cell = CELL.replace("model(", f"model_{'of_' * 25}(").replace("watch(model", f"watch(model_{'of_' * 25}")
    with notebooks.open([cell.replace('"A title that is as long as a sentence, " * 3', '"Carbon dioxide, ppm"')]) as (
        _,
        shown,
    ):
        page = DashboardPage(shown, figures=("rw-elbo",))
        page.set_width(1000)
        cut = "(element) => element.scrollWidth > element.clientWidth"
        assert page.part("rw-heading span").evaluate(cut)
        assert not page.part("rw-heading h2").evaluate(cut)
