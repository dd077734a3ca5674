"""Parameters and moments go from Pyro's optimizer to flat vectors and back, and nobody can tell afterwards."""

from __future__ import annotations

from typing import Any

import pyro.optim
import pytest
import torch

from rugged_widget.infer.compiled.optimizer.flat_state import Link
from rugged_widget.infer.compiled.program import State, UnsupportedError

ADAM: Any = pyro.optim.Adam  # Pyro makes them at import
SGD: Any = pyro.optim.SGD
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Adam": (ADAM, {"lr": 0.1}),
    "Adam with weight decay": (ADAM, {"lr": 0.1, "weight_decay": 0.2}),
    "ClippedAdam": (pyro.optim.ClippedAdam, {"lr": 0.1, "lrd": 0.9, "clip_norm": 0.5}),
    "AdamW": (pyro.optim.AdamW, {"lr": 0.1, "weight_decay": 0.2}),
    "AdagradRMSProp": (pyro.optim.AdagradRMSProp, {"eta": 0.1}),
    "DCTAdam": (pyro.optim.DCTAdam, {"lr": 0.1, "lrd": 0.9}),
    "RMSprop": (pyro.optim.RMSprop, {"lr": 0.1, "momentum": 0.3}),
    "SGD": (SGD, {"lr": 0.1}),
    "SGD with momentum": (SGD, {"lr": 0.1, "momentum": 0.9}),
}


class Fitted:
    """Three parameters of other shapes and their optimizer, stepped with gradients that only the count decides."""

    def __init__(self, kind: str, dtype: torch.dtype = torch.float32) -> None:
        make, options = KINDS[kind]
        shapes = [(2, 3), (), (4,)]
        generator = torch.Generator().manual_seed(1)
        self.params = [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]
        self.optim = make(dict(options))
        self.name_of_rate = "eta" if "eta" in options else "lr"
        self.count = 0

    def gradients(self) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(self.count)
        return [torch.randn(param.shape, generator=generator, dtype=param.dtype) for param in self.params]

    def step(self, times: int) -> None:
        for _ in range(times):
            self.count += 1
            for param, gradient in zip(self.params, self.gradients(), strict=True):
                param.grad = gradient
            self.optim(self.params)

    def rate(self) -> float:
        objects = list(self.optim.optim_objs.values())
        return float(objects[0].param_groups[0][self.name_of_rate]) if objects else 0.1

    def step_by_rule(self, link: Link, times: int) -> None:
        """Take steps on the vectors that the link reads, and write back where they lead."""
        state, count = link.read()
        rates = link.rule.decayed(self.rate(), times)
        for k in range(times):
            self.count += 1
            gradients = torch.cat([gradient.reshape(-1) for gradient in self.gradients()])
            factors = torch.as_tensor(link.rule.rates(rates[k : k + 1], count + k + 1), dtype=gradients.dtype)
            state = link.rule.update(state[0], gradients, state[1:], tuple(factors[:, 0]))
        link.write(state, count + times)
        for optimizer in self.optim.optim_objs.values():
            optimizer.param_groups[0][self.name_of_rate] = float(rates[-1])

    def values(self) -> list[torch.Tensor]:
        return [param.detach().clone() for param in self.params]

    def moments(self) -> list[dict[str, Any]]:
        return [self.optim.optim_objs[param].state[param] for param in self.params]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [0, 1, 4])
def test_steps_taken_elsewhere_and_written_back_are_gone_on_from_as_if_the_optimizer_had_taken_them(
    kind: str, before: int
) -> None:
    fitted, alone = Fitted(kind), Fitted(kind)
    fitted.step(before)
    link = Link(fitted.optim, fitted.params)
    fitted.step_by_rule(link, 3)
    fitted.step(2)
    fitted.step_by_rule(link, 1)
    fitted.step(4)
    alone.step(before + 10)
    torch.testing.assert_close(fitted.values(), alone.values(), rtol=1e-5, atol=1e-6)
    for found, expected in zip(fitted.moments(), alone.moments(), strict=True):
        assert found.keys() == expected.keys()
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        assert {key: type(value) for key, value in found.items()} == {key: type(expected[key]) for key in found}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [0, 4])
def test_what_is_read_and_written_back_is_what_it_was(kind: str, before: int) -> None:
    fitted, alone = Fitted(kind), Fitted(kind)
    for each in (fitted, alone):
        each.step(before)
    link = Link(fitted.optim, fitted.params)
    link.write(*link.read())
    for each in (fitted, alone):
        each.step(3)
    torch.testing.assert_close(fitted.values(), alone.values(), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [0, 4])
def test_an_older_state_written_back_is_gone_on_from_as_if_nothing_had_come_after(kind: str, before: int) -> None:
    fitted, alone = Fitted(kind), Fitted(kind)
    for each in (fitted, alone):
        each.step(before)
    link, rate = Link(fitted.optim, fitted.params), fitted.rate()
    old = link.read()
    fitted.step(3)
    link.write(*old)
    fitted.count = before
    for optimizer in fitted.optim.optim_objs.values():
        optimizer.param_groups[0][fitted.name_of_rate] = rate
    for each in (fitted, alone):
        each.step(3)
    torch.testing.assert_close(fitted.values(), alone.values(), rtol=1e-6, atol=1e-7)


def test_what_is_read_is_memory_of_its_own() -> None:
    fitted = Fitted("Adam")
    fitted.step(2)
    state, count = Link(fitted.optim, fitted.params).read()
    kept = [vector.clone() for vector in state]
    fitted.step(3)
    assert count == 2
    assert [len(vector) for vector in state] == [11, 11, 11]
    assert all(torch.equal(vector, copy) for vector, copy in zip(state, kept, strict=True))


def test_writing_keeps_the_tensors_that_model_and_optimizer_hold() -> None:
    fitted = Fitted("Adam")
    fitted.step(2)
    held = [id(param) for param in fitted.params], [id(value) for kept in fitted.moments() for value in kept.values()]
    link = Link(fitted.optim, fitted.params)
    fitted.step_by_rule(link, 2)
    assert held == (
        [id(param) for param in fitted.params],
        [id(value) for kept in fitted.moments() for value in kept.values()],
    )
    assert all(param.requires_grad and param.is_leaf for param in fitted.params)


def test_a_gradient_left_by_a_step_that_was_broken_off_does_not_count_in_the_next() -> None:
    fitted = Fitted("Adam")
    fitted.step(1)
    link = Link(fitted.optim, fitted.params)
    fitted.params[0].grad = torch.ones(2, 3)
    link.write(*link.read())
    assert all(param.grad is None or not param.grad.any() for param in fitted.params)


def test_a_parameter_that_earlier_steps_have_moved_and_these_do_not_is_refused() -> None:
    fitted = Fitted("Adam")
    first, *others = fitted.params
    Link(fitted.optim, [first], others)
    fitted.step(1)
    Link(fitted.optim, fitted.params).zero_gradients()
    assert not any(param.grad.any() for param in fitted.params)
    with pytest.raises(UnsupportedError, match="moments of earlier steps"):
        Link(fitted.optim, [first], others)


def test_parts_of_a_vector_belong_to_the_parameters_in_order() -> None:
    fitted = Fitted("Adam")
    link = Link(fitted.optim, fitted.params)
    parts = link.by_parameter(link.read()[0][0])
    for part, param in zip(parts, fitted.params, strict=True):
        assert torch.equal(part, param.detach().reshape(-1))


def test_writes_of_others_are_noticed_and_its_own_are_not() -> None:
    fitted = Fitted("Adam")
    link = Link(fitted.optim, fitted.params)
    fitted.step_by_rule(link, 2)
    assert not link.touched
    with torch.no_grad():
        fitted.params[1].add_(1.0)
    assert link.touched
    link.read()
    assert not link.touched
    fitted.step(1)
    assert link.touched


def test_double_precision_stays_double() -> None:
    fitted, alone = Fitted("Adam", torch.float64), Fitted("Adam", torch.float64)
    link = Link(fitted.optim, fitted.params)
    fitted.step_by_rule(link, 3)
    alone.step(3)
    assert all(vector.dtype == torch.float64 for vector in link.read()[0])
    torch.testing.assert_close(fitted.values(), alone.values(), rtol=1e-12, atol=1e-14)


def two_dtypes() -> list[torch.Tensor]:
    return [torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True, dtype=torch.float64)]


def ones() -> list[torch.Tensor]:
    return [torch.ones(2, requires_grad=True)]


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "two precisions": (ADAM({"lr": 0.1}), two_dtypes, "not all of one dtype"),
    "nothing to learn": (ADAM({"lr": 0.1}), list, "nothing to fit"),
    "complex numbers": (ADAM({"lr": 0.1}), lambda: [torch.ones(2, dtype=torch.complex64)], "not real numbers"),
    "another optimizer": (pyro.optim.Rprop({"lr": 0.1}), ones, "Rprop is none of"),
    "an option": (ADAM({"lr": 0.1, "amsgrad": True}), ones, "amsgrad=True"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_vectors_cannot_hold_is_refused_with_a_reason(kind: str) -> None:
    optim, make_params, reason = REFUSED[kind]
    with pytest.raises(UnsupportedError, match=reason):
        Link(optim, make_params())


def test_parameters_that_were_stepped_more_often_than_others_are_refused() -> None:
    fitted = Fitted("Adam")
    fitted.step(2)
    for param in fitted.params[:1]:
        fitted.optim([param])
    with pytest.raises(UnsupportedError, match="more often than others"):
        Link(fitted.optim, fitted.params)


def test_asking_makes_no_optimizer_before_the_first_step() -> None:
    fitted = Fitted("Adam")
    state: State
    state, count = Link(fitted.optim, fitted.params).read()
    assert count == 0
    assert not state[1].any()
    assert not fitted.optim.optim_objs
