"""Numbers of batches that change are told from those that do not, and tensors are put in their place."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import torch

from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.numbers import VaryingNumbers, as_tensor, with_tensors

X = torch.ones(2)


class Pair(NamedTuple):
    one: Any
    other: Any


def test_places_are_those_that_were_ever_another_in_batches_of_the_same_structure() -> None:
    varying = VaryingNumbers()
    assert varying.places("a", [1, 2.0, 3]) == ()
    assert varying.places("a", [1, 2.5, 3]) == (1,)
    assert varying.places("b", [1, 9.0, 3]) == ()
    assert varying.places("a", [2, 2.0, 3]) == (0, 1)
    assert varying.places("a", [1, 2.0, 3]) == (0, 1)
    varying.hold()
    assert varying.places("a", [1, 2.0, 3]) == ()


def test_numbers_are_replaced_inside_of_what_holds_them_and_the_original_stays() -> None:
    nested = (Pair(1, [2.0, "text", True]), OrderedDict(a=3, b=None), 4)
    tensors = {1: torch.tensor(20.0), 2: torch.tensor(30), 3: torch.tensor(40)}
    pair, named, last = with_tensors(nested, tensors)
    assert pair == Pair(1, [tensors[1], "text", True])
    assert named == OrderedDict(a=tensors[2], b=None)
    assert last is tensors[3]
    assert nested == (Pair(1, [2.0, "text", True]), OrderedDict(a=3, b=None), 4)


def test_a_float_is_of_the_default_type_and_an_int_a_whole_number() -> None:
    assert as_tensor(0.5).dtype == torch.float32
    assert as_tensor(np.float64(0.5)).dtype == torch.float32
    assert as_tensor(3).dtype == torch.int64


def test_calls_that_differ_by_such_a_number_are_of_one_form_from_the_second_on() -> None:
    varying = VaryingNumbers()
    first, second, third = (Call.of_batch((X, heat, 5), (), {}, varying) for heat in (0.1, 0.2, 0.3))
    assert first.form != second.form
    assert second.form == third.form
    assert (first.numbers, first.opened) == ((), None)
    assert third.numbers == (0.3,)
    assert third.args == (X, 0.3, 5)
    opened = third.opened
    assert opened is not None
    assert opened.args[1] is third.tensors[-1]
    assert opened.args[2] == 5
    assert Call.of_batch((X, 0.3, 6), (), {}, varying).form != third.form


def test_a_number_given_by_name_is_one_too() -> None:
    varying = VaryingNumbers()
    calls = [Call.of_batch({"x": X, "heat": heat}, (), {"scale": 2.0}, varying) for heat in (0.1, 0.2)]
    assert calls[1].numbers == (0.2,)
    opened = calls[1].opened
    assert opened is not None
    assert opened.kwargs == {"x": X, "heat": calls[1].tensors[-1], "scale": 2.0}


def test_booleans_and_text_decide_on_a_way_and_stay() -> None:
    varying = VaryingNumbers()
    calls = [Call.of_batch((X, flag, text), (), {}, varying) for flag, text in ((True, "a"), (False, "a"), (True, "b"))]
    assert len({call.form for call in calls}) == 3
    assert all(call.numbers == () for call in calls)
