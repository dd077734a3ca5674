"""A live window onto variational inference: Pyro's SVI trains in the kernel, bqplot animates it in the notebook."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from rugged_widget.errors import ClosedError, FitError, MissingBundleError, RuggedWidgetError
    from rugged_widget.monitor.model_widget import ModelWidget
    from rugged_widget.monitor.monitor import Monitor
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

_MODULES = {
    "errors": ("ClosedError", "FitError", "MissingBundleError", "RuggedWidgetError"),
    "monitor.monitor": ("Monitor",),
    "monitor.model_widget": ("ModelWidget",),
    "monitor.watch": ("watch",),
    "regression.data.regression_data": ("RegressionData", "load_rugged"),
    "regression.infer.exact.posterior": ("ExactPosterior",),
    "regression.infer.export.export": ("ExportError", "LoadedSampler", "load_torchscript"),
    "regression.priors": ("Priors",),
    "regression.snapshot": ("RegressionCorrection", "RegressionSnapshot"),
    "regression.widget": ("RuggedWidget",),
    "runs.saved_run": ("SavedRun",),
    "snapshot.snapshot": (
        "Approximation",
        "Averaged",
        "Band",
        "Convergence",
        "Correction",
        "Density",
        "ElboCurve",
        "EngineInfo",
        "KLGap",
        "Snapshot",
    ),
}


def __getattr__(name: str) -> object:
    """Import what is asked for: the lesson does without the modules of `watch`, and `watch` without the lesson's."""
    for module, names in _MODULES.items():
        if name in names:
            from rugged_widget.importing import without_collections

            with without_collections():
                value: object = getattr(_import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
