"""The page of any model: it trains, every tab opens and is current, and it can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import DashboardPage
from tests.browser.looks import CONTRASTS, OVERFLOWING
from tests.waits import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.lab import LabPage, Notebooks

PATH = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import pyro, pyro.distributions as dist, torch
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam
from rugged_widget import watch
"""
SCHOOLS = f"""{PATH}
from tests.models.basic import EFFECTS, ERRORS, eight_schools
settings = {{"num_steps": 400, "learning_rate": 0.05, "title": "Schools & <b>", "language": "en"}}
widget = watch(eight_schools, None, EFFECTS, ERRORS, **settings)
widget
"""
MANY = f"""{PATH}
def model(x):
    with pyro.plate("cells", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 0.5), obs=x)
widget = watch(model, None, torch.linspace(-2, 2, 10_000), num_steps=30, language="en")
widget
"""
AUTOENCODER = f"""{PATH}
from tests.models.networks import Autoencoder, pictures
both = Autoencoder()
svi = SVI(both.model, both.guide, Adam({{"lr": 1e-3}}), loss=Trace_ELBO())
widget = watch(svi, batches=list(pictures(60).split(20)), num_steps=60, language="en")
widget
"""
RUNAWAY = f"""{PATH}
if "rate" not in globals():
    rate = 1e30
pyro.clear_param_store()  # the kernel is that of the tests before
def model(x):
    z = pyro.sample("z", dist.Normal(0.0, 1.0))
    pyro.sample("x", dist.Normal(z, 1.0).expand([len(x)]).to_event(1), obs=x)
widget = watch(model, None, torch.ones(3), optimizer=Adam({{"lr": rate}}), num_steps=200, language="en")
widget
"""
TABS = ("Train", "Parameters", "Model", "Compare", "Code")
FIGURES = ("rw-elbo",)


@pytest.fixture(scope="module")
def opened(notebooks: Notebooks) -> Iterator[tuple[LabPage, DashboardPage]]:
    with notebooks.open([SCHOOLS]) as (lab, shown):
        yield lab, DashboardPage(shown, figures=FIGURES)


def test_eight_schools_train_and_every_tab_is_current(opened: tuple[LabPage, DashboardPage]) -> None:
    _, page = opened
    before = page.drawing("rw-elbo")
    page.press("rw-primary", "Start")
    page.wait_status("finished")
    assert page.kernel.value("[widget.status, widget.step, widget.error]") == ["finished", 400, ""]
    page.wait_until(lambda: page.drawing("rw-elbo") != before, "the curve is drawn")
    assert page.part("rw-heading h2").inner_text() == "Schools & <b>"
    assert page.root.get_by_role("tab").all_inner_texts() == list(TABS)
    for tab in TABS:
        page.open_tab(tab)
        page.wait_still()
        assert page.differences() == []
        assert "Africa" not in page.root.inner_text()
    page.open_tab("Code")
    assert "svi.step(effects, errors)" in page.root.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 1300])
def test_it_fits_its_place_and_can_be_read(opened: tuple[LabPage, DashboardPage], theme: str, width: int) -> None:
    lab, page = opened
    lab.set_theme(theme)
    for tab in TABS:
        page.open_tab(tab)
        page.set_width(width)
        page.wait_still()
        assert [part for part in page.root.evaluate(OVERFLOWING) if not part.startswith("cut off: INPUT")] == []
        assert {part: ratio for part, ratio in page.root.evaluate(CONTRASTS).items() if ratio < 4.5} == {}
        page.shown.watched.screenshot(f"watch-{tab}-{theme}-{width}")
    unnamed = page.root.evaluate(
        "root => [...root.querySelectorAll('button, input, select')].filter((e) => e.checkVisibility() &&"
        " !(e.innerText || e.getAttribute('aria-label') || e.labels?.length || e.getAttribute('aria-labelledby') ||"
        " e.title)).map((e) => e.outerHTML.slice(0, 120))"
    )
    assert unnamed == []
    lab.set_theme("light")


def test_ten_thousand_latents_train_and_any_of_them_can_be_picked(notebooks: Notebooks) -> None:
    with notebooks.open([MANY]) as (_, shown):
        page = DashboardPage(shown, figures=FIGURES)
        page.press("rw-primary", "Start")
        page.wait_status("finished")
        assert page.part("rw-latents-figure *").count() < 2000  # a row a site, not one an element
        search = page.part("rw-latents-search input")
        search.fill("z[4321]")
        search.press("Enter")
        page.part("rw-latents-figure").get_by_text("z[4321]").first.wait_for()
        assert page.differences() == []


def test_batches_show_epochs(notebooks: Notebooks) -> None:
    with notebooks.open([AUTOENCODER]) as (_, shown):
        page = DashboardPage(shown, figures=FIGURES)
        page.press("rw-primary", "Start")
        page.wait_status("finished")
        assert page.kernel.value("[widget.status, widget.step]") == ["finished", 60]
        page.root.get_by_text("epoch").first.wait_for()
        assert page.differences() == []


def test_a_run_that_fails_says_so_and_a_new_one_trains(notebooks: Notebooks) -> None:
    with notebooks.open([RUNAWAY]) as (lab, shown):
        page = DashboardPage(shown, figures=FIGURES)
        page.press("rw-primary", "Start")
        page.wait_status("failed")
        error = page.kernel.value("widget.error")
        assert "Step" in error
        begins = error.splitlines()[0][:40]
        wait_until(lambda: begins in page.root.inner_text(), f"the page says {begins!r}")
        page.kernel.run("rate = 0.05")
        lab.run_cell(0)
        page = DashboardPage(shown, figures=FIGURES)
        page.press("rw-primary", "Start")
        page.wait_status("finished")
        assert page.kernel.value("[widget.status, widget.step, widget.error]") == ["finished", 200, ""]
