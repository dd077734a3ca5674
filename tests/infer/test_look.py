"""What is looked at is the same once it is captured, and follows the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from rugged_widget.infer.lesson import RegressionFit

from .plain import FAMILIES, RUGGED


@pytest.mark.browser  # each captures a step and a picture
@pytest.mark.parametrize("name", FAMILIES)
def test_a_captured_snapshot_is_that_of_pyro_after_later_steps_too(name: str) -> None:
    captured, by_pyro = (RegressionFit(RUGGED, guide=name, seed=3) for _ in range(2))
    while captured.prepare():
        pass
    assert repr(captured._look) == "Looking(800 draws, captured)"
    for _ in range(2):
        one, other = captured.snapshot(), by_pyro.snapshot()
        for site, expected in other.quantiles.items():
            np.testing.assert_allclose(one.quantiles[site], expected, rtol=1e-4, atol=1e-4)
        for kind, bands in other.bands.items():
            for band, expected_band in zip(one.bands[kind], bands, strict=True):
                np.testing.assert_allclose(band.upper, expected_band.upper, rtol=1e-4, atol=1e-4)
        captured.advance(30)
        by_pyro.advance(30)
    assert repr(by_pyro._look) == "Looking(800 draws, by Pyro)"
