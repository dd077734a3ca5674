"""Every example runs from its first cell to its last, without a page; a translation has the same cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from tests.waits import LIMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = sorted(FOLDER.glob("*.ipynb"))
LANGUAGE = 'language="ko"'
HANGUL = range(0xAC00, 0xD7A4)
# Leaves a kernel as it was at its start, but for the modules that are imported.
BEGIN_ANEW = """
import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().run_line_magic("reset", "-f")
import os, pyro
os.chdir({folder!r})
pyro.clear_param_store()
del os, pyro
"""


@pytest.fixture(scope="module")
def client() -> Iterator[NotebookClient]:
    """Run all examples in one kernel: to start it and to import torch takes longer than most of them."""
    client = NotebookClient(nbformat.v4.new_notebook(), kernel_name="python3", timeout=LIMIT_SECONDS)
    with client.setup_kernel():
        yield client


def test_there_are_examples() -> None:
    assert {"quickstart.ipynb", "tutorial.ipynb", "tutorial.ko.ipynb"} <= {path.name for path in EXAMPLES}


def test_the_korean_lesson_has_the_cells_of_the_english_one_and_korean_prose() -> None:
    english, korean = (nbformat.read(FOLDER / name, as_version=4) for name in ("tutorial.ipynb", "tutorial.ko.ipynb"))
    assert [cell.cell_type for cell in korean.cells] == [cell.cell_type for cell in english.cells]
    for ours, theirs in zip(english.cells, korean.cells, strict=True):
        if ours.cell_type == "code":
            assert theirs.source.replace(LANGUAGE, "") == ours.source
        else:
            assert theirs.source != ours.source
            assert any(ord(letter) in HANGUL for letter in theirs.source)
    assert any(LANGUAGE in cell.source for cell in korean.cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in EXAMPLES if ".ko" not in path.suffixes], ids=lambda path: path.stem)
def test_an_example_runs(path: Path, client: NotebookClient, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "examples are kept without outputs"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEGIN_ANEW.format(folder=str(tmp_path))))
    client.nb = notebook
    client.reset_execution_trackers()
    for index, cell in enumerate(notebook.cells):
        client.execute_cell(cell, index)
