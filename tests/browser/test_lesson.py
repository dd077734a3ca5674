"""The twelve steps of the lesson, as a reader of it would do them: one page, one run, from least squares to serving."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import Notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator


MINUS = "\N{MINUS SIGN}"
COLUMNS = ["cont_africa", "rugged", "mu_mean", "mu_perc_5", "mu_perc_95", "y_mean", "y_perc_5", "y_perc_95", "true_gdp"]


@pytest.fixture(scope="module")
def lesson(notebooks: Notebooks) -> Iterator[DashboardPage]:
    """Show the widget; the tests go through the lesson in its order, each from where the one before has left it."""
    with ExitStack() as stack:
        settings: dict[str, Any] = {"speed": "max"}
        _, shown = stack.enter_context(notebooks.open([cell(**settings)], width=1300, height=1400))
        yield DashboardPage(shown)


def test_1_least_squares_is_a_thin_line_in_both_panels_and_in_a_cell(lesson: DashboardPage) -> None:
    for panel in ("rw-panel-0", "rw-panel-1"):
        strokes = lesson.part(f"{panel} path.line").evaluate_all(
            "paths => paths.map((path) => getComputedStyle(path).stroke)"
        )
        assert len(set(strokes)) >= 3  # the guide's, the exact band's, and that of least squares
    assert lesson.kernel.value("widget.learning_rate") == 0.03  # the page's slider has not moved it
    assert lesson.kernel.value("widget.least_squares().loc['rugged', 'exact']") == pytest.approx(-0.202857, abs=1e-5)


def test_2_to_4_start_trains_the_guide_and_the_elbo_climbs_to_a_named_gap(lesson: DashboardPage) -> None:
    lesson.press("rw-primary", "Start")
    lesson.wait_status("finished")
    gap = lesson.kernel.value("widget.snapshot.gap.nats")
    figure = lesson.part("rw-elbo")
    lesson.wait_until(lambda: {f"{gap:.1f}", f"{gap:.2f}"} & set(figure.inner_text().split()), "the gap is told")
    assert f"log evidence {MINUS}247.63" in figure.inner_text()
    assert "KL(guide" in figure.inner_text()


def test_5_parameters_shows_names_shapes_and_both_scales(lesson: DashboardPage) -> None:
    lesson.open_tab("Parameters")
    table = lesson.part("rw-parameters")
    table.filter(has_text="AutoDiagonalNormal.scale").wait_for()
    said = table.inner_text()
    store = lesson.kernel.value("widget.param_store()")
    for name, values in store.items():
        assert name in said
        assert f"{values[0]:.3f}".replace("-", MINUS)[:-1] in said
    assert lesson.part("rw-latents .bqplot").count() == 5
    lesson.shown.watched.screenshot("lesson-parameters")


def test_6_quantiles_by_site(lesson: DashboardPage) -> None:
    lesson.open_tab("Train")
    assert lesson.part("rw-quantiles").is_visible()
    middle = lesson.kernel.value("widget.quantiles([0.25, 0.5, 0.75])['sigma']")
    assert middle == pytest.approx([0.9327, 0.9647, 0.9976], abs=0.13)


def test_7_and_8_the_summary_and_the_table_of_predictions_come_from_a_cell(lesson: DashboardPage) -> None:
    sites = ["_RETURN", "linear.bias", "linear.weight", "obs", "sigma"]
    assert lesson.kernel.value("sorted(widget.summary(800))") == sites
    assert lesson.kernel.value("list(widget.predictions().columns)") == COLUMNS


def test_9_and_10_the_switch_changes_from_the_line_to_the_prediction(lesson: DashboardPage) -> None:
    line, note = lesson.drawing("rw-panel-0"), lesson.part("rw-panel-0 .rw-note")
    said = note.inner_text()
    assert "of 121" in said
    assert "prediction" in said
    lesson.part("rw-mode button").filter(has_text="prediction").click()
    lesson.page.wait_for_function(
        "([root, before]) => root.querySelector('.rw-panel-0 path.area').getAttribute('d') !== before",
        arg=[lesson.root.element_handle(), next(path for path in line if path in lesson.drawing("rw-panel-0"))],
    )
    lesson.part("rw-mode button").filter(has_text="line").click()


def test_what_if_tells_what_to_expect_of_a_country(lesson: DashboardPage) -> None:
    lesson.open_tab("Predict")
    answer = lesson.part("rw-answer")
    answer.filter(has_text="Outside Africa, a country with ruggedness").wait_for()
    lesson.part("rw-what-if-group button").filter(has_text="Inside").click()
    answer.filter(has_text="Inside Africa, a country").wait_for()
    before = answer.inner_text()
    lesson.part("rw-what-if-x .noUi-handle").press("PageUp")
    lesson.page.wait_for_function(
        "([part, before]) => part.innerText !== before", arg=[answer.element_handle(), before]
    )
    assert "$" in answer.inner_text()
    assert lesson.part("rw-nearest tbody tr").count() == 5
    lesson.shown.watched.screenshot("lesson-predict")


def test_11_the_slopes_say_how_sure_guide_and_truth_are(lesson: DashboardPage) -> None:
    lesson.open_tab("Train")
    inside = lesson.part("rw-corner-1").inner_text()
    assert "(exact 0.94)" in inside
    lesson.part("rw-exact-switch").click()
    lesson.page.wait_for_function(
        "(part) => !part.innerText.includes('exact')", arg=lesson.part("rw-corner-1").element_handle()
    )
    assert lesson.kernel.value("widget.show_exact") is False
    lesson.part("rw-exact-switch").click()
    lesson.part("rw-corner-1").filter(has_text="exact").wait_for()
    slopes = lesson.part("rw-slopes")
    slopes.locator(".rw-explain-button").click()  # why two weights add up is a question that arises here
    slopes.locator(".rw-explain-panel").filter(has_text="slope is rugged +").wait_for()
    lesson.page.keyboard.press("Escape")


def test_12_serve_saves_loads_and_draws_and_says_what_went_wrong(lesson: DashboardPage) -> None:
    lesson.open_tab("Serve")
    said = lesson.part("rw-said")
    lesson.part("rw-load").click()
    said.filter(has_text="rugged_guide.pt").locator("[role=alert]").wait_for()  # there is none yet
    before = lesson.drawing("rw-served")
    lesson.part("rw-save-script").click()
    said.filter(has_text="Saved").wait_for()
    lesson.part("rw-save-script").click()
    said.filter(has_text="is there already").wait_for()
    lesson.part("rw-load").click()
    said.filter(has_text="Loaded").wait_for()
    lesson.wait_until(lambda: lesson.drawing("rw-served") != before, "the loaded posterior is drawn")
    lesson.part("rw-save-program").click()
    said.filter(has_text=".pt2").filter(has_text="Saved").wait_for()
    lesson.shown.watched.screenshot("lesson-serve")


def test_the_code_tab_shows_the_run_as_a_script(lesson: DashboardPage) -> None:
    lesson.open_tab("Code")
    listing = lesson.part("rw-code-page pre")
    listing.filter(has_text="AutoDiagonalNormal").wait_for()
    assert listing.inner_text().strip() == lesson.kernel.value("widget.script()").strip()
    lesson.part("rw-code-page .rw-copy").click()
    lesson.part("rw-code-page .rw-copy").filter(has_text="Copied").wait_for()
    lesson.shown.watched.screenshot("lesson-code")
    assert lesson.differences() == []
