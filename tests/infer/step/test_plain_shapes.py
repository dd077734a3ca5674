"""Shapes that are broadcast without sympy."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rugged_widget.infer.step import plain_shapes
from rugged_widget.infer.step.plain_shapes import broadcasting_plainly

SIZES = st.integers(0, 3)
SHAPES = st.lists(st.one_of(SIZES, st.lists(SIZES, max_size=3).map(tuple)), max_size=4)


@pytest.fixture
def unimported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch seem not to have imported what it broadcasts with."""
    monkeypatch.setattr(plain_shapes, "SYMBOLIC", "no_such_module_anywhere")


def outcome(shapes: list[int | tuple[int, ...]]) -> torch.Size | str:
    """Return what torch broadcasts shapes to, or what it says against them."""
    try:
        return torch.broadcast_shapes(*shapes)  # type: ignore[arg-type] # it takes integers too
    except RuntimeError as error:
        return str(error)


@given(SHAPES)
def test_result_and_error_are_torchs_own(shapes: list[int | tuple[int, ...]]) -> None:
    expected = outcome(shapes)
    with plain_shapes._broadcasting_here():  # by now torch has imported sympy
        assert outcome(shapes) == expected


def test_what_is_no_plain_integer_is_left_to_torch(unimported: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(torch._refs, "_broadcast_shapes", lambda *shapes: seen.append(shapes))  # type: ignore[attr-defined]
    symbolic = (object(), 2)
    with broadcasting_plainly():
        torch._refs._broadcast_shapes((3, 1), symbolic)  # type: ignore[attr-defined]
        torch._refs._broadcast_shapes((3, 1), (2,))  # type: ignore[attr-defined]
    assert seen == [((3, 1), symbolic)]


def test_torchs_own_is_back_whatever_happens(unimported: None) -> None:
    own = torch._refs._broadcast_shapes  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError) as error, broadcasting_plainly():
        raise ZeroDivisionError(torch._refs._broadcast_shapes is own)  # type: ignore[attr-defined]
    assert error.value.args == (False,)
    assert torch._refs._broadcast_shapes is own  # type: ignore[attr-defined]


def test_what_is_imported_already_is_used() -> None:
    torch.broadcast_shapes((1,), (2,))
    own = torch._refs._broadcast_shapes  # type: ignore[attr-defined]
    with broadcasting_plainly():
        assert torch._refs._broadcast_shapes is own  # type: ignore[attr-defined]


LESSON = "from rugged_widget import RuggedWidget\nwidget = RuggedWidget()"
ANY_MODEL = """
import pyro, pyro.distributions as dist, torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoMultivariateNormal
from rugged_widget import watch

def model(y):
    with pyro.plate("groups", 3):
        mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    pyro.sample("y", dist.Normal(mean.sum(), 1.0), obs=y)

y = torch.tensor(1.0)
watch(model, "multivariate", y)
watch(SVI(model, AutoMultivariateNormal(model), pyro.optim.Adam({"lr": 0.01}), Trace_ELBO()), y)
"""


@pytest.mark.slow  # a process of its own takes seconds
@pytest.mark.parametrize("code", [LESSON, ANY_MODEL], ids=["lesson", "any model"])
def test_a_widget_is_made_without_what_only_steps_need(code: str) -> None:
    needless = "{'sympy', 'torch._dynamo', 'scipy', 'arviz_stats'}"
    check = f"import sys\nassert not {needless} & sys.modules.keys(), {needless} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", f"{code}\n{check}"], check=True)
