"""A loss that calls `backward` itself becomes one that can be differentiated, with the same value and gradients."""

from __future__ import annotations

from typing import Any

import pyro
import pytest
import torch

from rugged_widget.infer.step.own_gradients import whole_loss


def param() -> torch.Tensor:
    return pyro.param("a", torch.tensor([1.0, 2.0])).unconstrained()


def test_the_value_is_the_one_returned_and_the_gradient_that_of_all_backward_passes() -> None:
    a = param()

    def loss_and_grads(factor: float) -> float:
        (factor * a).sum().backward()
        (a**2).sum().backward(retain_graph=True)
        return 7.0

    loss = whole_loss(loss_and_grads, 3.0)
    assert loss.shape == ()
    assert loss.item() == 7.0
    (gradient,) = torch.autograd.grad(loss, a)
    assert gradient.tolist() == [5.0, 7.0]
    assert a.grad is None


def test_a_backward_pass_may_be_weighted() -> None:
    a = param()
    weights = torch.tensor([2.0, 3.0])
    loss = whole_loss(lambda: (a * a).backward(gradient=weights) or 0.0)
    (gradient,) = torch.autograd.grad(loss, a)
    assert gradient.tolist() == [4.0, 12.0]


def test_of_several_losses_the_first_counts() -> None:
    a = param()

    def loss_and_grads() -> tuple[float, float]:
        a.sum().backward()
        return 1.0, 2.0

    assert whole_loss(loss_and_grads).item() == 1.0


def to_some(a: torch.Tensor) -> None:
    a.sum().backward(inputs=[a])


def unseen(a: torch.Tensor) -> None:
    torch.autograd.backward(a.sum())


def without(_: torch.Tensor) -> None:
    """Compute no gradient."""


@pytest.mark.parametrize("compute", [to_some, unseen, without])
def test_what_computes_gradients_in_another_way_is_refused_and_leaves_gradients_alone(compute: Any) -> None:
    a = param()
    a.grad = torch.tensor([8.0, 9.0])
    with pytest.raises(NotImplementedError):
        whole_loss(lambda: compute(a))
    assert a.grad.tolist() == [8.0, 9.0]
