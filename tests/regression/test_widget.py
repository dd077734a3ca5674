"""RuggedWidget as its user meets it from Python: settings, verbs, traits, errors."""

from __future__ import annotations

import asyncio
import gc
import math
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
import traitlets
from ipywidgets.widgets.widget import _instances

import rugged_widget
from rugged_widget import ClosedError, FitError, Priors, RegressionData
from rugged_widget.training.event_loop import find_loop
from tests.regression.plain_widget import RuggedWidget
from tests.view import drawn
from tests.waits import wait_until_async

FRAME = pd.DataFrame(
    {
        "income $": np.linspace(5.0, 50.0, 20),
        "<b>height</b>": np.linspace(1.0, 2.0, 20) ** 2,
        "town": ["a & b", "<i>c</i>"] * 10,
    }
)
COLUMNS = {"response": "income $", "predictor": "<b>height</b>", "group": "town"}


def test_nothing_trains_until_it_is_asked_to() -> None:
    widget = RuggedWidget()
    assert (widget.status, widget.step, widget.num_steps) == ("ready", 0, 1500)
    assert math.isnan(widget.elbo)
    assert widget.snapshot.step == 0
    assert widget.history().empty


def test_a_plain_script_trains_to_the_end_without_a_front_end() -> None:
    widget = RuggedWidget(num_steps=60)
    assert asyncio.run(widget.fit()) is widget
    assert (widget.status, widget.step, widget.snapshot.step) == ("finished", 60, 60)
    history = widget.history()
    assert list(history.columns) == ["step", "elbo", "learning_rate"]
    assert history["step"].tolist() == list(range(1, 61))
    assert history["elbo"].iloc[-1] == widget.elbo == widget.snapshot.elbo


@pytest.mark.slow
def test_the_command_of_the_readme_works_in_a_process_of_its_own(tmp_path: Path) -> None:
    script = (
        "import asyncio; from rugged_widget import RuggedWidget as W; print(asyncio.run(W(num_steps=5).fit()).step)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "5"


def test_traits_can_be_observed_and_linked() -> None:
    widget = RuggedWidget(num_steps=40)
    slider = ipywidgets.FloatSlider(min=0.001, max=1.0, step=0.001)
    traitlets.link((widget, "learning_rate"), (slider, "value"))
    seen: list[str] = []
    widget.observe(lambda change: seen.append(change["new"]), "status")
    slider.value = 0.25
    asyncio.run(widget.fit())
    assert seen == ["running", "finished"]
    assert widget.history()["learning_rate"].unique().tolist() == [0.25]


def test_an_observer_that_fails_does_not_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    widget = RuggedWidget(num_steps=20)

    def fails(_change: object) -> None:
        raise ZeroDivisionError("mine")

    widget.observe(fails, "step")
    asyncio.run(widget.fit())
    assert widget.status == "finished"
    assert "an observer of a RuggedWidget failed" in caplog.text


@pytest.mark.parametrize("name", ["status", "step", "elbo", "snapshot", "error"])
def test_what_the_run_tells_cannot_be_assigned(name: str) -> None:
    with pytest.raises(traitlets.TraitError, match="read-only"):
        setattr(RuggedWidget(), name, None)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be .*> 0, got 0"),
        ({"learning_rate": math.inf}, ValueError, "learning_rate must be finite"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
        ({"guide": "best"}, ValueError, "guide must be one of 'diagonal', .*got 'best'"),
        ({"seed": -1}, ValueError, "seed must be in .*got -1"),
        ({"seed": 1.5}, TypeError, "seed must be an int.*got 1.5"),
        ({"num_steps": 0}, ValueError, "num_steps must be at least 1, got 0"),
        ({"num_steps": 10.0}, TypeError, "num_steps must be an integer of at least 1, got 10.0"),
        ({"speed": 5}, ValueError, "speed must be 1, 10 .* or 'max', got 5"),
        ({"speed": True}, ValueError, "speed must be 1, 10 .* or 'max', got True"),
        ({"engine": "fast"}, ValueError, "engine must be one of 'auto', 'plain', 'graph', 'jax', got 'fast'"),
        ({"engine": None}, TypeError, "engine must be a text, got None"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": -3}, ValueError, "batch_size must be at least 1, got -3"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer of at least 1, got 2.0"),
        ({"batch_size": True}, TypeError, "batch_size must be an integer of at least 1, got True"),
        ({"batch_size": "all"}, TypeError, "batch_size must be an integer of at least 1, got 'all'"),
        ({"priors": 2.0}, TypeError, "priors must be Priors"),
        ({"standardize": "yes"}, TypeError, "standardize must be True or False"),
        ({"priors": Priors(), "standardize": True}, ValueError, "give priors or standardize=True, not both"),
        ({"show_exact": "yes"}, TypeError, "show_exact must be True or False"),
        ({"response": "rgdppc_2000"}, ValueError, "predictor: name the column"),
        ({"data": [1, 2]}, ValueError, "response, predictor: name the column"),
        ({"data": [1, 2], **COLUMNS}, TypeError, "must be a pandas DataFrame, got list"),
        ({"data": FRAME, **COLUMNS, "predictor": "hight"}, ValueError, "no column 'hight'"),
        ({"data": RegressionData.rugged(), "group": "town"}, ValueError, "has picked its columns already"),
    ],
)
def test_a_wrong_argument_is_refused_at_once_by_name(
    settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        RuggedWidget(**settings)


def test_another_guide_or_seed_begins_again() -> None:
    widget = RuggedWidget(num_steps=50)
    widget.advance(3)
    first = widget.history()["elbo"].tolist()
    widget.seed = 2
    assert (widget.step, widget.status, widget.snapshot.step) == (0, "ready", 0)
    widget.advance(3)
    assert widget.history()["elbo"].tolist() != first
    widget.seed = 1
    widget.advance(3)
    assert widget.history()["elbo"].tolist() == first
    widget.guide = "multivariate"
    assert "AutoMultivariateNormal.scale_tril" in widget.param_store()


async def test_a_running_training_runs_on_with_another_guide() -> None:
    widget = RuggedWidget(num_steps=60)
    widget.start()
    await wait_until_async(lambda: widget.step >= 10)
    widget.guide = "delta"
    assert (widget.status, widget.step) == ("running", 0)
    await widget.fit()
    assert widget.step == 60


@pytest.mark.slow
async def test_what_is_started_while_it_is_displayed_does_not_run_ahead_of_its_page() -> None:
    widget = RuggedWidget(speed=1)
    began = time.monotonic()
    widget.start()
    widget._repr_mimebundle_()
    await wait_until_async(lambda: widget.step >= 5, "five steps are taken")
    assert widget.step <= 1 + 20 * (time.monotonic() - began)  # a step each twentieth of a second
    widget.close()


async def test_the_learning_rate_changes_in_mid_run() -> None:
    widget = RuggedWidget(num_steps=60, learning_rate=0.01)
    widget.start()
    await wait_until_async(lambda: widget.step >= 10)
    widget.learning_rate = 0.05
    await widget.fit()
    assert widget.history()["learning_rate"].unique().tolist() == [0.01, 0.05]


@pytest.mark.slow
async def test_a_learning_rate_that_is_far_too_large_fails_visibly_and_a_smaller_one_carries_on() -> None:
    widget = RuggedWidget(num_steps=400, learning_rate=1e30)
    with pytest.raises(FitError, match="step"):
        await widget.fit()
    assert widget.status == "failed"
    assert "learning rate" in widget.error
    assert widget.error.split()[0] in drawn.part(widget, "rw-notice").value
    assert np.isfinite(widget.snapshot.quantiles["sigma"]).all()
    widget.reset()
    widget.learning_rate = 0.03
    await widget.fit()
    assert (widget.status, widget.step, widget.error) == ("finished", 400, "")


async def test_verbs_from_another_thread_are_done_on_the_loop() -> None:
    widget = RuggedWidget(num_steps=5000)
    answers: list[object] = []

    def subshell() -> None:
        widget.start()
        widget.learning_rate = 0.02
        answers.append(len(widget.history()))

    thread = threading.Thread(target=subshell)
    thread.start()
    await wait_until_async(lambda: not thread.is_alive())
    assert widget.status == "running"
    widget.pause()
    assert (widget.status, widget.learning_rate) == ("paused", 0.02)
    widget.close()


async def test_a_widget_made_in_a_subshell_trains_on_the_main_thread() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    find_loop()  # which the first import does in a kernel

    async def subshell() -> None:
        widget = RuggedWidget(num_steps=20)
        widget.observe(lambda _change: loops.append(asyncio.get_running_loop()), "step")
        await widget.fit()
        assert widget.step == 20

    await asyncio.to_thread(lambda: asyncio.run(subshell()))
    assert set(loops) == {asyncio.get_running_loop()}


def test_tables_have_the_groups_and_sites() -> None:
    widget = RuggedWidget(num_steps=30)
    widget.advance(3)
    slopes = widget.slopes(50)
    assert list(slopes.columns) == ["Outside Africa", "Inside Africa"]
    assert len(slopes) == 50
    quantiles = widget.quantiles([0.25, 0.5, 0.75])
    assert quantiles["linear.weight"].shape == (3, 1, 3)
    with pytest.raises(ValueError, match="probs"):
        widget.quantiles([0.0, 0.5])
    assert set(widget.param_store()) == {"AutoDiagonalNormal.loc", "AutoDiagonalNormal.scale"}


def test_close_ends_everything_and_leaves_no_widget_behind() -> None:
    before = set(_instances)
    widget = RuggedWidget(num_steps=30)
    widget.close()
    widget.close()
    assert set(_instances) == before
    with pytest.raises(ClosedError):
        widget.start()


def test_a_closed_widget_is_freed() -> None:
    widget = RuggedWidget(num_steps=30)
    widget.advance(2)
    forgotten = weakref.ref(widget)
    widget.close()
    del widget
    gc.collect()
    assert forgotten() is None


def test_text_from_users_is_text_everywhere() -> None:
    widget = RuggedWidget(FRAME, **COLUMNS, num_steps=10)
    html = [
        part.value
        for part in _instances.values()
        if isinstance(part, ipywidgets.HTML) and part.comm is not None and "height" in str(part.value)
    ]
    assert html
    assert not any("<b>height" in value or "<i>c" in value for value in html)
    still = widget._repr_mimebundle_()["text/html"]
    assert "<b>height" not in still
    assert "<i>c" not in still
    widget.close()


def test_a_reopened_notebook_finds_a_picture_beside_the_view() -> None:
    widget = RuggedWidget(num_steps=20)
    assert "P(slope" not in widget._repr_mimebundle_()["text/html"]  # an untrained guide has nothing to say
    asyncio.run(widget.fit())
    bundle = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].count("<circle") == 170
    assert "P(slope &gt; 0)" in bundle["text/html"]
    assert "finished" in bundle["text/html"]


def test_it_says_what_it_is() -> None:
    assert repr(RuggedWidget()) == "RuggedWidget('Terrain ruggedness and GDP', ready · 1,500 steps to do)"


def test_the_widget_has_few_public_names_of_its_own_and_each_is_documented() -> None:
    names = {*dir(RuggedWidget), *vars(RuggedWidget())} - {*dir(ipywidgets.VBox), *vars(ipywidgets.VBox())}
    own = [name for name in names if not name.startswith("_")]
    assert len(own) <= 45
    traits = rugged_widget.RuggedWidget.class_traits()
    documented = str(rugged_widget.RuggedWidget.__doc__)
    for name in own:
        if name in traits:
            assert traits[name].help
            assert f"\n{name}\n    " in documented
        else:
            assert getattr(rugged_widget.RuggedWidget, name).__doc__
