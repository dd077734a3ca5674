"""JAX is imported and compiled beside the training, piece by piece, and what goes wrong is told when it is polled."""

from __future__ import annotations

import sys
import threading
import types
from typing import Any

import pytest
import torch

from rugged_widget.infer.compiled.jax import background_compile as takeover
from rugged_widget.infer.compiled.jax.background_compile import BackgroundCompile
from rugged_widget.infer.compiled.program import Program, UnsupportedError
from tests.infer.compiled.graphs import without_writes
from tests.waits import LIMIT_SECONDS

NAME = "rugged_widget.infer.compiled.jax.engine"


@pytest.fixture(scope="module")
def program() -> Program:
    example = torch.ones(2), torch.tensor(0.1)
    return Program(without_writes(lambda a, b: (a.sum(), a - b), *example), example[:1], example[1:])


class Stages:
    """Stands for JAX: says in which thread what was done, and waits where it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.threads: dict[str, str] = {}
        self.compile_error: BaseException | None = None
        stages = self

        class JaxEngine:
            def __init__(self, program: Program) -> None:
                stages.threads["made"] = threading.current_thread().name
                self.program = program

            def compile(self) -> None:
                stages.threads["compiled"] = threading.current_thread().name
                assert stages.go_on.wait(LIMIT_SECONDS)
                if stages.compile_error is not None:
                    raise stages.compile_error

        self.engine = JaxEngine

    def imported(self) -> None:
        self.threads["imported"] = threading.current_thread().name
        assert self.go_on.wait(LIMIT_SECONDS)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Any:
    stages = Stages()
    module: Any = types.ModuleType(NAME)
    module.JaxEngine = stages.engine
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(takeover, "_import_jax", stages.imported)
    yield stages
    stages.go_on.set()


def test_nothing_waits_for_the_import_or_the_compilation(stages: Stages, program: Program) -> None:
    work = BackgroundCompile(program)
    assert [work.poll() for _ in range(3)] == [None] * 3
    stages.go_on.set()
    work.wait(LIMIT_SECONDS)
    stages.go_on.clear()
    assert work.poll() is None
    work.wait(0.01)
    assert [work.poll() for _ in range(3)] == [None] * 3
    stages.go_on.set()
    work.wait(LIMIT_SECONDS)
    engine = work.poll()
    assert isinstance(engine, stages.engine)
    assert engine.program is program
    assert work.poll() is engine


def test_import_and_compilation_have_a_thread_of_their_own_and_the_graph_is_read_where_it_is_polled(
    stages: Stages, program: Program
) -> None:
    stages.go_on.set()
    work = BackgroundCompile(program)
    for _ in range(2):
        work.wait(LIMIT_SECONDS)
        work.poll()
    here = threading.current_thread().name
    assert stages.threads["made"] == here
    assert here not in {stages.threads["imported"], stages.threads["compiled"]}


def test_what_fails_in_the_compilation_is_told_when_it_is_polled(stages: Stages, program: Program) -> None:
    stages.compile_error = ValueError("no counterpart of aten.polar\nand a long subject")
    stages.go_on.set()
    work = BackgroundCompile(program)
    work.wait(LIMIT_SECONDS)
    assert work.poll() is None
    work.wait(LIMIT_SECONDS)
    with pytest.raises(UnsupportedError, match=r"^JAX could not be used: no counterpart of aten.polar$"):
        work.poll()


def test_without_jax_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, program: Program) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "rugged_widget.infer.compiled.jax.xla_loop", raising=False)
    work = BackgroundCompile(program)
    work.wait(LIMIT_SECONDS)
    with pytest.raises(UnsupportedError, match=r'not installed: pip install "rugged_widget\[fast\]"'):
        work.poll()


def test_an_operation_without_a_counterpart_is_told_as_it_is(
    stages: Stages, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise UnsupportedError("JAX has no counterpart of aten.polar")

    monkeypatch.setattr(stages.engine, "__init__", refuse)
    stages.go_on.set()
    work = BackgroundCompile(program)
    work.wait(LIMIT_SECONDS)
    with pytest.raises(UnsupportedError, match=r"counterpart of aten\.polar"):
        work.poll()


def test_whatever_fails_in_the_translation_is_told_too(
    stages: Stages, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("complex64")

    monkeypatch.setattr(stages.engine, "__init__", fail)
    stages.go_on.set()
    work = BackgroundCompile(program)
    work.wait(LIMIT_SECONDS)
    with pytest.raises(UnsupportedError, match="JAX could not be used"):
        work.poll()
