"""Summaries of the parameters of a fit."""

from __future__ import annotations

import math

import numpy as np
import pyro
import pytest
import torch
from torch.distributions import constraints

from rugged_widget.infer.diagnostics.parameter_table import MAX_ROWS, MAX_VALUES, SAMPLE, parameter_table


def test_a_small_parameter_is_given_in_full() -> None:
    scale = torch.tensor([0.5, 1.0, 2.0])
    pyro.param("scale", scale, constraint=constraints.positive)
    table = parameter_table()
    (row,) = table.rows
    assert (row.name, row.constraint, row.shape, row.num_elements) == ("scale", "positive", (3,), 3)
    np.testing.assert_allclose(row.constrained, scale, rtol=1e-6)
    np.testing.assert_allclose(row.unconstrained, scale.log(), rtol=1e-6)
    assert (table.num_parameters, table.num_elements) == (1, 3)


def test_a_large_parameter_is_a_range_a_median_and_a_histogram() -> None:
    values = torch.linspace(-1.0, 3.0, 2001).reshape(3, 667)
    pyro.param("weight", values.flip(0))
    (row,) = parameter_table().rows
    assert (row.low, row.median, row.high) == pytest.approx((-1.0, 1.0, 3.0))
    assert len(row.constrained) == len(row.unconstrained) == 0
    assert row.counts.sum() == 2001
    np.testing.assert_allclose(row.counts, 100, atol=1)


def test_ends_are_those_of_all_numbers_where_the_histogram_is_of_some() -> None:
    values = torch.zeros(3 * SAMPLE)
    values[1], values[2] = -7.0, 9.0
    pyro.param("weight", values)
    (row,) = parameter_table().rows
    assert (row.low, row.median, row.high, row.num_elements) == (-7.0, 0.0, 9.0, 3 * SAMPLE)
    assert row.counts.sum() <= SAMPLE


def test_numbers_that_are_not_finite_are_counted() -> None:
    pyro.param("some", torch.tensor([math.nan, math.inf, 1.0, 2.0]))
    pyro.param("none", torch.tensor([math.nan]))
    some, none = parameter_table().rows
    assert (some.low, some.high, some.num_not_finite) == (1.0, 2.0, 2)
    assert math.isnan(none.low)
    assert (none.counts.sum(), none.num_not_finite) == (0, 1)


def test_a_constant_and_an_empty_parameter() -> None:
    pyro.param("constant", torch.ones(50))
    pyro.param("empty", torch.zeros(0))
    constant, empty = parameter_table().rows
    assert (constant.low, constant.high, constant.counts.sum()) == (1.0, 1.0, 50)
    assert (empty.num_elements, empty.counts.sum()) == (0, 0)


def test_alike_parameters_of_a_loop_share_a_row() -> None:
    for step in range(500):
        pyro.param(f"AutoNormal.locs.x_{step}", torch.tensor(float(step)))
    pyro.param("AutoNormal.locs.mu", torch.tensor(0.0))
    loop, mu = parameter_table().rows
    assert (loop.name, loop.last_name) == ("AutoNormal.locs.x_0", "AutoNormal.locs.x_499")
    assert (loop.num_parameters, loop.num_elements, loop.shape) == (500, 500, ())
    assert (loop.low, loop.high) == (0.0, 499.0)
    assert mu.num_parameters == 1


def test_rows_and_numbers_are_bounded_and_the_rest_is_counted() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for one in letters:
        for other in letters[:10]:
            pyro.param(f"{one}{other}", torch.zeros(10))
    table = parameter_table()
    assert len(table.rows) == MAX_ROWS
    assert (table.num_parameters, table.num_elements) == (260, 2600)
    assert sum(len(row.constrained) for row in table.rows) <= MAX_VALUES


def test_looking_changes_nothing() -> None:
    value = pyro.param("scale", torch.ones(20), constraint=constraints.positive)
    before = value.detach().clone()
    table = parameter_table()
    assert not table.rows[0].counts.flags.writeable
    assert torch.equal(pyro.param("scale").detach(), before)
