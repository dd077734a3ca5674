"""The walls of the architecture stand, and modules and functions stay short."""

from __future__ import annotations

from pathlib import Path, PurePath

from tests.walls import PACKAGE, crossings, long_functions

TOP = Path(__file__).parents[1]
MODULES = sorted((TOP / PACKAGE).rglob("*.py"))
SOURCES = [*MODULES, *sorted((TOP / "tests").rglob("*.py"))]
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40


def _name(path: Path) -> str:
    return str(path.relative_to(TOP))


def test_no_module_imports_across_a_wall() -> None:
    found = [line for path in MODULES for line in crossings(path.read_text(), path.relative_to(TOP / PACKAGE))]
    assert found == []


def test_no_module_is_too_long_to_read_at_once() -> None:
    lengths = {_name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long_to_read_at_once() -> None:
    long = {_name(path): long_functions(path.read_text(), MAX_FUNCTION_LINES) for path in SOURCES}
    assert {name: functions for name, functions in long.items() if functions} == {}


CROSSINGS = [
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
]
HONEST = [
    ("snapshot.py", "import math\nimport numpy as np\nfrom numpy.typing import NDArray\n"),
    ("infer/svi.py", "import pyro, torch\nfrom .models import BayesianRegression\nfrom ..errors import FitError\n"),
    ("infer/svi.py", "from rugged_widget.infer import guides\nfrom rugged_widget.datasets import RegressionData\n"),
    ("view/dashboard.py", "import bqplot\nfrom .. import snapshot\nfrom . import figures\n"),
    ("widget.py", "import traitlets\nfrom .infer.svi import Fit\nfrom .view import dashboard\n"),
    ("training.py", "import asyncio\nfrom .snapshot import Snapshot\n# import torch\nnote = 'import torch'\n"),
    ("__init__.py", "from .widget import RuggedWidget\n"),
]


def test_the_checker_reports_each_crossing() -> None:
    missed = [(path, source) for path, source in CROSSINGS if len(crossings(source, PurePath(path))) != 1]
    assert missed == []


def test_the_checker_lets_honest_imports_pass() -> None:
    found = [crossing for path, source in HONEST for crossing in crossings(source, PurePath(path))]
    assert found == []


def test_a_docstring_does_not_make_a_function_long() -> None:
    body = "    x = 1\n" * 38
    documented = f'def f():\n    """Say\n\n    something.\n    """\n{body}    return x\n'
    assert long_functions(documented, MAX_FUNCTION_LINES) == []
    assert long_functions(documented.replace("    x = 1", "    x = 1\n    x = 2", 1), MAX_FUNCTION_LINES) == [("f", 41)]
