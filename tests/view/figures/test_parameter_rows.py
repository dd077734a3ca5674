"""The table of parameters of any model."""

from __future__ import annotations

from typing import Any

import numpy as np

from rugged_widget.snapshot.model_values import ParameterSummary, ParameterTable
from rugged_widget.view.figures.parameter_rows import owner_of, rows_of, summary_of
from rugged_widget.view.i18n.catalogue import Catalogue

TEXT = Catalogue()
MINUS = "\N{MINUS SIGN}"


def row(name: str, **fields: Any) -> ParameterSummary:
    values = fields.pop("values", ())
    given = {
        "constraint": "real",
        "shape": (len(values),),
        "num_elements": len(values),
        "low": -1.0,
        "median": 0.25,
        "high": 2.5,
        "counts": np.arange(20.0),
        "constrained": np.array(values, dtype=float),
        "unconstrained": np.array(values, dtype=float),
    }
    return ParameterSummary(name=name, **(given | fields))


LARGE = row("decoder$$$fc1.weight", shape=(400, 50), num_elements=20_000)


def table(*rows: ParameterSummary, num_parameters: int | None = None) -> ParameterTable:
    count = sum(one.num_parameters for one in rows) if num_parameters is None else num_parameters
    return ParameterTable(rows, count, sum(one.num_elements for one in rows))


def test_small_parameters_are_written_out_constrained_beside_unconstrained() -> None:
    scale = row("scale", constraint="positive", values=[0.5, 2.0], unconstrained=np.log([0.5, 2.0]))
    html = rows_of(TEXT, table(scale))
    assert "scale <span>(2,) · above a bound</span>" in html
    assert f"<td>[0]</td><td>0.5000</td><td>{MINUS}0.6931</td>" in html
    assert "rw-range" not in html


def test_a_single_number_stands_beside_its_name() -> None:
    scale = row("scale", constraint="positive", shape=(), values=[0.5], unconstrained=np.log([0.5]))
    html = rows_of(TEXT, table(scale))
    assert f"scale <span>() · above a bound</span></th><td>0.5000</td><td>{MINUS}0.6931</td></tr>" in html


def test_large_ones_are_a_range_with_a_histogram() -> None:
    html = rows_of(TEXT, table(LARGE))
    assert f"{MINUS}1.00 to 2.50, median 0.250" in html
    assert html.count("<svg") == 1
    assert html.count("M") == 19  # the empty bin has no bar


def test_parameters_stand_under_their_network() -> None:
    bias = row("decoder$$$fc1.bias", values=[1.0])
    html = rows_of(TEXT, table(LARGE, bias, row("scale", values=[1.0])))
    assert html.count("rw-owner") == 1
    assert "decoder <span>20,001 numbers</span>" in html
    assert '<th colspan="3" scope="rowgroup" title="decoder$$$fc1.weight">fc1.weight <span>(400, 50)</span>' in html
    assert html.count("rw-owned") == 2


def test_the_owner_is_a_network_or_an_automatic_guide() -> None:
    assert owner_of("decoder$$$fc1.weight") == ("decoder", "fc1.weight")
    assert owner_of("AutoNormal.locs.mu") == ("AutoNormal", "locs.mu")
    assert owner_of("scale") == ("", "scale")
    assert owner_of(".odd") == ("", ".odd")


def test_alike_ones_are_a_row_with_their_number() -> None:
    loop = row("AutoNormal.locs.x_0", last_name="AutoNormal.locs.x_9", num_parameters=10, shape=(), num_elements=10)
    html = rows_of(TEXT, table(loop))
    assert "locs.x_0 … locs.x_9 <span>10 parameters</span>" in html


def test_what_is_not_finite_is_said() -> None:
    bad = row("w", num_not_finite=7, counts=np.zeros(20), num_elements=20, low=np.nan, median=np.nan, high=np.nan)
    html = rows_of(TEXT, table(bad))
    assert "Not finite: 7" in html
    assert "<svg" not in html


def test_names_are_text() -> None:
    html = rows_of(TEXT, table(row('<b>"$$$<i>', values=[1.0]), row("<u>")))
    assert not any(tag in html for tag in ("<b>", "<i>", "<u>"))


def test_the_rest_and_the_total_are_said() -> None:
    some = table(LARGE, num_parameters=1200)
    assert "and 1,199 more parameters" in rows_of(TEXT, some)
    assert summary_of(TEXT, some) == "1,200 parameters with 20,000 numbers"
    assert "more parameter" not in rows_of(TEXT, table(LARGE))
