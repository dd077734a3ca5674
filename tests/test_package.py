"""The package as a whole: its public names, its one version, and what happens where its front end is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rugged_widget

TOP = Path(__file__).parents[1]
PUBLIC = {
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
    "KLGap",
    "SavedRun",
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
    "ExportError",
    "Convergence",
    "Snapshot",
    "__version__",
    "load_rugged",
    "load_torchscript",
    "watch",
}


def test_the_public_names_are_the_documented_ones_and_sorted() -> None:
    assert set(rugged_widget.__all__) == PUBLIC
    assert len(rugged_widget.__all__) == len(PUBLIC)
    visible = {name for name in dir(rugged_widget) if not (name.startswith("_") or _is_module(name))}
    assert visible == PUBLIC - {"__version__"}


def _is_module(name: str) -> bool:
    return isinstance(getattr(rugged_widget, name), type(rugged_widget))


def test_a_name_that_there_is_not_is_an_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match=r"'rugged_widget' has no attribute 'RugedWidget'"):
        _ = rugged_widget.RugedWidget


@pytest.mark.slow  # processes of their own take seconds
@pytest.mark.parametrize(("name", "other"), [("RuggedWidget", "monitor"), ("watch", "regression.view")])
def test_lesson_and_watch_do_without_the_modules_of_one_another(name: str, other: str) -> None:
    code = f"""
import sys
from rugged_widget import {name}
assert not [module for module in sys.modules if module.startswith("rugged_widget.{other}.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", sorted(PUBLIC - {"__version__"}))
def test_every_public_name_is_documented(name: str) -> None:
    documented = getattr(rugged_widget, name)
    assert documented.__doc__
    if isinstance(documented, type):
        assert documented.__doc__ not in {base.__doc__ for base in documented.__mro__[1:]}


def test_there_is_one_version_number() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    script = json.loads((TOP / "js" / "package.json").read_text())
    static = TOP / "rugged_widget" / "static"
    banners = {(static / name).read_text().splitlines()[0] for name in ("widget.js", "widget.css")}
    assert script["version"] == project["version"] == rugged_widget.__version__
    assert banners == {f"/*! rugged_widget {project['version']} */"}
    assert f"## [{project['version']}]" in (TOP / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def without_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import the package from, in which the front end was never built."""
    folder = tmp_path_factory.mktemp("without_bundle")
    unbuilt = shutil.ignore_patterns("static", "__pycache__")
    shutil.copytree(TOP / "rugged_widget", folder / "rugged_widget", ignore=unbuilt)
    return folder


def _run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow  # to import torch takes seconds; that infer imports nothing of view is a wall
def test_without_the_bundle_everything_works_but_displaying_which_says_why(without_bundle: Path) -> None:
    code = f"""
import asyncio
import rugged_widget.infer.svi.fit, rugged_widget.regression.infer.model
assert rugged_widget.__file__.startswith({str(without_bundle)!r})
widget = rugged_widget.RuggedWidget(num_steps=3)
asyncio.run(widget.fit())
assert widget.step == 3
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().display_formatter.format(widget)
"""
    done = _run(code, without_bundle)
    assert done.returncode == 0, done.stderr
    last = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).strip().splitlines()[-1]
    assert last.startswith("MissingBundleError: ")  # one clear error, and the rest works
    assert "front end" in last
    assert "pip install" in last
