"""A live window onto variational inference: Pyro's SVI trains in the kernel, bqplot animates it in the notebook."""

from importlib.metadata import version as _version

from rugged_widget.errors import ClosedError, FitError, MissingBundleError, RuggedWidgetError
from rugged_widget.regression.data.regression_data import RegressionData, load_rugged
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.export.export import LoadedSampler, ServingError, load_torchscript
from rugged_widget.regression.infer.model import Priors
from rugged_widget.regression.widget import RuggedWidget
from rugged_widget.runs.saved_run import KeptRun
from rugged_widget.snapshot.snapshot import (
    Approximation,
    Averaged,
    Band,
    Correction,
    Density,
    ElboCurve,
    EngineInfo,
    Gap,
    Settling,
    Snapshot,
)

__all__ = [
    "Approximation",
    "Averaged",
    "Band",
    "ClosedError",
    "Correction",
    "Density",
    "ElboCurve",
    "EngineInfo",
    "ExactPosterior",
    "FitError",
    "Gap",
    "KeptRun",
    "LoadedSampler",
    "MissingBundleError",
    "Priors",
    "RegressionData",
    "RuggedWidget",
    "RuggedWidgetError",
    "ServingError",
    "Settling",
    "Snapshot",
    "__version__",
    "load_rugged",
    "load_torchscript",
]
__version__ = _version("rugged-widget")
