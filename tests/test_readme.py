"""What a newcomer reads is true: links lead somewhere, commands and code are those that run, the picture moves."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.waits import LIMIT_SECONDS

TOP = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "examples/TOUR.md", "tests/benchmarks/README.md")
COMMANDS = [
    'pip install -c .ci/constraints.txt -e ".[lab]" && jupyter lab examples/tutorial.ipynb',
    'pip install -c .ci/constraints.txt -e ".[test]" && python -m pytest -n 2',
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = r"^```{language}\n(.*?)^```$"
MB = 1e6


def _blocks(language: str) -> list[str]:
    return re.findall(BLOCK.format(language=language), (TOP / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return anchor in _anchors(target) if anchor else target.exists()


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_to_a_file_of_the_repository_and_to_a_heading_in_it(name: str) -> None:
    page = TOP / name
    assert [link for link in LINK.findall(page.read_text()) if not _leads_somewhere(page, link)] == []


def test_the_two_commands_stand_by_themselves_and_ci_runs_the_second() -> None:
    assert _blocks("bash") == [f"{command}\n" for command in COMMANDS]
    assert f"README_TESTS='{COMMANDS[1]}'" in (TOP / ".ci" / "run").read_text().splitlines()


def test_the_picture_moves_for_about_five_seconds_again_and_again_and_is_small() -> None:
    path = TOP / "examples" / "dashboard.webp"
    assert f"]({path.relative_to(TOP).as_posix()})" in (TOP / "README.md").read_text()
    assert path.stat().st_size < 2 * MB
    with Image.open(path) as picture:
        durations = []
        for at in range(getattr(picture, "n_frames", 1)):
            picture.seek(at)
            picture.load()
            durations.append(picture.info["duration"])
        assert picture.info["loop"] == 0
    assert len(durations) > 20
    assert 4000 < sum(durations) < 6000


@pytest.mark.slow
def test_the_code_of_the_readme_runs_from_its_first_block_to_its_last(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in [*_blocks("python"), "await widget.fit()"]]
    assert len(cells) > 3
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=LIMIT_SECONDS, resources={"metadata": {"path": str(tmp_path)}}).execute()
