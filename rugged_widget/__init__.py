"""A live window onto variational inference: Pyro's SVI trains in the kernel, bqplot animates it in the notebook."""

from importlib.metadata import version as _version

from rugged_widget.datasets import RegressionData, load_rugged
from rugged_widget.errors import ClosedError, FitError, MissingBundleError, RuggedWidgetError
from rugged_widget.snapshot import Band, Density, ElboCurve, Snapshot
from rugged_widget.widget import RuggedWidget

__all__ = [
    "Band",
    "ClosedError",
    "Density",
    "ElboCurve",
    "FitError",
    "MissingBundleError",
    "RegressionData",
    "RuggedWidget",
    "RuggedWidgetError",
    "Snapshot",
    "__version__",
    "load_rugged",
]
__version__ = _version("rugged-widget")
