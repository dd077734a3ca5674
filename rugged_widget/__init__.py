"""A live window onto variational inference: Pyro's SVI trains in the kernel, bqplot animates it in the notebook."""

from importlib.metadata import version as _version

from rugged_widget.datasets import RegressionData, load_rugged
from rugged_widget.errors import ClosedError, FitError, MissingBundleError, RuggedWidgetError
from rugged_widget.infer.exact import ExactPosterior
from rugged_widget.infer.models import Priors
from rugged_widget.infer.serving import LoadedSampler, ServingError, load_torchscript
from rugged_widget.runs import KeptRun
from rugged_widget.snapshot import (
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
from rugged_widget.widget import RuggedWidget

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
