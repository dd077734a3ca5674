"""What is cut off is shown in full on hover and read out in full, and stays text."""

from __future__ import annotations

import re
from contextlib import closing
from html import unescape

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import ModelWidget, watch
from rugged_widget.names import shown
from rugged_widget.view.figures.long_names import LONG, cut_html, tip

SITE = "the_level_of_the_" + "very_" * 12 + "<b>first</b>_river"
PLATE = "all_the_" + "many_" * 12 + "years"


def model(data: torch.Tensor) -> None:
    level = pyro.sample(SITE, dist.Normal(pyro.param(f"start_{SITE}", lambda: torch.tensor(0.0)), 1.0))
    with pyro.plate(PLATE, len(data)):
        pyro.sample(f"{SITE}_seen", dist.Normal(level, 1.0), obs=data)


def opened(**settings: str) -> ModelWidget:
    pyro.clear_param_store()
    return watch(model, None, torch.tensor([0.3, -1.2]), engine="plain", num_steps=5, **settings)


def html_of(monitor: ModelWidget, page: int) -> str:
    monitor._dashboard._tabs.widget.selected_index = page
    visible = monitor._dashboard._tabs.visible
    return " ".join(str(getattr(target, "value", "")) for target in visible.targets)


def titles(html: str) -> set[str]:
    attributes = re.findall(r'title="([^"]*)"', html) + re.findall(r"<title>([^<]*)</title>", html)
    return {unescape(attribute) for attribute in attributes}


def test_a_short_name_has_no_tooltip() -> None:
    assert (tip("level"), cut_html("a<b", 10)) == ("", "a&lt;b")


def test_a_long_name_is_cut_for_the_eye_alone() -> None:
    html = cut_html(SITE, 20)
    assert titles(html) == {SITE}
    hidden, seen = re.findall(r'visually-hidden">([^<]*)<', html), re.findall(r'aria-hidden="true">([^<]*)<', html)
    assert [unescape(text) for text in (*hidden, *seen)] == [SITE, shown(SITE, 20)]
    assert titles(tip("x" * (LONG + 1))) == {"x" * (LONG + 1)}


def test_the_heading_has_its_title_and_how_the_model_is_called_in_full_on_hover() -> None:
    title = "Rivers & <b>" + "levels " * 20
    with closing(opened(title=title)) as monitor:
        heading = str(monitor._dashboard._title.value)
        assert titles(heading) == {title, monitor._dashboard._subject.subtitle}
        assert "<b>" not in heading


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (0, {SITE, f"{SITE}_seen", f"AutoNormal.locs.{SITE}"}),
        (1, {f"start_{SITE}", f"locs.{SITE}", f"AutoNormal.locs.{SITE}"}),
        (2, {SITE, f"{SITE}_seen", PLATE}),
    ],
)
def test_every_page_shows_names_in_full_on_hover(page: int, names: set[str]) -> None:
    with closing(opened()) as monitor:
        monitor.advance(2)
        html = html_of(monitor, page)
        assert names <= titles(html)
        assert "<b>first" not in html
