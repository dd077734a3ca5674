"""Every example runs from its first cell to its last, without a page."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = sorted(Path(__file__).parent.parent.joinpath("examples").glob("*.ipynb"))


def test_there_are_examples() -> None:
    assert "quickstart.ipynb" in [path.name for path in EXAMPLES]


@pytest.mark.browser  # no browser, but ten seconds each
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "examples are kept without outputs"
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
