"""Scales of the priors of the lesson's model."""

from dataclasses import dataclass, fields

from rugged_widget.validation import checked_positive


@dataclass(frozen=True)
class Priors:
    """What is believed before the data are seen: the lesson's, or scales that suit other units.

    Attributes
    ----------
    weight
        Standard deviation of each weight, whose mean is 0; finite, > 0.
    bias
        Standard deviation of the bias, whose mean is 0; finite, > 0.
    sigma
        Upper end of sigma, which is uniform from 0 on; finite, > 0.

    Raises
    ------
    TypeError, ValueError
        If one of them is no number, or not finite and > 0.
    """

    weight: float = 1.0
    bias: float = 10.0
    sigma: float = 10.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = checked_positive(getattr(self, item.name), f"{item.name} of the priors")
            object.__setattr__(self, item.name, value)


def checked_priors(value: object) -> Priors | None:
    """Return what `priors=` was given, None for those that go with the scale; TypeError where it is something else."""
    if value is not None and not isinstance(value, Priors):
        raise TypeError(f"priors must be Priors, such as Priors(weight=2.0), got {value!r}")
    return value
