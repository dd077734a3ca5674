"""What `heldout=` of `Monitor` computes beside a loop of one's own, draws and refuses."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from rugged_widget import Monitor, watch
from rugged_widget.infer.diagnostics import heldout as looks
from rugged_widget.infer.diagnostics.heldout import HeldoutLook
from rugged_widget.infer.step.transfer import Transfer
from rugged_widget.monitor import own_loop
from rugged_widget.monitor.infer import loop_heldout
from rugged_widget.monitor.view import loop_window
from rugged_widget.view.frames import stream
from tests.monitor.held_line import X, Y, line
from tests.view import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    yield
    pyro.clear_param_store()


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after each step and write its texts; points have the same number of draws, however slow the machine."""
    monkeypatch.setattr(loop_window, "in_notebook", lambda: True)
    monkeypatch.setattr(loop_window.LoopWindow, "ready", lambda _window: True)
    monkeypatch.setattr(stream, "TEXT_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "SHARE", 1e9)
    monkeypatch.setattr(HeldoutLook, "_affordable", lambda _look: 4)
    monkeypatch.setattr(HeldoutLook, "is_due", lambda _look, _step: True)


def trainer(model: Any = line, guide: Any = None) -> SVI:
    return SVI(model, guide or AutoNormal(model), Adam({"lr": 0.02}), Trace_ELBO())


def run(monitor: Monitor, svi: SVI, num_steps: int, *args: Any) -> list[float]:
    given = args or (X, Y)
    losses = []
    for _ in range(num_steps):
        losses.append(svi.step(*given))
        monitor.update(losses[-1], *given)
    return losses


@pytest.mark.usefixtures("at_every_step")
@pytest.mark.parametrize(
    "given",
    [(X, Y), {"x": X, "y": Y}, (X.repeat(3), Y.repeat(3)), DataLoader(TensorDataset(X, Y), batch_size=12)],
    ids=["tuple", "dict", "thrice the rows", "DataLoader"],
)
def test_it_is_the_elbo_that_watch_has(given: Any) -> None:
    settings = {"seed": 0, "engine": "plain", "num_steps": 6, "learning_rate": 0.02}
    with closing(watch(line, AutoNormal(line), X, Y, heldout=given, **settings)) as dashboard:
        for _ in range(6):
            dashboard.advance(1)
        expected = dashboard.heldout
    assert expected is not None
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    svi = trainer()
    with closing(Monitor(svi, heldout=given)) as monitor:
        assert monitor.heldout is None
        run(monitor, svi, 6)
        found = monitor.heldout
        assert found is not None
        assert found.num_rows == expected.num_rows
        np.testing.assert_array_equal(found.step, expected.step)
        np.testing.assert_allclose(found.elbo, expected.elbo, rtol=1e-4)
        np.testing.assert_array_equal(monitor.history()["heldout_elbo"], found.elbo)
        np.testing.assert_array_equal(monitor.snapshot.heldout.elbo, found.elbo)


class Amortised(nn.Module):
    """A network with a running mean and numbers that it drops by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))

    def model(self, x: torch.Tensor, y: torch.Tensor) -> None:
        pyro.module("layers", self.layers)
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(self.layers(x[:, None])[:, 0], 0.3), obs=y)

    def guide(self, x: torch.Tensor, y: torch.Tensor) -> None:
        pass


@pytest.mark.usefixtures("at_every_step")
def test_the_loop_stays_as_it_is_bit_for_bit() -> None:
    ends = []
    for heldout in (None, (X[:7], Y[:7])):
        pyro.clear_param_store()
        pyro.set_rng_seed(3)
        network = Amortised()
        svi = trainer(network.model, network.guide)
        with closing(Monitor(svi, heldout=heldout)) as monitor:
            losses = run(monitor, svi, 8)
            monitor.rest()
        state = {name: value.tolist() for name, value in network.state_dict().items()}
        ends.append([losses, state, network.layers[1].training, torch.get_rng_state().tolist()])
    assert ends[0] == ends[1]


@pytest.mark.usefixtures("at_every_step")
def test_the_line_and_its_key_are_drawn() -> None:
    svi = trainer()
    with closing(Monitor(svi, heldout=(X, Y), language="en")) as monitor:
        for batch in monitor.over([(X, Y)] * 5):
            monitor.update(svi.step(*batch), *batch)
        assert monitor.heldout is not None
        figure = drawn.part(monitor, "rw-elbo")
        mark = next(one for one in drawn.widgets(figure) if getattr(one, "colors", None) == ["var(--rw-foreground)"])
        np.testing.assert_allclose(mark.y, monitor.heldout.elbo)
        key = drawn.part(monitor, "rw-heldout-key").value
        assert "30 observations that are not trained on" in key


@pytest.mark.slow
@pytest.mark.usefixtures("at_every_step")
def test_the_verdict_says_that_it_overfits() -> None:
    generator = torch.Generator().manual_seed(1)
    x, x_test = (torch.randn(rows, 25, generator=generator) for rows in (24, 200))
    y, y_test = (2 * one[:, :4].sum(1) + torch.randn(len(one), generator=generator) for one in (x, x_test))

    def weighted(x: torch.Tensor, y: torch.Tensor) -> None:
        weights = pyro.param("weights", lambda: torch.zeros(25))
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(x @ weights, 1.0), obs=y)

    svi = SVI(weighted, lambda _x, _y: None, Adam({"lr": 0.005}), Trace_ELBO())
    with closing(Monitor(svi, heldout=(x_test, y_test), language="en")) as monitor:
        for step in range(1600):
            loss = svi.step(x, y)
            if step % 40:
                monitor._loop._losses.append(loss)  # as where no look is due
            else:
                monitor.update(loss, x, y)
        monitor.rest()
        assert monitor.heldout is not None
        assert monitor.heldout.fall is not None
        caution = drawn.part(drawn.part(monitor, "rw-converged"), "rw-caution").value
        assert "It overfits: the held-out ELBO was highest about step" in caution


def test_where_nobody_looks_it_is_not_computed_but_in_a_script_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draws: list[int] = []
    ask = HeldoutLook.ask_draw
    counted = lambda look, number, transfer: draws.append(number) or ask(look, number, transfer)  # noqa: E731
    monkeypatch.setattr(HeldoutLook, "ask_draw", counted)
    svi = trainer()
    with closing(Monitor(svi, heldout=(X, Y))) as monitor:
        run(monitor, svi, 3)
        monitor.rest()
        assert monitor.heldout is not None
        assert monitor.heldout.step[-1] == 3
        line = capsys.readouterr().err.split("\r")[-1]
        assert f"held-out={monitor.heldout.elbo[-1]:.4g}" in line
    monkeypatch.setattr(loop_window, "in_notebook", lambda: True)
    monkeypatch.setattr(stream, "TEXT_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(own_loop, "SHARE", 1e9)
    with closing(Monitor(svi, heldout=(X, Y))) as monitor:
        draws.clear()
        run(monitor, svi, 20)
        assert draws == [0]  # it was tried after the first step
        assert monitor.history()["heldout_elbo"].isna().all()


def test_its_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(_look: HeldoutLook, _number: int, _transfer: Transfer) -> Any:
        now[0] += 1.0
        return lambda: -1.0

    monkeypatch.setattr(HeldoutLook, "ask_draw", slow)
    budget = looks.Budget(seconds=0.003, share=0.01, pause=0.2)
    look = HeldoutLook(trainer(), [], lambda _from, _to: np.empty(0), budget, lambda: now[0])  # type: ignore[arg-type]
    look.look(1)
    assert look.num_draws == 1
    spent = now[0]
    assert not look.is_due(2)
    now[0] = spent / 0.01
    assert look.is_due(2)


def test_the_first_points_come_early_and_all_of_them_keep_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def ask(_look: HeldoutLook, _number: int, _transfer: Transfer) -> Any:
        now[0] += 0.004
        return lambda: -1.0

    monkeypatch.setattr(HeldoutLook, "ask_draw", ask)
    monkeypatch.setattr(HeldoutLook, "_affordable", lambda _look: 1)
    budget = loop_heldout.BUDGET
    look = HeldoutLook(trainer(), [], lambda _from, _to: np.empty(0), budget, lambda: now[0])  # type: ignore[arg-type]
    for step in range(1, 10_001):
        now[0] += 0.001
        if look.is_due(step):
            look.look(step)
    steps = look.elbo(10_000).step.tolist()
    assert steps[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert 25 <= len(steps) <= (budget.ahead + 0.01 * now[0]) / 0.004 + 1


def test_a_quick_loop_has_points_between_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_loop, "LOOK_SECONDS", 1e9)
    monkeypatch.setattr(loop_heldout, "BUDGET", looks.Budget(pause=1e9, ahead=1e9))
    svi = trainer()
    with closing(Monitor(svi, heldout=(X, Y))) as monitor:
        run(monitor, svi, 100)
        assert monitor.heldout is not None
        np.testing.assert_array_equal(monitor.heldout.step, [1, 2, 4, 8, 16, 32, 64])


@pytest.mark.usefixtures("at_every_step")
def test_it_is_computed_beside_draws_that_the_user_gives() -> None:
    draws = {"elsewhere": torch.arange(10.0)}
    found = []
    for given in ({}, {"draws": draws}):
        pyro.clear_param_store()
        pyro.set_rng_seed(0)
        svi = trainer()
        with closing(Monitor(svi, heldout=(X[:7], Y[:7]))) as monitor:
            monitor._repr_mimebundle_()
            for _ in range(3):
                monitor.update(svi.step(X, Y), X, Y, **given)
            assert monitor.heldout is not None
            found.append(monitor.heldout.elbo.tolist())
            assert ("elsewhere" in monitor.snapshot.quantiles) == bool(given)
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_beside_draws_too_an_update_has_to_have_the_arguments() -> None:
    svi = trainer()
    with closing(Monitor(svi, heldout=(X, Y))) as monitor:
        for _ in range(2):
            with pytest.raises(ValueError, match="give it what svi"):
                monitor.update(svi.step(X, Y), draws={"slope": torch.zeros(10)})


@pytest.mark.usefixtures("at_every_step")
def test_what_fails_later_is_said_and_the_loop_goes_on() -> None:
    fails: list[int] = []

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        if fails and len(x) == 7:
            raise RuntimeError("<b>gone</b>")
        line(x, y)

    svi = trainer(model, AutoNormal(line))
    with closing(Monitor(svi, heldout=(X[:7], Y[:7]), language="en")) as monitor:
        run(monitor, svi, 3)
        fails.append(1)
        run(monitor, svi, 3)
        assert monitor.heldout is not None
        assert monitor.heldout.problem == "RuntimeError: <b>gone</b>"
        assert "&lt;b&gt;gone" in drawn.part(monitor, "rw-heldout-key").value
        np.testing.assert_array_equal(monitor.heldout.step, [1, 2, 3])


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ((), ValueError, "empty tuple"),
        ({}, TypeError, "dict by name"),
        ("x_test", TypeError, "got 'x_test'"),
        (iter([X]), TypeError, "DataLoader of batches"),
        (lambda: X, TypeError, "object of type function"),
    ],
)
def test_what_is_no_data_is_refused_at_once(given: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Monitor(trainer(), heldout=given)


def test_without_model_or_guide_it_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"give svi, or model= and guide="):
        Monitor(heldout=(X, Y))
    with pytest.raises(ValueError, match=r"give svi, or model= and guide="):
        Monitor(model=line, heldout=(X, Y))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ((X,), "each step has y from a batch"),
        ((X[:5], Y), "cannot be computed|does not run"),
        ((X, Y, 0.3, 1), "does not run with heldout"),
        (DataLoader(torch.zeros(0, 2), batch_size=2), "without a batch"),
    ],
)
def test_what_does_not_go_with_the_model_is_refused_after_the_first_step(given: Any, match: str) -> None:
    svi = trainer()
    with closing(Monitor(svi, heldout=given)) as monitor:
        for _ in range(2):
            with pytest.raises(ValueError, match=match):
                monitor.update(svi.step(X, Y), X, Y)


def test_an_update_without_the_arguments_is_refused_and_numbers_may_be_left_out() -> None:
    svi = trainer()
    with closing(Monitor(svi, heldout=(X, Y))) as monitor, pytest.raises(ValueError, match="give it what svi"):
        monitor.update(svi.step(X, Y))
    with closing(Monitor(svi, heldout=(X[:9], Y[:9]))) as monitor:
        monitor.update(svi.step(X, Y, 0.4), X, Y, 0.4)
        monitor.rest()
        assert monitor.heldout is not None
        assert math.isfinite(monitor.heldout.elbo[-1])
