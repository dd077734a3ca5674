"""A program takes the same steps in JAX as in torch, any number a call, or is refused by name before the first."""

from __future__ import annotations

import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
import torch

from rugged_widget.infer.compiled.jax import ops as jax_ops
from rugged_widget.infer.compiled.jax import xla_loop as jax_loop
from rugged_widget.infer.compiled.jax.engine import JaxEngine
from rugged_widget.infer.compiled.program import UnsupportedError
from tests.infer.compiled.jax.programs import adam_on_a_gaussian, in_torch, of_one_value, program, rows

pytestmark = pytest.mark.slow  # compiling takes seconds


def test_the_losses_and_the_state_are_torchs() -> None:
    given = adam_on_a_gaussian()
    inputs = rows(given, 200)
    state, losses = JaxEngine(given).run(given.state, inputs)
    expected, expected_losses = in_torch(given, inputs)
    torch.testing.assert_close(losses, expected_losses, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-5)
    assert losses[-1] < losses[0]


def test_double_precision_and_whole_numbers_are_kept() -> None:
    def step(count: torch.Tensor, mean: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (value - mean) ** 2, count + 2**40, mean + (value - mean) / (count + 1)

    given = program(
        step, [torch.tensor(2**40), torch.zeros((), dtype=torch.float64)], [torch.rand((), dtype=torch.float64)]
    )
    inputs = rows(given, 20)
    state, losses = JaxEngine(given).run(given.state, inputs)
    expected, expected_losses = in_torch(given, inputs)
    assert torch.equal(state[0], expected[0])
    torch.testing.assert_close((*state[1:], losses), (*expected[1:], expected_losses), rtol=1e-14, atol=0.0)


def test_single_precision_is_nowhere_computed_in_double() -> None:
    exact = torch.tensor(0.3, dtype=torch.float64)  # of no dimension, so that torch lets it give way
    given = adam_on_a_gaussian()
    given = program(
        lambda flat, *rest: (
            given.graph(flat * exact, *rest)[0] / 3 + torch.where(flat > 0.1, flat, 2.5).sum(),
            *given.state,
        ),
        given.state,
        given.inputs,
    )
    engine = JaxEngine(given)
    engine.compile()
    assert "f64" not in engine._loop.compiled.as_text()
    assert engine.run(given.state, rows(given, 2))[1].dtype == torch.float32


def test_any_number_of_steps_takes_the_same_trajectory_without_compiling_again() -> None:
    given = adam_on_a_gaussian()
    engine, inputs = JaxEngine(given, max_steps=50), rows(given, 50)
    at_once, losses = engine.run(given.state, inputs)
    state, found, done = given.state, [], 0
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_loop, "compiled_with", None)
        for count in (1, 2, 7, 40):
            state, some = engine.run(state, [values[done : done + count] for values in inputs])
            found.append(some)
            done += count
    assert torch.equal(torch.cat(found), losses)
    assert all(torch.equal(one, other) for one, other in zip(state, at_once, strict=True))


@pytest.mark.parametrize("num_steps", [0, 51])
def test_no_steps_and_more_than_the_most_are_refused(num_steps: int) -> None:
    given = adam_on_a_gaussian()
    with pytest.raises(ValueError, match=f"1 to 50 rows, got {num_steps}"):
        JaxEngine(given, max_steps=50).run(given.state, rows(given, num_steps))


def test_inputs_that_are_not_the_programs_are_refused() -> None:
    given = adam_on_a_gaussian()
    rates, noise = rows(given, 3)
    for wrong in (noise[:2], noise[:, :1], noise.double()):
        with pytest.raises(ValueError, match=r"3 rows of torch.float32 of shape \[2\], got"):
            JaxEngine(given).run(given.state, [rates, wrong])


def test_what_is_given_is_not_changed_and_what_is_returned_is_kept() -> None:
    given = adam_on_a_gaussian()
    engine, inputs = JaxEngine(given), rows(given, 5)
    before = [value.clone() for value in (*given.state, *inputs)]
    state, losses = engine.run(given.state, inputs)
    kept = [value.clone() for value in (*state, losses)]
    engine.run(state, rows(given, 5, seed=2))
    assert all(torch.equal(one, other) for one, other in zip((*state, losses), kept, strict=True))
    for value in (*state, losses):
        value.zero_()
    assert all(torch.equal(one, other) for one, other in zip((*given.state, *inputs), before, strict=True))


def test_inputs_of_many_numbers_allow_fewer_steps_a_call() -> None:
    given = of_one_value(torch.sin, torch.zeros(1 << 20))
    assert JaxEngine(given).max_steps == 16


def test_compiling_in_another_thread_leaves_jax_and_torch_as_the_user_has_set_them() -> None:
    given, failed = adam_on_a_gaussian(), []
    generator = torch.get_rng_state()
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"), jax.disable_jit():
        settings = {name: getattr(jax.config, name) for name in jax.config.values if hasattr(jax.config, name)}
        engine = JaxEngine(given)
        thread = threading.Thread(target=lambda: failed.append(engine.compile()))
        thread.start()
        thread.join()
        engine.run(given.state, rows(given, 3))
        assert settings == {name: getattr(jax.config, name) for name in jax.config.values if hasattr(jax.config, name)}
        assert jax.numpy.ones(2).dtype == np.float32
    assert failed == [None]
    assert torch.equal(generator, torch.get_rng_state())


def test_a_counterpart_that_computes_in_another_type_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {**jax_ops.FUSED, "aten.sin.default": lambda _, x: jax.numpy.sin(x.astype(np.float64))}
    monkeypatch.setattr(jax_loop, "FUSED", wrong)
    with pytest.raises(UnsupportedError, match=r"aten.sin.default as float64\[3\], not float32\[3\]"):
        JaxEngine(of_one_value(torch.sin, torch.rand(3))).compile()


FUSED_PROGRAMS = {
    "adam": adam_on_a_gaussian,
    "an input and a state without use": lambda: program(
        lambda count, _, value, __: (value.sum(), count + 1, count * 2.0),
        [torch.zeros(()), torch.zeros(())],
        [torch.rand(3), torch.rand(2)],
    ),
    "matrices and places": lambda: of_one_value(
        lambda x: torch.linalg.solve_triangular(
            torch.linalg.cholesky(torch.eye(3) + x[:, None] * x),
            x.index_add(0, torch.tensor([1, 1, 0]), x)[:, None],
            upper=False,
        ),
        torch.rand(3),
    ),
}


@pytest.mark.skipif(not jax_loop.is_fusing(), reason="this version of XLA has not been tried")
@pytest.mark.parametrize("name", FUSED_PROGRAMS)
def test_a_small_loop_is_compiled_as_one_function_and_takes_the_same_steps(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = FUSED_PROGRAMS[name]()
    inputs = rows(given, 20)
    fused, plain = JaxEngine(given), JaxEngine(given)
    found = fused.run(given.state, inputs)
    monkeypatch.setattr(jax_loop, "FUSING", ())
    torch.testing.assert_close(found, plain.run(given.state, inputs), rtol=1e-4, atol=1e-5)
    assert fused._loop.is_one
    assert not plain._loop.is_one


def test_options_that_xla_does_not_know_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_loop, "FUSING_OPTIONS", {"xla_cpu_of_tomorrow": True})
    given = of_one_value(torch.sin, torch.rand(3))
    assert JaxEngine(given).run(given.state, rows(given, 2))[1].isfinite().all()


def test_what_is_not_a_number_comes_out_as_that() -> None:
    given = of_one_value(lambda x: (x - 5).log().clamp(-1.0, 1.0), torch.rand(3))
    assert JaxEngine(given).run(given.state, rows(given, 2))[1].isnan().all()


def test_without_jax_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rugged_widget.infer.compiled.jax.ops", None)
    with pytest.raises(UnsupportedError, match=r'pip install "rugged_widget\[fast\]"'):
        JaxEngine(adam_on_a_gaussian())


def test_the_package_does_not_import_jax() -> None:
    script = "import rugged_widget, rugged_widget.infer.compiled.jax.engine, sys; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
