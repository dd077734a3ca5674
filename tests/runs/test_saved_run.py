"""What stays of a run that is over, and the list of those that are kept."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from rugged_widget.runs.run_store import RunStore
from rugged_widget.runs.saved_run import SavedRun, run_of, thinned, unique_name
from rugged_widget.snapshot.snapshot import Averaged, ElboCurve, KLGap
from tests.view.judged import approximation
from tests.view.kept_fakes import draws, run
from tests.view.page_fakes import snapshot


class Fit:
    """Anything that can be kept."""


def described(**changes: object) -> SavedRun:
    end = dataclasses.replace(snapshot(), draws=draws(), **{"gap": KLGap(2.0, 0.5), **changes})
    return run_of(end, name="a", guide="diagonal", num_steps=60, rate=0.01, rate_changed=True, seed=3, seconds=1.5)


def test_what_is_kept_of_a_run_is_its_last_moment() -> None:
    kept = described(approximation=approximation())
    assert (kept.steps, kept.num_steps, kept.seed, kept.seconds, kept.num_rows) == (40, 60, 3, 1.5, 170)
    assert (kept.learning_rate, kept.rate_changed) == (0.01, True)
    assert (kept.elbo, kept.elbo_error) == (-248.9, 0.02)  # of many draws, not of the last step's one
    assert kept.gap == KLGap(1.25, 0.02)
    assert kept.k_hat == 0.74
    assert kept.worst_sd_ratio == 0.53
    assert kept.draws["sigma"].shape == (400,)


def test_a_run_that_nobody_judged_or_of_a_point_has_the_elbo_of_its_last_step_and_no_error() -> None:
    for found in (None, approximation("point")):
        kept = described(approximation=found)
        assert kept.elbo == -500.0
        assert math.isnan(kept.elbo_error)
        assert math.isnan(kept.worst_sd_ratio)
        assert math.isnan(kept.k_hat)
        assert kept.gap == KLGap(2.0, 0.5)


def test_a_long_curve_is_thinned_to_120_points_between_its_ends() -> None:
    step = np.arange(1.0, 401.0)
    kept = thinned(ElboCurve(step, -step, -2 * step))
    assert len(kept.step) == 120
    assert (kept.step[0], kept.step[-1]) == (1.0, 400.0)
    assert kept.smoothed.tolist() == (-2 * kept.step).tolist()
    short = ElboCurve(step[:120], step[:120], step[:120])
    assert thinned(short) is short


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unique_name("a", []) == "a"
    assert unique_name("a", ["a", "a (2)"]) == "a (3)"


def test_runs_are_numbered_from_one_and_no_number_comes_again() -> None:
    kept: RunStore[Fit] = RunStore()
    assert [kept.keep(run(0, name="a"), Fit()).number for _ in range(2)] == [1, 2]
    kept.remove(2)
    assert kept.keep(run(0, name="a"), Fit()).number == 3
    assert [one.name for one in kept.runs] == ["a", "a (2)"]


def test_a_fit_is_kept_once_and_again_only_where_it_has_changed() -> None:
    kept, fit = RunStore[Fit](), Fit()
    first = kept.keep(run(0), fit)
    kept.rename(first.number, "mine")
    assert kept.keep(run(0, elbo=-1.0), fit) is kept.run(first.number)
    assert kept.run(first.number).elbo == -248.9
    more = kept.keep(run(0, steps=1600, num_steps=1600, elbo=-248.1), fit)
    assert (more.number, more.name, more.elbo) == (first.number, "mine", -248.1)
    mean = kept.keep(run(0, steps=1600, num_steps=1600, averaged=Averaged(900, 1600, 5)), fit)
    assert mean.averaged == Averaged(900, 1600, 5)
    assert len(kept) == 1
    assert kept.fit(first.number) is fit


def test_the_oldest_makes_room() -> None:
    kept: RunStore[Fit] = RunStore(max_runs=3)
    for number in range(5):
        kept.keep(run(0, name=str(number)), Fit())
    assert [one.name for one in kept.runs] == ["2", "3", "4"]
    with pytest.raises(KeyError, match="kept are 3, 4, 5"):
        kept.fit(1)


@pytest.mark.parametrize(("name", "said"), [("  ", "1 to 60"), ("x" * 61, "1 to 60"), ("b", "another run is called")])
def test_a_name_must_say_something_that_no_other_run_is_called(name: str, said: str) -> None:
    kept: RunStore[Fit] = RunStore()
    kept.keep(run(0, name="a"), Fit())
    kept.keep(run(0, name="b"), Fit())
    with pytest.raises(ValueError, match=said):
        kept.rename(1, name)
    kept.rename(1, " c ")
    kept.rename(1, "c")  # its own
    assert [one.name for one in kept.runs] == ["c", "b"]


def test_the_table_says_of_each_run_what_is_known() -> None:
    kept: RunStore[Fit] = RunStore()
    kept.keep(run(0, averaged=Averaged(900, 1500, 5)), Fit())
    kept.keep(run(0, gap=None, approximation=None, elbo_error=math.nan), Fit())
    table = kept.table()
    assert table.index.tolist() == [1, 2]
    first, second = table.loc[1], table.loc[2]
    assert (first["name"], first["kl"], first["k_hat"], first["worst_sd_ratio"]) == ("run 0", 1.25, 0.74, 0.53)
    assert (first["quality"], first["averaged"], first["effective"]) == ("poor", "900-1500", 0.21)
    assert second["quality"] == second["averaged"] == ""
    assert table[["kl", "kl_error", "effective", "k_hat", "elbo_error"]].loc[2].isna().all()
    assert table["kl"].dtype == np.float64
    nothing = RunStore[Fit]().table()
    assert nothing.empty
    assert list(nothing.columns) == list(table.columns)
