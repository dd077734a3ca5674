"""The walls of the architecture stand, and modules and functions stay short."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from tests.walls import PACKAGE, crossings, long_functions

TOP = Path(__file__).parents[1]
MODULES = sorted((TOP / PACKAGE).rglob("*.py"))
SOURCES = [*MODULES, *sorted((TOP / "tests").rglob("*.py"))]
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40


def _name(path: Path) -> str:
    return str(path.relative_to(TOP))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_module_imports_across_a_wall(path: Path) -> None:
    assert crossings(path.read_text(), path.relative_to(TOP / PACKAGE)) == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_and_functions_are_short_enough_to_read_at_once(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    assert long_functions(source, MAX_FUNCTION_LINES) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("training.py", "import torch"),
        ("view/figures.py", "import pyro.infer as inference"),
        ("datasets.py", "from torch import nn"),
        ("infer/svi.py", "from traitlets import HasTraits"),
        ("training.py", "import ipywidgets"),
        ("__init__.py", "import anywidget"),
        ("infer/svi.py", "from rugged_widget import training"),
        ("infer/svi.py", "from rugged_widget.view.stream import FrameStream"),
        ("infer/compiled/step.py", "from ...view import stream"),
        ("infer/svi.py", "from .. import training"),
        ("view/dashboard.py", "from ..infer.svi import Fit"),
        ("view/__init__.py", "from ..training import Training"),
        ("training.py", "from .view import dashboard"),
        ("training.py", "from . import datasets"),
        ("widget.py", "from . import RuggedWidget"),
        ("infer/svi.py", "import rugged_widget"),
        ("snapshot.py", "from .errors import RuggedWidgetError"),
        ("errors.py", "from rugged_widget import snapshot"),
        ("datasets.py", "from rugged_widget.training import Training"),
        ("snapshot.py", "import pandas"),
        ("view/figures.py", "def late():\n    import torch\n"),
        ("view/figures.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor\n"),
        ("view/figures.py", "import importlib\nfit = importlib.import_module('..infer.svi', __package__)\n"),
        ("training.py", "torch = __import__('torch')"),
        ("view/figures.py", "try:\n    import numpy, torch\nexcept ImportError:\n    raise\n"),
        ("extras.py", ""),
    ],
)
def test_the_checker_reports_a_crossing(path: str, source: str) -> None:
    assert len(crossings(source, PurePath(path))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("snapshot.py", "import math\nimport numpy as np\nfrom numpy.typing import NDArray\n"),
        ("infer/svi.py", "import pyro, torch\nfrom .models import BayesianRegression\nfrom ..errors import FitError\n"),
        ("infer/svi.py", "from rugged_widget.infer import guides\nfrom rugged_widget.datasets import RegressionData\n"),
        ("view/dashboard.py", "import bqplot\nfrom .. import snapshot\nfrom . import figures\n"),
        ("widget.py", "import traitlets\nfrom .infer.svi import Fit\nfrom .view import dashboard\n"),
        ("training.py", "import asyncio\nfrom .snapshot import Snapshot\n# import torch\nnote = 'import torch'\n"),
        ("__init__.py", "from .widget import RuggedWidget\n"),
    ],
)
def test_the_checker_lets_honest_imports_pass(path: str, source: str) -> None:
    assert crossings(source, PurePath(path)) == []


def test_a_docstring_does_not_make_a_function_long() -> None:
    body = "    x = 1\n" * 38
    documented = f'def f():\n    """Say\n\n    something.\n    """\n{body}    return x\n'
    assert long_functions(documented, MAX_FUNCTION_LINES) == []
    assert long_functions(documented.replace("    x = 1", "    x = 1\n    x = 2", 1), MAX_FUNCTION_LINES) == [("f", 41)]
