"""A live window onto variational inference: Pyro's SVI trains in the kernel, bqplot animates it in the notebook."""

from importlib.metadata import version as _version

from rugged_widget.errors import ClosedError, FitError, MissingBundleError, RuggedWidgetError
from rugged_widget.monitor.loop_monitor import Monitor
from rugged_widget.monitor.monitor import ModelWidget
from rugged_widget.monitor.watch import watch
from rugged_widget.regression.data.regression_data import RegressionData, load_rugged
from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.export.export import ExportError, LoadedSampler, load_torchscript
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import RegressionCorrection, RegressionSnapshot
from rugged_widget.regression.widget import RuggedWidget
from rugged_widget.runs.saved_run import SavedRun
from rugged_widget.snapshot.snapshot import (
    Approximation,
    Averaged,
    Band,
    Convergence,
    Correction,
    Density,
    ElboCurve,
    EngineInfo,
    KLGap,
    Snapshot,
)

__all__ = [
    "Approximation",
    "Averaged",
    "Band",
    "ClosedError",
    "Convergence",
    "Correction",
    "Density",
    "ElboCurve",
    "EngineInfo",
    "ExactPosterior",
    "ExportError",
    "FitError",
    "KLGap",
    "LoadedSampler",
    "MissingBundleError",
    "ModelWidget",
    "Monitor",
    "Priors",
    "RegressionCorrection",
    "RegressionData",
    "RegressionSnapshot",
    "RuggedWidget",
    "RuggedWidgetError",
    "SavedRun",
    "Snapshot",
    "__version__",
    "load_rugged",
    "load_torchscript",
    "watch",
]
__version__ = _version("rugged-widget")
