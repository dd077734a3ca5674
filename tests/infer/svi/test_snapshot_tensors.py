"""What is looked at is the same once it is captured, and follows the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.infer.fit import RegressionFit
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
