"""A `pyro.infer.SVI` is taken apart into what a fit is made of."""

from __future__ import annotations

from typing import Any

import pyro
import pytest
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO

from rugged_widget.infer.step.loss import LossWithGradients
from rugged_widget.infer.step.svi_settings import settings_of_svi
from tests.infer.step.bare import BareLoop, assert_same, fitted, matrix_guide, matrix_model
from tests.infer.step.test_loss import by_hand, with_gradients

ADAM: Any = pyro.optim.Adam  # type: ignore[attr-defined] # Pyro makes it at import


def svi(**more: Any) -> SVI:
    arguments = {"model": matrix_model, "guide": matrix_guide, "optim": ADAM({"lr": 0.05}), "loss": Trace_ELBO()}
    return SVI(**arguments | more)  # type: ignore[no-untyped-call]


def test_the_parts_are_the_very_objects() -> None:
    elbo, optim = TraceEnum_ELBO(), ADAM({"lr": 0.1})
    settings = settings_of_svi(svi(loss=elbo, optim=optim))
    assert (settings.model, settings.guide) == (matrix_model, matrix_guide)
    assert settings.optimizer is optim
    assert settings.loss is elbo


def test_a_function_and_gradients_of_ones_own_are_told_apart() -> None:
    assert settings_of_svi(svi(loss=by_hand)).loss is by_hand
    bound = Trace_ELBO().differentiable_loss
    assert settings_of_svi(svi(loss=bound)).loss == bound
    loss = settings_of_svi(svi(loss=by_hand, loss_and_grads=with_gradients)).loss
    assert isinstance(loss, LossWithGradients)
    assert (loss.loss, loss.loss_and_grads) == (by_hand, with_gradients)


@pytest.mark.parametrize("more", [{}, {"loss": by_hand}, {"loss": by_hand, "loss_and_grads": with_gradients}])
def test_a_fit_of_the_parts_takes_its_steps(more: dict[str, Any]) -> None:
    loop = BareLoop(ADAM({"lr": 0.05}), **more)
    settings = settings_of_svi(loop.svi)
    fit = fitted(settings.optimizer, model=settings.model, make_guide=lambda _: settings.guide, elbo=settings.loss)
    fit.advance(10)
    loop.step(10)
    assert_same(fit, loop)


class Patient(SVI):
    def step(self, *args: Any, **kwargs: Any) -> Any:
        return super().step(*args, **kwargs)  # type: ignore[no-untyped-call]


def test_steps_of_its_own_are_refused() -> None:
    patient = Patient(matrix_model, matrix_guide, ADAM({"lr": 0.1}), Trace_ELBO())  # type: ignore[no-untyped-call]
    with pytest.raises(TypeError, match=r"^svi must .*got Patient with a step\(\) of its own"):
        settings_of_svi(patient)
