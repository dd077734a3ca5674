"""What is looked at is the same once it is captured, and follows the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import fx

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.infer.svi.snapshot_tensors import SnapshotTensors
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.snapshot.request import AT_REST
from tests.infer.own_guides import OWN
from tests.infer.plain import RUGGED

CAPTURED: dict[str, Any] = {**{name: name for name in GUIDE_LABELS}, **OWN}
CAPTURED.pop("branching")


@pytest.mark.slow  # each captures a step and a picture
@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_snapshot_is_that_of_pyro_after_later_steps_too(name: str) -> None:
    captured, by_pyro = (RegressionFit(RUGGED, guide=CAPTURED[name], seed=3) for _ in range(2))
    for fit in (captured, by_pyro):
        fit.advance(1)  # in which some guides make their parameters
    while captured.prepare():
        pass
    assert repr(captured._tensors) == "SnapshotTensors(800 draws, captured)"
    for _ in range(2):
        one, other = captured.snapshot(), by_pyro.snapshot()
        for site, expected in other.quantiles.items():
            np.testing.assert_allclose(one.quantiles[site], expected, rtol=1e-4, atol=1e-4)
        for kind, bands in other.bands.items():
            for band, expected_band in zip(one.bands[kind], bands, strict=True):
                np.testing.assert_allclose(band.upper, expected_band.upper, rtol=1e-4, atol=1e-4)
        captured.advance(30)
        by_pyro.advance(30)
    assert repr(by_pyro._tensors) == "SnapshotTensors(800 draws, by Pyro)"


@pytest.mark.slow
def test_a_guide_is_not_captured_before_it_has_its_parameters() -> None:
    fit = RegressionFit(RUGGED, guide="parts", seed=3)
    with fit.inspecting():
        fit._tensors.capture()
    assert not fit._tensors.captured
    before = fit.snapshot().quantiles["linear.weight"]
    fit.advance(30)
    assert not np.allclose(fit.snapshot().quantiles["linear.weight"], before)


def captured_fit(guide: str = "diagonal") -> RegressionFit:
    fit = RegressionFit(RUGGED, guide=guide, seed=3)
    fit.advance(20)
    while fit.prepare():
        pass
    return fit


@pytest.mark.parametrize("guide", ["diagonal", pytest.param("multivariate", marks=pytest.mark.slow)])
def test_what_is_computed_later_is_of_the_step_of_its_snapshot_and_the_same_as_at_rest(guide: str) -> None:
    fit = captured_fit(guide)
    streamed = fit.snapshot()
    fit.request = AT_REST
    rested = fit.snapshot()
    fit.advance(30)
    assert streamed.gap == rested.gap != fit.snapshot().gap
    for kind, bands in rested.bands.items():
        for band, expected in zip(streamed.bands[kind], bands, strict=True):
            np.testing.assert_array_equal(band.upper, expected.upper)
    for site, quantiles in rested.quantiles.items():
        np.testing.assert_array_equal(streamed.quantiles[site], quantiles)


@pytest.mark.slow
def test_the_curvature_of_a_laplace_guide_is_computed_without_python() -> None:
    tensors = captured_fit("laplace")._tensors
    for picture in (tensors._whole, tensors._closed):
        assert picture is not None
        assert not isinstance(picture._run, fx.GraphModule)


@pytest.mark.slow
def test_a_laplace_guide_takes_no_draws_while_frames_stream_though_it_is_a_point_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit = captured_fit("laplace")
    monkeypatch.setattr(SnapshotTensors, "_named", lambda _self, _values: pytest.fail("draws were taken"))
    snapshot = fit.snapshot()
    assert (snapshot.quantiles["linear.weight"][0] == snapshot.quantiles["linear.weight"][-1]).all()
    for slope in snapshot.slopes:
        assert slope.lower == slope.median == slope.upper


def test_a_snapshot_of_a_normal_guide_takes_draws_once_when_something_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit, taken = captured_fit(), list[int]()
    named = SnapshotTensors._named
    monkeypatch.setattr(SnapshotTensors, "_named", lambda self, values: taken.append(1) or named(self, values))
    snapshot = fit.snapshot()
    assert len(snapshot.bands["line"]) == len(snapshot.slopes) == 2
    assert taken == []
    assert snapshot.gap is not None
    assert len(snapshot.bands["prediction"]) == 2
    assert taken == [1]
