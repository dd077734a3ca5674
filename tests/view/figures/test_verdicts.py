"""What the verdicts say and ask for, without a page."""

from __future__ import annotations

import dataclasses
import math
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.view.labels import subject_of
from rugged_widget.snapshot.model_values import GuideNote
from rugged_widget.snapshot.snapshot import Averaged, Progress
from rugged_widget.snapshot.values import Caution, KLGap
from rugged_widget.view.figures.verdicts import ApproximationCard, ConvergenceCard
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from tests.view.judged import BIAS, DRIFTING, EARLY, UNSTABLE, approximation, convergence
from tests.view.page_fakes import snapshot

if TYPE_CHECKING:
    from rugged_widget.snapshot.snapshot import Approximation, Convergence, Status
    from rugged_widget.view.figures.verdicts import Card

ROWS = subject_of(RegressionData.rugged(), (0.05, 0.25, 0.5, 0.75, 0.95)).rows
KOREAN_ROWS = subject_of(RegressionData.rugged(), (0.05, 0.25, 0.5, 0.75, 0.95), Catalogue("ko")).rows
MINUS, K_HAT = "\N{MINUS SIGN}", "k\N{COMBINING CIRCUMFLEX ACCENT}"


class Asked:
    """Notes what is asked for."""

    def __init__(self) -> None:
        self.picked: list[tuple[str, object]] = []
        self.averaged = 0
        nothing = lambda: None  # noqa: E731
        self.requests = Requests(
            nothing, nothing, nothing, lambda name, value: self.picked.append((name, value)), self._average
        )

    def _average(self) -> None:
        self.averaged += 1


def at(step: int, **fields: Any) -> Any:
    return dataclasses.replace(snapshot(), step=step, **fields)


def progress(status: Status = "paused", step: int = 40) -> Progress:
    return Progress(status, step, 1500, -500.0, 150.0)


def told(card: Card, changes: Any) -> tuple[str, str]:
    """Return the title with its remark, and the text, as they are read."""
    found = {target: values["value"] for target, values in changes if "value" in values}
    title, text = (unescape(re.sub("<[^>]+>", " ", str(found[target]))).strip() for target in card.targets[:2])
    return tuple(re.sub("[ \N{NO-BREAK SPACE}]+", " ", text) for text in (title, text))


def converged(
    found: Convergence | None, *, step: int = 1500, language: str = "en", own_loop: Any = "", **fields: Any
) -> tuple[str, str]:
    card = ConvergenceCard(Asked().requests, text=Catalogue(language))
    present = dataclasses.replace(progress(), own_loop=own_loop)
    return told(card.card, card.update(at(step, convergence=found, **fields), present))


def judged(
    found: Approximation | None, *, step: int = 1500, language: str = "en", convergence: Convergence | None = None
) -> tuple[str, str]:
    card = ApproximationCard(lambda: ROWS, Asked().requests, text=Catalogue(language))
    return told(card.card, card.update(at(step, approximation=found, convergence=convergence), progress()))


def test_a_converged_run_says_since_when_its_noise_and_what_that_costs() -> None:
    title, text = converged(convergence(advice=""))
    assert title == "Converged: yes, since step 940."
    assert text == "The ELBO no longer changes beyond its noise (\N{PLUS-MINUS SIGN} 0.62 nats)."
    assert "costing 0.31 nats" in converged(convergence(advice="average"))[1]
    assert "lower the learning rate" in converged(convergence(advice="lower"))[1]
    assert "nan" not in converged(convergence(advice="average", noise_cost=math.nan))[1]


def test_a_run_that_is_not_converged_says_what_more_steps_would_gain() -> None:
    title, text = converged(DRIFTING)
    assert title == "Converged: not yet."
    assert "As many steps again would gain about 46 nats" in text
    assert text.endswith("Give it more steps.")
    assert "falls by 12 nats" in converged(dataclasses.replace(DRIFTING, drift=-12.34, gain=-45.6))[1]
    noisy = converged(dataclasses.replace(DRIFTING, gain=0.02, most=0.9))[1]
    assert "too noisy to tell yet: as many steps again may gain up to 0.90 nats" in noisy
    assert "no, it is unstable" in converged(UNSTABLE)[0]
    assert converged(UNSTABLE)[1].count("lower learning rate") == 1
    assert "too early" in converged(EARLY, step=3)[0]
    assert "nan" not in "".join(converged(EARLY, step=3))
    assert "not started" in converged(EARLY, step=0)[0]
    assert "not known" in converged(None)[0]


@pytest.mark.parametrize("own_loop", ["counted", "open"])
def test_a_loop_of_ones_own_is_told_of_its_loss_beside_its_noise_and_nothing_of_nats(own_loop: str) -> None:
    def text(**changes: Any) -> str:
        found = dataclasses.replace(DRIFTING, noise=1.0, **changes)
        said = converged(found, own_loop=own_loop)[1]
        assert "nats" not in said + converged(found, own_loop=own_loop, language="ko")[1]
        return said

    noisy = "with as many steps again the loss may still fall by up to 0.096, 10 % of the noise of a step. Give it more"
    assert noisy in text(gain=0.02, most=0.096)
    assert "would lower the loss by about 3.0, 300 % of the noise of a step" in text(gain=3.0, most=3.2)
    assert "The loss rises by 12 per 100 steps" in text(drift=-12.34, gain=-45.6)
    assert "The loss no longer changes beyond its noise" in text(state="converged", since=940)
    without_noise = converged(dataclasses.replace(DRIFTING, noise=0.0), own_loop=own_loop)[1]
    assert "would lower the loss by about 46" in without_noise
    assert "nan" not in without_noise
    assert "too early" in converged(EARLY, step=3, own_loop=own_loop)[0]


def test_averaged_iterates_are_told_and_not_offered_again() -> None:
    asked = Asked()
    card = ConvergenceCard(asked.requests, text=Catalogue())
    offered = [
        dict(card.update(at(step, convergence=found, averaged=averaged), progress()))[card.average]["disabled"]
        for step, found, averaged in [
            (3, EARLY, None),
            (900, DRIFTING, None),
            (1500, convergence(), None),
            (1500, convergence(), Averaged(940, 1500, 10)),
        ]
    ]
    assert offered == [True, True, False, True]
    card.average.click()
    assert asked.averaged == 1
    assert "57 iterates, steps 940 to 1,500" in converged(convergence(), averaged=Averaged(940, 1500, 10))[1]


def test_the_default_run_is_told_why_it_is_no_good_and_what_to_try() -> None:
    title, text = judged(approximation())
    assert title == f"Approximation good: no ({K_HAT} = 0.74)."
    assert f"(rugged and bias: correlation {MINUS}0.77)" in text
    assert "up to 47 % too narrow (cont_africa)" in text
    assert "Try the multivariate guide." in text
    assert f"{K_HAT} over 3 repeats: 0.66 to 0.84, good below 0.70." in text


def test_a_good_guide_is_not_told_to_try_another() -> None:
    title, text = judged(approximation("good"))
    assert title == f"Approximation good: yes ({K_HAT} = 0.31)."
    assert "within 4 % of the exact ones" in text
    assert "Try" not in text


def test_repeats_on_both_sides_of_the_threshold_are_called_borderline_never_good() -> None:
    title, text = judged(approximation("borderline"))
    assert title == f"Approximation good: borderline ({K_HAT} = 0.69)."
    assert "do not agree" in text
    assert "do not agree" not in judged(approximation("borderline", k_hats=np.array([0.3, 0.4])))[1]


def test_intervals_that_k_hat_does_not_find_narrow_are_told_all_the_same() -> None:
    _, text = judged(approximation(k_hats=np.array([0.4, 0.5, 0.6])))
    assert f"{K_HAT} alone would not show it." in text
    assert "alone" not in judged(approximation())[1]
    assert "alone" not in judged(approximation("good"))[1]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"reason": "means", "shifted": (BIAS, (0,)), "mean_shifts": {BIAS: np.array([-3123.0])}},
            "Its mean of bias is off by 3,100 standard deviations of the posterior.",
        ),
        ({"reason": "gap", "gap": KLGap(8.1234, 0.1)}, "It is 8.1 nats (KL) from the posterior."),
        ({"reason": "ruled_out", "ruled_out": 0.5, "gap": None}, "The model rules out 50 % of its draws."),
        ({"reason": "weights", "k_hats": np.full(3, math.inf)}, "A few of its draws have all the weight."),
    ],
)
def test_a_guide_that_is_off_is_told_by_how_much_and_not_that_it_should_correlate(
    found: dict[str, Any], said: str
) -> None:
    text = judged(approximation(**found))[1]
    assert text.startswith(said)
    assert "independent" not in text
    assert "Train until it has converged." in text
    after = judged(approximation(**found), convergence=convergence())[1]
    assert "Try the multivariate guide." in after
    assert "converged" not in after
    korean = judged(approximation(**found), language="ko")[1]
    assert re.search("[가-힣]", korean)
    assert len(korean) < 200


def test_a_k_hat_that_is_infinite_is_written_as_a_sign() -> None:
    title, text = judged(approximation(reason="weights", k_hats=np.full(3, math.inf)))
    assert title == f"Approximation good: no ({K_HAT} = \N{INFINITY})."
    assert f"{K_HAT} over 3 repeats: \N{INFINITY} to \N{INFINITY}" in text
    assert "inf" not in title + text


def test_a_k_hat_that_does_not_show_it_is_said_not_to_show_a_shift() -> None:
    shift = {"reason": "means", "shifted": (BIAS, (0,)), "mean_shifts": {BIAS: np.array([0.9])}}
    assert f"{K_HAT} alone would not show it." in judged(approximation(k_hats=np.array([0.1, 0.2]), **shift))[1]
    assert "alone" not in judged(approximation(**shift))[1]


def test_a_good_guide_is_told_how_near_its_means_are() -> None:
    near = {"shifted": (BIAS, (0,)), "mean_shifts": {BIAS: np.array([-0.123])}}
    assert "Its means are within 0.13 standard deviations." in judged(approximation("good", **near))[1]
    assert "means" not in judged(approximation("good"))[1]


def test_without_an_exact_posterior_nothing_of_it_is_claimed() -> None:
    blind: dict[str, Any] = {"sd_ratios": {}, "worst": None, "correlated": None, "correlation": math.nan, "gap": None}
    for quality in ("poor", "borderline", "good"):
        text = judged(approximation(quality, **blind))[1]
        assert "nan" not in text
        assert "exact" not in text
    assert "the posterior may not" in judged(approximation(**blind))[1]
    assert "miss a part" in judged(approximation(**blind, correlates=True))[1]


def test_a_guide_that_is_too_wide_is_told_so_and_a_latent_without_a_row_by_its_site() -> None:
    _, text = judged(approximation(sd_ratios={"z": np.array([1.0, 1.5])}, worst=("z", (1,)), correlates=True))
    assert "up to 50 % too wide (z[1])" in text
    assert "lower learning rate" in text


@pytest.mark.parametrize(
    ("ratio", "english", "korean"),
    [
        (0.53, "up to 47 % too narrow (bias)", "최대 47 % 좁습니다(편향)"),
        (1 / 12, "as narrow as 1/12 of the exact ones (bias)", "정확한 것의 12분의 1입니다(편향)"),
        (1e-6, "as narrow as 1/1,000,000 of the exact ones (bias)", "1,000,000분의 1입니다(편향)"),
        (2.6, "up to 160 % too wide (bias)", "최대 160 % 넓습니다(편향)"),
        (3.2, "up to 3 times as wide as the exact ones (bias)", "정확한 것의 3배입니다(편향)"),
        (2458.09, "up to 2,500 times as wide as the exact ones (bias)", "정확한 것의 2,500배입니다(편향)"),
    ],
)
def test_a_width_that_is_far_off_is_told_as_a_factor(ratio: float, english: str, korean: str) -> None:
    found = approximation(sd_ratios={BIAS: np.array([ratio])}, worst=(BIAS, (0,)))
    assert english in judged(found)[1]
    card = ApproximationCard(lambda: KOREAN_ROWS, Asked().requests, text=Catalogue("ko"))
    assert korean in told(card.card, card.update(at(1500, approximation=found), progress()))[1]


def test_a_correlation_and_a_share_that_are_nearly_all_are_not_said_to_be() -> None:
    assert f"correlation {MINUS}0.998)" in judged(approximation(correlation=-0.998))[1]
    assert "99.7 % of the guide's draws count" in judged(approximation("good", effective=0.997))[1]
    assert "rules out > 99.9 % of" in judged(approximation(reason="ruled_out", ruled_out=0.9999))[1]
    assert "0.66 to 0.698, good below 0.70" in judged(approximation("good", k_hats=np.array([0.66, 0.698])))[1]


def test_a_point_is_told_to_say_nothing_of_uncertainty() -> None:
    title, text = judged(approximation("point"))
    assert "not assessed (point estimate)" in title
    assert "nan" not in text
    assert "multivariate" in text


def test_while_it_runs_the_last_verdict_stays_and_says_of_which_step_it_is() -> None:
    card = ApproximationCard(lambda: ROWS, Asked().requests, text=Catalogue())

    def say(step: int, status: Status, found: Approximation | None = None) -> tuple[str, str]:
        return told(card.card, card.update(at(step, approximation=found), progress(status, step)))

    assert say(0, "ready")[0] == "Approximation good: not judged yet."
    assert say(10, "running")[0] == "Approximation good: judged when training rests."
    title, text = say(640, "paused", approximation())
    assert "As of" not in text
    later, old = say(700, "running")
    assert later == title
    assert old.replace("As of step 640. ", "") == text != old
    assert card.card.sentence.endswith("As of step 640.")
    assert say(5, "running")[0] == "Approximation good: judged when training rests."  # another run


def test_the_multivariate_guide_is_offered_where_it_would_help_and_picked_by_the_button() -> None:
    asked = Asked()
    card = ApproximationCard(lambda: ROWS, asked.requests, text=Catalogue())
    offered = [
        not dict(card.update(at(9, approximation=found), progress()))[card.cure]["disabled"]
        for found in (
            None,
            approximation(),
            approximation("borderline"),
            approximation("point"),
            approximation("good", correlates=False),
            approximation(correlates=True),
        )
    ]
    assert offered == [False, True, True, True, False, False]
    card.cure.click()
    assert asked.picked == [("guide", "multivariate")]


def test_switches_ask_only_when_they_are_pressed() -> None:
    asked = Asked()
    first, second = (
        ConvergenceCard(asked.requests, text=Catalogue()),
        ApproximationCard(lambda: ROWS, asked.requests, text=Catalogue()),
    )
    first.show_stop(value=True)
    second.show_correct(value=True)
    assert (first.stop.value, second.correct.value, asked.picked) == (True, True, [])
    first.stop.value = second.correct.value = False
    assert asked.picked == [("stop_when_converged", False), ("correct", False)]


def test_a_guide_that_can_correlate_is_told_to_average_unless_that_was_done() -> None:
    card = ApproximationCard(lambda: ROWS, Asked().requests, text=Catalogue())
    found = approximation("borderline", correlates=True)
    assert "Average the iterates" in told(card.card, card.update(at(9, approximation=found), progress()))[1]
    done = at(9, approximation=found, averaged=Averaged(4, 9, 1))
    text = told(card.card, card.update(done, progress()))[1]
    assert "Average" not in text
    assert "lower learning rate" in text


def test_names_of_columns_stay_text() -> None:
    rows = [dataclasses.replace(row, label="<b>x</b>") for row in ROWS]
    card = ApproximationCard(lambda: rows, Asked().requests, text=Catalogue())
    changes = card.update(at(9, approximation=approximation()), progress())
    said = "".join(str(values.get("value")) for _, values in changes)
    assert "&lt;b&gt;x&lt;/b&gt;" in said
    assert "<b>" not in said


def test_every_verdict_is_told_in_korean_and_a_change_of_language_renames_the_buttons() -> None:
    assert converged(convergence(), language="ko")[0] == "최적화기 수렴 여부: 예, 940 스텝부터입니다."
    assert "47 % 좁습니다(cont_africa)" in judged(approximation(), language="ko")[1]
    for quality in ("good", "borderline", "point"):
        assert re.search("[가-힣]", judged(approximation(quality), language="ko")[1])
    text = Catalogue()
    card = ConvergenceCard(Asked().requests, text=text)
    text.speak("ko")
    assert (card.average.description, card.stop.description) == ("매개변수 평균", "수렴하면 멈추기")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_no_text_is_longer_than_the_lines_that_are_kept_for_it(language: str) -> None:
    longest = {"en": 330, "ko": 200}[language]  # characters on six lines of 346 px; Korean ones are wider
    for quality in ("poor", "borderline", "good", "point"):
        near = {} if quality == "point" else {"shifted": (BIAS, (0,)), "mean_shifts": {BIAS: np.array([-0.123])}}
        assert len(judged(approximation(quality, **near), language=language)[1]) <= longest
    for found in (convergence(advice="lower"), convergence(advice="average"), DRIFTING, UNSTABLE, EARLY):
        assert len(converged(found, language=language)[1]) <= longest // 2


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_card_says_why_the_guide_was_chosen_and_in_what_it_does_not_agree_with_its_model(language: str) -> None:
    text = Catalogue(language)
    card = ApproximationCard(lambda: ROWS, Asked().requests, text=text)
    reason = GuideNote("normal", {"elements": 12_345})
    wrong = GuideNote("misspelt", {"site": "<b>x", "other": "z"}), GuideNote("missing", {"site": "z"})
    for judgement in (None, approximation()):
        snap = at(1500, approximation=judgement, guide_reason=reason, guide_warnings=wrong)
        changes = {target: values["value"] for target, values in card.update(snap, progress()) if "value" in values}
        values = [str(changes[target]) for target in card.card.targets]
        assert text("guide_notes.normal", elements=12_345) in values[1]
        assert text("guide_notes.misspelt", site="&lt;b&gt;x", other="z") in values[2]
        assert text("guide_notes.missing", site="z") in values[2]
        assert "<b>x" not in values[2]


def test_what_is_wrong_with_the_data_comes_before_what_is_wrong_with_the_guide() -> None:
    card = ApproximationCard(lambda: ROWS, Asked().requests, text=Catalogue())
    card.show_cautions((Caution("far_weight", (BIAS, (0,)), {"sds": 4.0, "now": 0.01, "scale": 50.0}),))
    wrong = (GuideNote("missing", {"site": "z"}),)
    card.update(at(1500, guide_warnings=wrong), progress())
    assert "Priors and data conflict" in card.card.sentence
    assert "leaves out" not in card.card.sentence
