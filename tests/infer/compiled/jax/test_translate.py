"""What a program is for JAX: its operations by counterparts, or refused by name; its constants apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from rugged_widget.infer.compiled.jax.engine import JaxEngine
from rugged_widget.infer.compiled.jax.translate import translated
from rugged_widget.infer.compiled.program import UnsupportedError
from tests.infer.compiled.jax.programs import in_torch, of_one_value, program, rows

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow  # importing JAX


aten: Any = torch.ops.aten


def test_operations_without_a_counterpart_are_named_before_anything_is_drawn() -> None:
    given = of_one_value(lambda x: torch.rand_like(x) + torch.bernoulli(x) + torch.nonzero(x).sum(), torch.rand(3))
    generator = torch.get_rng_state()
    with pytest.raises(
        UnsupportedError, match=r"operations aten.bernoulli.default, aten.nonzero.default, aten.rand_like"
    ):
        JaxEngine(given)
    assert torch.equal(generator, torch.get_rng_state())


REFUSED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    r"aten.masked_select.default \(with a mask that steps change\)": lambda x: x.masked_select(x > 0.5),
    r"aten.index.Tensor \(with a mask that steps change\)": lambda x: x[x > 0.5],
    r"aten.index.Tensor \(with a mask of torch.uint8\)": lambda x: aten.index.Tensor(
        x, [torch.ones(4, dtype=torch.uint8)]
    ),
    r"aten.as_strided.default \(of a view\)": lambda x: x[1:].as_strided((2,), (1,), 1),
    r"aten._to_copy.default \(with torch.bfloat16\)": lambda x: x.bfloat16().float(),
    r"aten.fft_rfft.default|aten._fft_r2c.default": lambda x: torch.fft.rfft(x).abs(),
    r"aten.special_erfcx.default": torch.special.erfcx,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_counterparts_cannot_do_is_refused_by_name(reason: str) -> None:
    given = of_one_value(REFUSED[reason], torch.tensor([0.1, 0.9, 0.2, 0.8]))
    with pytest.raises(UnsupportedError, match=reason):
        JaxEngine(given)


def test_an_argument_that_a_counterpart_does_not_know_is_refused() -> None:
    given = program(lambda state, x: (torch.add(x, state, alpha=2), state), [torch.zeros(())], [torch.zeros(())])
    with pytest.raises(UnsupportedError, match=r"aten.add.Tensor \(got an unexpected keyword argument 'alpha'\)"):
        translated(given, {"aten.add.Tensor": lambda result, left, right: result + left + right})


DECOMPOSED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "normalized": lambda x: torch.nn.functional.layer_norm(x, (3,)),
    "batch": lambda x: torch.nn.functional.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("name", DECOMPOSED)
def test_operations_that_torch_can_decompose_need_no_counterpart(name: str) -> None:
    def step(state: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gradient, loss = torch.func.grad_and_value(lambda x: (DECOMPOSED[name](x * state) ** 3).sum())(value)
        return loss, state - 0.1 * gradient

    given = program(step, [torch.ones(4, 3)], [torch.randn(4, 3)])
    inputs = rows(given, 5)
    torch.testing.assert_close(JaxEngine(given).run(given.state, inputs), in_torch(given, inputs), rtol=1e-4, atol=1e-5)


def test_constants_small_and_large_are_torchs_and_what_is_computed_of_them_is_computed_once() -> None:
    large, places = torch.randn(30, 20), torch.arange(0, 30, 3)
    given = of_one_value(
        lambda x: (large.t() @ x[places].repeat(3)) * torch.tensor(3.0) + large.t()[:, 0], torch.rand(30)
    )
    inputs = rows(given, 3)
    engine = JaxEngine(given)
    torch.testing.assert_close(engine.run(given.state, inputs)[1], in_torch(given, inputs)[1], rtol=1e-4, atol=1e-4)
    assert "aten.t.default" not in [call.name for call in engine._recipe.calls]
    assert sum(array.size for array in engine._recipe.constants.values()) < 700
