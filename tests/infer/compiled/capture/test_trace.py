"""A step becomes a graph of its parameters, wherever the model keeps them; what a graph cannot hold is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

from rugged_widget.infer.compiled.capture.functionalize import functional
from rugged_widget.infer.compiled.capture.simplify import simplify
from rugged_widget.infer.compiled.capture.trace import capture
from rugged_widget.infer.compiled.optimizer.update_rules import SGD
from rugged_widget.infer.compiled.program import UnsupportedError

RULE = SGD(momentum=0.0, nesterov=False, weight_decay=0.0)
Loss = Callable[[], Tensor]


def leaf(*values: float) -> Tensor:
    return torch.tensor(values).requires_grad_()


def captured(loss: Loss, *params: Tensor) -> Callable[[Tensor, float], tuple[Tensor, Tensor]]:
    """Capture a step of plain descent; the step takes parameters, flat, and a rate, and returns loss and parameters."""
    state = (torch.cat([param.detach().reshape(-1) for param in params]),)
    graph = functional(capture(loss, list(params), RULE, state), (*state, torch.ones(())))
    simplify(graph, (*state, torch.ones(())))
    return lambda flat, rate: graph(flat, torch.tensor(rate))


def by_autograd(loss: Loss, params: tuple[Tensor, ...], flat: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    kept = [param.detach().clone() for param in params]
    parts = torch.split(flat, [param.numel() for param in params])
    with torch.no_grad():
        for param, part in zip(params, parts, strict=True):
            param.copy_(part.view(param.shape))
    value = loss()
    grads = torch.cat([grad.reshape(-1) for grad in torch.autograd.grad(value, params)])
    with torch.no_grad():
        for param, old in zip(params, kept, strict=True):
            param.copy_(old)
    return value.detach().reshape(()), flat - rate * grads


def assert_captured(loss: Loss, *params: Tensor) -> None:
    """Compare with autograd at other parameters than the captured ones, and at another rate."""
    __tracebackhide__ = True
    before = [param.detach().clone() for param in params]
    step = captured(loss, *params)
    size = sum(param.numel() for param in params)
    for flat, rate in ((torch.linspace(0.3, 1.2, size), 1.0), (torch.linspace(2.0, -1.0, size), 0.1)):
        torch.testing.assert_close(step(flat, rate), by_autograd(loss, params, flat, rate), rtol=1e-5, atol=1e-6)
    assert all(torch.equal(param, old) for param, old in zip(params, before, strict=True))


def test_leaves_are_found_in_closures_modules_and_lists() -> None:
    a, b = leaf(0.5, -1.0), leaf(2.0)
    held, module = [b], nn.Linear(2, 1)
    params = a, b, module.weight, module.bias

    def loss() -> Tensor:
        assert module.weight is params[2]
        return (module(a[None]) ** 2).sum() * held[0].exp() + (a * b).sum()

    assert_captured(loss, *params)


def test_a_leaf_used_again_and_again_is_one_parameter() -> None:
    a = leaf(0.5, -1.0)
    assert_captured(lambda: (a * a.sin()).sum() + a[0] * a.detach()[1] + a.data.sum() * a.prod(), a)


def test_parameters_that_share_a_storage_are_kept_apart() -> None:
    storage = torch.tensor([0.1, 0.2, 0.3, 0.4])
    a, b = storage[:2].requires_grad_(), storage[2:].requires_grad_()
    assert_captured(lambda: (a**3).sum() + 10 * (b**2).sum() + (a * b).sum(), a, b)


def test_parameters_without_elements_are_parameters() -> None:
    a, empty, other = leaf(0.5, -1.0), torch.empty(0, 3).requires_grad_(), torch.empty(0).requires_grad_()
    assert_captured(lambda: (a**2).sum() + empty.sum() + (other * 2).sum() + torch.ones(0).sum(), empty, a, other)


def test_a_part_of_a_parameter_held_as_a_tensor_of_its_own_is_refused() -> None:
    a = leaf(0.5, -1.0)
    part = a.detach()[:1]
    with pytest.raises(UnsupportedError, match="part of a parameter"):
        captured(lambda: (a**2).sum() * part.sum(), a)


def test_a_detached_alias_of_a_parameter_is_the_parameter() -> None:
    a = leaf(0.5, -1.0)
    alias = a.detach()
    assert_captured(lambda: torch.sum(a**2 * alias), a)


def test_the_rate_is_an_input_and_no_part_of_the_graph() -> None:
    a = leaf(1.0, 2.0)
    step = captured(lambda: torch.sum(a**2), a)
    for rate in (0.5, 0.25, 0.0):
        torch.testing.assert_close(step(torch.ones(2), rate)[1], torch.ones(2) - 2 * rate)


def test_a_loss_of_one_element_is_a_number() -> None:
    a = leaf(1.0, 2.0)
    step = captured(lambda: (a**2).sum(0, keepdim=True), a)
    assert step(torch.ones(2), 0.1)[0].shape == ()


def test_capturing_moves_no_parameter_and_leaves_no_gradient() -> None:
    a = leaf(1.0, 2.0)
    captured(lambda: torch.sum(a**2), a)
    assert a.tolist() == [1.0, 2.0]
    assert a.grad is None


def test_arguments_are_not_validated_in_the_graph() -> None:
    a = leaf(0.5)
    assert_captured(lambda: -dist.Normal(a, a.exp()).log_prob(torch.tensor(0.3)).sum(), a)
    assert_captured(lambda: -dist.Normal(a, a.exp(), validate_args=True).log_prob(torch.tensor(0.3)).sum(), a)
    assert_captured(lambda: -dist.MultivariateNormal(a.expand(2), a.square() * torch.eye(2)).log_prob(torch.ones(2)), a)


def test_a_factorization_that_fails_makes_the_loss_nan_and_raises_nothing() -> None:
    a = leaf(1.0)
    step = captured(lambda: torch.linalg.cholesky(a * torch.eye(2)).sum(), a)
    assert step(torch.tensor([4.0]), 0.1)[0] == pytest.approx(4.0)
    assert step(torch.tensor([-4.0]), 0.1)[0].isnan()


def test_numbers_of_what_never_changes_may_be_looked_at() -> None:
    data = torch.tensor([3.0, 1.0])
    a = leaf(0.5, -1.0)

    def loss() -> Tensor:
        scale = data.tolist()[0] * data[1].item() + int(data[0].long())
        return (a**2).sum() * scale * math.exp(torch.ones(2).sum().item()) * float(np.asarray(data).sum())

    assert_captured(loss, a)


def written(value: Tensor) -> Tensor:
    kept = torch.zeros(2)
    kept[0] = value
    return kept


LOOKING: dict[str, Callable[[Tensor], Any]] = {
    "a branch on a parameter": lambda a: 2.0 if a > 0 else 1.0,
    "a branch on what comes of it": lambda a: 2.0 if (a * 2).exp() > 0 else 1.0,
    "its number": lambda a: math.exp(float(a)),
    "its number through detach": lambda a: math.exp(float(a.detach())),
    "the number of data beside it": lambda a: math.exp(float((a.data + 1).sum())),
    "item in mathematics": lambda a: math.exp(a.item()),
    "a list": lambda a: a.sin().tolist(),
    "an array": lambda a: float(a.detach().numpy()),
    "an array of NumPy's": lambda a: float(np.asarray(a.detach() * 2)),
    "a tensor of a list": lambda a: torch.tensor([[a.detach(), 1.0]]).sum(),
    "a new tensor of a tuple": lambda a: torch.zeros(2).new_tensor((1.0, a.detach() * 2)).sum(),
    "an index": lambda a: [1.0, 2.0][int(a.detach().abs().long())],
    "a comparison as a whole": lambda a: 1.0 if torch.equal(a.detach() * 1, torch.ones(())) else 2.0,
    "whether it is zero": lambda a: 1.0 if torch.is_nonzero(a.detach() * 2) else 2.0,
    "whether it is close": lambda a: 1.0 if torch.allclose(a.detach() * 1, torch.ones(())) else 2.0,
    "a random number": lambda _: float(torch.rand(())),
    "a number in which it was written": lambda a: float(written(a)[0]),
    "item of where it was written": lambda a: math.exp(written(a)[0].item()),
    "a list of where it was written": lambda a: written(a).tolist()[0],
    "a branch where it was written": lambda a: 1.0 if written(a.detach()).sum() > 0 else 2.0,
}


@pytest.mark.parametrize("how", LOOKING)
def test_python_that_looks_at_a_value_is_refused(how: str) -> None:
    a = torch.tensor(0.5).requires_grad_()
    with pytest.raises(UnsupportedError, match="looks at the value of a tensor"):
        captured(lambda: a**2 * LOOKING[how](a), a)


def test_item_that_stays_a_tensor_is_part_of_the_graph() -> None:
    a = torch.tensor(0.5).requires_grad_()
    step = captured(lambda: a**2 * (a.exp().item() + 1.0), a)
    loss, _ = step(torch.tensor([2.0]), 0.1)
    assert float(loss) == pytest.approx(4.0 * (math.exp(2.0) + 1.0))


def test_another_failure_is_told_in_one_line() -> None:
    def loss() -> Tensor:
        raise ZeroDivisionError("first line\nsecond line")

    a = leaf(0.5)
    with pytest.raises(UnsupportedError, match=r"could not be captured: .*first line$"):
        captured(loss, a)


def test_random_numbers_are_drawn_in_the_graph_and_not_baked_in() -> None:
    a = leaf(0.5, 1.0)
    graph = capture(lambda: torch.sum(a * torch.randn(2)), [a], RULE, (a.detach().clone(),))
    drawn = [float(graph(torch.ones(2), torch.tensor(0.1))[0]) for _ in range(2)]
    assert drawn[0] != drawn[1]
