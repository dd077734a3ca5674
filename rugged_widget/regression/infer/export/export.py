"""Save a fitted regression for programs that have torch only, and load it again."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from rugged_widget.infer.guides.families import GUIDE_LABELS
from rugged_widget.regression.infer.export.file_format import (
    ABOUT_NAME,
    About,
    ExportError,
    checked_target,
    read_archive,
    without_sources,
    write_whole,
)
from rugged_widget.regression.infer.export.loaded_sampler import OBS, LoadedSampler
from rugged_widget.regression.infer.export.sampler import Program, make_sampler
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT

__all__ = ["ExportError", "LoadedSampler", "load_torchscript", "save_exported", "save_torchscript"]


def save_torchscript(fit: RegressionFit, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Save a sampler of what is fitted as TorchScript.

    `torch.jit.load(path)` gives it back in any program with torch. `module(features)` draws once: a named tuple
    weight (1, k), bias (1,), sigma () and obs (n,), for features (n, k). `module.draws(num_samples, features)` draws
    several times in one call. Random numbers come from torch's generator in that program. Features and draws are in the
    units of the table; of a table that was standardized for training the draws are in double precision.

    Parameters
    ----------
    fit
        The fit as it is now; it stays as it is.
    path
        Path of the file. It is written beside first, so that there is never half of it.
    overwrite
        Whether a file that is there may be replaced.

    Returns
    -------
    Path
        The path of the file.

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ExportError
        If the guide is one of the user's own.
    OSError
        If it cannot be written; FileExistsError if there is one already.
    """
    about, target = _about(fit), checked_target(path, overwrite=overwrite)
    buffer = io.BytesIO()
    with fit.inspecting(), _deprecated_knowingly():
        torch.jit.save(
            torch.jit.script(make_sampler(fit.guide, fit.comparison.scale)),
            buffer,
            _extra_files={ABOUT_NAME: about.to_json()},
        )
    write_whole(target, without_sources(buffer.getvalue()))
    return target


def save_exported(fit: RegressionFit, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Save a sampler of what is fitted as a program of `torch.export`; arguments and errors as of `save_torchscript`.

    In any program with torch, `torch.export.load(path).module()(features, torch.tensor(num_samples))` draws: a tuple
    weight (num_samples, 1, k), bias (num_samples, 1), sigma (num_samples,) and obs (num_samples, n), for features
    (n, k). Numbers of rows and of draws are free, 0 and 1 too. Random numbers come from torch's generator in that
    program. Load such files from those you trust: torch itself reads parts of them by pickle.
    """
    about, target = _about(fit), checked_target(path, overwrite=overwrite)
    buffer = io.BytesIO()
    with fit.inspecting():
        sampler = make_sampler(fit.guide, fit.comparison.scale)
        num_features, dtype = fit.data.design.num_features, next(iter(sampler.state_dict().values())).dtype
        features = torch.zeros(7, num_features, dtype=dtype)
        shapes = {"features": {0: torch.export.Dim("num_rows", min=0)}, "num_samples": None}
        program = torch.export.export(Program(sampler), (features, torch.tensor(5)), dynamic_shapes=shapes)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths of this computer, not for a file to give away
        torch.export.save(program, buffer, extra_files={ABOUT_NAME: about.to_json()})
    write_whole(target, buffer.getvalue())
    return target


def load_torchscript(path: str | os.PathLike[str]) -> LoadedSampler:
    """Load what `save_torchscript` wrote.

    Parameters
    ----------
    path
        Path of a file from somebody you trust.

    Returns
    -------
    LoadedSampler
        Which draws as the fit would.

    Raises
    ------
    ExportError
        If the file is missing, damaged or something else.
    TypeError
        If path is no path.
    """
    content, about = read_archive(path)
    # Python's pickle has no part in this: torch.jit.load reads data.pkl by an unpickler of its own, in C++, which makes
    # numbers, texts, lists, tensors and objects of the classes that the archive brings along as TorchScript. Yet it is
    # no border that holds against malice: the archive's code runs (a __setstate__ while it is loaded), and among the
    # operations of torch some read and write files (`torch.from_file`); torch says to treat TorchScript as code of its
    # author. What is checked before keeps out accidents and other programs' files, since the description is a plain
    # text that anybody can write. The border is whom the file comes from, or a sandbox around the process.
    try:
        with _deprecated_knowingly():
            module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        loaded = LoadedSampler(module, about)
        size = len(about.feature_names)
        shapes = {name: value.shape for name, value in loaded.draws(2, np.zeros((1, size)), seed=0).items()}
    except (RuntimeError, ValueError, AttributeError, StopIteration, TypeError) as error:
        raise ExportError(f"{os.fspath(path)} cannot be read as a saved sampler: {error}") from error
    if shapes != {WEIGHT: (2, 1, size), BIAS: (2, 1), SIGMA: (2,), OBS: (2, 1)} or about.guide not in GUIDE_LABELS:
        raise ExportError(f"{os.fspath(path)} cannot be read as a saved sampler: it draws something else")
    return loaded


def _about(fit: RegressionFit) -> About:
    if not isinstance(fit, RegressionFit):
        raise TypeError(f"fit must be a RegressionFit, got {type(fit).__name__}")
    if fit.guide_name not in GUIDE_LABELS:
        raise ExportError(
            "a guide of your own cannot be saved as a sampler: what it does is known by calling it and no other way; "
            f"guides that can be saved are {', '.join(GUIDE_LABELS)}"
        )
    return About(fit.guide_name, fit.data.feature_names, fit.data.group_labels, fit.step, vars(fit).get("seed"))


@contextmanager
def _deprecated_knowingly() -> Iterator[None]:
    """Let torch not warn that TorchScript is deprecated: who calls this asks for TorchScript."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is (deprecated|not supported)", DeprecationWarning)
        yield
