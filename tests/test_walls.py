"""The walls of the architecture stand, and modules and functions stay short."""

from __future__ import annotations

from pathlib import Path, PurePath

from tests.walls import PACKAGE, crossings, long_functions

TOP = Path(__file__).parents[1]
MODULES = sorted((TOP / PACKAGE).rglob("*.py"))
SOURCES = [*MODULES, *sorted((TOP / "tests").rglob("*.py"))]
MAX_MODULE_LINES = 500
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
    ("training/loop.py", "import torch"),
    ("view/figures/elbo.py", "import pyro.infer as inference"),
    ("regression/data/columns.py", "from torch import nn"),
    ("infer/svi/fit.py", "from traitlets import HasTraits"),
    ("training/loop.py", "import ipywidgets"),
    ("__init__.py", "import anywidget"),
    ("infer/svi/fit.py", "from rugged_widget import training"),
    ("infer/svi/fit.py", "from rugged_widget.view.frames.stream import FrameStream"),
    ("infer/compiled/pipeline.py", "from ...view import frames"),
    ("infer/svi/fit.py", "from ... import training"),
    ("view/dashboard.py", "from ..infer.svi.fit import Fit"),
    ("view/__init__.py", "from ..training.training import Training"),
    ("training/loop.py", "from ..view import dashboard"),
    ("runs/saved_run.py", "from rugged_widget.session import Session"),
    ("view/figures/elbo.py", "from rugged_widget.regression.view.labels import Labels"),
    ("session.py", "from rugged_widget.regression.infer.fit import RegressionFit"),
    ("regression/widget.py", "from .. import RuggedWidget"),
    ("infer/svi/fit.py", "import rugged_widget"),
    ("errors.py", "from rugged_widget import snapshot"),
    ("snapshot/snapshot.py", "import pandas"),
    ("regression/snapshot.py", "import pandas"),
    ("regression/snapshot.py", "from rugged_widget.regression.view.labels import DataLabels"),
    ("view/dashboard.py", "from rugged_widget.regression.snapshot import RegressionSnapshot"),
    ("view/dashboard.py", "def late():\n    import torch\n"),
    ("view/dashboard.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor\n"),
    ("view/dashboard.py", "import importlib\nfit = importlib.import_module('..infer.svi.fit', __package__)\n"),
    ("training/loop.py", "torch = __import__('torch')"),
    ("view/dashboard.py", "try:\n    import numpy, torch\nexcept ImportError:\n    raise\n"),
    ("view/i18n/catalogue.py", "from rugged_widget.view.pages import compare"),
    ("infer/step/pyro_step.py", "from rugged_widget.infer.svi import fit"),
    ("regression/view/panels.py", "from rugged_widget.regression.infer.model import WEIGHT"),
    ("extras.py", ""),
]
HONEST = [
    ("snapshot/snapshot.py", "import math\nimport numpy as np\nfrom numpy.typing import NDArray\n"),
    ("infer/svi/fit.py", "import pyro, torch\nfrom .elbo_history import History\nfrom ...errors import FitError\n"),
    ("view/dashboard.py", "import bqplot\nfrom .. import snapshot\nfrom . import figures\n"),
    ("view/pages/compare.py", "from rugged_widget.runs.saved_run import SavedRun\nfrom ..figures import pair\n"),
    ("regression/infer/fit.py", "from rugged_widget.regression.snapshot import RegressionSnapshot\nimport torch\n"),
    ("regression/view/panels.py", "from rugged_widget.regression.snapshot import RegressionSnapshot\n"),
    ("regression/widget.py", "import traitlets\nfrom .infer.fit import RegressionFit\nfrom ..view import dashboard\n"),
    ("training/loop.py", "import asyncio\nfrom ..snapshot import snapshot\n# import torch\nnote = 'import torch'\n"),
    ("__init__.py", "from .regression.widget import RuggedWidget\n"),
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
