"""Two verdict cards on a run: convergence and approximation."""

import math
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets
import numpy as np

from rugged_widget.snapshot.snapshot import Progress, Snapshot
from rugged_widget.snapshot.values import Approximation, Averaged, Convergence, Latent
from rugged_widget.view.figures.chart import Explained, html_text, minus
from rugged_widget.view.figures.number_format import brief
from rugged_widget.view.frames.silent_widgets import Silent
from rugged_widget.view.frames.stream import Changes
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.requests import Requests
from rugged_widget.view.subject import Row

CURE = "multivariate"
"""The guide to try where one that cannot correlate latents is not good enough."""


class SilentButton(Silent, ipywidgets.Button):
    """A button that frames enable and disable; the style sheet hides it while it is disabled."""


class Card:
    """A verdict: a sentence, why it is so, and widgets that do something about it."""

    def __init__(self, name: str, actions: Sequence[ipywidgets.Widget], explain: Explained | None) -> None:
        self._title, self._text = html_text("rw-verdict-title"), html_text("rw-verdict-text")
        head = ipywidgets.HBox([self._title, *([] if explain is None else [explain.box])])
        head.add_class("rw-verdict-head")
        row = ipywidgets.HBox(list(actions))
        row.add_class("rw-verdict-actions")
        self.box = ipywidgets.VBox([head, self._text, row])
        self.box.add_class("rw-verdict")
        self.box.add_class(name)
        self.targets: tuple[Silent, ...] = (self._title, self._text)
        self.sentence = ""

    def tell(self, title: str, sentences: Sequence[str], *, remark: str = "", test: str = "") -> Changes:
        """Return the changes that make it say this, all of it plain text; keep the first for who does not see it.

        Parameters
        ----------
        sentences
            Why it is so; empty ones are left out.
        remark
            When it was so, where that is not now.
        test
            What was measured, on a line of its own with the remark.
        """
        self.sentence = f"{title} {remark}".strip()
        why = escape(" ".join(filter(None, sentences)))
        last = f"<b>{escape(remark)}</b> {escape(test)}".strip() if remark else escape(test)
        measured = f'<p class="rw-test">{last}</p>' if last else ""
        return [
            (self._title, {"value": f"<h3>{escape(title)}</h3>"}),
            (self._text, {"value": f"<p>{why}</p>{measured}"}),
        ]


class ConvergenceCard:
    """A card that says, live, how far the optimizer has converged."""

    def __init__(self, requests: Requests, *, text: Catalogue, explain: Explained | None = None) -> None:
        self._text = text
        self.stop = ipywidgets.Checkbox(value=False, indent=False)
        self.stop.add_class("rw-stop-when-converged")
        self._asked = False
        self.stop.observe(lambda change: self._picked(requests, change["new"]), "value")
        self.average = _button("rw-average", requests.average)
        self.card = Card("rw-converged", [self.stop, self.average], explain)
        self.targets = (*self.card.targets, self.average)
        text.follow(self._name)

    def show_stop(self, value: bool) -> None:
        """Make the box show `value`, without asking for it."""
        self._asked = value
        self.stop.value = value

    def update(self, snapshot: Snapshot) -> Changes:
        """Return what a frame has to change."""
        convergence = snapshot.convergence
        done = convergence is not None and convergence.state == "converged"
        return [
            *self.card.tell(*self._verdict(snapshot.step, convergence, snapshot.averaged)),
            (self.average, {"disabled": not done or snapshot.averaged is not None}),
        ]

    def _verdict(self, step: int, convergence: Convergence | None, averaged: Averaged | None) -> tuple[str, list[str]]:
        if step == 0 or convergence is None:
            key = "unknown" if step else "start"
            return self._text(f"verdict.converged.{key}"), [self._text(f"verdict.converged_text.{key}")]
        state = convergence.state
        title = self._text(f"verdict.converged.{state}", step=convergence.since)
        key = ("rises" if convergence.drift >= 0 else "falls") if state == "drifting" else state
        noise, drift = brief(convergence.noise), brief(abs(convergence.drift))
        why = [self._text(f"verdict.converged_text.{key}", noise=noise, drift=drift)]
        if averaged is not None:
            count = (averaged.last - averaged.first) // averaged.stride + 1
            why.append(
                self._text("verdict.converged_text.averaged", count=count, first=averaged.first, last=averaged.last)
            )
        elif state != "unstable":  # then the text says what to do
            why.append(self._advice(convergence))
        return title, why

    def _advice(self, convergence: Convergence) -> str:
        advice = convergence.advice
        if not advice:
            return ""
        costs = advice in {"lower", "average"} and math.isfinite(convergence.noise_cost)
        return self._text(f"verdict.advice.{advice}{'_cost' if costs else ''}", cost=brief(convergence.noise_cost))

    def _name(self) -> None:
        self.stop.description = self._text("verdict.button.stop")
        self.stop.tooltip = self._text("verdict.button.stop_tip")
        _name(self.average, self._text, "average")

    def _picked(self, requests: Requests, value: bool) -> None:
        if value != self._asked:
            self._asked = value
            requests.pick("stop_when_converged", value)


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
        self._asked = False
        self.correct = ipywidgets.ToggleButton(value=False, layout={"width": "auto"})
        self.correct.add_class("rw-correct")
        self.correct.observe(lambda change: self._picked(requests, change["new"]), "value")
        self.cure = _button("rw-cure", lambda: requests.pick("guide", CURE))
        self.card = Card("rw-approximation", [self.correct, self.cure], explain)
        self.targets = (*self.card.targets, self.cure)
        text.follow(self._name)

    def show_correct(self, value: bool) -> None:
        """Make the button show `value`, without asking for it."""
        self._asked = value
        self.correct.value = value

    def update(self, snapshot: Snapshot, progress: Progress) -> Changes:
        """Return what a frame has to change."""
        if snapshot.approximation is not None:
            self._judged = snapshot.step, snapshot.approximation
        elif snapshot.step == 0 or (self._judged is not None and snapshot.step < self._judged[0]):
            self._judged = None  # of a run that is gone
        curable = False
        if self._judged is None:
            key = "waiting" if progress.status == "running" else "unknown" if snapshot.step else "start"
            told = self.card.tell(
                self._text(f"verdict.approximation.{key}"), [self._text(f"verdict.approximation_text.{key}")]
            )
        else:
            step, found = self._judged
            remark = "" if step == snapshot.step else self._text("verdict.approximation.as_of", step=step)
            curable = found.quality != "good" and not found.correlates
            told = self.card.tell(
                self._title(found),
                self._why(found, averaged=snapshot.averaged is not None),
                remark=remark,
                test=self._test(found),
            )
        return [*told, (self.cure, {"disabled": not curable})]

    def _title(self, found: Approximation) -> str:
        typical = "" if found.quality == "point" else _two(float(np.median(found.k_hats)))
        return self._text(f"verdict.approximation.{found.quality}", k_hat=typical)

    def _why(self, found: Approximation, *, averaged: bool) -> list[str]:
        say = self._text
        if found.quality == "point":
            return [say("verdict.approximation_text.point"), say("verdict.approximation_text.try_multivariate")]
        if found.quality == "good":
            even = say("verdict.approximation_text.even", effective=f"{100 * found.effective:.0f}")
            return [even, self._spread(found)]
        low, high = float(np.min(found.k_hats)), float(np.max(found.k_hats))
        spread = self._spread(found)
        first = self._reason(found) if found.quality == "poor" else ""
        if found.quality == "borderline" and (low < found.threshold <= high or not spread):
            first = say("verdict.approximation_text.straddles")
        hidden = say("verdict.approximation_text.hidden") if spread and high < found.threshold else ""
        cure = ("train" if averaged else "average") if found.correlates else "try_multivariate"
        return [first, spread, hidden, say(f"verdict.approximation_text.{cure}")]

    def _test(self, found: Approximation) -> str:
        if found.quality == "point":
            return ""
        low, high = _two(float(np.min(found.k_hats))), _two(float(np.max(found.k_hats)))
        return self._text(
            "verdict.approximation_text.test",
            count=len(found.k_hats),
            low=low,
            high=high,
            threshold=_two(found.threshold),
        )

    def _reason(self, found: Approximation) -> str:
        if found.correlates:
            return self._text("verdict.approximation_text.misses")
        if found.correlated is None:
            return self._text("verdict.approximation_text.may_correlate")
        one, other = (self._latent(latent) for latent in found.correlated)
        correlation = minus(f"{found.correlation:.2f}")
        return self._text("verdict.approximation_text.independent", one=one, other=other, correlation=correlation)

    def _spread(self, found: Approximation) -> str:
        """Return how far the guide's standard deviations are from the exact ones, where these are known."""
        if found.worst is None:
            return ""
        site, index = found.worst
        ratio = float(np.asarray(found.sd_ratios[site])[index])
        percent = f"{100 * abs(ratio - 1.0):.0f}"
        if found.quality == "good":
            return self._text("verdict.approximation_text.within", percent=f"{math.ceil(100 * abs(ratio - 1.0)):d}")
        key = "narrow" if ratio < 1.0 else "wide"
        return self._text(f"verdict.approximation_text.{key}", percent=percent, name=self._latent(found.worst))

    def _latent(self, latent: Latent) -> str:
        named = {(row.site, row.index): row.label for row in self._rows()}
        site, index = latent
        return named.get(latent, f"{site}[{', '.join(map(str, index))}]" if index else site)

    def _name(self) -> None:
        self.correct.description = self._text("verdict.button.correct")
        self.correct.tooltip = self._text("verdict.button.correct_tip")
        _name(self.cure, self._text, "multivariate")

    def _picked(self, requests: Requests, value: bool) -> None:
        if value != self._asked:
            self._asked = value
            requests.pick("correct", value)


def _button(css_class: str, press: Callable[[], None]) -> SilentButton:
    button = SilentButton(disabled=True, layout={"width": "auto"})
    button.add_class(css_class)
    button.on_click(lambda _button: press())
    return button


def _name(button: ipywidgets.Button, text: Catalogue, name: str) -> None:
    button.description = text(f"verdict.button.{name}")
    button.tooltip = text(f"verdict.button.{name}_tip")


def _two(value: float) -> str:
    return minus(f"{value:.2f}")
