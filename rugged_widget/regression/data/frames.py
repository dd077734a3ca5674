"""Tables of other packages as pandas has them."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd

CALLS = ("to_pandas", "toPandas", "to_dataframe", "collect", "compute", "__dataframe__")
"""Methods by which tables of other packages become, in one step or two, one of pandas."""


def as_frame(data: object) -> pd.DataFrame:
    """Return a table as a pandas DataFrame.

    Parameters
    ----------
    data
        A pandas DataFrame, which is returned itself; or a table that has a method `to_pandas` (polars, pyarrow and
        others) or the dataframe interchange protocol.

    Raises
    ------
    TypeError
        If it is none, or cannot be converted: it names the type, its module and what to call.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, type) or not any(hasattr(data, call) for call in CALLS):
        raise TypeError(f"the data must be a pandas DataFrame, got {type(data).__name__}")
    table: Any = data
    error: Exception | None = None
    for convert in (_by_method, _by_protocol):
        try:
            frame = convert(table)
        except Exception as problem:  # another package's
            error = error or problem
            continue
        if isinstance(frame, pd.DataFrame):
            return frame
        if frame is not None:
            raise TypeError(f"the data must be a pandas DataFrame, got {type(data).__name__} that is one column")
    call = next(call for call in CALLS if hasattr(table, call))
    reason = f", which raised {type(error).__name__}: {error}" if error else ""
    kind = f"{type(table).__name__} of {type(table).__module__.split('.')[0]}"
    raise TypeError(
        f"the data must be a pandas DataFrame, got {kind}: give the table that data.{call}() returns{reason}"
    ) from error


def _by_method(table: Any) -> object:
    return table.to_pandas() if hasattr(table, "to_pandas") else None


def _by_protocol(table: Any) -> object:
    if not hasattr(table, "__dataframe__"):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas means to drop the protocol, of which the user knows nothing
        return pd.api.interchange.from_dataframe(table)
