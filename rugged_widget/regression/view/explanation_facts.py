"""The sentences of each explanation that hold for a run, and the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Array, Band
from rugged_widget.view.figures.chart import minus
from rugged_widget.view.figures.explanation import Sentence, Tell
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.pages.train import PARTS


def facts_of(subject: RegressionSubject, reference: RegressionReference | None) -> Tell[RegressionSnapshot]:
    """Return what tells, for every explanation, the sentences that hold at a moment.

    Parameters
    ----------
    subject
        What the run is about.
    reference
        What it is compared with; None where nothing is known.
    """
    return _Facts(subject, reference)


class _Facts:
    def __init__(self, subject: RegressionSubject, reference: RegressionReference | None) -> None:
        self._subject, self._exact = subject, None if reference is None else reference.exact
        general = Facts(subject, reference)
        self._by_key: Mapping[str, Callable[[RegressionSnapshot], list[Sentence]]] = {
            **{key: partial(general, key) for key in PARTS},
            "panels": self._panels,
            "slopes": self._slopes,
            "priors": self._priors,
        }

    def __call__(self, key: str, snapshot: RegressionSnapshot) -> list[Sentence]:
        if key in self._by_key:
            return self._by_key[key](snapshot)
        fields = {
            "rows": self._subject.row_noun,
            "num_rows": snapshot.num_rows,
            "sigma": f"{_median(snapshot, 'sigma'):.2f}",
        }
        return [(name, fields) for name in ("first", "second", "third")]

    def _panels(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        bands, groups = snapshot.bands, self._subject.groups
        drawn = sum(len(group.y) for group in groups)
        line, prediction = (
            sum(_inside(band, group.x, group.y) for band, group in zip(bands[name], groups, strict=True))
            for name in ("line", "prediction")
        )
        fields = {
            "rows": self._subject.row_noun,
            "num_rows": snapshot.num_rows,
            "percent": f"{100 * bands['line'][0].prob:g}",
            "drawn": drawn,
            "outside": drawn - line,
            "inside": prediction,
            "share": f"{100 * prediction / max(drawn, 1):.0f}",
            "sigma": f"{_median(snapshot, 'sigma'):.2f}",
        }
        if not snapshot.step:
            return [("start", fields), ("both", fields)]
        told: list[Sentence] = [("line", fields), ("prediction", fields), ("both", fields)]
        return [*told, ("exact", fields)] if self._exact is not None else told

    def _slopes(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        outside, inside = (group.label for group in self._subject.groups)
        first, second = snapshot.slopes
        site = np.asarray(snapshot.quantiles["linear.weight"])
        low, high = float(site[0, 0, 2]), float(site[-1, 0, 2])
        fields = {
            "outside": outside,
            "inside": inside,
            "p_outside": f"{first.prob_positive:.2f}",
            "p_inside": f"{second.prob_positive:.2f}",
            "why": self._subject.why,
            "name": self._subject.rows[2].label,
            "low": minus(f"{low:+.2f}"),
            "high": minus(f"{high:+.2f}"),
            "percent": f"{100 * (snapshot.probs[-1] - snapshot.probs[0]):.0f}",
        }
        told: list[Sentence] = [("read", fields), ("positive", fields), ("sum", fields)]
        if snapshot.step:
            told.append(("differ" if low > 0 or high < 0 else "differ_unsure", fields))
        return [*told, ("history", fields)] if self._is_lesson() else told

    def _priors(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        fields = {"rows": self._subject.row_noun, "num_rows": snapshot.num_rows}
        scale = ["standardized"] if self._subject.standardized else []
        return [(name, fields) for name in ("what", *scale, "read", "lines", "evidence")]

    def _is_lesson(self) -> bool:
        return self._subject.title == self._subject.text("lesson.lesson.title")


def _median(snapshot: RegressionSnapshot, site: str) -> float:
    return float(np.asarray(snapshot.quantiles[site])[len(snapshot.probs) // 2])


def _inside(band: Band, x: Array, y: Array) -> int:
    low, high = np.interp(x, band.x, band.lower), np.interp(x, band.x, band.upper)
    return int(((low <= y) & (y <= high)).sum())
