"""The part of a script that reads the data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rugged_widget.regression.script.run_spec import Columns

TABLE = "data.csv"
"""File that the script of a user's table reads."""


def bundled() -> str:
    """Load the lesson's columns of the lesson's table."""
    return """# Data: log GDP per person on ruggedness, of the countries whose GDP is known.
table = load_rugged()
x = table["rugged"].to_numpy(float)
group = table["cont_africa"].to_numpy(float)
y = np.log(table["rgdppc_2000"].to_numpy(float))
"""


def read_table(columns: Columns) -> str:
    """Read other columns of it, or the table that the user gave."""
    numeric = _numbers(columns.group_values)
    zero, one = (repr(value) for value in (numeric or columns.group_values))
    if numeric:  # the texts are rounded to six digits
        coding = f"""value = table[GROUP].to_numpy(float)
group = np.where(np.isfinite(value), abs(value - {one}) < abs(value - {zero}), np.nan)  # {zero} is 0, {one} is 1"""
    else:
        coding = f"group = table[GROUP].map({{{zero}: 0.0, {one}: 1.0}}).to_numpy(float)"
    response = "table[RESPONSE].to_numpy(float)"
    if columns.log_response:
        response = f"{response}\ny = np.log(np.where(y > 0, y, np.nan))"
    reading = _LOADING if columns.bundled else _reading(numeric is not None)
    return f"""PREDICTOR, GROUP, RESPONSE = {columns.predictor!r}, {columns.group!r}, {columns.response!r}

{reading}
x = table[PREDICTOR].to_numpy(float)
{coding}
y = {response}
"""


_LOADING = """# Data: the table of the lesson.
table = load_rugged()"""


def _reading(numeric: bool) -> str:  # noqa: FBT001 private
    numbers = "[PREDICTOR, GROUP, RESPONSE]" if numeric else "[PREDICTOR, RESPONSE]"
    as_text = "" if numeric else "\n    dtype={GROUP: str},"
    return f"""# Data: write the table that the widget was given by df.to_csv("{TABLE}"), beside this script.
table = pd.read_csv(
    "{TABLE}",{as_text}
    keep_default_na=False,
    na_values=dict.fromkeys({numbers}, [""]),
)"""


def _numbers(texts: tuple[str, str]) -> tuple[float, float] | None:
    """Read two texts as two different numbers, or return None where they are not."""
    try:
        one, two = (float(text) for text in texts)
    except ValueError:
        return None
    return (one, two) if math.isfinite(one) and math.isfinite(two) and one != two else None
