"""Tables of several shapes: without a group, with two of three groups, and with covariates."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from rugged_widget.regression.data.regression_data import RegressionData

COLUMNS: Final = {"response": "mass", "predictor": "flipper"}
THREE: Final = ["bill", "sex", "depth"]
"""Covariates: one of two texts between two of numbers."""

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "line": {},
    "line and one": {"covariates": ["sex"]},
    "line and three": {"covariates": THREE},
    "groups": {"group": "island", "groups": ("Torgersen", "Biscoe")},
    "groups and one": {"group": "sex", "covariates": ["bill"]},
    "groups and three": {"group": "island", "groups": ("Torgersen", "Biscoe"), "covariates": THREE},
}
"""Arguments for the columns beyond response and predictor, by the name of a shape."""

NUM_FEATURES: Final = dict(zip(SHAPES, (1, 2, 4, 3, 4, 6), strict=True))


def table(count: int = 120) -> pd.DataFrame:
    """Return body mass by flipper, bill, sex and island of made-up penguins; the slope is 47 g / mm everywhere."""
    random = np.random.default_rng(5)
    sex, island = np.arange(count) % 2, np.arange(count) // 2 % 3
    flipper, bill, depth = random.normal(200, 14, count), random.normal(44, 5, count), random.normal(17, 2, count)
    mass = 4000 + 47 * (flipper - 200) + 350 * sex + 25 * (bill - 44) - 60 * (depth - 17)
    return pd.DataFrame(
        {
            "mass": mass + 100 * island + random.normal(0, 250, count),
            "flipper": flipper,
            "bill": bill,
            "depth": depth,
            "sex": np.array(["female", "male"])[sex],
            "island": np.array(["Biscoe", "Dream", "Torgersen"])[island],
        }
    )


@cache
def data_of(shape: str, count: int = 120) -> RegressionData:
    """Return the data of a shape, of a table of so many rows."""
    return RegressionData.from_frame(table(count), **COLUMNS, **SHAPES[shape])
