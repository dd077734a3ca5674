"""The wheel holds everything, and the widget is displayed from it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.browser import chromium
from tests.browser.dashboard import DashboardPage, cell
from tests.browser.lab import notebook
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[1]
# A folder with the wheel, and Python of an environment where it is installed; .ci/run makes both. Without them, the
# wheel is built, and unpacked beside this environment's libraries.
BUILT = "RUGGED_WIDGET_WHEEL_FOLDER"
INSTALLED = "RUGGED_WIDGET_INSTALLED_PYTHON"
INSIDE = {
    "static/widget.js",
    "static/widget.css",
    "regression/data/rugged.csv",
    "regression/data/README.md",
    "view/i18n/catalogue/ko/tabs.toml",
    "py.typed",
}


class Environment(NamedTuple):
    """Where the wheel is installed: an interpreter, and a folder for its PYTHONPATH."""

    python: str
    path: Path | None


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = Path(os.environ.get(BUILT) or tmp_path_factory.mktemp("wheel"))
    if BUILT not in os.environ:
        _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(TOP))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """An environment that has the wheel and not the checkout."""
    if python := os.environ.get(INSTALLED):
        return Environment(python, None)
    target = tmp_path / "site"
    _pip("install", "--no-deps", "--target", str(target), str(request.getfixturevalue("wheel")))
    return Environment(sys.executable, target)


@pytest.fixture
def server(installed: Environment, tmp_path: Path) -> Iterator[Server]:
    """JupyterLab of that environment."""
    with Server.jupyter("lab", python=installed.python, folder=tmp_path / "lab", path=installed.path) as started:
        yield started


@pytest.mark.slow
def test_the_wheel_holds_bundle_data_and_type_marker_and_only_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"rugged_widget/{name}" for name in INSIDE} <= names
    assert {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names} == {"rugged_widget"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.browser
def test_the_widget_is_displayed_from_the_wheel(server: Server) -> None:
    with chromium.launch() as browser, notebook(browser, server, [cell()]) as (_, shown):
        widget = DashboardPage(shown)
        package = shown.kernel.value("__import__('rugged_widget').__file__")
        assert not Path(package).is_relative_to(TOP)
        widget.press("rw-primary", "Start")
        widget.wait_step(30)
        widget.press("rw-primary", "Pause")
        widget.wait_status("paused")
        assert widget.differences() == []
        assert shown.kernel.value("len(__import__('rugged_widget').load_rugged())") == 234
