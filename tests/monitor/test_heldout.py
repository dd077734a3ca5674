"""What `heldout=` of `watch` computes, draws and refuses."""

from __future__ import annotations

import asyncio
import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, TraceEnum_ELBO, TraceTailAdaptive_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta, AutoNormal
from pyro.optim import Adam
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from rugged_widget import ModelWidget, watch
from rugged_widget.infer.diagnostics.heldout import HeldoutLook
from tests.models import CASES
from tests.monitor.held_line import X, Y, line
from tests.monitor.test_script import executed
from tests.monitor.watched import losses, made, watched
from tests.view import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

ALONE = {"seed": 3, "engine": "plain", "num_steps": 20}


@pytest.fixture(autouse=True)
def _clean() -> None:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)


@pytest.fixture
def sharp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the same number of draws at each point, however slow the machine, and a point after each call."""
    monkeypatch.setattr(HeldoutLook, "_affordable", lambda _look: 16)
    monkeypatch.setattr(HeldoutLook, "is_due", lambda _look, _step: True)


def heldout_of(monitor: ModelWidget) -> float:
    """Return the held-out ELBO after a step."""
    monitor.advance(1)
    heldout = monitor.heldout
    assert heldout is not None
    assert not heldout.problem
    return float(heldout.elbo[-1])


def elbo_of(given: Any, *args: Any, model: Any = line, **more: Any) -> float:
    pyro.clear_param_store()
    with closing(watch(model, None, *(args or (X, Y)), heldout=given, **ALONE, **more)) as monitor:
        return heldout_of(monitor)


@pytest.mark.usefixtures("sharp")
@pytest.mark.parametrize(
    "given",
    [
        (X, Y),
        [X, Y],
        {"x": X, "y": Y},
        {"y": Y},
        (X.repeat(3), Y.repeat(3)),
        (X, Y, 0.3),
        DataLoader(TensorDataset(X, Y), batch_size=30),
    ],
    ids=["tuple", "list", "dict", "part of it", "thrice the rows", "more than a step gives", "DataLoader"],
)
def test_all_forms_of_the_training_data_have_its_elbo_whatever_their_size(given: Any) -> None:
    with closing(watch(line, None, X, Y, **ALONE)) as monitor:
        monitor.advance(1)
        guide = monitor.param_store()
    found = elbo_of(given)
    loc, scale = (np.array([guide[f"AutoNormal.{kind}.{name}"] for name in "ab"]) for kind in ("locs", "scales"))
    residual = (Y - float(loc[0]) - float(loc[1]) * X).double().numpy()
    spread = float(scale[0]) ** 2 + float(scale[1]) ** 2 * (X**2).double().numpy()
    fit = (-0.5 * (residual**2 + spread) / 0.09 - math.log(0.3 * math.sqrt(2 * math.pi))).sum()
    divergence = (np.log(2.0 / scale) + (scale**2 + loc**2) / 8.0 - 0.5).sum()
    sd = 30 * 0.1 / 0.09 / math.sqrt(16)  # of the mean of 16 draws, about
    assert found == pytest.approx(fit - divergence, abs=4 * sd)
    assert found == pytest.approx(elbo_of((X, Y)), rel=1e-5)


@pytest.mark.usefixtures("sharp")
def test_batches_of_different_size_count_by_their_rows() -> None:
    def level(y: torch.Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(0.2))
        with pyro.plate("rows", len(y)):
            pyro.sample("y", dist.Normal(loc, 0.3), obs=y)

    loader = DataLoader(Y, batch_size=12)
    assert elbo_of(loader, Y, model=level) == pytest.approx(elbo_of(Y, Y, model=level), rel=1e-5)


@pytest.mark.usefixtures("sharp")
def test_rows_in_no_plate_and_rows_of_a_loop_count_by_their_number() -> None:
    def vector(x: torch.Tensor, y: torch.Tensor) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 2.0))
        pyro.sample("y", dist.Normal(a * x, 0.3).to_event(1), obs=y)

    def loop(x: torch.Tensor, y: torch.Tensor) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 2.0))
        for row in range(len(x)):
            pyro.sample(f"y_{row}", dist.Normal(a * x[row], 0.3), obs=y[row])

    for model in (vector, loop):
        once = elbo_of((X, Y), model=model)
        assert elbo_of((X.repeat(2), Y.repeat(2)), model=model) == pytest.approx(once, rel=1e-5)


@pytest.mark.usefixtures("sharp")
def test_a_plate_that_scales_its_batch_is_not_scaled_again() -> None:
    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 2.0))
        with pyro.plate("rows", 30, subsample=x):
            pyro.sample("y", dist.Normal(a * x, 0.3), obs=y)

    whole = elbo_of((X, Y), X[:10], Y[:10], model=model)
    assert elbo_of((X.repeat(2), Y.repeat(2)), X[:10], Y[:10], model=model) == pytest.approx(whole, rel=1e-5)


@pytest.mark.usefixtures("sharp")
def test_enumerated_values_are_summed_over() -> None:
    @config_enumerate
    def mixture(data: torch.Tensor) -> None:
        locs = pyro.sample("locs", dist.Normal(0.0, 10.0).expand([2]).to_event(1))
        with pyro.plate("rows", len(data)):
            which = pyro.sample("which", dist.Categorical(torch.ones(2) / 2))
            pyro.sample("x", dist.Normal(locs[which], 1.0), obs=data)

    def of(data: torch.Tensor) -> float:
        pyro.clear_param_store()
        guide = AutoDelta(pyro.poutine.block(mixture, expose=["locs"]))
        svi = SVI(mixture, guide, Adam({"lr": 0.01}), TraceEnum_ELBO())
        with closing(watch(svi, Y, heldout=data, **ALONE)) as monitor:
            return heldout_of(monitor)

    assert of(Y.repeat(4)) == pytest.approx(of(Y), rel=1e-5)


NAMES = ("eight schools", "mixture, enumerated", "autoencoder", "autoencoder, BatchNorm and dropout")
NAMES += ("deep Markov model", "regression on samples of the rows", "mixture, list of guides", "sparse regression")


@pytest.mark.usefixtures("sharp")
@pytest.mark.parametrize("case", [case for case in CASES if case.name in NAMES], ids=str)
@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_steps_are_the_same_with_held_out_data(case: Any, engine: str) -> None:
    def trained(**more: Any) -> tuple[list[float], dict[str, Any], list[float]]:
        setup = made(case)
        with closing(watched(case, setup, engine=engine, **more(setup) if callable(more) else more)) as monitor:
            for _ in range(4):
                monitor.advance(3)
            drawn_now = torch.rand(1).item()
            return losses(monitor), monitor.param_store(), [drawn_now]

    arguments = made(case)
    given = arguments.args or dict(arguments.kwargs)
    with_it, without = trained(heldout=given), trained()
    assert with_it[0] == without[0]
    assert with_it[2] == without[2]
    for name, value in without[1].items():
        np.testing.assert_array_equal(with_it[1][name], value)


class Net(nn.Module):
    """A network whose output depends on whether it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.seen: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(self.layers[1].training)
        return self.layers(x[:, None])[:, 0]


def test_modules_are_as_after_eval_and_nothing_of_them_changes() -> None:
    net, inputs = Net(), []

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        pyro.module("net", net)
        inputs.append((len(x), net.layers[1].training))
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(net(x), 0.3), obs=y)

    with closing(watch(model, lambda _x, _y: None, X, Y, heldout=(X[:7], Y[:7]), **ALONE)) as monitor:
        monitor.advance(3)
        before = inputs.count((7, False))
        assert before
        count = int(monitor._session.training.fit.inspecting() is None)
        assert count == 0
        monitor.advance(17)
    assert (30, False) not in inputs
    assert net.layers[1].training
    assert int(net.layers[1].num_batches_tracked) == 20


@pytest.mark.usefixtures("sharp")
def test_history_runs_and_snapshot_have_it() -> None:
    with closing(watch(line, None, X, Y, heldout=(X, Y), **ALONE)) as monitor:
        assert monitor.heldout is not None
        assert len(monitor.heldout.step) == 0
        for _ in range(4):
            monitor.advance(5)
        heldout, history = monitor.heldout, monitor.history()
        np.testing.assert_array_equal(heldout.step, [5, 10, 15, 20])
        assert heldout.num_rows == 30
        np.testing.assert_array_equal(history["heldout_elbo"][[4, 9, 14, 19]], heldout.elbo)
        assert history["heldout_elbo"].notna().sum() == 4
        np.testing.assert_array_equal(monitor.snapshot.heldout.elbo, heldout.elbo)
        assert monitor.runs()["heldout_elbo"].tolist() == [heldout.elbo[-1]]
        monitor.reset()
        assert monitor.heldout is not None
        assert len(monitor.heldout.step) == 0


def test_without_held_out_data_nothing_is_said_of_it() -> None:
    with closing(watch(line, None, X, Y, **ALONE)) as monitor:
        monitor.advance(20)
        assert monitor.heldout is None
        assert "heldout_elbo" not in monitor.history()
        assert "heldout_elbo" not in monitor.runs()
        assert not drawn.parts(monitor, "rw-heldout-key")
        assert "heldout" not in monitor.script()


def test_a_run_in_a_script_has_it_too() -> None:
    with closing(watch(line, None, X, Y, heldout=(X, Y), **{**ALONE, "num_steps": 400})) as monitor:
        asyncio.run(monitor.fit())
        heldout = monitor.heldout
    assert heldout is not None
    assert heldout.step[-1] == 400
    assert len(heldout.step) > 1


@pytest.mark.usefixtures("sharp")
def test_averaged_parameters_have_an_elbo_of_their_own() -> None:
    with closing(watch(line, None, X, Y, heldout=(X, Y), **{**ALONE, "num_steps": 400})) as monitor:
        monitor.advance(200)
        before = monitor.heldout.elbo[-1]
        monitor.average_iterates()
        assert monitor.heldout.step[-1] == 200
        assert monitor.heldout.elbo[-1] != before


@pytest.mark.usefixtures("sharp")
def test_after_a_failure_points_of_steps_that_are_gone_are_forgotten() -> None:
    given = Y.clone()
    with closing(watch(line, None, X, given, heldout=(X, Y), **ALONE)) as monitor:
        monitor.advance(8)
        given[0] = math.nan
        monitor.advance(5)
        assert monitor.status == "failed"
        assert monitor.heldout.step[-1] <= monitor.step


@pytest.mark.usefixtures("sharp")
def test_what_fails_later_is_said_and_training_goes_on() -> None:
    fails: list[int] = []

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        if fails and len(x) == 7:
            raise RuntimeError("<b>gone</b>")
        line(x, y)

    guide = AutoNormal(line)
    with closing(watch(model, guide, X, Y, heldout=(X[:7], Y[:7]), **ALONE, language="en")) as monitor:
        monitor.advance(3)
        fails.append(1)
        monitor.advance(17)
        assert monitor.status == "finished"
        assert monitor.heldout.problem == "RuntimeError: <b>gone</b>"
        assert "&lt;b&gt;gone" in drawn.part(monitor, "rw-heldout-key").value
        np.testing.assert_array_equal(monitor.heldout.step, [3])


def local(y: torch.Tensor) -> None:
    with pyro.plate("rows", len(y)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("y", dist.Normal(z, 0.5), obs=y)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ((), ValueError, "empty tuple"),
        ({}, TypeError, "dict by name"),
        ({1: X}, TypeError, r"keys are \[1\]"),
        ("x_test", TypeError, "got 'x_test'"),
        (iter([X]), TypeError, "DataLoader of batches"),
        (lambda: X, TypeError, "object of type function"),
        (DataLoader(torch.zeros(0, 2), batch_size=2), ValueError, "without a batch"),
        ((X[:5],), ValueError, "site 'y'"),
        ((X, Y, 0.3, 1), ValueError, "does not run with heldout"),
        ({"z": X}, ValueError, "unexpected keyword argument 'z'"),
    ],
)
def test_what_cannot_be_held_out_is_refused_at_once(given: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        watch(line, None, X, Y, heldout=given, **ALONE)


def test_a_guide_with_values_for_each_row_of_training_is_refused_for_other_rows() -> None:
    with pytest.raises(ValueError, match=r"draws 'z(_unconstrained)?' for the 30 elements .* heldout= has 7 others"):
        watch(local, None, Y, heldout=Y[:7], **ALONE)
    with closing(watch(local, None, Y, heldout=Y + 0.1, **ALONE)) as monitor:  # the same units, measured again
        assert math.isfinite(heldout_of(monitor))


def test_a_loss_that_tells_no_number_and_a_batch_that_is_not_given_are_refused() -> None:
    adaptive = TraceTailAdaptive_ELBO(num_particles=2, vectorize_particles=True)
    svi = SVI(line, AutoNormal(line), Adam({"lr": 0.01}), adaptive)
    with pytest.raises(ValueError, match="tells no loss"):
        watch(svi, X, Y, heldout=(X, Y), **ALONE)
    with pytest.raises(ValueError, match="each step has y from a batch"):
        watch(line, None, batches=[(X, Y)], heldout=X, **ALONE)


@pytest.mark.parametrize("given", [(X, Y), {"x": X, "y": Y}, DataLoader(TensorDataset(X, Y), batch_size=12)])
def test_the_script_computes_it_and_trains_the_same(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(watch(line, None, X[:20], Y[:20], sd=0.4, heldout=given, **ALONE)) as monitor:
        monitor.advance(20)
        script, wanted = monitor.script(), monitor.param_store()
    notebook = {"line": line, "x": X[:20], "y": Y[:20], "sd": 0.4, "heldout": given}
    ours = executed(script, notebook)
    for name, value in wanted.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-6, err_msg=script)
    step, _, heldout = capsys.readouterr().out.splitlines()[-1].split()
    assert step == "20"
    assert math.isfinite(float(heldout))


@pytest.fixture
def overfitting() -> Iterator[ModelWidget]:
    """Fit 24 rows by 25 weights, of which four are of use."""
    generator = torch.Generator().manual_seed(1)
    x, x_test = (torch.randn(rows, 25, generator=generator) for rows in (24, 200))
    y, y_test = (2 * one[:, :4].sum(1) + torch.randn(len(one), generator=generator) for one in (x, x_test))

    def weighted(x: torch.Tensor, y: torch.Tensor) -> None:
        weights = pyro.param("weights", lambda: torch.zeros(25))
        with pyro.plate("rows", len(x)):
            pyro.sample("y", dist.Normal(x @ weights, 1.0), obs=y)

    settings = {"learning_rate": 0.005, "num_steps": 1600, "engine": "plain", "language": "en"}
    with closing(watch(weighted, lambda _x, _y: None, x, y, heldout=(x_test, y_test), **settings)) as monitor:
        yield monitor


@pytest.mark.slow
@pytest.mark.usefixtures("sharp")
def test_the_verdict_says_that_it_overfits(overfitting: ModelWidget) -> None:
    for _ in range(40):
        overfitting.advance(40)
    fall = overfitting.heldout.fall
    assert fall is not None
    caution = drawn.part(drawn.part(overfitting, "rw-converged"), "rw-caution").value
    assert f"It overfits: the held-out ELBO was highest about step {fall.since:,}" in caution
    assert "more steps" not in drawn.part(drawn.part(overfitting, "rw-converged"), "rw-verdict-text").value


def test_the_line_and_its_key_are_drawn_in_both_units_and_languages() -> None:
    with closing(watch(line, None, X, Y, heldout=(X, Y), **ALONE, language="en")) as monitor:
        monitor.advance(20)
        heldout = monitor.heldout
        figure = drawn.part(monitor, "rw-elbo")
        mark = next(one for one in drawn.widgets(figure) if getattr(one, "colors", None) == ["var(--rw-foreground)"])
        np.testing.assert_allclose(mark.y[-1], heldout.elbo[-1])
        assert mark.x[-1] == 20
        key = drawn.part(monitor, "rw-heldout-key")
        assert "held-out" in key.value
        assert "30 observations that are not trained on" in key.value
        drawn.part(monitor, "rw-unit").value = "observation"
        np.testing.assert_allclose(mark.y[-1], heldout.elbo[-1] / 30)
        monitor.language = "ko"
        assert "홀드아웃" in key.value


@pytest.mark.usefixtures("sharp")
def test_a_guide_that_is_picked_later_and_cannot_draw_for_other_rows_says_so() -> None:
    """Of a guide that computes its draws from the arguments the ELBO is known, of one with a value a row it is not."""

    def amortised(y: torch.Tensor) -> None:
        slope = pyro.param("slope", torch.tensor(0.5))
        with pyro.plate("rows", len(y)):
            pyro.sample("z", dist.Normal(slope * y, 0.5))

    with closing(watch(local, amortised, Y, heldout=Y[:7], **ALONE, language="en")) as monitor:
        monitor.advance(5)
        assert math.isfinite(monitor.heldout.elbo[-1])
        monitor.guide = "normal"
        monitor.advance(5)
        assert monitor.step == 5
        assert "not broadcastable" in monitor.heldout.problem
        assert "held-out: not known" in drawn.part(monitor, "rw-heldout-key").value
