"""The sentences of each explanation that hold for a run, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rugged_widget.regression.snapshot import RegressionReference, RegressionSnapshot
from rugged_widget.regression.view.labels import RegressionSubject
from rugged_widget.snapshot.snapshot import Array, Band
from rugged_widget.snapshot.values import Approximation, Latent
from rugged_widget.view.figures.chart import minus
from rugged_widget.view.figures.explanation import Sentence, Tell
from rugged_widget.view.figures.number_format import brief
from rugged_widget.view.figures.overlays import gap_words


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
        self._judged: Approximation | None = None
        self._by_key: Mapping[str, Callable[[RegressionSnapshot], list[Sentence]]] = {
            "elbo": self._elbo,
            "quantiles": self._quantiles,
            "panels": self._panels,
            "slopes": self._slopes,
            "converged": self._converged,
            "approximation": self._approximation,
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

    def _elbo(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        fields = {"rows": self._subject.row_noun, "num_rows": snapshot.num_rows}
        told: list[Sentence] = [("what", fields)]
        if self._exact is None:
            return [*told, ("bound_unknown", fields), ("units", fields)]
        told.append(("bound", {"evidence": minus(f"{self._exact.log_evidence:,.2f}")}))
        if snapshot.step and snapshot.gap is not None and math.isfinite(snapshot.gap.nats):
            told.append(("gap", {"gap": gap_words(snapshot.gap)}))
        else:
            told.append(("gap_unknown", {}))
        return [*told, ("units", fields)]

    def _quantiles(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        percents = [f"{100 * prob:g}" for prob in snapshot.probs]
        fields = dict(zip(("low", "inner_low", "_", "inner_high", "high"), percents, strict=True))
        told: list[Sentence] = [("read", fields)]
        if self._exact is not None:
            told.append(("exact", fields))
        found = self._found(snapshot)
        if found is None or found.quality == "point":
            return [*told, ("independent_general" if found is None else "point", {})]
        if found.correlates:
            return [*told, ("joint", {})]
        if found.correlated is None:
            return [*told, ("independent_general", {})]
        return [*told, ("independent", self._pair(found)), *self._narrow(found)]

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

    def _converged(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        rate = {"rate": f"{snapshot.learning_rate:.3g}"}
        told: list[Sentence] = [("what", rate), ("not", rate), ("noise", rate)]
        convergence = snapshot.convergence
        if convergence is not None and math.isfinite(convergence.noise_cost):
            told.append(("cost", rate | {"cost": brief(convergence.noise_cost)}))
        return [*told, ("source", rate)]

    def _approximation(self, snapshot: RegressionSnapshot) -> list[Sentence]:
        found = self._found(snapshot)
        if found is None or found.quality == "point":
            return [("weights_general", {}), ("tail_general", {}), ("source", {})]
        fields = {
            "threshold": f"{found.threshold:.2f}",
            "count": len(found.k_hats),
            "draws": found.num_draws,
            "effective": f"{100 * found.effective:.0f}",
        }
        told: list[Sentence] = [("weights", fields), ("tail", fields), ("repeats", fields)]
        if found.worst is not None:
            told.append(("sds", fields))
        return [*told, ("source", fields)]

    def _is_lesson(self) -> bool:
        return self._subject.title == self._subject.text("lesson.lesson.title")

    def _found(self, snapshot: RegressionSnapshot) -> Approximation | None:
        """Return the last judgement of the run: while it trains there is no new one."""
        if snapshot.approximation is not None or snapshot.step == 0:
            self._judged = snapshot.approximation
        return self._judged

    def _pair(self, found: Approximation) -> Mapping[str, object]:
        one, other = (self._latent(latent) for latent in found.correlated or ())
        return {"one": one, "other": other, "correlation": minus(f"{found.correlation:.2f}")}

    def _narrow(self, found: Approximation) -> Sequence[Sentence]:
        if found.worst is None:
            return []
        site, index = found.worst
        ratio = float(np.asarray(found.sd_ratios[site])[index])
        if ratio >= 1.0:
            return []
        return [("narrow", {"percent": f"{100 * (1.0 - ratio):.0f}", "name": self._latent(found.worst)})]

    def _latent(self, latent: Latent) -> str:
        return {(row.site, row.index): row.label for row in self._subject.rows}.get(latent, latent[0])


def _median(snapshot: RegressionSnapshot, site: str) -> float:
    return float(np.asarray(snapshot.quantiles[site])[len(snapshot.probs) // 2])


def _inside(band: Band, x: Array, y: Array) -> int:
    low, high = np.interp(x, band.x, band.lower), np.interp(x, band.x, band.upper)
    return int(((low <= y) & (y <= high)).sum())
