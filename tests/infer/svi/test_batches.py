"""A fit with batches takes the steps of the user's own loop over them, by every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoDelta
from torch.utils.data import DataLoader

from rugged_widget.errors import FitError
from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.svi.batch_forms import MAX_PROGRAMS
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.snapshot.values import Epoch
from tests.infer.batch_problems import (
    NUM_ROWS,
    PIXELS,
    RATE,
    SEED,
    Loop,
    Parts,
    X,
    Y,
    again_and_again,
    autoencoder,
    bare_loop,
    line,
    loader,
    regression,
    rows,
)

PIECES = list(zip(X.split(20), Y.split(20), strict=True))


def fit_of(parts: Parts, batches: Any, engine: str = "graph", **options: Any) -> Fit:
    return Fit(parts.model, parts.make_guide, batches=batches, learning_rate=RATE, seed=SEED, engine=engine, **options)


def losses(fit: Fit) -> Any:
    return -fit.history()["elbo"].to_numpy()


def num_programs(fit: Fit) -> int:
    return 0 if fit._stepping._compiled is None else fit._stepping._compiled.compiled.num_programs


def assert_like(fit: Fit, loop: Loop) -> None:
    """Compare to the bit what Pyro computed, and to rounding what a graph did."""
    params = fit.param_store()
    assert params.keys() == loop.params.keys()
    if fit.engine.name == "plain":
        assert losses(fit).tolist() == loop.losses
        assert all(np.array_equal(params[name], value) for name, value in loop.params.items())
    else:
        np.testing.assert_allclose(losses(fit), loop.losses, rtol=1e-5, atol=1e-5)
        for name, value in loop.params.items():
            np.testing.assert_allclose(params[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("engine", ["plain", pytest.param("graph", marks=pytest.mark.slow)])
@pytest.mark.parametrize("build", [regression, autoencoder])
def test_a_shuffled_loader_gives_the_steps_of_the_plain_loop(build: Callable[[], Parts], engine: str) -> None:
    data = (X, Y) if build is regression else (PIXELS,)
    loop = bare_loop(build(), lambda: again_and_again(loader(*data)), 60)
    fit = fit_of(build(), loader(*data), engine)
    for count in (1, 2, 30, 27):
        fit.advance(count)
    assert_like(fit, loop)
    assert fit.engine.name == engine
    assert num_programs(fit) == (2 if engine == "graph" else 0)  # the last batch of a pass is smaller
    assert fit.epoch == Epoch(12, 5, 5)


@pytest.mark.slow  # JAX compiles for seconds
def test_jax_takes_them_too() -> None:
    loop = bare_loop(regression(), lambda: again_and_again(rows()), 60)
    fit = fit_of(regression(), rows(), "jax")
    fit.advance(10)
    assert fit.wait_for_engine(100)
    fit.advance(50)
    assert fit.engine.name == "jax"
    assert_like(fit, loop)


def dicts() -> list[Any]:
    return [{"y": y, "x": x} for x, y in PIECES]


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param(PIECES, marks=pytest.mark.slow),  # two captures each
        dicts(),
        pytest.param(lambda: iter(PIECES), marks=pytest.mark.slow),
    ],
    ids=["list", "dicts", "function of iterators"],
)
def test_batches_of_every_kind_are_gone_through_again_and_again(batches: Any) -> None:
    loop = bare_loop(regression(), lambda: again_and_again(PIECES), 30)
    fit = fit_of(regression(), batches)
    fit.advance(30)
    assert fit.engine.name == "graph"
    assert_like(fit, loop)
    assert fit.epoch == Epoch(8, 2, 4)


def test_a_function_may_return_a_loader_for_each_pass() -> None:
    def made() -> Any:
        return DataLoader(PIECES, batch_size=None)  # type: ignore[arg-type] # a list is a dataset

    loop = bare_loop(regression(), lambda: (piece for _ in range(9) for piece in made()), 20)
    fit = fit_of(regression(), made, "plain")
    fit.advance(20)
    assert_like(fit, loop)


def drawn() -> Iterator[Any]:
    """Draw rows from each generator that `pyro.set_rng_seed` seeds."""
    for _ in range(3):
        start = int(torch.randint(NUM_ROWS - 20, ())) if np.random.rand() < 0.5 else np.random.randint(9)
        yield X[start : start + 20], Y[start : start + 20]


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_a_generator_function_draws_between_the_steps(engine: str) -> None:
    def passes() -> Iterator[Any]:
        while True:
            yield from drawn()

    loop = bare_loop(regression(), passes, 40)
    fit = fit_of(regression(), drawn, engine)
    for _ in range(20):
        fit.advance(2)
    assert_like(fit, loop)


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_a_function_gives_each_next_batch(engine: str) -> None:
    def picked() -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.randint(NUM_ROWS, (16,))
        return X[places], Y[places]

    def calls() -> Iterator[Any]:
        while True:
            yield picked()

    fit = fit_of(regression(), picked, engine)
    fit.advance(40)
    assert_like(fit, bare_loop(regression(), calls, 40))
    assert fit.epoch is None


def test_a_function_may_take_the_number_of_steps() -> None:
    asked: list[int] = []

    def numbered(step: int) -> Any:
        asked.append(step)
        return PIECES[step % 4]

    fit = fit_of(regression(), numbered)
    fit.advance(20)
    assert asked == list(range(len(asked)))
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(PIECES), 20))


def test_a_function_may_use_its_memory_again() -> None:
    x, y = torch.empty(20, 2), torch.empty(20)

    def filled(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x.copy_(PIECES[step % 3][0])
        y.copy_(PIECES[step % 3][1])
        return x, y

    fit = fit_of(regression(), filled)
    fit.advance(30)
    assert fit.engine.name == "graph"
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(PIECES[:3]), 30))


def test_a_single_value_is_the_first_argument_and_others_follow() -> None:
    def mean(x: torch.Tensor, scale: float, *, shift: torch.Tensor) -> None:
        middle = pyro.sample("middle", dist.Normal(0.0, 1.0))
        with pyro.plate("rows", len(x)):
            pyro.sample("x", dist.Normal(middle + shift, scale), obs=x)

    parts, shift = Parts(mean, AutoDelta), torch.tensor(0.5)
    fit = fit_of(parts, Y.split(20), args=(2.0,), kwargs={"shift": shift})
    fit.advance(20)

    def told(x: torch.Tensor, scale: float) -> None:
        mean(x, scale, shift=shift)

    assert_like(fit, bare_loop(Parts(told, AutoDelta), lambda: ((x, 2.0) for x in again_and_again(Y.split(20))), 20))


@pytest.mark.parametrize("engine", ["plain", "graph"])
@pytest.mark.parametrize("step", [20, 23])
def test_a_failure_in_the_middle_of_a_pass_goes_back_to_the_same_batches(engine: str, step: int) -> None:
    fit = fit_of(regression(), rows(), engine)
    fit.advance(step)
    fit.learning_rate = 1e38
    with pytest.raises(FitError):
        fit.advance(5)
    assert step - 10 <= fit.step <= step
    fit.learning_rate = RATE
    fit.advance(50 - fit.step)
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(rows()), 50))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_an_engine_that_fails_is_left_with_the_batches_that_its_steps_had(count: int) -> None:
    def picked() -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.randint(NUM_ROWS, (16,))
        return X[places], Y[places]

    def fail(*_: Any) -> Any:
        raise RuntimeError("out of memory")

    fit = fit_of(regression(), picked)
    fit.advance(8)
    compiled: Any = fit._stepping._compiled
    for _ in range(count):
        fit.advance(1)
    compiled.compiled.engine.run = fail
    fit.advance(40 - fit.step)
    assert "could not run it" in fit.engine.reason
    loop = bare_loop(regression(), lambda: (picked() for _ in range(40)), 40)
    np.testing.assert_allclose(losses(fit), loop.losses, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_an_iterator_that_ends_ends_the_run_where_it_is(engine: str) -> None:
    fit = fit_of(regression(), (piece for piece in PIECES * 2), engine)
    with pytest.raises(FitError, match=r"The batches ended after step 8: a generator cannot begin again\. Pass a list"):
        fit.advance(100)
    assert fit.step == 8
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(PIECES), 8))


def test_a_batch_that_raises_is_named_and_the_next_one_is_tried_after() -> None:
    def broken(step: int) -> Any:
        if step == 12 and not failed:
            failed.append(step)
            raise OSError("the disk is gone")
        return PIECES[step % 2]

    failed: list[int] = []
    fit = fit_of(regression(), broken)
    with pytest.raises(FitError, match="The batch of step 13 could not be had: OSError: the disk is gone") as raised:
        fit.advance(20)
    assert (fit.step, raised.value.step) == (12, 13)
    fit.advance(8)
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(PIECES[:2]), 20))


@pytest.mark.parametrize("batches", [PIECES[:3], None], ids=["list", "function that draws"])
def test_draws_inside_of_the_step_and_batches_take_turns(batches: Any) -> None:
    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        pyro.sample(
            "y", dist.Normal(0.0, pyro.sample("spread", dist.Gamma(2.0, 1.0))).expand([len(y)]).to_event(1), obs=y
        )

    def guide(*_: torch.Tensor) -> None:
        shape = pyro.param("shape", torch.tensor(2.0), constraint=dist.constraints.positive)
        pyro.sample("spread", dist.Gamma(shape, 1.0))

    def picked() -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.randint(NUM_ROWS, (16,))
        return X[places], Y[places]

    parts = Parts(model, lambda _: guide)
    fit = fit_of(parts, batches or picked)
    for _ in range(10):
        fit.advance(4)
    assert fit.engine.name == "graph"
    calls = (picked() for _ in range(40)) if batches is None else again_and_again(batches)
    assert_like(fit, bare_loop(parts, lambda: calls, 40))


@pytest.mark.slow  # four captures
def test_of_many_shapes_some_are_captured() -> None:
    sizes = [10, 11, 12, 13, 14, 15]
    pieces = [(X[:size], Y[:size]) for size in sizes]
    fit = fit_of(regression(), pieces)
    fit.advance(40)
    assert num_programs(fit) == MAX_PROGRAMS
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(pieces), 40))


def test_columns_of_a_matrix_are_taken_as_they_lie_in_memory() -> None:
    wide = torch.cat([X, X.flip(1)], 1)
    pieces = [(wide[:30, :2], Y[:30]), (wide[:30, 2:], Y[30:60]), (wide[:30, 1:3], Y[:30])]
    fit = fit_of(regression(), pieces)
    fit.advance(30)
    assert fit.engine.name == "graph"
    assert_like(fit, bare_loop(regression(), lambda: again_and_again(pieces), 30))


def test_a_model_whose_shapes_follow_the_numbers_of_a_batch_is_left_to_pyro() -> None:
    def masked(x: torch.Tensor, y: torch.Tensor) -> None:
        line(x[y > 0], y[y > 0])

    parts = Parts(masked, regression().make_guide)
    fit = fit_of(parts, PIECES)
    fit.advance(12)
    assert fit.engine.name == "plain"
    assert "numbers of a batch decide the shape" in fit.engine.reason
    assert_like(fit, bare_loop(parts, lambda: again_and_again(PIECES), 12))


def test_batches_that_train_different_parameters_are_left_to_pyro() -> None:
    def halves(x: torch.Tensor, both: torch.Tensor | None = None) -> None:
        middle = pyro.param("middle", torch.tensor(0.0))
        with pyro.plate("rows", len(x)):
            pyro.sample("x", dist.Normal(middle, 1.0), obs=x)
            if both is not None:
                pyro.sample("both", dist.Normal(pyro.param("other", torch.tensor(0.0)), 1.0), obs=both)

    parts = Parts(halves, lambda _: lambda *_: None)
    pieces = [(Y[:9], X[:9, 0]), (Y[9:20], X[9:20, 1]), (Y[:9],), (Y[:9], X[9:18, 0])]
    fit = fit_of(parts, pieces)
    fit.advance(20)
    assert fit.engine.name == "plain"
    assert_like(fit, bare_loop(parts, lambda: again_and_again(pieces), 20))


@pytest.mark.parametrize("engine", ["plain", pytest.param("graph", marks=pytest.mark.slow)])
@pytest.mark.parametrize("order", [1, -1])
def test_moments_move_a_parameter_that_some_batches_do_not_depend_on(engine: str, order: int) -> None:
    def halves(x: torch.Tensor, both: torch.Tensor | None = None) -> None:
        middle, other = (pyro.param(name, torch.tensor(0.0)) for name in ("middle", "other"))
        with pyro.plate("rows", len(x)):
            pyro.sample("x", dist.Normal(middle, 1.0), obs=x)
            if both is not None:
                pyro.sample("both", dist.Normal(other, 1.0), obs=both)

    parts = Parts(halves, lambda _: lambda *_: None)
    pieces = [(Y[:9], X[:9, 0]), (Y[:9],), (Y[9:18],)][::order]
    fit = fit_of(parts, pieces, engine)
    fit.advance(20)
    assert_like(fit, bare_loop(parts, lambda: again_and_again(pieces), 20))


@pytest.mark.slow  # two captures
def test_the_next_fit_captures_nothing_again() -> None:
    captures, both = Captures(), PIECES[:2] + PIECES[3:]
    first = fit_of(regression(), both, captures=captures)
    first.advance(20)
    second = fit_of(regression(), both, captures=captures)
    assert num_programs(first) == 2
    steps = captures.step, *captures.others.values()
    second.advance(20)
    assert (captures.step, *captures.others.values()) == steps
    assert losses(second).tolist() == losses(first).tolist()


def test_what_is_looked_at_outside_the_steps_is_the_first_batch() -> None:
    fit = fit_of(regression(), PIECES)
    fit.advance(6)
    x, y = fit.example.args
    assert torch.equal(x, PIECES[0][0])
    assert torch.equal(y, PIECES[0][1])


@pytest.mark.parametrize("engine", ["plain", "graph"])
def test_only_the_batches_that_may_be_needed_again_are_kept(engine: str) -> None:
    fit = fit_of(regression(), rows(), engine)
    fit.advance(100)
    compiled = fit._stepping._compiled
    assert len(fit._arguments._kept) <= (11 if compiled is None else 100 - (compiled.oldest or 0) + 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("batches", [[], iter(()), lambda: iter(())], ids=["list", "iterator", "function"])
def test_no_batches_at_all_are_refused(batches: Any) -> None:
    with pytest.raises(ValueError, match="batches must give at least one batch, got an empty"):
        fit_of(regression(), batches)


def test_a_first_batch_that_raises_is_a_failure_of_the_first_step() -> None:
    with pytest.raises(FitError, match="The batch of step 1 could not be had: KeyError: 'rows'"):
        fit_of(regression(), lambda: {}["rows"])


def test_an_argument_that_is_given_twice_is_refused() -> None:
    with pytest.raises(FitError, match="the batch and the keyword arguments both give 'y'"):
        fit_of(regression(), dicts(), kwargs={"y": Y})
