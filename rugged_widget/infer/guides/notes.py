"""Sentences about a guide: why it was chosen, in what it does not agree with its model, what its draws leave out.

A page says them in its own language by their keys; the catalogue has the same English sentences in `guide_notes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "normal": "No guide was given: each latent has a normal distribution of its own.",
        "point": "The guide is a point (MAP), as the latents have {elements:,} numbers, more than {limit:,}.",
        "nothing": "The model has no latents: its parameters are fitted by maximum likelihood.",
        "enumerated": "The model sums over all values of {latents}, as they are discrete.",
        "parallel": "The guide has a probability for each value of {latents}, as they are discrete; the ELBO sums.",
        "sampled": "The guide draws {latents} from probabilities, as the model cannot be summed over their values.",
        "extra": "The guide draws {site}, which is no latent of the model.",
        "misspelt": "The guide draws {site}, which is no latent of the model. Is {other} meant?",
        "missing": "The guide leaves out the latent {site} of the model: each step draws it from its prior.",
        "shape": "The guide draws {site} of shape {shape}, and in the model it has {other}.",
        "support": "The guide draws {site} from {distribution}, which may be off its support in the model, {support}.",
        "varying_model": "The latents of the model vary from call to call: {sites}.",
        "varying_guide": "The latents of the guide vary from call to call: {sites}.",
        "undrawn": "No draws of the guide can be shown: {loss} alone can call it.",
        "left_out": "{site} is left out: not every draw of the guide has it, or of the same shape.",
        "curvature": "The guide is drawn as a point: the curvature of more than {limit:,} numbers is not computed.",
        "few_slow": "{count:,} draws instead of {wanted:,}: each one costs a call of the guide.",
        "few_large": "{count:,} draws instead of {wanted:,}: one has {numbers:,} numbers.",
        "rows": "The draws are of {count:,} of the {size:,} elements of the plate {plate}.",
    }
)
"""English sentences by their keys, with fields in braces."""


MAX_NAMES: Final = 5
"""Names that a sentence lists."""


def listed(names: Sequence[str]) -> str:
    """Return the first names in quotation marks, and dots where there are more."""
    return ", ".join([*map(repr, names[:MAX_NAMES]), *(["..."] if len(names) > MAX_NAMES else [])])


@dataclass(frozen=True)
class Note:
    """A sentence for the reader.

    Attributes
    ----------
    key
        Key of `SENTENCES`.
    facts
        Values of its fields.
    """

    key: str
    facts: Mapping[str, int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return SENTENCES[self.key].format(**self.facts)

    def __hash__(self) -> int:
        return hash((self.key, *self.facts.items()))
