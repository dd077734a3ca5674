"""Priors of a RuggedWidget as its user meets them: a setting, a page, and what becomes of runs."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rugged_widget import Priors, RegressionSnapshot
from tests.regression.plain_widget import RuggedWidget
from tests.view import drawn

NARROW = Priors(weight=0.1)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    male = np.arange(60) % 2
    length = rng.normal(200 + 3 * male, 13)
    mass = -5400 + 47 * length + 350 * male + rng.normal(0, 300, 60)
    return pd.DataFrame({"mass": mass, "length": length, "sex": male})


COLUMNS = {"response": "mass", "predictor": "length", "group": "sex"}


def priors_page(widget: RuggedWidget) -> None:
    """Open the tab of the priors."""
    tabs = drawn.part(widget, "rw-tabs")
    tabs.selected_index = list(tabs.titles).index("Priors")


def part(widget: RuggedWidget, name: str) -> Any:
    return drawn.part(widget, f"rw-{name}")


def caution(widget: RuggedWidget) -> str:
    return str(drawn.part(part(widget, "approximation"), "rw-caution").value)


def answered(widget: RuggedWidget) -> Priors:
    snapshot = widget.snapshot
    assert isinstance(snapshot, RegressionSnapshot)
    assert snapshot.priors_answer is not None
    return snapshot.priors_answer.priors


def test_the_setting_tells_what_is_trained_with() -> None:
    assert RuggedWidget().priors == Priors()
    assert RuggedWidget(priors=NARROW).priors == NARROW
    own = RuggedWidget(table(), **COLUMNS)
    assert own.priors == Priors(weight=2.5)
    assert RuggedWidget(table(), **COLUMNS, priors=NARROW).exact().scale.is_identity
    own.priors = NARROW
    assert not own.exact().scale.is_identity
    own.priors = None
    assert own.priors == Priors(weight=2.5)


def test_other_priors_begin_a_new_run_which_everything_follows() -> None:
    widget = RuggedWidget(num_steps=30)
    evidence = widget.exact().log_evidence
    asyncio.run(widget.fit())
    widget.priors = NARROW
    assert (widget.status, widget.step) == ("ready", 0)
    assert widget.exact().log_evidence < evidence - 10
    asyncio.run(widget.fit())
    assert "Normal(0.0, 0.1)" in widget.script()
    runs = widget.runs()
    assert runs["log_evidence"].tolist() == [evidence, widget.exact().log_evidence]
    assert runs["name"].tolist() == ["diagonal normal · seed 1", "diagonal normal · seed 1 · weight=0.1"]
    np.testing.assert_allclose(runs["kl"], runs["log_evidence"] - runs["elbo"])
    assert widget.approximation().gap is not None


def test_a_recalled_run_brings_its_priors_back_and_what_it_is_compared_with() -> None:
    widget = RuggedWidget(num_steps=20, language="en")
    evidence = widget.exact().log_evidence
    for page in ("Parameters", "Priors", "Compare"):
        tabs = drawn.part(widget, "rw-tabs")
        tabs.selected_index = list(tabs.titles).index(page)
    asyncio.run(widget.fit())
    widget.priors = NARROW
    asyncio.run(widget.fit())
    assert part(widget, "prior-weight").value == 0.1
    assert "19 prior standard deviations" in caution(widget)
    widget.recall(1)
    assert (widget.priors, widget.step) == (Priors(), 20)
    assert widget.exact().log_evidence == evidence
    assert part(widget, "prior-weight").value == 1.0
    assert answered(widget) == Priors()
    assert caution(widget) == ""
    widget.recall(2)
    assert (widget.priors, answered(widget)) == (NARROW, NARROW)
    assert "19 prior standard deviations" in caution(widget)
    widget.reset()
    assert widget.priors == NARROW
    assert widget.exact().log_evidence < evidence


def test_the_page_trains_with_its_priors_and_goes_back() -> None:
    widget = RuggedWidget(num_steps=20, language="en")
    priors_page(widget)
    assert answered(widget) == Priors()
    assert part(widget, "prior-train").disabled
    part(widget, "prior-weight").value = 0.1
    assert answered(widget) == NARROW
    assert widget.priors == Priors()  # nothing is trained with what is only looked at
    assert not part(widget, "prior-train").disabled
    asyncio.run(widget.fit())
    part(widget, "prior-train").click()
    assert (widget.priors, widget.status, widget.step) == (NARROW, "ready", 0)
    assert len(widget.saved_runs) == 1
    assert part(widget, "prior-train").disabled
    part(widget, "prior-sigma").value = 100.0
    part(widget, "prior-back").click()
    assert widget.priors == answered(widget) == Priors()
    assert [part(widget, f"prior-{name}").value for name in ("weight", "bias", "sigma")] == [1.0, 10.0, 10.0]


def test_what_runs_goes_on_running_with_other_priors() -> None:
    async def change_while_it_runs() -> None:
        widget = RuggedWidget(num_steps=100_000, speed="max", language="en")
        priors_page(widget)
        widget.start()
        await asyncio.sleep(0.05)
        part(widget, "prior-weight").value = 0.1
        part(widget, "prior-train").click()
        assert (widget.status, widget.priors) == ("running", NARROW)
        widget.pause()
        assert answered(widget) == NARROW
        widget.close()

    asyncio.run(change_while_it_runs())


def test_a_standardized_table_stays_so_and_the_page_says_what_a_scale_is_in_its_units() -> None:
    widget = RuggedWidget(table(), **COLUMNS, num_steps=20, language="en")
    priors_page(widget)
    scale = widget.exact().scale
    note, *_ = drawn.parts(widget, "rw-prior-units")
    assert f"length {2.5 * scale.y_spread / scale.x_spread:.0f}" in note.value
    part(widget, "prior-weight").value = 0.01
    part(widget, "prior-train").click()
    assert widget.exact().scale == scale
    assert "Priors and data conflict" in caution(widget)
    asyncio.run(widget.fit())
    assert "weight=0.01" in widget.runs()["name"].item()
    assert "Normal(0.0, 0.01)" in widget.script()
    assert "y_spread" in widget.script()


def test_a_conflict_is_said_from_the_start_on_the_first_page_and_in_words() -> None:
    widget = RuggedWidget(table(), **COLUMNS, standardize=False, num_steps=5, language="en")
    said = "of sigma's posterior lies near its upper bound, 10"
    assert said in caution(widget).replace("&#x27;", "'")
    widget.advance(2)
    assert said in caution(widget).replace("&#x27;", "'")
    assert said in widget._dashboard._summary()
    assert caution(RuggedWidget(table(), **COLUMNS)) == ""


def test_priors_without_an_answer_are_refused_and_the_run_stays() -> None:
    widget = RuggedWidget(num_steps=20)
    widget.advance(3)
    with pytest.raises(ValueError, match="too large"):
        widget.priors = Priors(weight=1e200)
    assert (widget.priors, widget.step) == (Priors(), 3)
