"""A notebook that is executed without any page keeps the final picture."""

from __future__ import annotations

import base64
import json
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from tests.browser.dashboard import SENT
from tests.waits import LIMIT_SECONDS

pytestmark = pytest.mark.slow
WIDGETS = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = [
    "from rugged_widget import RuggedWidget\nwidget = RuggedWidget(num_steps=50)\nwidget",
    "_ = await widget.fit()",
    f"import json\nprint(json.dumps({SENT}))",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook, executed by nbclient with this environment's Python."""
    folder = tmp_path_factory.mktemp("headless")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    resources = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name.lower()))
        return NotebookClient(notebook, timeout=LIMIT_SECONDS, kernel_name="python3", resources=resources).execute()


def _saved(state: dict[str, Any], name: str) -> Any:
    """Read a trait out of a saved model; bqplot saves an array as a dict with its values."""
    value = state["state"].get(name)
    for buffer in state.get("buffers", []):
        if buffer["path"][0] == name and len(buffer["path"]) == 2:
            return np.frombuffer(base64.b64decode(buffer["data"]), value["dtype"]).reshape(value["shape"])
    return value


def test_the_saved_state_is_the_final_picture(executed: nbformat.NotebookNode) -> None:
    models = executed.metadata.widgets[WIDGETS]["state"]
    shown = executed.cells[0].outputs[0].data
    assert shown[VIEW]["model_id"] in models
    kernel = json.loads(executed.cells[2].outputs[0].text)
    compared = 0
    for model, traits in kernel.items():
        for name, value in traits.items():
            saved = _saved(models[model], name)
            if isinstance(value, list | float):
                np.testing.assert_allclose(np.asarray(saved, float), np.asarray(value, float), rtol=1e-6)
                compared += 1
            elif saved is not None:
                assert saved == value
    assert compared > 10


def test_the_saved_status_is_finished(executed: nbformat.NotebookNode) -> None:
    texts = [str(model["state"].get("value")) for model in executed.metadata.widgets[WIDGETS]["state"].values()]
    assert any("finished" in text for text in texts)
    plain = executed.cells[0].outputs[0].data["text/plain"]
    assert "RuggedWidget" in plain
