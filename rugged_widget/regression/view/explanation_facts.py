"""The sentences of each explanation that hold for a run, and the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Array, Band
from rugged_widget.view.figures.densities import is_point
from rugged_widget.view.figures.explanation import Sentence, Tell
from rugged_widget.view.figures.facts import Facts
from rugged_widget.view.figures.number_format import estimate, level, probability, share, within
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
        general = Facts(subject, reference, subject.text)
        self._by_key: Mapping[str, Callable[[RegressionSnapshot], list[Sentence]]] = {
            **{key: partial(general, key) for key in PARTS},
            "panels": self._panels,
            "slopes": self._slopes,
            "slope": self._slope,
            "priors": self._priors,
        }

    def __call__(self, key: str, snapshot: RegressionSnapshot) -> list[Sentence]:
        if key in self._by_key:
            return self._by_key[key](snapshot)
        fields = {
            "rows": self._subject.row_noun,
            "num_rows": snapshot.num_rows,
            "num_features": self._subject.design.num_features,
            "sigma": self._sigma(snapshot),
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
            "percent": level(self._subject.text, bands["line"][0].prob),
            "drawn": drawn,
            "outside": drawn - line,
            "inside": prediction,
            "share": share(self._subject.text, prediction / max(drawn, 1)),
            "sigma": self._sigma(snapshot),
            "covariates": self._subject.labels.covariates,
        }
        if not snapshot.step:
            return [("start", fields), ("both", fields)]
        names: tuple[str, ...] = ("line", "prediction", "both")
        if self._subject.design.num_covariates:
            names = ("line_at_means", "prediction_at_means", "covariates", "both")
        told: list[Sentence] = [(name, fields) for name in names]
        return [*told, ("exact", fields)] if self._exact is not None else told

    def _slopes(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        outside, inside = (group.label for group in self._subject.groups)
        first, second = snapshot.slopes
        site = np.asarray(snapshot.quantiles["linear.weight"])
        low, high = float(site[0, 0, 2]), float(site[-1, 0, 2])
        text = self._subject.text
        _, lower, upper = estimate(text, low, low, high, sign=True)
        p_outside, p_inside = (
            probability(text, slope.prob_positive, certain=is_point(slope)) for slope in (first, second)
        )
        fields = {
            "outside": outside,
            "inside": inside,
            "p_outside": p_outside,
            "p_inside": p_inside,
            "why": self._subject.why,
            "name": self._subject.rows[2].label,
            "low": lower,
            "high": upper,
            "percent": level(text, snapshot.probs[-1] - snapshot.probs[0]),
        }
        told: list[Sentence] = [("read", fields), ("positive", fields), ("sum", fields)]
        if snapshot.step:
            told.append(("differ" if low > 0 or high < 0 else "differ_unsure", fields))
        told += self._held_fixed()
        return [*told, ("history", fields)] if self._is_lesson() else told

    def _sigma(self, snapshot: RegressionSnapshot) -> str:
        quantiles = np.asarray(snapshot.quantiles["sigma"]).tolist()
        return within(self._subject.text, quantiles[len(snapshot.probs) // 2], quantiles[0], quantiles[-1])

    def _slope(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        """Return the sentences where there is no group."""
        slope = snapshot.slopes[0]
        fields = {"prob": probability(self._subject.text, slope.prob_positive, certain=is_point(slope))}
        return [("read", fields), ("positive", fields), *self._held_fixed()]

    def _held_fixed(self) -> list[Sentence]:
        covariates = self._subject.labels.covariates
        return [("covariates", {"covariates": covariates, "rows": self._subject.row_noun})] if covariates else []

    def _priors(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        fields = {"rows": self._subject.row_noun, "num_rows": snapshot.num_rows}
        scale = ["standardized"] if self._subject.standardized else []
        return [(name, fields) for name in ("what", *scale, "read", "lines", "evidence")]

    def _is_lesson(self) -> bool:
        return self._subject.title == self._subject.text("lesson.lesson.title")


def _inside(band: Band, x: Array, y: Array) -> int:
    low, high = np.interp(x, band.x, band.lower), np.interp(x, band.x, band.upper)
    return int(((low <= y) & (y <= high)).sum())
