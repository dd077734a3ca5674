"""JAX takes no memory of a GPU beforehand, unless the user has chosen."""

from __future__ import annotations

import importlib
import os
import sys

import pytest

import rugged_widget.infer.compiled.jax as package

NAME = "XLA_PYTHON_CLIENT_PREALLOCATE"


@pytest.mark.parametrize(
    ("imported", "chosen", "expected"), [(False, None, "false"), (False, "true", "true"), (True, None, None)]
)
def test_memory_is_not_taken_beforehand(
    monkeypatch: pytest.MonkeyPatch, imported: bool, chosen: str | None, expected: str | None
) -> None:
    monkeypatch.setenv(NAME, chosen or "")
    if chosen is None:
        monkeypatch.delenv(NAME)
    if imported:
        monkeypatch.setitem(sys.modules, "jax", os)
    else:
        monkeypatch.delitem(sys.modules, "jax", raising=False)
    importlib.reload(package)
    assert os.environ.get(NAME) == expected
