"""The build hook as a module, so that tests find Node and npm's packages just as the build does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

TOP = Path(__file__).parents[1]
JS = TOP / "js"

if TYPE_CHECKING:
    import hatch_build
else:
    _spec = importlib.util.spec_from_file_location("hatch_build", TOP / "hatch_build.py")
    hatch_build = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(hatch_build)

__all__ = ["JS", "TOP", "hatch_build"]
