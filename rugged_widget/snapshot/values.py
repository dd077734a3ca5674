"""Frozen values, of numbers and numpy arrays only, that pass from computing to showing."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

Array: TypeAlias = NDArray[np.float64]
Latent: TypeAlias = tuple[str, tuple[int, ...]]
"""An element of a sample site: the site's name and the element's index, () where the site is a number."""

Presence: TypeAlias = Literal["none", "away", "here"]
"""Presence of a page that shows the widget: there is none, it is hidden or on its way, it answers."""

ConvergenceState: TypeAlias = Literal["early", "drifting", "converged", "unstable"]
Advice: TypeAlias = Literal["", "more_steps", "raise", "lower", "average"]
Quality: TypeAlias = Literal["good", "borderline", "poor", "point"]
Reason: TypeAlias = Literal["", "weights", "widths", "means", "gap", "ruled_out"]

_LATE = "_late"  # what computes the late fields of a value, by name, beside its fields


class FrozenDict(dict[Any, Any]):
    """A dictionary that cannot be changed; unlike a mapping proxy it can be pickled and deep-copied."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("the mapping is frozen; make a dict of it to change it")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[Any, Any]]]:
        return type(self), (dict(self),)


class LateMapping(Mapping[str, Any]):
    """A frozen mapping whose values are computed when they are first asked for; a copy or a pickle has them all.

    Parameters
    ----------
    compute
        What computes each value, from what does not change any more.
    """

    def __init__(self, compute: Mapping[str, Callable[[], object]]) -> None:
        self._compute = dict(compute)
        self._values: dict[str, object] = {}

    def __repr__(self) -> str:
        return f"LateMapping({list(self._compute)})"

    def __getitem__(self, key: str) -> Any:
        if key not in self._values:
            self._values[key] = _frozen(self._compute[key]())
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._compute)

    def __len__(self) -> int:
        return len(self._compute)

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


class _Late:
    """A field of a value that is computed when it is first asked for."""

    def __init__(self, compute: Callable[[], object]) -> None:
        self.compute = compute


def late(compute: Callable[[], T]) -> T:
    """Return what stands for a field of a `Value` that is computed, from what does not change, when it is asked for.

    It computes without help of the fit, on any thread. The field's default, should it have one, is that of a factory.
    """
    return cast("T", _Late(compute))


def nothing() -> None:
    """Return None: the default of a field that may be late, since one that the class has would hide it."""


_PLAIN = frozenset({bool, float, int, str, type(None)})


def _frozen(value: object) -> object:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray):
        view = value.view()
        view.setflags(write=False)
        return view
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, Mapping) and not isinstance(value, LateMapping):
        return FrozenDict({key: _frozen(item) for key, item in value.items()})
    return value


@dataclass(frozen=True, eq=False)
class Value:
    """Base of the values: frozen to the bottom, arrays and mappings included. Fields may be `late`."""

    def __post_init__(self) -> None:
        self.__setstate__(dict(vars(self)))

    if not TYPE_CHECKING:  # else every attribute would pass for one that there is

        def __getattr__(self, name: str) -> object:
            """Return a late field, computed now; asked for nothing else that there is."""
            compute = vars(self).get(_LATE, {}).get(name)
            if compute is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            value = vars(self)[name] = _frozen(compute())
            return value

    def __getstate__(self) -> dict[str, object]:
        """Return all fields, late ones too, for a copy or a pickle."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Freeze the fields of a new value or of a copy: arrays are writable when they come out of a pickle."""
        own = vars(self)
        for name, value in state.items():
            if isinstance(value, _Late):
                own.pop(name, None)
                own.setdefault(_LATE, {})[name] = value.compute
            else:
                own[name] = _frozen(value)


@dataclass(frozen=True, eq=False)
class Band(Value):
    """A credible band over a grid, for one group.

    Attributes
    ----------
    x
        Grid of the predictor, shape (num_points,), increasing, in the predictor's unit.
    lower, median, upper
        Quantiles (1 - prob) / 2, 0.5 and (1 + prob) / 2 at each grid point, shape (num_points,), in the
        unit the model sees the response in (its log where the log was taken).
    prob
        Probability inside the band, in (0, 1).
    """

    x: Array
    lower: Array
    median: Array
    upper: Array
    prob: float


@dataclass(frozen=True, eq=False)
class Density(Value):
    """A probability density of one number, by a formula or estimated from draws.

    Attributes
    ----------
    x
        Points where it is evaluated, shape (num_points,), increasing.
    density
        Its value there, shape (num_points,), >= 0, per unit of x.
    prob_positive
        Probability above 0, in [0, 1].
    lower, median, upper
        Quantiles (1 - prob) / 2, 0.5 and (1 + prob) / 2.
    prob
        Probability between lower and upper, in (0, 1).
    """

    x: Array
    density: Array
    prob_positive: float
    lower: float
    median: float
    upper: float
    prob: float


@dataclass(frozen=True, eq=False)
class ElboCurve(Value):
    """The ELBO of the whole run, thinned for drawing.

    Attributes
    ----------
    step
        Steps that are kept, from 1, shape (num_points,), at most 400 points; the last step is always there.
    elbo
        ELBO estimate of that step in nats, shape (num_points,), total over all rows.
    smoothed
        Bias-corrected exponential mean of *all* ELBO estimates up to that step, shape (num_points,).
    """

    step: Array
    elbo: Array
    smoothed: Array


@dataclass(frozen=True, eq=False)
class Parameter(Value):
    """A parameter of the guide.

    Attributes
    ----------
    name
        As in Pyro's parameter store.
    constrained, unconstrained
        Its value as the guide uses it and as the optimizer moves it, of the same shape but for constraints that change
        it (a Cholesky factor).
    """

    name: str
    constrained: Array
    unconstrained: Array


@dataclass(frozen=True)
class KLGap:
    """Distance of the guide to the posterior, estimated from many draws.

    Attributes
    ----------
    nats
        KL(guide || posterior) = log evidence - ELBO, estimated; >= 0 but for its error.
    standard_error
        Standard error of that estimate, > 0.
    """

    nats: float
    standard_error: float


@dataclass(frozen=True)
class Convergence:
    """The convergence of the optimizer, judged from the ELBO of all steps so far.

    Attributes
    ----------
    state
        early (too few steps to tell), drifting (as many steps again may gain more than is tolerated), converged, or
        unstable (the ELBO falls, or jumps about far below what it had reached).
    since
        Step from which on it counts as converged, >= 1; None where it does not.
    drift
        Trend of the ELBO, nats per 100 steps; nan where it is too early to tell.
    noise
        Standard deviation of a single step's ELBO estimate about its trend, nats; nan where it is too early to tell.
    noise_cost
        Nats of expected ELBO that the moving about of the iterates at this learning rate costs; nan where that is not
        known.
    advice
        What to do: nothing, train longer, a higher or a lower learning rate, or average the iterates.
    gain, most
        What as many steps again are expected to gain, nats, < 0 where the ELBO falls; and what they may gain, at the
        upper end of a confidence interval of 90 %. nan where it is too early to tell.
    """

    state: ConvergenceState
    since: int | None
    drift: float
    noise: float
    noise_cost: float
    advice: Advice
    gain: float = math.nan
    most: float = math.nan


@dataclass(frozen=True)
class Averaged:
    """Parameters that are the mean of iterates, on the optimizer's unconstrained scale.

    Attributes
    ----------
    first, last
        Steps of the first and the last iterate, 1 <= first <= last.
    stride
        Steps from one to the next, >= 1.
    """

    first: int
    last: int
    stride: int


@dataclass(frozen=True)
class Epoch:
    """Where in the data a fit is that takes a batch a step.

    Attributes
    ----------
    number
        Present pass through the data, from 1.
    batch
        Steps done in it, >= 0.
    num_batches
        Batches of a pass, >= 1; None where that is not known yet.
    """

    number: int
    batch: int
    num_batches: int | None = None


@dataclass(frozen=True, eq=False)
class Approximation(Value):
    """How good the guide is as an approximation of the posterior.

    Attributes
    ----------
    quality
        good, borderline, poor, or point (a guide without a density, of which nothing below is known but nan and empty).
    k_hats
        Pareto shape of the importance ratios in each repeat, shape (num_repeats,): finite, or inf where a few draws
        have all the weight, or none has any.
    threshold
        Value of k-hat below which importance sampling, and with it the guide, can be trusted.
    num_draws
        Draws of a repeat.
    effective
        Effective sample size of the importance weights, a share of the draws in [0, 1]; 0 where none is possible.
    elbo, elbo_error
        Expected ELBO of the parameters as they are, and its standard error, nats, from all repeats.
    gap
        KL(guide || posterior) from all repeats; None where the log evidence is not known, or a draw is impossible.
    sd_ratios
        Standard deviation by site, of the guide over the exact one, of the site's shape; empty where that is not known.
    worst
        The latent whose ratio is furthest from 1, by factor; None where that is not known.
    correlation
        Correlation of the two latents that the exact posterior correlates most, in [-1, 1], on the scale that the guide
        is trained on; nan where that is unknown.
    correlated
        Those two latents; None where that is not known.
    correlates
        Whether the guide can correlate latents, or no guide that can is to be had for the model.
    mean_shifts
        Mean by site, of the guide less the exact one, in exact standard deviations, of the site's shape; empty where
        that is not known.
    shifted
        The latent whose mean is furthest off; None where that is not known.
    ruled_out
        Share of the draws that are impossible under the model, or no numbers, in [0, 1].
    reason
        What is worst about a guide that is poor or borderline, else "": weights (their k-hats), widths (`sd_ratios`),
        means (`mean_shifts`), gap, ruled_out.
    """

    quality: Quality
    k_hats: Array
    threshold: float
    num_draws: int
    effective: float
    elbo: float
    elbo_error: float
    gap: KLGap | None
    sd_ratios: Mapping[str, Array]
    worst: Latent | None
    correlation: float
    correlated: tuple[Latent, Latent] | None
    correlates: bool
    mean_shifts: Mapping[str, Array] = field(default_factory=dict)
    shifted: Latent | None = None
    ruled_out: float = 0.0
    reason: Reason = ""

    @property
    def k_hat(self) -> float:
        """Median Pareto shape over the repeats; nan where there is none."""
        return float(np.median(self.k_hats)) if len(self.k_hats) else math.nan

    @property
    def worst_sd_ratio(self) -> float:
        """Ratio of the standard deviations of the worst latent; nan where that is not known."""
        if self.worst is None:
            return math.nan
        site, index = self.worst
        return float(np.asarray(self.sd_ratios[site])[index])

    @property
    def worst_mean_shift(self) -> float:
        """Mean of the most shifted latent less the exact one, in exact standard deviations; nan where unknown."""
        if self.shifted is None:
            return math.nan
        site, index = self.shifted
        return float(np.asarray(self.mean_shifts[site])[index])


@dataclass(frozen=True, eq=False, kw_only=True)
class Correction(Value):
    """Summaries of the guide's draws, each weighted by its smoothed importance ratio.

    Attributes
    ----------
    quantiles
        As of a snapshot.
    k_hat
        Pareto shape of the ratios of these draws; inf where no shape can be told.
    effective
        Effective sample size of the weights, a share of the draws in (0, 1].
    reliable
        Whether k_hat is finite and below its threshold.
    """

    quantiles: Mapping[str, Array]
    k_hat: float
    effective: float
    reliable: bool


@dataclass(frozen=True, eq=False)
class Caution(Value):
    """Something about model and data to be careful with, whatever the guide.

    Attributes
    ----------
    key
        Name of its sentence: the entry `caution.<key>` of the catalogue.
    latent
        The latent that it is about.
    numbers
        Numbers of the sentence, by the names of its fields.
    """

    key: str
    latent: Latent
    numbers: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Contours(Value):
    """Lines of equal density of two numbers, each round the smallest region of some probability.

    Attributes
    ----------
    probs
        Probability inside, one a level, in (0, 1).
    lines
        Polylines by level, each of shape (num_points, 2); more than one where the region falls into parts.
    """

    probs: tuple[float, ...]
    lines: tuple[tuple[Array, ...], ...]
