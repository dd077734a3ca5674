"""Batches come from what users have, each once, and again where a step is taken again."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

from rugged_widget.infer.step.arguments import Call, FixedArguments
from rugged_widget.infer.step.batch_sources import BatchError
from rugged_widget.infer.step.batches import MIN_KEPT, BatchArguments, arguments_of
from rugged_widget.snapshot.values import Epoch

A, B = torch.arange(3.0), torch.ones(3)
PACKED = pack_sequence([A, B[:2]])


def test_a_tuple_is_spread_and_fixed_arguments_follow() -> None:
    call = BatchArguments([(A, 2)], (B,), {"scale": 3}).at(0)
    assert call.args == (A, 2, B)
    assert call.kwargs == {"scale": 3}
    assert call.tensors == (A,)
    assert call.constant == {2: B, "scale": 3}


@pytest.mark.parametrize(
    ("batch", "args", "kwargs"),
    [
        ([A, B], (A, B), {}),
        ({"x": A}, (), {"x": A}),
        ({1: A}, ({1: A},), {}),
        (A, (A,), {}),
        ("text", ("text",), {}),
        (None, (None,), {}),
        (PACKED, (PACKED,), {}),
    ],
    ids=["list", "names", "other keys", "tensor", "text", "none", "packed sequence"],
)
def test_a_batch_becomes_arguments(batch: Any, args: Any, kwargs: Any) -> None:
    call = Call.of_batch(batch, (), {})
    assert (call.args, call.kwargs) == (args, kwargs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((A, 1), (B, 1)),
        ({"x": [A, B], "n": None}, {"x": [B, A], "n": None}),
        ((A, A), (B, B)),
    ],
)
def test_calls_that_differ_by_numbers_in_tensors_are_of_one_form(one: Any, other: Any) -> None:
    assert Call.of_batch(one, (A,), {}).form == Call.of_batch(other, (A,), {}).form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((A, 1), (A, 2)),
        ((A, 1), (A, True)),
        ((A,), (A[:2],)),
        ((A,), (A.double(),)),
        ((torch.ones(2, 3),), (torch.ones(3, 2).T,)),
        ((A, B), (A, A)),
        ((A,), [(A,)]),
        ({"x": A}, {"y": A}),
    ],
    ids=["numbers", "types", "shapes", "dtypes", "strides", "the same twice", "nesting", "names"],
)
def test_all_else_makes_another_form(one: Any, other: Any) -> None:
    assert Call.of_batch(one, (), {}).form != Call.of_batch(other, (), {}).form


@pytest.mark.parametrize(
    "thing", [np.ones(2), torch.nn.Parameter(A.clone()), A.to_sparse(), object(), [A, object()], PACKED]
)
def test_what_cannot_be_compared_has_no_form(thing: Any) -> None:
    assert Call.of_batch((A, thing), (), {}).form is None


def test_fixed_arguments_are_alike_where_they_are_the_same_things() -> None:
    assert FixedArguments((A,), {"x": B}).at(0).form == FixedArguments((A,), {"x": B}).at(7).form
    assert FixedArguments((A,)).at(0).form != FixedArguments((A.clone(),)).at(0).form


def test_a_step_that_is_taken_again_has_its_batch_and_its_random_numbers() -> None:
    def drawn() -> Any:
        return torch.rand(2), np.random.rand(), random.random()

    pyro.set_rng_seed(0)
    arguments, following = BatchArguments(drawn), []
    for step in range(6):
        arguments.at(step, thorough=True)
        following.append(drawn())
    for step in (2, 3, 4, 5, 1, 2):
        arguments.at(step, thorough=True)
        numbers, *others = drawn()
        assert torch.equal(numbers, following[step][0])
        assert others == list(following[step][1:])


def test_what_is_forgotten_cannot_be_had_again() -> None:
    arguments = BatchArguments([(A,), (B,)])
    arguments.at(5)
    arguments.forget(3)
    assert arguments.at(3).args == (B,)
    with pytest.raises(RuntimeError, match="batch of step 3 was forgotten"):
        arguments.at(2)


def test_large_batches_are_kept_for_fewer_steps() -> None:
    small, large = (BatchArguments(iter([(torch.zeros(size),)])) for size in (10, 1 << 24))
    small.at(0)
    large.at(0)
    assert large.reach == MIN_KEPT < small.reach


def test_an_error_of_a_later_batch_is_kept_for_its_step() -> None:
    def some() -> Any:
        yield from [A, B]
        raise OSError("gone")

    arguments = BatchArguments(some)
    assert len(list(arguments.following(0, 5))) == 2
    with pytest.raises(BatchError, match="batch of step 3 could not be had: OSError: gone"):
        arguments.at(2)


@pytest.mark.parametrize(
    ("batches", "epochs"),
    [
        ([A, B], [Epoch(1, 0, 2), Epoch(1, 1, 2), Epoch(1, 2, 2), Epoch(2, 1, 2), Epoch(2, 2, 2), Epoch(3, 1, 2)]),
        (
            lambda: iter([A, B]),
            [Epoch(1, 0), Epoch(1, 1), Epoch(1, 2, 2), Epoch(2, 1, 2), Epoch(2, 2, 2), Epoch(3, 1, 2)],
        ),
        (lambda: A, [None] * 6),
        (None, [None] * 6),
    ],
    ids=["list", "iterators", "function", "fixed"],
)
def test_epochs_are_counted(batches: Any, epochs: Any) -> None:
    arguments, seen = arguments_of((A,), None, batches), []
    for step in range(6):
        arguments.at(step)
        seen.append(arguments.epoch(step))
    assert seen == epochs


def test_the_epoch_of_an_earlier_step_is_told_from_that_step() -> None:
    arguments = BatchArguments([A, B])
    arguments.at(5)
    assert arguments.epoch(2) == Epoch(1, 2, 2)


def test_a_pass_that_gives_nothing_any_more_ends_it() -> None:
    iterator = iter([A, B])
    arguments = BatchArguments(lambda: iterator)
    arguments.at(1)
    with pytest.raises(BatchError, match=r"The batches ended after step 2: the function gave none any more\. Pass"):
        arguments.at(2)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (7, "got 7"),
        ("xyz", "got 'xyz'"),
        (OrderedDict(x=A), r"got OrderedDict: one batch is given as \[batch\]"),
        (TensorDataset(A), r"got TensorDataset, which gives single rows: use DataLoader\(TensorDataset, \.\.\.\)"),
    ],
    ids=["number", "text", "mapping", "dataset"],
)
def test_what_gives_no_batches_is_refused(batches: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"batches must be an iterable of batches, a DataLoader, or .*{message}"):
        BatchArguments(batches)


def test_an_iterator_that_was_used_up_is_explained() -> None:
    with pytest.raises(ValueError, match="empty list_iterator; one that was gone through before cannot begin again"):
        BatchArguments(iter([])).at(0)


def test_a_loader_begins_again_where_the_one_before_ended() -> None:
    torch.manual_seed(0)
    loader: Any = DataLoader(TensorDataset(torch.arange(6)), batch_size=4, shuffle=True)
    expected = [batch for _ in range(3) for (batch,) in loader]
    torch.manual_seed(0)
    arguments = BatchArguments(loader)
    assert [arguments.at(step).args[0].tolist() for step in range(6)] == [batch.tolist() for batch in expected]
