"""The Parameters page, without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.snapshot.request import SnapshotRequest
from rugged_widget.view.figures.number_format import fixed
from rugged_widget.view.figures.parameter_table import table_of
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.pages.parameters import ParametersPage
from tests.view import drawn
from tests.view.page_fakes import (
    BIAS,
    PROBS,
    RUNNING,
    SIGMA,
    WEIGHT,
    arrays,
    awkward,
    marginals,
    normal,
    parameter,
    point,
    reference,
    snapshot,
    value_of,
)

WORDS = Catalogue()

DATA = RegressionData.rugged()
STORY = subject_of(DATA, PROBS, WORDS)
LOC = parameter("AutoDiagonalNormal.loc", [-2.2371, -1.8097, -0.1691, 0.379, 9.1824])
SCALE = parameter("AutoDiagonalNormal.scale", [0.0552, 0.1143], [-2.86908, -2.11121])
MINUS = "\N{MINUS SIGN}"


def page(*, exact: bool = True) -> ParametersPage:
    return ParametersPage(STORY, reference(DATA, exact=exact), text=WORDS)


def latents(shown: ParametersPage) -> list[Any]:
    """Return the figures, one a latent."""
    return drawn.parts(shown.box, "rw-density")


def test_it_wants_the_parameters() -> None:
    assert page().request() == SnapshotRequest(parameters=True)


def test_small_parameters_are_written_out_constrained_beside_unconstrained() -> None:
    table = table_of(WORDS, [LOC, SCALE])
    assert f"<td>[0]</td><td>{MINUS}2.2371</td><td>{MINUS}2.2371</td>" in table
    assert f"<td>[1]</td><td>0.1143</td><td>{MINUS}2.1112</td>" in table
    assert "AutoDiagonalNormal.scale <span>(2,)</span>" in table


def test_large_parameters_are_told_by_their_first_numbers_and_their_range() -> None:
    values = np.arange(60.0).reshape(6, 10) / 10 - 2
    table = table_of(WORDS, [parameter("flow.weight", values)])
    assert table.count("<td>[") == 3
    assert f"<td>[0, 2]</td><td>{MINUS}1.8000</td>" in table
    assert f"all 60</td><td>{MINUS}2.0000 to 3.9000</td>" in table
    assert "(6, 10)" in table


def test_a_factor_whose_unconstrained_form_is_shorter_is_told_as_well() -> None:
    table = table_of(WORDS, [parameter("tril", np.eye(3), np.array([0.5, 1.0, 2.0]))])
    assert "all 9</td><td>0.0000 to 1.0000</td><td>0.5000 to 2.0000</td>" in table


def test_a_guide_of_very_many_parameters_is_cut_short() -> None:
    table = table_of(WORDS, [parameter(f"p{number}", 1.0) for number in range(50)])
    assert table.count("<tbody>") == 40
    assert "and 10 more parameters" in table


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0.0000"),
        (-2.23714, f"{MINUS}2.2371"),
        (1.234e-7, "1.234 x 10⁻⁷"),
        (123456.78, "123,457"),
        (1e9, "1.000 x 10⁹"),
        (float("nan"), "\N{EN DASH}"),
    ],
)
def test_numbers_keep_their_width_and_say_enough(value: float, written: str) -> None:
    plain = {"\N{NO-BREAK SPACE}": " ", "\N{MULTIPLICATION SIGN}": "x"}
    assert fixed(WORDS, value).translate(str.maketrans(plain)) == written


def test_names_are_text_and_stay_so() -> None:
    shown = ParametersPage(subject_of(awkward(), PROBS, WORDS), reference(awkward()), text=WORDS)
    changes = shown.update(snapshot([parameter("<b>x</b>", 1.0)], marginals()), RUNNING)
    table = value_of(changes, drawn.part(shown.box, "rw-parameters"), "value")
    assert "&lt;b&gt;x&lt;/b&gt;" in table
    assert "<b>x" not in table
    heads = [drawn.heading(latent) for latent in latents(shown)]
    assert all("<b>" not in head and "<i>" not in head for head in heads)
    assert any("&lt;b&gt;x&lt;/b&gt;" in head for head in heads)


def test_every_latent_has_its_own_density_beside_the_exact_one_and_least_squares() -> None:
    shown = page()
    changes = shown.update(snapshot([LOC], marginals()), RUNNING)
    expected = [*marginals()[WEIGHT], *marginals()[BIAS], *marginals()[SIGMA]]
    exact = [*marginals(0.2)[WEIGHT], *marginals(0.2)[BIAS], *marginals(0.2)[SIGMA]]
    for latent, guide, truth, estimate in zip(
        latents(shown), expected, exact, (-1.9, -0.2, 0.4, 9.25, 0.9), strict=True
    ):
        figure = drawn.density(latent)
        assert value_of(changes, figure.area, "x").tolist() == guide.x.tolist()
        assert value_of(changes, figure.area, "y").tolist() == guide.density.tolist()
        assert figure.exact.y.tolist() == truth.density.tolist()
        assert figure.estimate.x.tolist() == [estimate]
        assert figure.estimate.visible
        inside = value_of(changes, figure.inside, "x")
        assert (inside[0], inside[-1]) == pytest.approx((guide.lower, guide.upper))
        low, high = drawn.bounds(changes, drawn.axis(latent))
        assert low <= min(guide.x[0], truth.x[0])
        assert max(guide.x[-1], truth.x[-1]) <= high
    assert value_of(changes, drawn.part(latents(shown)[0], "rw-value"), "value") == f"median {MINUS}1.80"


def test_the_exact_densities_can_be_hidden_and_are_absent_where_there_are_none() -> None:
    shown = page()
    shown.show_exact(False)
    changes = shown.update(snapshot([LOC], marginals()), RUNNING)
    assert value_of(changes, drawn.density(latents(shown)[0]).exact, "visible") is False
    without = page(exact=False)
    changes = without.update(snapshot([LOC], marginals()), RUNNING)
    assert not drawn.density(latents(without)[0]).exact.visible
    assert all("visible" not in values for _, values in changes)
    alone = ParametersPage(STORY, None, text=WORDS)
    alone.update(snapshot([LOC], marginals()), RUNNING)
    assert not drawn.density(latents(alone)[0]).estimate.visible


def test_every_frame_holds_the_same_arrays_and_only_finite_numbers() -> None:
    shown = page()
    points = {site: tuple(point(one.median) for one in ones) for site, ones in marginals().items()}
    moments = [snapshot(), snapshot([LOC], marginals()), snapshot([LOC], points), snapshot([LOC], marginals(1e6))]
    kinds = [arrays(shown.update(moment, RUNNING)) for moment in moments]
    assert all(kind == kinds[0] for kind in kinds)
    assert {target for target, _, _ in kinds[0]} <= {id(target) for target in shown.targets}
    assert all(target in shown.targets for target, _ in shown.update(moments[0], RUNNING))


def test_a_point_is_a_thin_peak_as_high_as_the_exact_density() -> None:
    shown = page()
    points = {site: tuple(point(one.median) for one in ones) for site, ones in marginals().items()}
    changes = shown.update(snapshot([LOC], points), RUNNING)
    latent = latents(shown)[3]
    area = drawn.density(latent).area
    x, height = value_of(changes, area, "x"), value_of(changes, area, "y")
    assert np.ptp(x) < 0.02
    assert height.max() == pytest.approx(normal(9.2, 0.2).density.max(), rel=0.02)
    assert value_of(changes, drawn.part(latent, "rw-value"), "value") == "a point 9.20"


def test_an_axis_stays_where_it_is_while_it_serves() -> None:
    shown = page()
    ruler = drawn.axis(latents(shown)[0])
    frames = [shown.update(snapshot([LOC], marginals(sd)), RUNNING) for sd in (0.1, 0.101, 0.11, 0.09)]
    bounds = [drawn.bounds(changes, ruler) for changes in frames]
    assert all(bound == bounds[0] for bound in bounds)


def test_parts_are_named_for_screen_readers() -> None:
    assert page().labels["rw-latent-4"] == "Density of sigma"
