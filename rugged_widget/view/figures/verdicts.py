"""Two verdict cards on a run: convergence and approximation."""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from html import escape

import ipywidgets

from rugged_widget.snapshot.model_values import GuideNote
from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.snapshot.values import Approximation, Caution, Convergence, Latent
from rugged_widget.view.figures.chart import Explained, html_text
from rugged_widget.view.figures.heldout import fall_words
from rugged_widget.view.figures.hint_words import hint_words
from rugged_widget.view.figures.number_format import (
    TIMES,
    against,
    brief,
    correlation,
    share,
    short,
    times,
    to_decimals,
)
from rugged_widget.view.frames.silent_widgets import LateText, Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.captions import caption
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from rugged_widget.view.subject import Row, element_label
from rugged_widget.view.widgets import Control, button, classed, hbox, vbox

MAX_WARNINGS = 3
"""Sentences about a guide that does not agree with its model that the card has room for."""

_MOVEMENTS = frozenset({"gains", "noisy", "falls", "converged"})  # what is told in numbers

CURE = "multivariate"  # the guide to try where one that cannot correlate latents is not good enough


class SilentButton(Silent, ipywidgets.Button):
    """A button that frames enable and disable; the style sheet hides it while it is disabled."""


class Card:
    """A verdict: a sentence, why it is so, and widgets that do something about it."""

    def __init__(self, name: str, actions: Sequence[ipywidgets.Widget], explain: Explained | None) -> None:
        self._title, self._text = html_text("rw-verdict-title"), html_text("rw-verdict-text")
        self._caution = html_text("rw-caution")
        head = hbox("rw-verdict-head", self._title, *([] if explain is None else [explain.box]))
        said = head, self._text, self._caution
        self.box = vbox(f"rw-verdict {name}", *said, hbox("rw-verdict-actions", *actions))
        self.targets: tuple[Silent, ...] = (self._title, self._text, self._caution)
        self._sentence = ""
        self._later: Callable[[], Changes] | None = None

    @property
    def sentence(self) -> str:
        """What it says, for who does not see it; plain text."""
        if self._later is not None:
            self._later()
        return self._sentence

    def tell(
        self, title: str, sentences: Sequence[str], *, remark: str = "", test: str = "", caution: str = ""
    ) -> Changes:
        """Return the changes that make it say this, all of it plain text; keep the title for who does not see it.

        `sentences` say why it is so; empty ones are left out. `remark` says when it was so, where that is not now, and
        `test` what was measured, on a line of its own with the remark. A `caution` stands below, in view.
        """
        self._sentence, self._later = " ".join(filter(None, (title, remark, caution))), None
        why = escape(" ".join(filter(None, sentences)))
        last = f"<b>{escape(remark)}</b> {escape(test)}".strip() if remark else escape(test)
        measured = f'<p class="rw-test">{last}</p>' if last else ""
        return [
            (self._title, {"value": f"<h3>{escape(title)}</h3>"}),
            (self._text, {"value": f"<p>{why}</p>{measured}"}),
            (self._caution, {"value": f"<p>{escape(caution)}</p>" if caution else ""}),
        ]

    def tell_later(self, tell: Callable[[], Changes]) -> Changes:
        """Return the changes that `tell` returns by a call of the method above, made once the texts are needed."""
        self._later = told = cache(tell)
        return [
            (target, {"value": LateText(lambda at: str(told()[at][1]["value"]), at)})
            for at, target in enumerate(self.targets)
        ]


def _nothing() -> None:
    """Do nothing, for a button that is hidden."""


class ConvergenceCard:
    """A card that says, live, how far the optimizer has converged."""

    def __init__(self, requests: Requests, *, text: Catalogue, explain: Explained | None = None) -> None:
        self._text = text
        self.stop = classed(ipywidgets.Checkbox(value=False, indent=False), "rw-stop-when-converged")
        self._stop = Control(self.stop, False, partial(requests.pick, "stop_when_converged"))
        self.average = button("rw-average", requests.average or _nothing, SilentButton, disabled=True)
        if requests.average is None:
            self.average.layout.display = "none"
        self.card = Card("rw-converged", [self.stop, self.average], explain)
        self.targets = (*self.card.targets, self.average)
        caption(self.stop, text, "verdict.button.stop", "verdict.button.stop_tip")
        caption(self.average, text, "verdict.button.average", "verdict.button.average_tip")

    def show_stop(self, value: bool) -> None:
        """Make the box show `value`, without asking for it."""
        self._stop.show(value)

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        convergence = snapshot.convergence
        done = convergence is not None and convergence.state == "converged"
        return [
            *self.card.tell_later(partial(self._told, snapshot, is_of_loss=bool(progress.own_loop))),
            (self.average, {"disabled": not done or snapshot.averaged is not None}),
        ]

    def _told(self, snapshot: Snapshot, *, is_of_loss: bool) -> Changes:
        falls = fall_words(self._text, snapshot.heldout)
        title, why = self._verdict(snapshot, advises=not falls, is_of_loss=is_of_loss)
        return self.card.tell(title, why, caution=falls)

    def _verdict(self, snapshot: Snapshot, *, advises: bool, is_of_loss: bool) -> tuple[str, list[str]]:
        step, convergence, averaged = snapshot.step, snapshot.convergence, snapshot.averaged
        if step == 0 or convergence is None:
            key = "unknown" if step else "start"
            return self._text(f"verdict.converged.{key}"), [self._text(f"verdict.converged_text.{key}")]
        state = convergence.state
        title = self._text(f"verdict.converged.{state}", step=convergence.since)
        why = [self._movement(convergence, is_of_loss=is_of_loss)]
        if averaged is not None:
            count = (averaged.last - averaged.first) // averaged.stride + 1
            steps = {"first": averaged.first, "last": averaged.last}
            why.append(self._text("verdict.converged_text.averaged", count=count, **steps))
        elif advises and state != "unstable":  # then the text says what to do
            why.append(self._advice(convergence))
        return title, why

    def _movement(self, convergence: Convergence, *, is_of_loss: bool) -> str:
        """Return how the ELBO moves; of a run that has not converged, what more steps would gain.

        A loop of one's own is told of its loss, whose unit only its user knows, and how much that is beside the noise.
        """
        gain, most = convergence.gain, convergence.most
        key: str = convergence.state
        if key == "drifting":
            key = "falls" if gain <= 0 and convergence.drift < 0 else "noisy" if gain < most / 2 else "gains"
        told = {"drift": abs(convergence.drift), "noise": convergence.noise, "gain": gain, "most": most}
        values = {name: brief(self._text, value) for name, value in told.items()}
        if is_of_loss and key in _MOVEMENTS:
            moves, noise = most if key == "noisy" else gain, convergence.noise
            percent = times(self._text, 100 * moves / noise if noise else math.inf)
            return self._text(f"verdict.loss_text.{key}", percent=percent, **values)
        return self._text(f"verdict.converged_text.{key}", **values)

    def _advice(self, convergence: Convergence) -> str:
        advice = convergence.advice
        if not advice:
            return ""
        costs = advice in {"lower", "average"} and math.isfinite(convergence.noise_cost)
        cost = brief(self._text, convergence.noise_cost)
        return self._text(f"verdict.advice.{advice}{'_cost' if costs else ''}", cost=cost)


class ApproximationCard:
    """A card that says how good the guide is, as of the last time that training rested."""

    def __init__(
        self,
        rows: Callable[[], Sequence[Row]],
        requests: Requests,
        *,
        text: Catalogue,
        explain: Explained | None = None,
    ) -> None:
        self._rows, self._text = rows, text
        self._judged: tuple[int, Approximation] | None = None
        self._cautions: Sequence[Caution] = ()
        self.correct = classed(ipywidgets.ToggleButton(value=False, layout={"width": "auto"}), "rw-correct")
        self._correct = Control(self.correct, False, partial(requests.pick, "correct"))
        self.cure = button("rw-cure", lambda: requests.pick("guide", CURE), SilentButton, disabled=True)
        self.card = Card("rw-approximation", [self.correct, self.cure], explain)
        self.targets = (*self.card.targets, self.cure)
        caption(self.correct, text, "verdict.button.correct", "verdict.button.correct_tip")
        caption(self.cure, text, "verdict.button.multivariate", "verdict.button.multivariate_tip")

    def show_correct(self, value: bool) -> None:
        """Make the button show `value`, without asking for it."""
        self._correct.show(value)

    def show_cautions(self, cautions: Sequence[Caution]) -> None:
        """Say the first of these, the worst, from the next frame on, whatever the verdict is."""
        self._cautions = cautions

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        caution, reason = self._caution(snapshot), _note(self._text, snapshot.guide_reason)
        if snapshot.approximation is not None:
            self._judged = snapshot.step, snapshot.approximation
        elif snapshot.step == 0 or (self._judged is not None and snapshot.step < self._judged[0]):
            self._judged = None  # of a run that is gone
        if snapshot.unjudged:
            self._judged = None
        curable = False
        if self._judged is None:
            waits = not snapshot.unjudged and (progress.status == "running" or snapshot.is_brief)
            key = "waiting" if waits else "unknown" if snapshot.step else "start"
            title = self._text(f"verdict.approximation.{key}")
            changes = self.card.tell(title, [self._why_not(key, snapshot, progress), reason], caution=caution)
        else:
            step, judgement = self._judged
            remark = "" if step == snapshot.step else self._text("verdict.approximation.as_of", step=step)
            curable = judgement.quality != "good" and not judgement.correlates
            convergence = snapshot.convergence
            converged = convergence is not None and convergence.state == "converged"
            reasons = self._why(judgement, averaged=snapshot.averaged is not None, converged=converged)
            title, test = self._title(judgement), self._test(judgement)
            changes = self.card.tell(title, [*reasons, reason], remark=remark, test=test, caution=caution)
        return [*changes, (self.cure, {"disabled": not curable})]

    def _why_not(self, key: str, snapshot: Snapshot, progress: Progress) -> str:
        """Return why there is no verdict."""
        if snapshot.unjudged:
            return self._text(f"unjudged.{snapshot.unjudged}")
        return self._text("own_loop.verdict") if key == "waiting" and progress.own_loop else self._sentence(key)

    def _caution(self, snapshot: Snapshot) -> str:
        """Return the worst caution about the data, or in what guide and model do not agree and what is not meant."""
        if self._cautions:
            return caution_words(self._text, self._cautions[0], self._latent)
        warnings = [_note(self._text, warning) for warning in snapshot.guide_warnings]
        hints = [hint_words(self._text, hint) for hint in snapshot.hints]
        return " ".join([*warnings, *hints][:MAX_WARNINGS])

    def _title(self, judgement: Approximation) -> str:
        typical = "" if judgement.quality == "point" else against(self._text, judgement.k_hat, judgement.threshold)
        return self._text(f"verdict.approximation.{judgement.quality}", k_hat=typical)

    def _why(self, judgement: Approximation, *, averaged: bool, converged: bool) -> list[str]:
        if judgement.quality == "point":
            return [self._sentence("point"), "" if judgement.correlates else self._sentence("try_multivariate")]
        if judgement.quality == "good":
            even = self._sentence("even", effective=share(self._text, judgement.effective))
            return [even, self._spread(judgement), self._place(judgement)]
        low, high = float(judgement.k_hats.min()), float(judgement.k_hats.max())
        cure = self._sentence(("train" if averaged else "average") if judgement.correlates else "try_multivariate")
        off = self._off(judgement)
        if off:
            hidden = self._sentence("hidden") if high < judgement.threshold else ""
            return [off, hidden, cure if converged else self._sentence("longer")]
        spread = self._spread(judgement)
        first = self._reason(judgement) if judgement.quality == "poor" else ""
        if judgement.quality == "borderline" and (low < judgement.threshold <= high or not spread):
            first = self._sentence("straddles")
        hidden = self._sentence("hidden") if spread and high < judgement.threshold else ""
        return [first, spread, hidden, cure]

    def _off(self, judgement: Approximation) -> str:
        """Return what is wrong with a guide where that is neither its widths nor the tail of its weights, else ""."""
        if judgement.reason == "means" and judgement.shifted is not None:
            shift, name = brief(self._text, abs(judgement.worst_mean_shift)), self._latent(judgement.shifted)
            return self._sentence("shifted", shift=shift, name=name)
        if judgement.reason == "gap" and judgement.gap is not None:
            return self._sentence("distant", gap=brief(self._text, judgement.gap.nats))
        if judgement.reason == "ruled_out":
            return self._sentence("ruled_out", percent=share(self._text, judgement.ruled_out))
        return self._sentence("few") if math.isinf(judgement.k_hat) and judgement.reason == "weights" else ""

    def _test(self, judgement: Approximation) -> str:
        if judgement.quality == "point":
            return ""
        low, high = (
            against(self._text, float(end), judgement.threshold)
            for end in (judgement.k_hats.min(), judgement.k_hats.max())
        )
        count, threshold = len(judgement.k_hats), to_decimals(self._text, judgement.threshold, 2)
        return self._sentence("test", count=count, low=low, high=high, threshold=threshold)

    def _reason(self, judgement: Approximation) -> str:
        if judgement.correlates:
            return self._sentence("misses")
        if judgement.correlated is None:
            return self._sentence("may_correlate")
        one, other = (self._latent(latent) for latent in judgement.correlated)
        together = correlation(self._text, judgement.correlation)
        return self._sentence("independent", one=one, other=other, correlation=together)

    def _spread(self, judgement: Approximation) -> str:
        """Return how far the guide's standard deviations are from the exact ones, where these are known."""
        if judgement.worst is None:
            return ""
        ratio, name = judgement.worst_sd_ratio, self._latent(judgement.worst)
        if judgement.quality == "good":
            percent = to_decimals(self._text, math.ceil(100 * abs(ratio - 1.0)), 0)
            return self._sentence("within", percent=percent)
        if ratio >= TIMES:
            return self._sentence("wide_times", times=times(self._text, ratio), name=name)
        if ratio <= 1.0 / TIMES:
            factor = 1.0 / ratio if ratio else math.inf
            return self._sentence("narrow_times", times=times(self._text, factor), name=name)
        key = "narrow" if ratio < 1.0 else "wide"
        return self._sentence(key, percent=to_decimals(self._text, 100 * abs(ratio - 1.0), 0), name=name)

    def _place(self, judgement: Approximation) -> str:
        """Return how near the guide's means are to the exact ones, where these are known."""
        shift = abs(judgement.worst_mean_shift)
        return (
            ""
            if math.isnan(shift)
            else self._sentence("near", shift=to_decimals(self._text, math.ceil(100 * shift) / 100, 2))
        )

    def _sentence(self, key: str, **values: object) -> str:
        return self._text(f"verdict.approximation_text.{key}", **values)

    def _latent(self, latent: Latent) -> str:
        return latent_name(self._rows(), latent)


def _note(text: Catalogue, note: GuideNote | None) -> str:
    return "" if note is None else text(f"guide_notes.{note.key}", **note.facts)


def latent_name(rows: Sequence[Row], latent: Latent) -> str:
    """Return what a latent is called: the label of its row, or its site and index where none is drawn."""
    labels = {(row.site, row.index): row.label for row in rows}
    return labels.get(latent, element_label(*latent))


def caution_words(text: Catalogue, caution: Caution, name: Callable[[Latent], str]) -> str:
    """Return a caution as a sentence, plain text; `name` says what a latent is called."""
    numbers = {key: short(text, value, 2) for key, value in caution.numbers.items()}
    return text(f"caution.{caution.key}", name=name(caution.latent), **numbers)
