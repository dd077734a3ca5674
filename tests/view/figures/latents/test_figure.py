"""The figure of the latents: what it shows of any model, and what is asked of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rugged_widget.snapshot.snapshot import Correction
from tests.latent_board import LatentBoard
from tests.view import drawn
from tests.view.figures.latents.fakes import Shown, normal, site, snapshot

SCHOOLS = {"tau": normal(2.2, 0.5), "mu": normal(6.6), "eta": normal(np.arange(8.0))}
SITES = [site("mu"), site("tau", kind="positive"), site("eta", (8,)), site("y", (8,), role="observed")]


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_few_latents_have_a_row_each_in_the_order_of_the_model(shown: Shown) -> None:
    shown.show(snapshot(SCHOOLS, sites=SITES))
    assert shown.names == ["mureal", "taupositive", "etareal (8)", *[f"eta[{number}]" for number in range(8)]]
    assert shown.words[:4] == ["6.6 [5.0, 8.2]", "2.2 [1.4, 3.0]", "8 elements", "0.0 [\N{MINUS SIGN}1.6, 1.6]"]
    assert shown.count == "10 elements"
    assert shown.figure.sentence(snapshot()) == (
        "mu 6.6, tau 2.2, eta[0] 0.0, eta[1] 1.0, eta[2] 2.0, eta[3] 3.0, eta[4] 4.0, eta[5] 5.0"
    )


def test_elements_of_a_site_share_a_scale_and_those_of_another_do_not_widen_it(shown: Shown) -> None:
    shown.show(snapshot(SCHOOLS))
    mu_alone = Shown().show(snapshot({"mu": SCHOOLS["mu"]}))
    lines = shown.path("thin").split("M")[1:]
    assert mu_alone.path("thin").split(" ")[0].removeprefix("M") in lines[1].split(" ")[0]
    starts = [int(line.split(" ")[0]) for line in lines[2:]]
    assert np.ptp(np.diff(starts)) <= 1, "elements that are evenly apart are drawn so"


def test_elements_too_different_for_a_scale_have_one_each(shown: Shown) -> None:
    quantiles = np.concatenate([normal([1.0], 0.01), normal([9000.0], 800.0)], axis=1)
    shown.show(snapshot({"w": quantiles}))
    lengths = [int(end) - int(start) for start, end in _ends(shown.path("thin"))]
    assert min(lengths) > 300


def _ends(path: str) -> list[tuple[str, str]]:
    lines = path.split("M")[1:]
    return [(line.split(" ")[0], line.split("H")[1]) for line in lines]


def test_many_latents_have_a_row_a_site_and_the_element_that_moves_most(shown: Shown) -> None:
    medians = np.linspace(-2, 2, 100).reshape(20, 5)
    shown.show(snapshot({"w": normal(medians), "b": normal(0.3)}, step=1))
    moved = medians.copy()
    moved[7, 3] += 0.5
    shown.show(snapshot({"w": normal(moved), "b": normal(0.3)}, step=2))
    assert shown.names == ["wother (20, 5)", "w[7, 3]moves most", "bother"]
    assert (shown.words[0], shown.words[2]) == ("100 elements", "0.3 [\N{MINUS SIGN}1.3, 1.9]")
    assert shown.path("band")
    assert 30 < shown.path("dots").count("M") <= 60
    assert shown.count == "2 sites"


def test_the_element_that_moves_most_is_that_of_its_own_width_and_does_not_flicker(shown: Shown) -> None:
    values, sd = np.zeros(30), np.ones(30)
    sd[4] = 0.01

    def frame(step: int) -> Shown:
        return shown.show(snapshot({"w": values + np.outer([-1.645, -0.674, 0, 0.674, 1.645], sd)}, step=step))

    frame(1)
    values[2], values[4] = 0.1, 0.01  # the second moved by more of its width
    assert frame(2).names[1] == "w[4]moves most"
    values[9] = 1.0  # as much of its own width as the other
    assert frame(3).names[1] == "w[4]moves most"
    values[9] = 7.0
    assert frame(4).names[1] == "w[9]moves most"
    assert frame(4).names[1] == "w[9]moves most", "the same snapshot again moves nothing"


def test_sites_that_come_late_change_and_vanish_are_shown_as_they_are(shown: Shown) -> None:
    shown.show(snapshot({}, step=0))
    assert "first step" in shown.html("drawing")
    targets = shown.figure.targets
    shown.show(snapshot({"a": normal(1.0)}, step=1))
    shown.show(snapshot({"a": normal(1.0), "late": normal([1.0, 2.0])}, step=2))
    assert shown.names == ["aother", "lateother (2)", "late[0]", "late[1]"]
    shown.look("late[1]")
    shown.show(snapshot({"late": normal([[1.0, 2.0, 3.0]])}, step=3))
    assert "no element" in shown.html("drawing")
    shown.show(snapshot({"a": normal(1.0)}, step=4))
    assert "No latent is called" in shown.html("drawing")
    assert shown.look("").names == ["aother"]
    assert shown.figure.targets is targets


def test_a_discrete_element_has_a_column_a_value(shown: Shown) -> None:
    probabilities = {"z": [[0.2, 0.5], [0.7, 0.25], [0.1, 0.25]]}
    shown.show(snapshot({"mu": normal(0.0)}, probabilities=probabilities, sites=[site("z", (2,)), site("mu")]))
    assert shown.names == ["z3 values (2)", "z[0]", "z[1]", "mureal"]
    assert shown.words[:3] == ["2 elements", "1: 0.70", "0: 0.50"]
    assert shown.path("columns").count("Z") == 9
    shown.look("z[0]")
    assert shown.names == ["z[0]3 values (2)", "= 0", "= 1", "= 2"]
    assert shown.words[1:] == ["0.20", "0.70", "0.10"]
    assert shown.path("bar").count("M") == 3
    assert shown.count == "3 values"


def test_a_simplex_has_a_bar_an_element_from_zero(shown: Shown) -> None:
    shown.show(snapshot({"p": normal([0.1, 0.6, 0.3], 0.01)}, sites=[site("p", (3,), "simplex")]))
    assert shown.names[0] == "psimplex (3)"
    starts = {start for start, _ in _ends(shown.path("bar"))}
    assert len(starts) == 1
    assert not shown.path("thick")


def test_shares_of_a_whole_have_one_scale_however_small_one_is(shown: Shown) -> None:
    shown.show(snapshot({"p": normal([0.001, 0.999], 1e-6)}, sites=[site("p", (2,), "simplex")]))
    small, large = (float(end) - float(start) for start, end in _ends(shown.path("bar")))
    assert small < 0.01 * large


def test_a_model_without_latents_shows_its_parameters_once_they_are_asked_for(shown: Shown) -> None:
    shown.show(snapshot(step=0))
    assert not shown.figure.request().parameters
    shown.show(snapshot(step=1))
    assert (shown.calls, shown.figure.request().parameters) == (1, True)
    shown.show(snapshot(step=2, parameters={"weight": [[1.0, -2.0]], "scale": 0.5}))
    assert shown.names == ["weight(1, 2)", "weight[0, 0]", "weight[0, 1]", "scale"]
    assert shown.words == ["2 elements", "1.0000", "\N{MINUS SIGN}2.0000", "0.5000"]
    assert "Parameters" in shown.figure.targets[0].value
    assert "no latents" in shown.figure.targets[1].value
    shown.show(snapshot({"a": normal(1.0)}, step=3))
    assert (shown.calls, shown.figure.request().parameters) == (2, False)


def test_parameters_in_place_of_latents_that_cannot_be_drawn_are_not_said_to_be_all_there_is(shown: Shown) -> None:
    shown.show(snapshot(step=2, sites=[site("kind", (3,), "discrete")], parameters={"probs": [0.5, 0.5]}))
    assert shown.names == ["probs(2)", "probs[0]", "probs[1]"]
    assert "no draws of the latents" in shown.figure.targets[1].value


def test_a_search_opens_a_site_page_by_page(shown: Shown) -> None:
    shown.show(snapshot({"weights": normal(np.arange(60.0)), "b": normal(0.0)}))
    shown.look("weig")
    assert (shown.names[1], len(shown.names), shown.count) == ("weights[0]", 25, "1\N{EN DASH}24 of 60 elements")
    shown.press("on").press("on")
    assert (shown.names[1], len(shown.names), shown.count) == ("weights[48]", 13, "49\N{EN DASH}60 of 60 elements")
    assert shown.button("on").disabled
    assert shown.press("back").names[1] == "weights[24]"
    assert shown.press("all").names == ["weightsother (60)", "weights[0]", "bother"]
    assert shown.button("all").layout.display == "none"
    assert shown.search.options == ("weights", "b")


def test_two_dimensions_can_be_seen_as_a_heat_map(shown: Shown) -> None:
    shown.show(snapshot({"w": normal(np.linspace(-2, 1, 12).reshape(3, 4))}))
    assert shown.button("heat").layout.display == "none"
    shown.look("w")
    shown.button("heat").value = True
    shown.show(shown.latest)  # type: ignore[arg-type]
    assert 'aria-label="w[0, 0] to w[2, 3]"' in shown.html("drawing")
    assert "rw-heat-below" in shown.html("drawing")
    assert drawn.bare(shown.html("drawing")).endswith("\N{MINUS SIGN}2.002.0")
    assert (shown.html("names"), shown.html("words"), shown.count) == ("", "", "12 elements")
    shown.look("w[0]")
    assert shown.names[1:] == ["w[0, 0]", "w[0, 1]", "w[0, 2]", "w[0, 3]"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_said_and_draws_nothing_wrong(shown: Shown, value: float) -> None:
    quantiles = normal([0.0, 1.0, 2.0])
    quantiles[:, 1] = value
    shown.show(snapshot({"w": quantiles, "v": np.full((5, 40), value)}))
    shown.look("w")
    assert shown.words[2] == "not finite"
    for kind in ("thin", "ring", "dots", "band"):
        assert "nan" not in shown.path(kind)
        assert "inf" not in shown.path(kind)
    shown.look("v").button("heat")


def test_a_point_has_no_interval(shown: Shown) -> None:
    shown.show(snapshot({"w": normal([1.5, 2.5], 0.0)}))
    assert shown.words[1:] == ["1.5000", "2.5000"]
    assert not shown.path("thin")


def test_names_of_users_stay_text(shown: Shown) -> None:
    name = '<b onclick="x">&'
    shown.show(snapshot({name: normal([1.0, 2.0])}))
    shown.look("<i>")
    assert "<i>" not in shown.html("drawing")
    shown.look("")
    assert "<b onclick" not in shown.html("names") + shown.html("words")
    assert shown.names[1] == f"{name}[0]"


def test_the_end_of_a_long_name_and_the_index_behind_it_are_never_cut_off(shown: Shown) -> None:
    shown.show(snapshot({"decoder.layer_3.linear.weight": normal([1.0, 2.0])}))
    assert "<span>decoder.layer_3.linear</span><i>.weight</i>" in shown.html("names")
    assert "<span>decoder.layer_3.linear</span><i>.weight[1]</i>" in shown.html("names")


def test_the_corrected_interval_is_drawn_where_it_is_wanted_and_known(shown: Shown) -> None:
    correction = Correction(quantiles={"w": normal([1.0, 2.0], 2.0)}, k_hat=0.1, effective=0.9, reliable=True)
    shown.show(snapshot({"w": normal([1.0, 2.0])}, correction=correction))
    assert not shown.path("corrected")
    shown.figure.correct(True)
    shown.show(snapshot({"w": normal([1.0, 2.0])}, correction=correction))
    assert shown.path("corrected").count("M") == 2


def test_it_speaks_the_language_of_the_page(shown: Shown) -> None:
    shown.show(snapshot(SCHOOLS, sites=SITES))
    shown.text.speak("ko")
    shown.show(snapshot(SCHOOLS, sites=SITES))
    assert shown.names[:3] == ["mu실수", "tau양수", "eta실수 (8)"]
    assert shown.count == "원소 10개"
    assert shown.search.placeholder == "잠재변수 찾기 …"


def test_nothing_grows_and_a_frame_is_small_however_many_latents_there_are(shown: Shown) -> None:
    rng = np.random.default_rng(1)

    def frame(step: int, count: int) -> int:
        sites = {f"s{number}": normal(rng.normal(size=100)) for number in range(count)}
        shown.show(snapshot(sites, step=step))
        return sum(len(target.value) for target in shown.figure.targets)

    sizes = [frame(step, 100) for step in range(1, 6)]
    assert max(sizes) < 30_000
    assert repr(shown.figure) == "LatentFigure(Pages(100 sites on 9), Picker('', page 0))"
    drawer = repr(vars(shown.figure)["_drawer"])
    frame(6, 3)
    assert len(repr(vars(shown.figure)["_drawer"])) < len(drawer)


def test_of_a_very_large_site_some_elements_are_followed_and_none_is_kept(shown: Shown) -> None:
    values = np.zeros(50_001)
    for step, moved in enumerate((0.0, 2.0)):
        values[30_000], values[30_001] = moved, 5 * moved
        shown.show(snapshot({"w": normal(values)}, step=step))
    assert shown.names[1] == "w[30000]moves most"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_explains_it_and_asks_for_what_it_shows(language: str) -> None:
    board = LatentBoard()
    board.dashboard.speak(language)
    figure = drawn.part(board, "rw-latents-figure")
    panel = drawn.part(figure, "rw-explain-panel").value
    assert "5 %" in panel
    assert "eta[3]" in panel
    assert drawn.parts(board, "rw-quantiles") == []
    if language == "ko":
        shown = [text.value for text in drawn.texts(figure)]
        assert [text for text in shown if re.search(r"\b(?:[a-z]{2,} ){3}", re.sub("<[^>]*>", "", text))] == []
