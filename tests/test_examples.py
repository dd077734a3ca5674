"""Every example runs from its first cell to its last, without a page; a translation has the same cells."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.waits import LIMIT_SECONDS

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = sorted(FOLDER.glob("*.ipynb"))
LANGUAGE = 'language="ko"'
HANGUL = range(0xAC00, 0xD7A4)


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
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "examples are kept without outputs"
    client = NotebookClient(notebook, timeout=LIMIT_SECONDS, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
