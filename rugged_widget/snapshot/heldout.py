"""Frozen values: the ELBO of data that is not trained on."""

from dataclasses import dataclass

from rugged_widget.snapshot.values import Array, Value


@dataclass(frozen=True, eq=False)
class HeldoutFall(Value):
    """A held-out ELBO that falls while the ELBO of training rises.

    Attributes
    ----------
    since
        Step at which the held-out ELBO was highest, >= 1, smoothed over some points.
    best
        The held-out ELBO there, nats, on the scale of the training ELBO.
    nats
        How far it has fallen since, > 0.
    rise
        How far the ELBO of training has risen meanwhile, nats, > 0.
    """

    since: int
    best: float
    nats: float
    rise: float


@dataclass(frozen=True, eq=False)
class HeldoutElbo(Value):
    """The ELBO of held-out data at some of the steps.

    Attributes
    ----------
    step
        Steps at which it was computed, increasing, shape (num_points,), at most 400.
    elbo
        The ELBO after these steps, nats, shape (num_points,), on the scale of the training ELBO: as if there were as
        many rows as in training. nan where it is not finite.
    num_rows
        Observations in the held-out data, >= 1; 1 where nothing says how many.
    fall
        How far it has fallen while the ELBO of training rose; None where it has not.
    problem
        Why it is not computed any more, plain text; empty where it is.
    """

    step: Array
    elbo: Array
    num_rows: int
    fall: HeldoutFall | None = None
    problem: str = ""
