"""The sentences of the explanation of the latents that hold for a model."""

from __future__ import annotations

import math

from rugged_widget.snapshot.snapshot import Snapshot
from rugged_widget.view.figures.explanation import Sentence, Tell
from rugged_widget.view.figures.latents.plan import MAX_ROWS
from rugged_widget.view.figures.number_format import level
from rugged_widget.view.i18n.catalogue import Catalogue


def latent_facts(text: Catalogue) -> Tell[Snapshot]:
    """Return what tells the sentences, with numbers as `text` writes them."""

    def tell(_key: str, snapshot: Snapshot) -> list[Sentence]:
        structure = snapshot.structure
        sites = () if structure is None else structure.sites
        latents = [site for site in sites if site.role in {"latent", "enumerated"}]
        if not latents:
            return [("parameters", {})]
        percents = [level(text, prob) for prob in snapshot.probs]
        told: list[Sentence] = [
            ("read", dict(zip(("low", "inner_low", "_", "inner_high", "high"), percents, strict=True)))
        ]
        if sum(math.prod(site.shape) for site in latents) > MAX_ROWS:
            told.append(("many", {}))
        if any(site.kind == "discrete" for site in latents):
            told.append(("discrete", {}))
        return [*told, ("find", {})]

    return tell
