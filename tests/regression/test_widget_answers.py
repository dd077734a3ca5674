"""What a widget can be asked beyond what it shows, with data and priors of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rugged_widget import ExactPosterior, Priors, RuggedWidget, load_rugged, load_torchscript
from tests.view import drawn

COLUMNS = {"response": "height (cm)", "predictor": 'light "lux"', "group": "soil\nkind"}


def plants(count: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(3)
    light, sand = random.uniform(0, 8, count), np.arange(count) % 3 == 0
    height = 30 + np.where(sand, 2.0, 5.0) * light + random.normal(0, 4, count)
    names = [COLUMNS["predictor"], COLUMNS["group"], COLUMNS["response"]]
    return pd.DataFrame(dict(zip(names, [light, np.where(sand, "sand", "clay"), height], strict=True)))


@pytest.fixture(scope="module")
def grown() -> RuggedWidget:
    priors = Priors(weight=20.0, bias=100.0, sigma=50.0)
    widget = RuggedWidget(plants(), **COLUMNS, priors=priors, learning_rate=0.2, num_steps=40, engine="plain")
    asyncio.run(widget.fit())
    return widget


@pytest.mark.slow  # trains or integrates for seconds
def test_priors_in_the_data_s_own_unit_are_those_of_model_and_exact_answer(grown: RuggedWidget) -> None:
    exact = grown.exact()
    assert isinstance(exact, ExactPosterior)
    suited = exact.quantiles([0.5])
    lesson = RuggedWidget(plants(), **COLUMNS, standardize=False).exact().quantiles([0.5])
    estimates = grown.least_squares(num_steps=1)["exact"]
    assert suited["linear.weight"][0, 0] == pytest.approx(estimates.to_numpy()[:3], abs=0.5)
    assert abs(lesson["linear.bias"][0, 0] - estimates["bias"]) > abs(suited["linear.bias"][0, 0] - estimates["bias"])
    assert grown.snapshot.gap is not None
    assert grown.snapshot.gap.nats > 0


def test_tables_are_named_after_the_columns(grown: RuggedWidget) -> None:
    table = grown.predictions(num_samples=50, prob=0.8)
    light, soil, height = COLUMNS["predictor"], COLUMNS["group"], COLUMNS["response"]
    assert list(table.columns) == [
        *(soil, light),
        *("mu_mean", "mu_perc_10", "mu_perc_90", "y_mean", "y_perc_10", "y_perc_90"),
        f"true_{height}",
    ]
    assert len(grown.summary(50)["obs"]) == len(table) == 60
    assert list(grown.least_squares(num_steps=1).index)[:2] == [soil, light]


def test_a_file_knows_what_it_was_made_of_and_is_not_replaced_unasked(grown: RuggedWidget, tmp_path: Path) -> None:
    path = grown.save_torchscript(tmp_path / "plants.pt")
    loaded = load_torchscript(path)
    assert (loaded.step, loaded.seed, loaded.guide) == (40, 1, "diagonal")
    assert loaded.feature_names[:2] == (COLUMNS["group"], COLUMNS["predictor"])
    with pytest.raises(FileExistsError, match="overwrite"):
        grown.save_torchscript(path)


def test_any_table_will_do_and_its_words_are_used() -> None:
    frame = load_rugged().rename(columns={"rgdppc_2000": "gdp"})
    columns = {"response": "gdp", "predictor": "rugged", "group": "cont_africa", "label": "country"}
    widget = RuggedWidget(frame, **columns, log_response=True, num_steps=20, engine="plain")
    assert drawn.part(widget, "rw-heading").value.startswith("<h2>rugged and gdp</h2>")
    assert ">cont_africa = 1 " in drawn.heading(drawn.part(widget, "rw-panel-1"))
    (rows,) = (told["rows"] for told in drawn.part(widget, "rw-stream").hover if told["figure"] == "rw-panel-1")
    assert "Lesotho" in [row["title"] for row in rows]
    widget.advance(2)
    assert widget.step == 2


def test_the_exact_answer_is_switched_from_python_too() -> None:
    widget = RuggedWidget(show_exact=False)
    switch, exact = drawn.part(widget, "rw-exact-switch"), drawn.marks(widget, line_style="dashed")
    assert exact
    assert not switch.value
    assert not any(mark.visible for mark in exact)
    widget.show_exact = True
    assert switch.value
    assert all(mark.visible for mark in exact)
    with pytest.raises(TypeError, match="show_exact"):
        widget.show_exact = 1


def test_a_page_is_computed_for_only_while_it_is_seen_or_training_rests() -> None:
    widget = RuggedWidget(engine="plain", num_steps=5)
    assert widget.snapshot.parameters == ()
    tabs = drawn.part(widget, "rw-tabs")
    tabs.selected_index = tabs.titles.index("Parameters")
    assert [parameter.name for parameter in widget.snapshot.parameters] == [
        "AutoDiagonalNormal.loc",
        "AutoDiagonalNormal.scale",
    ]
    assert widget.snapshot.what_if is None
    tabs.selected_index = tabs.titles.index("Predict")
    assert widget.snapshot.what_if is not None
    widget.close()


@pytest.mark.slow  # trains or integrates for seconds
def test_a_table_of_ones_own_is_standardized_and_says_so(tmp_path: Path) -> None:
    frame = plants().rename(columns={"height (cm)": "cm"})
    frame["cm"] *= 1e6
    columns = COLUMNS | {"response": "cm"}
    widget = RuggedWidget(frame, **columns, guide="parts", num_steps=900, engine="graph")
    asyncio.run(widget.fit())
    assert "standardized for training" in drawn.part(widget, "rw-heading").value
    tabs = drawn.part(widget, "rw-tabs")
    for place, title in enumerate(tabs.titles):
        tabs.selected_index = place
        if title == "Parameters":
            assert any("on that scale" in about.value for about in drawn.parts(widget, "rw-about"))
    widget.language = "ko"
    assert "\ud45c\uc900\ud654\ud558\uc5ec \ud559\uc2b5" in drawn.part(widget, "rw-heading").value
    slopes = widget.slopes()
    np.testing.assert_allclose(slopes.mean(), [5e6, 2e6], atol=1e6)
    loaded = load_torchscript(widget.save_torchscript(tmp_path / "guide.pt"))
    np.testing.assert_allclose([slope.mean() for slope in loaded.slopes(4000, seed=1)], slopes.mean(), rtol=0.1)
    assert "x_spread" in widget.script()
    assert widget.saved_runs[-1].draws["sigma"].min() > 1e6


def test_the_lesson_and_a_table_that_is_not_standardized_say_nothing_of_it() -> None:
    for widget in (RuggedWidget(), RuggedWidget(plants(), **COLUMNS, standardize=False)):
        assert "standardized" not in drawn.part(widget, "rw-heading").value
        assert "x_spread" not in widget.script()
