"""A run written down as a short Pyro script that takes the same steps."""

from rugged_widget.regression.script.run_spec import Columns, Recipe
from rugged_widget.regression.script.table import TABLE
from rugged_widget.regression.script.writer import LARGE, write_script

__all__ = ["LARGE", "TABLE", "Columns", "Recipe", "write_script"]
