"""Verdicts, guides and kept runs of a RuggedWidget, as its user meets them from Python."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoDiagonalNormal
from torch.distributions import constraints

from rugged_widget import Approximation, Averaged, Convergence, FitError, RuggedWidget
from tests.view import drawn

pytestmark = pytest.mark.slow  # no browser, but runs to their end


def by_hand(features: torch.Tensor, targets: torch.Tensor | None = None) -> None:
    """A guide of the user's own: sigma as a log-normal, the others as normals."""
    scale = pyro.param("scale", torch.full((5,), 0.1), constraint=constraints.positive)
    loc = pyro.param("loc", torch.zeros(5))
    pyro.sample("linear.weight", dist.Normal(loc[:3].reshape(1, 3), scale[:3].reshape(1, 3)).to_event(2))
    pyro.sample("linear.bias", dist.Normal(loc[3:4], scale[3:4]).to_event(1))
    pyro.sample("sigma", dist.LogNormal(loc[4], scale[4]))


def without_sigma(features: torch.Tensor, targets: torch.Tensor | None = None) -> None:
    pyro.sample("linear.weight", dist.Normal(torch.zeros(1, 3), 1.0).to_event(2))
    pyro.sample("linear.bias", dist.Normal(torch.zeros(1), 1.0).to_event(1))


def trained(**settings: Any) -> RuggedWidget:
    widget = RuggedWidget(engine="graph", **settings)
    asyncio.run(widget.fit())
    return widget


@pytest.fixture(scope="module")
def default() -> RuggedWidget:
    """The run of the lesson; nobody changes it."""
    return trained()


def test_the_default_run_has_converged_and_is_no_good_approximation(default: RuggedWidget) -> None:
    convergence, found = default.snapshot.convergence, default.snapshot.approximation
    assert isinstance(convergence, Convergence)
    assert convergence.state == "converged"
    assert isinstance(found, Approximation)
    assert found.quality == "poor"
    assert not found.correlates
    assert found.correlated is not None
    assert min(float(np.min(ratio)) for ratio in found.sd_ratios.values()) < 0.6
    assert default.approximation().k_hats.tolist() == found.k_hats.tolist()


def test_a_run_that_ends_is_kept_once_with_what_there_is_to_know(default: RuggedWidget) -> None:
    table = default.runs()
    assert table.index.tolist() == [1]
    row = table.loc[1]
    assert (row["name"], row["guide"], row["seed"], row["steps"]) == ("diagonal normal · seed 1", "diagonal", 1, 1500)
    assert row["kl"] == pytest.approx(default.snapshot.approximation.gap.nats)
    assert row["elbo"] + row["kl"] == pytest.approx(default.exact().log_evidence, abs=1e-6)
    assert row["elbo_error"] < 0.05
    assert row["worst_sd_ratio"] < 0.6
    assert row["seconds"] > 0
    tabs = drawn.part(default, "rw-tabs")
    tabs.selected_index = 1  # whatever is looked at afterwards is the same run
    tabs.selected_index = 0
    assert len(default.runs()) == 1


def test_recalled_a_run_is_back_with_its_settings_and_can_go_on() -> None:
    widget = trained(num_steps=30, learning_rate=0.02)
    first, history = widget.snapshot, widget.history()
    widget.guide, widget.seed, widget.learning_rate = "multivariate", 5, 0.1
    asyncio.run(widget.fit())
    assert widget.runs()["guide"].tolist() == ["diagonal", "multivariate"]
    widget.num_steps = 50
    widget.recall(1)
    assert (widget.guide, widget.seed, widget.learning_rate, widget.num_steps) == ("diagonal", 1, 0.02, 30)
    assert (widget.status, widget.step) == ("finished", 30)
    assert widget.snapshot.elbo == first.elbo
    for site, values in first.quantiles.items():
        assert widget.snapshot.quantiles[site].tolist() == values.tolist()
    pd.testing.assert_frame_equal(widget.history(), history)
    assert drawn.part(widget, "rw-guide").value == "diagonal"
    assert len(widget.runs()) == 2
    reasons = [widget.engine_info.reason]
    for number in (2, 1):
        widget.recall(number)
        reasons.append(widget.engine_info.reason)
    assert reasons == ["the step is captured when training starts"] * 3  # a fit that is kept holds no captured step
    widget.num_steps = 40
    asyncio.run(widget.fit())
    straight = trained(num_steps=40, learning_rate=0.02)
    assert widget.elbo == pytest.approx(straight.elbo, rel=1e-5)
    assert widget.runs()["steps"].tolist() == [40, 30]  # the same run, further on
    widget.reset()
    assert (widget.step, widget.guide, widget.seed) == (0, "diagonal", 1)


def test_a_run_that_has_not_ended_is_kept_when_asked_to() -> None:
    widget = RuggedWidget(engine="plain", num_steps=30)
    with pytest.raises(RuntimeError, match="before the first step"):
        widget.save_run()
    widget.advance(4)
    assert widget.runs().empty
    widget.save_run()
    assert widget.runs()["steps"].tolist() == [4]
    assert widget.saved_runs[0].draws["sigma"].shape == (400,)
    assert widget.saved_runs[0].approximation is not None
    widget.advance(2)
    widget.save_run()
    assert widget.runs()["steps"].tolist() == [6]


def test_runs_are_renamed_removed_and_written_to_a_file(tmp_path: Path) -> None:
    widget = trained(num_steps=5)
    widget.rename_run(1, '=cmd|"x" <b>')
    with pytest.raises(ValueError, match="1 to 60 characters"):
        widget.rename_run(1, "  ")
    with pytest.raises(KeyError, match="no run 7"):
        widget.recall(7)
    path = widget.export_runs(tmp_path / "runs.csv")
    table = pd.read_csv(path, index_col="run")
    assert table["name"].tolist() == ['=cmd|"x" <b>']
    assert table.loc[1, "kl"] == pytest.approx(widget.runs().loc[1, "kl"])
    with pytest.raises(FileExistsError):
        widget.export_runs(path)
    widget.export_runs(path, overwrite=True)
    widget.remove_run(1)
    assert widget.runs().empty
    assert widget.step == 5


def test_the_mean_of_the_iterates_is_nearer_to_the_posterior_and_training_goes_on_from_it() -> None:
    widget = trained(seed=2)  # which ends far out
    before = widget.snapshot.approximation.gap.nats
    widget.average_iterates()
    averaged = widget.snapshot.averaged
    assert isinstance(averaged, Averaged)
    assert averaged.last <= 1500
    assert widget.snapshot.approximation.gap.nats < before - 1.0
    assert widget.runs()["averaged"].tolist() == [f"{averaged.first}-{averaged.last}"]
    widget.num_steps = 1510
    asyncio.run(widget.fit())
    assert widget.snapshot.averaged is None
    assert widget.step == 1510


def test_too_few_iterates_are_not_averaged_and_nothing_changes() -> None:
    widget = RuggedWidget(engine="plain")
    widget.advance(2)
    store = widget.param_store()
    with pytest.raises(FitError):
        widget.average_iterates()
    for name, value in widget.param_store().items():
        assert value.tolist() == store[name].tolist()


def test_a_run_may_stop_where_it_has_converged_and_go_on_after_all() -> None:
    widget = trained(stop_when_converged=True, num_steps=5000)
    assert widget.status == "finished"
    assert widget.step < 2000
    assert widget.snapshot.convergence.state == "converged"
    assert "converged" in drawn.part(widget, "rw-status").value
    stopped = widget.step
    widget.stop_when_converged = False
    assert widget.status == "paused"
    widget.advance(3)
    assert widget.step == stopped + 3


@pytest.mark.parametrize("guide", [by_hand, AutoDiagonalNormal])
def test_a_guide_of_one_s_own_is_trained_shown_judged_and_kept(guide: Any) -> None:
    widget = trained(guide=guide, num_steps=40)
    assert widget.snapshot.quantiles["sigma"].shape == (5,)
    assert (widget.snapshot.quantiles["sigma"] > 0).all()
    assert widget.snapshot.approximation.quality == "poor"
    assert widget.runs()["guide"].tolist() == ["custom" if guide is by_hand else "diagonal"]
    if guide is by_hand:
        assert widget.runs()["name"].tolist() == ["by_hand · seed 1"]
        assert set(widget.param_store()) == {"loc", "scale"}


def test_a_guide_that_does_not_fit_the_model_is_refused_at_once_and_nothing_is_lost() -> None:
    with pytest.raises(ValueError, match="sigma"):
        RuggedWidget(guide=without_sigma)
    widget = RuggedWidget(engine="plain")
    widget.advance(2)
    with pytest.raises(ValueError, match="sigma"):
        widget.guide = without_sigma
    assert (widget.guide, widget.step) == ("diagonal", 2)


def test_the_correction_is_computed_only_where_it_is_asked_for() -> None:
    widget = trained(num_steps=300, learning_rate=0.05)
    assert widget.snapshot.correction is None
    widget.correct = True
    correction = widget.snapshot.correction
    assert correction is not None
    assert set(correction.quantiles) == set(widget.snapshot.quantiles)
    assert 0 < correction.effective <= 1
    widget.correct = False
    assert widget.snapshot.correction is None


def test_the_language_changes_what_is_read_and_nothing_else() -> None:
    widget = RuggedWidget(language="ko", engine="plain")
    tabs = drawn.part(widget, "rw-tabs")
    assert tabs.titles[0] == "학습"
    widget.advance(2)
    widget.language = "en"
    assert tabs.titles[0] == "Train"
    assert (widget.step, widget.status) == (2, "paused")
    with pytest.raises(ValueError, match="language must be"):
        widget.language = "xx"
    assert widget.language == "en"


def test_a_run_that_ends_at_once_is_judged_and_kept_too() -> None:
    widget = RuggedWidget(engine="plain", num_steps=3)
    widget.advance(3)
    assert widget.status == "finished"
    assert widget.snapshot.approximation is not None
    assert widget.runs()["steps"].tolist() == [3]
