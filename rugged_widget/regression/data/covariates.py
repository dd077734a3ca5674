"""Read covariates: columns of numbers as they are, columns of two values as 0 and 1."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from rugged_widget.names import NAME_LENGTH, isolated, shown, text_of
from rugged_widget.regression.data.columns import Array, is_flag, known_cells, numbers
from rugged_widget.regression.data.two_values import two_values

VALUE_LENGTH = 24
"""Characters of one of two values that are shown at most."""


@dataclass(frozen=True)
class Covariate:
    """What a covariate is called.

    Attributes
    ----------
    column
        Name of its column.
    texts
        Texts of the values that are 0 and 1; empty for a column of numbers.
    """

    column: str
    texts: tuple[str, ...] = ()

    @property
    def two_valued(self) -> bool:
        """True where it is 0 or 1."""
        return bool(self.texts)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of its two values, such as "sex = female" and "sex = male"; empty for a column of numbers."""
        return value_labels(self.column, self.texts) if len(self.texts) == 2 else ()

    @property
    def name(self) -> str:
        """Name of its feature: the column, or what is true where it is 1."""
        return self.labels[1] if self.two_valued else self.shown

    @property
    def shown(self) -> str:
        """Name of the column, to be shown."""
        return shown(self.column)


def checked_covariates(covariates: object) -> tuple[Hashable, ...]:
    """Return names of columns, none where None is given; TypeError where they are no list."""
    if covariates is None:
        return ()
    if isinstance(covariates, (str, bytes)) or not isinstance(covariates, (Sequence, np.ndarray, pd.Index)):
        raise TypeError(f"covariates must be a list of names of columns, such as ['x2', 'x3'], got {covariates!r}")
    return tuple(covariates)


def read_covariate(column: pd.Series[Any], role: str) -> tuple[Covariate, Array]:
    """Read a covariate, missing values as nan, shape (number of rows,).

    A column of numbers is taken as it is; one of two texts, truth values, categories or dates, and one of numbers that
    are all 0 or 1, is 0 and 1, in their order. ValueError is raised for any other.
    """
    name = text_of(column.name) if isinstance(column.name, Hashable) else str(column.name)
    if not _holds_numbers(column):
        coded = two_values(column, role)
        return Covariate(name, coded.texts), coded.codes
    values = numbers(column, role)
    finite = values[np.isfinite(values)]
    indicates = np.isin(finite, (0.0, 1.0)).all() and len(np.unique(finite)) == 2
    return Covariate(name, ("0", "1") if indicates else ()), values


def value_labels(column: str, texts: Sequence[str]) -> tuple[str, str]:
    """Return names of the two values of a column; they differ as the values do."""
    one, two = (shown(value, VALUE_LENGTH) for value in texts)
    if one == two:  # but for what was cut out
        one, two = (isolated(value) for value in texts)
    name = shown(column, max(NAME_LENGTH - max(len(one), len(two)), VALUE_LENGTH // 2))
    return f"{name} = {one}", f"{name} = {two}"


def _holds_numbers(column: pd.Series[Any]) -> bool:
    """Return whether all known cells are numbers and not truth values."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf":
        return True
    if kind != "O" or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    cells = column.astype(object).to_numpy()[known_cells(column)]
    return len(cells) > 0 and all(isinstance(cell, (Real, Decimal)) and not is_flag(cell) for cell in cells)
