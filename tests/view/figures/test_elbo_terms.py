"""The figure of the terms of the ELBO: its bars, its words, and the term that worsened."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rugged_widget.snapshot.model_values import ElboTerm, ElboTermsNote
from rugged_widget.snapshot.snapshot import ElboCurve, Progress, Snapshot
from rugged_widget.view.figures.elbo_term_changes import MAX_BARS, TermChanges, bars_of
from rugged_widget.view.figures.elbo_terms import ElboTermsFigure, elbo_terms_facts, tick_words
from rugged_widget.view.figures.explanation import Explanation
from rugged_widget.view.i18n.catalogue import LANGUAGES, Catalogue
from tests.view.drawn import minus

if TYPE_CHECKING:
    from rugged_widget.snapshot.model_values import TermRole

NOTHING = ElboCurve(np.zeros(0), np.zeros(0), np.zeros(0))
RUNNING, PAUSED = (Progress(status, 5, 100, -5.0, 10.0) for status in ("running", "paused"))


def term(site: str, mean: float, sd: float = 0.5, role: TermRole = "latent", count: int = 16) -> ElboTerm:
    return ElboTerm(site, role, mean, sd, count)


SCHOOLS = (
    term("y", -30.12, 0.8, "observed"),
    term("mu", -0.7, 0.6),
    term("tau", -1.1),
    term("joint", 2.0, 0.7, "guide"),
)


def snapshot_of(*terms: ElboTerm, step: int = 5, note: ElboTermsNote | None = None) -> Snapshot:
    return Snapshot(
        step=step,
        elbo=-5.0,
        learning_rate=0.01,
        num_rows=1,
        curve=NOTHING,
        probs=(0.5,),
        quantiles={},
        elbo_terms=terms,
        elbo_terms_note=note,
    )


def shown(figure: ElboTermsFigure, snapshot: Snapshot, progress: Progress = RUNNING) -> str:
    """Return the HTML of the figure after a frame."""
    ((_body, values),) = figure.update(snapshot, progress)
    return str(values["value"])


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def rows(html: str) -> list[tuple[str, str, dict[str, float]]]:
    """Return name, value and places of each bar."""
    found = []
    for part in html.split('<div class="rw-term')[1:]:
        if part.startswith("s-"):  # rows and grid
            continue
        places = {name: float(place) for name, place in re.findall(r"--rw-(\w+): ([-\d.]+)", part)}
        name, value = (re.search(rf'rw-term-{css}"[^>]*>(.*?)</span>', part) for css in ("name", "value"))
        assert name is not None
        assert value is not None
        found.append((plain(name[1]), value[1], places))
    return found


def test_each_site_has_a_bar_from_zero_to_its_mean_and_a_whisker_as_wide_as_a_draw_scatters() -> None:
    y, mu, _, joint = rows(shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*SCHOOLS)))
    assert [y[:2], mu[:2]] == [("y (observed)", minus("-30.1 ± 0.8")), ("mu", minus("-0.7 ± 0.6"))]
    assert joint[:2] == ("guide, jointly", "2.0 ± 0.7")
    zero = y[2]["to"]
    assert mu[2]["to"] == joint[2]["from"] == zero
    unit = (zero - y[2]["from"]) / 30.12
    assert joint[2]["to"] == pytest.approx(zero + 2 * unit, abs=1e-3)
    assert y[2]["high"] - y[2]["low"] == pytest.approx(1.6 * unit, abs=1e-3)
    assert all(0 <= place <= 1 for _, _, places in (y, mu, joint) for place in places.values())


def test_a_term_of_rounding_alone_is_written_as_0() -> None:
    html = shown(
        ElboTermsFigure(text=Catalogue()), snapshot_of(term("y", -15.0, 2.0, "observed"), term("z", -3e-7, 3e-7))
    )
    assert [value for _, value, _ in rows(html)] == [minus("-15.0 ± 2.0"), "0"]


def test_the_heading_says_how_many_draws_there_are() -> None:
    assert "mean of 16 draws" in plain(shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*SCHOOLS)))


def test_many_terms_are_summed_into_a_last_bar() -> None:
    terms = [term(f"z{number}", -float(number), 0.3) for number in range(30)]
    bars = bars_of(terms)
    assert len(bars) == MAX_BARS
    assert [bar.site for bar in bars[:-1]] == [f"z{number}" for number in range(19, 30)]
    assert bars[-1].count == 19
    assert bars[-1].mean == -sum(range(19))
    assert bars[-1].spread == pytest.approx(0.3 * math.sqrt(19))
    assert "19 others" in plain(shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*terms)))


def test_a_term_keeps_its_bar_until_another_is_much_larger() -> None:
    terms = [term(f"z{number}", 10.0 if number < 11 else 1.0) for number in range(20)]
    before = [bar.site for bar in bars_of(terms)]
    assert "z0" in before
    terms[0], terms[15] = term("z0", 8.0), term("z15", 10.0)
    assert "z0" in [bar.site for bar in bars_of(terms, before)]
    terms[15] = term("z15", 13.0)
    assert "z0" not in [bar.site for bar in bars_of(terms, before)]


def test_terms_that_are_not_finite_have_no_bar_and_unknown_scatter_no_whisker() -> None:
    (bar,) = bars_of([term("a", -math.inf), term("b", -1.0, math.nan), term("c", math.nan)])
    assert (bar.site, bar.spread) == ("b", 0.0)
    assert rows(shown(ElboTermsFigure(text=Catalogue()), snapshot_of(term("b", -1.0, math.nan))))[0][1] == minus(
        "-1.00"
    )


def test_names_are_text() -> None:
    html = shown(ElboTermsFigure(text=Catalogue()), snapshot_of(term('<b>"x"</b>', -1.0)))
    assert "<b>&quot;" not in html
    assert "&lt;b&gt;&quot;x&quot;&lt;/b&gt;" in html


def test_what_cannot_be_told_is_said() -> None:
    figure = ElboTermsFigure(text=Catalogue())
    assert plain(shown(figure, snapshot_of(step=0))).endswith("nats The terms are known after the first step.")
    failed = shown(figure, snapshot_of(note=ElboTermsNote("failed", "ValueError: <no>")))
    assert "The terms could not be computed: ValueError: &lt;no&gt;" in failed
    other = shown(figure, snapshot_of(*SCHOOLS, note=ElboTermsNote("other_loss", "RenyiELBO")))
    assert "the loss, RenyiELBO, is not their sum" in plain(other)
    assert len(rows(other)) == 4


class TestTheTermThatWorsened:
    def test_while_training_runs_it_is_told_since_some_frames_ago(self) -> None:
        figure = ElboTermsFigure(text=Catalogue())
        shown(figure, snapshot_of(term("y", -40.0, role="observed"), term("tau", -1.0), step=10))
        snapshot = snapshot_of(term("y", -30.0, role="observed"), term("tau", -2.5), step=40)
        html = shown(figure, snapshot)
        assert "Fell most since step 10: tau, by 1.5 nats" in plain(html)
        assert html.count("rw-term-worst") == 1
        assert figure.sentence(snapshot) == "Fell most since step 10: tau, by 1.5 nats"

    def test_what_is_within_the_noise_of_the_draws_is_not_told(self) -> None:
        changes = TermChanges()
        changes.worst(1, [term("tau", -1.0)], running=True)
        assert changes.worst(2, [term("tau", -1.4)], running=True) is None  # standard errors are 0.125

    def test_at_rest_it_is_told_since_the_last_rest(self) -> None:
        changes = TermChanges()
        changes.worst(1, [term("a", 0.0)], running=True)
        for step in range(2, 100):
            changes.worst(step, [term("a", -float(step))], running=True)
        first = changes.worst(100, [term("a", -100.0)], running=False)
        assert first is not None
        assert first.since == 70
        assert changes.worst(100, [term("a", -100.0)], running=False) == first  # drawn anew, as in another language
        for step in range(101, 200):
            changes.worst(step, [term("a", -float(step))], running=True)
        later = changes.worst(200, [term("a", -200.0)], running=False)
        assert later == ("a", 100.0, 100)

    def test_a_run_that_begins_again_is_compared_with_itself(self) -> None:
        changes = TermChanges()
        changes.worst(500, [term("a", 0.0)], running=False)
        assert changes.worst(0, [], running=False) is None
        assert changes.worst(3, [term("a", -50.0)], running=True) is None
        assert changes.worst(2, [term("a", -90.0)], running=True) is None

    def test_no_sum_of_others_is_marked(self) -> None:
        html = shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*[term(f"z{n}", -1.0) for n in range(20)]))
        assert "rw-term-worst" not in html.replace("rw-terms-worse", "")


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_figure_and_explanation_speak_every_language(language: str) -> None:
    text = Catalogue("en")
    figure = ElboTermsFigure(text=text)
    explanation: Explanation[Any] = Explanation(text, "elbo_terms", elbo_terms_facts)
    text.speak(language)
    snapshot = snapshot_of(*SCHOOLS, term("z", -1.0, role="enumerated"))
    ((_panel, values),) = explanation.update(snapshot, PAUSED)
    assert str(values["value"]).count("<p>") == 7
    html = shown(figure, snapshot)
    assert ("(observed)" in html) == (language == "en")
    assert set(figure.labels) == {"rw-terms"}


def test_there_is_room_for_the_longest_value_and_ticks_are_written_alike() -> None:
    html = shown(ElboTermsFigure(text=Catalogue()), snapshot_of(term("y", -1e27, 3e26, "observed"), term("z", -0.7)))
    ((_, value, _), _) = rows(html)
    assert re.findall(r"--rw-value: (\d+)", html) == [str(len(value))]
    assert "e27" not in html
    assert minus("-10²⁷") in html
    assert tick_words("2.5e6") == "2.5 \N{MULTIPLICATION SIGN} 10⁶"
    assert tick_words("1000") == "1,000"
    assert re.findall(r"--rw-value: (\d+)", shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*SCHOOLS))) == ["16"]


def test_a_single_draw_is_no_mean() -> None:
    html = shown(ElboTermsFigure(text=Catalogue()), snapshot_of(term("y", -3.0, 0.0, "observed", 1)))
    assert "draws" not in html


def test_terms_that_are_not_finite_have_no_bar_and_are_named() -> None:
    odd = [term(f"x_{number}", math.nan) for number in range(5)]
    html = shown(ElboTermsFigure(text=Catalogue()), snapshot_of(*SCHOOLS, *odd))
    assert "not finite: x_0, x_1, x_2, \N{HORIZONTAL ELLIPSIS}" in html
    assert len(rows(html)) == len(SCHOOLS)
