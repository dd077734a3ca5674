"""Imports ahead of their need, in a thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from rugged_widget.infer.svi.preload import Preload
from rugged_widget.regression.infer import fit as lesson
from rugged_widget.regression.infer.fit import RegressionFit
from tests.infer.plain import RUGGED
from tests.waits import LIMIT_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "a_slow_module"
GATE = "a_gate_of_a_slow_module"


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let the import of a module end only when this is set."""
    (tmp_path / f"{NAME}.py").write_text(
        f"import sys, threading\nsys.modules['{GATE}'].wait({LIMIT_SECONDS})\nby = threading.get_ident()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    opened = threading.Event()
    sys.modules[GATE] = opened  # type: ignore[assignment] # it is what the module waits for
    yield opened
    opened.set()
    del sys.modules[GATE]
    sys.modules.pop(NAME, None)


def test_it_imports_in_a_thread_once_and_then_calls_everyone(gate: threading.Event) -> None:
    warm_up, called = Preload([NAME]), []
    for number in (1, 2):
        warm_up.begin(lambda number=number: called.append((number, threading.get_ident())))  # type: ignore[misc]
    assert (called, NAME in repr(warm_up), "under way" in repr(warm_up)) == ([], True, True)
    gate.set()
    warm_up.wait()
    here, there = threading.get_ident(), sys.modules[NAME].by
    assert here != there
    assert called == [(1, there), (2, there)]
    warm_up.begin(lambda: called.append((3, threading.get_ident())))
    assert called[-1] == (3, here)


def test_a_module_that_cannot_be_imported_is_left_to_whoever_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    warm_up, called = Preload(["no_such_module_anywhere", "a_broken_module", "json"]), []
    warm_up.begin(lambda: called.append(1))
    warm_up.wait()
    assert called == [1]


@pytest.mark.slow  # a process of its own takes seconds
def test_what_a_step_needs_is_imported_ahead_and_not_with_the_package() -> None:
    code = """
import sys
import rugged_widget.regression.infer.fit
from rugged_widget.infer.svi.preload import PRELOAD
assert not {"torch._dynamo", "sympy", "arviz_stats"} & sys.modules.keys()
PRELOAD.begin(lambda: None)
PRELOAD.wait()
import arviz_stats.base.array
before = {*sys.modules}
fit = rugged_widget.regression.infer.fit.RegressionFit(rugged_widget.RegressionData.rugged(), engine="graph")
fit.advance(3)
assert fit.engine.name == "graph"
late = {name for name in {*sys.modules} - before if name.startswith(("sympy", "torch._dynamo"))}
assert not late, late
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nobody_waits_for_what_is_needed_later(gate: threading.Event) -> None:
    done = threading.Event()
    warm_up = Preload(["json"], later=[NAME])
    warm_up.begin(done.set)
    warm_up.wait()
    assert done.wait(LIMIT_SECONDS)
    assert not hasattr(sys.modules.get(NAME), "by")
    gate.set()
    wait_until(lambda: hasattr(sys.modules.get(NAME), "by"))
    assert sys.modules[NAME].by != threading.get_ident()


def test_what_was_never_begun_is_imported_for_whoever_waits(gate: threading.Event) -> None:
    warm_up = Preload([NAME])
    assert "not begun" in repr(warm_up)
    gate.set()
    warm_up.wait()
    assert sys.modules[NAME].by != threading.get_ident()  # the user may be in one of torch's modes in this thread
    assert "done" in repr(warm_up)


def test_a_step_is_not_taken_beside_an_import(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up, fit = Preload([NAME]), RegressionFit(RUGGED)
    monkeypatch.setattr(lesson, "PRELOAD", warm_up)
    order: list[str] = []
    warm_up.begin(lambda: order.append("imported"))
    training = threading.Thread(target=lambda: order.append(f"{fit.advance(1)} step"))
    training.start()
    training.join(0.3)
    assert order == []
    gate.set()
    training.join()
    assert order == ["imported", "1 step"]


FORKING = f"""
import os, signal, sys, threading
from rugged_widget.infer.svi.preload import PRELOAD
sys.path.insert(0, sys.argv[1])
PRELOAD._modules, PRELOAD._later = ["{NAME}"], ["{NAME}_later"]
opened = sys.modules["{GATE}"] = threading.Event()
begun = threading.Event()
sys.modules["{GATE}_begun"] = begun
PRELOAD.begin(lambda: None)
begun.wait()
os.register_at_fork(before=opened.set)  # handlers run in the reverse order, so that the import is under way till then
child = os.fork()
if not child:
    signal.alarm({LIMIT_SECONDS:.0f})  # ends a process that hangs, with a status that tells
    PRELOAD.wait()
    import {NAME}, {NAME}_later
    os._exit(0 if {NAME}.whole and {NAME}_later.whole else 1)
PRELOAD.wait()
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_process_that_is_forked_during_the_imports_has_them_whole_and_does_not_wait(tmp_path: Path) -> None:
    gates = (
        f"import sys\nsys.modules['{GATE}_begun'].set()\nsys.modules['{GATE}'].wait({LIMIT_SECONDS})\nwhole = True\n"
    )
    (tmp_path / f"{NAME}.py").write_text(gates)
    (tmp_path / f"{NAME}_later.py").write_text("whole = True\n")
    subprocess.run([sys.executable, "-c", FORKING, str(tmp_path)], check=True)


def test_a_forked_process_waits_for_no_thread_of_the_other(gate: threading.Event) -> None:
    warm_up = Preload([NAME])
    warm_up.begin(lambda: None)
    warm_up.in_child()
    warm_up.wait()
    assert "done" in repr(warm_up)
    gate.set()
