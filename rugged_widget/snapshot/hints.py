"""Frozen hints: what is probably not meant in a model and guide that train all the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rugged_widget.snapshot.values import Value

HintKey: TypeAlias = Literal[
    "batch_unscaled",
    "batch_scaled_twice",
    "plate_unscaled",
    "scales_differ",
    "no_gradient",
    "unregistered",
    "nothing_sampled",
    "nothing_observed",
]
"""Kind of a hint: the name of its sentence, the entry `hints.<key>` of the catalogue.

batch_unscaled, batch_scaled_twice
    An observed site counts for fewer, or for more, rows than there are in all batches together.
plate_unscaled
    A plate looks at some of its elements, and an observed site in it counts for no more than these.
scales_differ
    Guide and model scale the same latent differently.
no_gradient
    Parameters had no gradient in the first step, and so do not train.
unregistered
    Tensors that require a gradient are used by the model or the guide, and are no parameters of the fit.
nothing_sampled
    The model draws nothing, observes nothing and has no factor: its log density is 0.
nothing_observed
    The model has latents, and neither observes anything nor has a factor: its log density is the prior.
"""


@dataclass(frozen=True, eq=False)
class Hint(Value):
    """Something that is probably not meant.

    Attributes
    ----------
    key
        Its kind.
    name
        Name of the site or parameter that it is about; empty where it is about none.
    others
        Names of the others that it is about, such as a plate.
    numbers
        Numbers of the sentence, by the names of its fields.
    """

    key: HintKey
    name: str
    others: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
