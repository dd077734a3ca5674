"""Each counterpart computes in JAX what the operation computes in torch: values, shapes and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pytest
import torch

from rugged_widget.infer.compiled.jax.ops import COUNTERPARTS, FUSED
from rugged_widget.infer.compiled.jax.xla_loop import compiled_with, own_settings
from tests.infer.compiled.jax import cases as jax_cases
from tests.infer.compiled.jax import cases_places as jax_cases_places
from tests.infer.compiled.jax.trials import AGREE, Trial, given, parts, tried

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow  # importing JAX


QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_cpu_use_fusion_emitters": False,
}
"""Options of XLA that save two thirds of the time to compile."""

NOT_A_FACTOR = jax_cases.call(torch.ops.aten.linalg_cholesky_ex.default, torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
LOOK_ALIKE = [*map(Trial, (*jax_cases_places.EMPTY, jax_cases_places.LOG_SIGMOID))]
NO_NUMBERS = [Trial(NOT_A_FACTOR, table) for table in (COUNTERPARTS, FUSED)]


@pytest.fixture(scope="module")
def outcomes() -> Mapping[int, list[Any] | str]:
    """Everything at once: JAX takes its time to compile, not to compute."""
    trials = [*AGREE, *LOOK_ALIKE, *NO_NUMBERS]
    errors: dict[int, str] = {}

    def compute(arrays: list[Any]) -> list[Any]:
        found = list(map(tried, trials, arrays))
        errors.update({id(trial): one for trial, one in zip(trials, found, strict=True) if isinstance(one, str)})
        return [[] if isinstance(one, str) else one for one in found]

    with own_settings():
        arrays = list(map(given, trials))
        found = compiled_with(jax.jit(compute).lower(arrays), QUICKLY)(arrays)
        return {id(trial): one for trial, one in zip(trials, found, strict=True)} | errors


def looking_alike(trial: Trial, outcomes: Mapping[int, list[Any] | str]) -> list[tuple[Any, Any]]:
    """Return what JAX and torch make of a call, after a check that it looks the same."""
    operation, args, kwargs = trial.call
    expected, found = [value.numpy() for value in parts(operation(*args, **kwargs))], outcomes[id(trial)]
    assert not isinstance(found, str), found
    assert [(value.shape, value.dtype) for value in found] == [(value.shape, value.dtype) for value in expected]
    return list(zip(found, expected, strict=True))


@pytest.mark.parametrize("trial", AGREE, ids=str)
def test_a_counterpart_computes_what_torch_does(trial: Trial, outcomes: Mapping[int, list[Any] | str]) -> None:
    for one, other in looking_alike(trial, outcomes):
        np.testing.assert_allclose(np.asarray(one), other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("trial", LOOK_ALIKE, ids=str)
def test_values_that_torch_does_not_define_look_as_torchs(
    trial: Trial, outcomes: Mapping[int, list[Any] | str]
) -> None:
    looking_alike(trial, outcomes)


def test_the_log_sigmoid_beside_such_values_is_torchs(outcomes: Mapping[int, list[Any] | str]) -> None:
    (found, expected), _ = looking_alike(LOOK_ALIKE[-1], outcomes)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-5)


@pytest.mark.parametrize("trial", NO_NUMBERS, ids=str)
def test_a_matrix_without_a_cholesky_factor_is_told(trial: Trial, outcomes: Mapping[int, list[Any] | str]) -> None:
    (factor, _), (failed, _) = looking_alike(trial, outcomes)
    assert np.isnan(np.asarray(factor)).any()
    assert failed > 0


def test_each_counterpart_is_of_an_operation_of_torch_and_tried_here() -> None:
    tried = {str(trial.call[0]) for trial in (*AGREE, *LOOK_ALIKE)}
    assert tried == set(COUNTERPARTS) == set(FUSED)
