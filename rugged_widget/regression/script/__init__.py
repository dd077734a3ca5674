"""A run written down as a short Pyro script that takes the same steps."""

from rugged_widget.regression.script.run_spec import Columns, OwnGuide, Recipe, learning_rate_changes
from rugged_widget.regression.script.table import TABLE
from rugged_widget.regression.script.writer import LARGE, write_script

__all__ = ["LARGE", "TABLE", "Columns", "OwnGuide", "Recipe", "learning_rate_changes", "write_script"]
