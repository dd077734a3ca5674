"""The sentences of the explanations that every model has, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rugged_widget.snapshot.reference import Reference
from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.snapshot.values import Approximation, Latent
from rugged_widget.view.figures.explanation import Sentence
from rugged_widget.view.figures.number_format import brief, correlation, level, share, short, to_decimals
from rugged_widget.view.figures.overlays import gap_words
from rugged_widget.view.figures.row_scales import row_scales
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.subject import Subject


class Facts:
    """Returns the sentences of an explanation at a moment: elbo, quantiles, latents, converged or approximation.

    Parameters
    ----------
    subject
        Words of the model.
    reference
        Answers that the run is compared with; None where nothing is known.
    text
        In which language numbers are written.
    is_of_loss
        Whether the run is known by its losses alone, as a loop of one's own is: neither what a nat is on their scale
        nor the learning rate can be told.
    """

    def __init__(
        self, subject: Subject, reference: Reference | None, text: Catalogue, *, is_of_loss: bool = False
    ) -> None:
        self._text, self._subject, self._reference, self._is_of_loss = text, subject, reference, is_of_loss
        self._exact = None if reference is None else reference.exact
        self._judged: Approximation | None = None
        self._by_key: Mapping[str, Callable[[Snapshot], list[Sentence]]] = {
            "elbo": self._elbo,
            "quantiles": self._quantiles,
            "latents": self._latents,
            "converged": self._converged,
            "approximation": self._approximation,
        }

    def __call__(self, key: str, snapshot: Snapshot) -> list[Sentence]:
        """Return the sentences; KeyError where there is no explanation of that key."""
        return self._by_key[key](snapshot)

    def _elbo(self, snapshot: Snapshot) -> list[Sentence]:
        fields = {"rows": self._subject.row_noun, "num_rows": snapshot.num_rows}
        told: list[Sentence] = [("what", fields)]
        if snapshot.heldout is not None:
            told.append(("heldout", fields))
        if self._exact is None:
            return [*told, ("bound_unknown", fields), ("units", fields)]
        present = self._exact if snapshot.reference is None else snapshot.reference.exact or self._exact
        told.append(("bound", {"evidence": to_decimals(self._text, present.log_evidence, 2)}))
        if snapshot.step and snapshot.gap is not None and math.isfinite(snapshot.gap.nats):
            told.append(("gap", {"gap": gap_words(self._text, snapshot.gap)}))
        else:
            told.append(("gap_unknown", {}))
        return [*told, ("units", fields)]

    def _latents(self, snapshot: Snapshot) -> list[Sentence]:
        if not snapshot.quantiles and not snapshot.probabilities:
            return [("parameters", {}), ("find", {})]
        fields = self._levels(snapshot)
        told: list[Sentence] = [("read", fields), ("many", fields)]
        if snapshot.probabilities:
            told.append(("discrete", fields))
        return [*told, ("find", fields)]

    def _levels(self, snapshot: Snapshot) -> Mapping[str, str]:
        percents = [level(self._text, prob) for prob in snapshot.probs]
        return dict(zip(("low", "inner_low", "_", "inner_high", "high"), percents, strict=True))

    def _quantiles(self, snapshot: Snapshot) -> list[Sentence]:
        fields = self._levels(snapshot)
        told: list[Sentence] = [("read", fields)]
        if self._exact is not None:
            told.append(("exact", fields))
        if row_scales(self._subject.rows, snapshot.probs, self._reference).own:
            told.append(("own", {}))
        found = self._found(snapshot)
        if found is None or found.quality == "point":
            return [*told, ("independent_general" if found is None else "point", {})]
        if found.correlates:
            return [*told, ("joint", {})]
        if found.correlated is None:
            return [*told, ("independent_general", {})]
        return [*told, ("independent", self._pair(found)), *self._narrow(found)]

    def _converged(self, snapshot: Snapshot) -> list[Sentence]:
        if self._is_of_loss:
            return [("what_loss", {}), ("not", {}), ("noise_loss", {}), ("source", {})]
        rate = {"rate": short(self._text, snapshot.learning_rate)}
        told: list[Sentence] = [("what", rate), ("not", rate), ("noise", rate)]
        convergence = snapshot.convergence
        if convergence is not None and math.isfinite(convergence.noise_cost):
            told.append(("cost", rate | {"cost": brief(self._text, convergence.noise_cost)}))
        return [*told, ("source", rate)]

    def _approximation(self, snapshot: Snapshot) -> list[Sentence]:
        found = self._found(snapshot)
        if found is None or found.quality == "point":
            return [("weights_general", {}), ("tail_general", {}), ("source", {})]
        fields = {
            "threshold": to_decimals(self._text, found.threshold, 2),
            "count": len(found.k_hats),
            "draws": found.num_draws,
            "effective": share(self._text, found.effective),
        }
        told: list[Sentence] = [("weights", fields), ("tail", fields), ("repeats", fields)]
        told.append(("unseen" if found.worst is None else "sds", fields))
        return [*told, ("source", fields)]

    def _found(self, snapshot: Snapshot) -> Approximation | None:
        """Return the last judgement of the run: while it trains there is no new one."""
        if snapshot.approximation is not None or snapshot.step == 0:
            self._judged = snapshot.approximation
        return self._judged

    def _pair(self, found: Approximation) -> Mapping[str, object]:
        one, other = (self._latent(latent) for latent in found.correlated or ())
        return {"one": one, "other": other, "correlation": correlation(self._text, found.correlation)}

    def _narrow(self, found: Approximation) -> Sequence[Sentence]:
        if found.worst is None:
            return []
        site, index = found.worst
        ratio = float(np.asarray(found.sd_ratios[site])[index])
        if ratio >= 1.0:
            return []
        return [("narrow", {"percent": share(self._text, 1.0 - ratio), "name": self._latent(found.worst)})]

    def _latent(self, latent: Latent) -> str:
        return {(row.site, row.index): row.label for row in self._subject.rows}.get(latent, latent[0])
