"""A Jupyter server on loopback, in its own process, whose every folder is temporary."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import nbformat

from tests.waits import LIMIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS = (
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
)
COMMON = ("--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0")


def free_port() -> int:
    """Ask the system for a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook with these code cells for the kernel `python3`; the path comes back."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


class Server:
    """A running Jupyter server; a context manager that ends the process it started.

    Parameters
    ----------
    arguments
        What follows `python -m`, without address and folders; `{port}` and `{token}` are filled in.
    python
        Interpreter of the environment that serves and whose kernel runs the cells.
    folder
        Empty folder for notebooks, settings and the log; the server's root.
    path
        Added to PYTHONPATH of server and kernels; None leaves it alone.
    """

    def __init__(self, arguments: Sequence[str], *, python: str, folder: Path, path: Path | None = None) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.token = secrets.token_hex(16)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True)
        filled = [argument.format(port=self._port, token=self.token) for argument in arguments]
        environment = os.environ | {name: str(folder / name.lower()) for name in FOLDERS} | {"OMP_NUM_THREADS": "1"}
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        self._shutdown = ("DELETE", "/api/kernels/{kernel_id}")
        self._quiet_settings()
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", *filled], cwd=self.notebooks, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def __repr__(self) -> str:
        return f"Server({self.url}, log={self.log})"

    def __enter__(self) -> Self:
        self._wait_until_up()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(LIMIT_SECONDS)
            raise

    @classmethod
    def jupyter(
        cls, application: Literal["lab", "notebook"], *, python: str, folder: Path, path: Path | None = None
    ) -> Server:
        """Start JupyterLab or Notebook 7.

        Each has its own server: Notebook would restore JupyterLab's workspace with commands that it does not have.
        """
        options = (*COMMON, "--ServerApp.port={port}", "--IdentityProvider.token={token}", "--expose-app-in-browser")
        module = {"lab": "jupyterlab", "notebook": "notebook"}[application]
        return cls([module, *options], python=python, folder=folder, path=path)

    @classmethod
    def voila(cls, *, python: str, folder: Path) -> Server:
        """Start Voila by itself, as a reader of its documentation would."""
        connections = f"--Voila.connection_dir_root={folder}/jupyter_runtime_dir"
        # Its own limits are for a machine that is quick: without an output after four seconds the page stays empty.
        waits = [f"--VoilaExecutor.{name}_timeout={LIMIT_SECONDS:.0f}" for name in ("startup", "iopub")]
        options = ("--no-browser", "--port={port}", "--token={token}", "--Voila.ip=127.0.0.1", connections, *waits)
        (folder / "jupyter_runtime_dir").mkdir(parents=True)
        started = cls(["voila", *options, f"{folder}/notebooks"], python=python, folder=folder)
        started._shutdown = ("POST", "/voila/api/shutdown/{kernel_id}")
        return started

    def _quiet_settings(self) -> None:
        """Settings of a page without news, update checks and themes that follow the system."""
        settings = {
            "notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
            "themes": {"adaptive-theme": False},
        }
        target = self.folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
        target.mkdir(parents=True)
        for name, value in settings.items():
            (target / f"{name}.jupyterlab-settings").write_text(json.dumps(value))

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self.request("GET", "/api/status")
            except urllib.error.HTTPError:
                return  # it answers; Voila has no such address
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.__exit__()
        message = f"the Jupyter server did not come up:\n{self.log.read_text()}"
        raise RuntimeError(message)

    def request(self, method: str, address: str, body: Any = None) -> Any:
        """Ask the server's REST interface; the answer's JSON, or None where it is empty."""
        request = urllib.request.Request(
            self.url + address,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as response:
            text = response.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else None

    def connection_file(self, kernel_id: str) -> Path:
        """Find the file that says how to reach a kernel."""
        (found,) = (self.folder / "jupyter_runtime_dir").rglob(f"*{kernel_id}.json")
        return found

    def end_kernel(self, kernel_id: str) -> None:
        """Shut a kernel down, so that it does not compute while the next test runs."""
        method, address = self._shutdown
        self.request(method, address.format(kernel_id=kernel_id))
