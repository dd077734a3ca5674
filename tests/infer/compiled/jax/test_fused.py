"""Operations compute the same as parts of one function of the processor: this says whether a version of XLA can it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from rugged_widget.infer.compiled.jax import xla_loop as jax_loop
from rugged_widget.infer.compiled.jax.ops import FUSED
from rugged_widget.infer.compiled.jax.xla_loop import compiled_as_one, own_settings
from tests.infer.compiled.jax.trials import AGREE, Trial, given, parts, tried

EACH = 40
"""Trials in one function: the time to compile it grows as their square."""

TRIALS = [Trial(trial.call, FUSED, trial.known) for trial in AGREE if trial.table is not FUSED]


def can_be_fused(trial: Trial) -> bool:
    with own_settings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_loop, "compiled_with", lambda *_: True)
        arrays = given(trial)
        return bool(arrays) and compiled_as_one(lambda arrays: tried(trial, arrays), [arrays]) is not None


@pytest.mark.slow
@pytest.mark.skipif(not jax_loop.is_fusing(), reason="this version of XLA has not been tried")
@pytest.mark.parametrize("start", range(0, len(TRIALS), EACH))
def test_operations_compute_what_torch_does_as_parts_of_one_function(start: int) -> None:
    trials = [trial for trial in TRIALS[start : start + EACH] if can_be_fused(trial)]
    assert len(trials) > EACH / 2
    with own_settings():
        arrays = list(map(given, trials))
        compiled = compiled_as_one(lambda *arrays: list(map(tried, trials, arrays)), arrays)
        found, _ = compiled(*arrays)
    for (operation, args, kwargs), outcome in zip((trial.call for trial in trials), found, strict=True):
        for one, other in zip(outcome, parts(operation(*args, **kwargs)), strict=True):
            np.testing.assert_allclose(np.asarray(one), other.numpy(), rtol=2e-5, atol=2e-6, err_msg=str(operation))


def test_what_cannot_be_fused_is_left_to_the_other_way() -> None:
    with own_settings():
        numbers = np.ones((2, 2), np.float32)
        assert compiled_as_one(jax.numpy.linalg.cholesky, [numbers]) is None
        assert compiled_as_one(lambda one, _: one, [numbers, np.ones(0)]) is None
