"""The exact posterior of the lesson's regression, the reference for every guide."""

import math
from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rugged_widget.infer.guides.predictive import band_probs
from rugged_widget.numpy_errors import with_usual_errors
from rugged_widget.regression.data.design import Design
from rugged_widget.regression.infer.exact.normal_mixture import Mixture, densities
from rugged_widget.regression.infer.exact.sigma_marginal import SigmaPosterior
from rugged_widget.regression.infer.exact.sufficient_statistics import Rows, checked_rows
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.scale import IDENTITY, Scale
from rugged_widget.regression.priors import Priors
from rugged_widget.regression.snapshot import RegressionAnswer
from rugged_widget.snapshot.values import Array, Band, Density
from rugged_widget.validation import checked_prob, checked_probs

LESSON = Priors()
DEFAULT_POINTS = 64


@with_usual_errors
class ExactPosterior:
    """The posterior of `BayesianRegression`, exact but for a quadrature that no probability is off by 1e-6 for.

    Given sigma, weight and bias are normal, so every marginal is a mixture of normal distributions over sigma, whose
    own posterior is one integral. The rows are looked at once; everything after that costs the same for any number.
    A response that the features fit exactly is taken to be known to ten roundings of its size, because with no noise at
    all sigma would be 0 for certain, and the evidence infinite.

    Parameters
    ----------
    features
        Shape (n, number of features), n >= 1, finite, such as group, predictor, group x predictor; the design of the
        scale says which column is what. Columns may be collinear.
    targets
        Shape (n,), finite.
    priors
        Scales of the priors.
    grid
        Where bands are drawn, shape (num_points,), finite, increasing; 64 points over the predictor if None.
    group_labels
        What groups 0 and 1 are called; empty without a group.
    scale
        The scale that the model is trained on, which the priors are of; that of the features and targets if it is the
        identity. It has the design of the features. Whatever is returned is in the units of features and targets, the
        log evidence too.

    Raises
    ------
    ValueError
        If a shape is another, or a number is not finite.

    References
    ----------
    A. Gelman et al. (2013), "Bayesian Data Analysis", third edition, sections 14.2 and 14.8.
    """

    def __init__(
        self,
        features: ArrayLike,
        targets: ArrayLike,
        priors: Priors = LESSON,
        grid: ArrayLike | None = None,
        group_labels: Sequence[str] = ("0", "1"),
        scale: Scale = IDENTITY,
    ) -> None:
        design = self.design = scale.design
        x, y = checked_rows(features, targets, design.num_features)
        self._grid = _spread(x[:, design.predictor]) if grid is None else _checked_grid(grid)
        self.scale, self.group_labels = scale, tuple(group_labels)
        self._covariate_means = design.covariate_means(x)
        # The predictor is on the model's scale and the response in its unit, so that sigma and the evidence are right.
        rescaled = scale.priors(priors)
        self._solve(Rows.of(scale.features(x), scale.centered(y), rescaled), rescaled)

    def __repr__(self) -> str:
        return f"ExactPosterior({self._rows.count} rows, log evidence {self.log_evidence:.4f} nats)"

    def under(self, priors: Priors) -> Self:
        """Return the posterior of the same rows under other priors; they are not looked at again."""
        other, rescaled = copy(self), self.scale.priors(priors)
        other._solve(self._rows.under(rescaled), rescaled)  # noqa: SLF001  # one of its own
        return other

    def _solve(self, rows: Rows, priors: Priors) -> None:
        self._rows, self._priors = rows, priors
        self._sigma = SigmaPosterior(rows, priors.sigma)
        self._moments = self._along_directions(self._sigma.nodes)
        self._functionals = curves_of(self.design)
        self._latents = self._mixture(np.eye(self.design.num_features + 1))
        self._drawn: dict[float, tuple[Density, ...]] = {}

    @property
    def rows(self) -> Rows:
        """Sufficient statistics of the rows as the model sees them, the response in its own unit."""
        return self._rows

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the probability of the targets under the model, nats: no ELBO is above it."""
        return self._sigma.log_evidence

    @property
    def sigma(self) -> SigmaPosterior:
        """The posterior of sigma by itself."""
        return self._sigma

    def given_sigma(self, sigma: Array) -> tuple[Array, Array]:
        """Return mean and covariance of the normal distribution of (weight, bias) given sigma.

        Parameters
        ----------
        sigma
            Shape (k,), finite, > 0.

        Returns
        -------
        mean, covariance
            Shapes (k, p) and (k, p, p), p the number of features and 1.
        """
        units = np.eye(self.design.num_features + 1)
        return self.functionals_given_sigma(self.scale.functionals(units), sigma, self.scale.offset)

    def functionals_given_sigma(self, functionals: Array, sigma: Array, offset: Array) -> tuple[Array, Array]:
        """Return mean and covariance given sigma of linear functions of (weight, bias), each plus its `offset`.

        The functions, a row each, are of (weight, bias) as the model has them times the spread of the response;
        see `Scale.functionals`. The result is of shapes (k, count) and (k, count, count) for k values of sigma.
        """
        directions, (mean, variance) = self._rows.directions(functionals), self._along_directions(sigma)
        return (directions @ mean).T + offset, (directions * variance.T[:, None]) @ directions.T

    def mixtures(self, functionals: Array, offset: Array) -> Mixture:
        """Return the posterior of each of such functions by itself."""
        directions, (mean, variance) = self._rows.directions(functionals), self._moments
        return Mixture(self._sigma.shares, directions @ mean + offset[:, None], np.sqrt(directions**2 @ variance))

    def mean(self) -> dict[str, Array]:
        """Return the posterior means by site, of the site's shape."""
        return _by_site(self._latents.mean(), self._sigma.mean())

    def sd(self) -> dict[str, Array]:
        """Return the posterior standard deviations by site, of the site's shape."""
        return _by_site(self._latents.sd(), self._sigma.sd())

    def quantiles(self, probs: Sequence[float]) -> dict[str, Array]:
        """Return quantiles of each latent by itself.

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).

        Returns
        -------
        dict
            By site, shape (len(probs), *site shape).
        """
        checked = checked_probs(probs, "probs")
        return _by_site(self._latents.quantiles(checked), self._sigma.quantiles(checked))

    def marginals(self, prob: float = 0.9) -> dict[str, tuple[Density, ...]]:
        """Return by site the density of each of its elements in C order, with quantiles that hold `prob`."""
        *weight, bias = self._curves(prob)[: self.design.num_features + 1]
        return {WEIGHT: tuple(weight), BIAS: (bias,), SIGMA: (self._sigma.density(prob),)}

    def slopes(self, prob: float = 0.9) -> tuple[Density, ...]:
        """Return the density of the slope d mean / d predictor in groups 0 and 1; of one slope without a group."""
        curves, design = self._curves(prob), self.design
        return (curves[design.predictor], *curves[design.num_features + 1 :])

    def bands(self, prob: float = 0.9) -> dict[str, tuple[Band, ...]]:
        """Return the bands that hold `prob` at each point of the grid, a Band a group, the covariates at their means.

        Returns
        -------
        dict
            "line": of the mean of the response; "prediction": of a new observation.
        """
        return {"line": self.line(prob), "prediction": self._bands(prob, noisy=True)}

    def line(self, prob: float = 0.9) -> tuple[Band, ...]:
        """Return the bands of the mean of the response that hold `prob` at each point of the grid, a Band a group."""
        return self._bands(prob, noisy=False)

    def lines_at_grid(self) -> tuple[Array, ...]:
        """Return the mean of the response at the grid as functions of (weight, bias), a group each.

        Their shape is (num_points, number of coefficients).
        """
        points = _with_bias(self.design.points(self._grid, self._covariate_means))
        return tuple(np.split(points, self.design.num_groups))

    def _bands(self, prob: float, *, noisy: bool) -> tuple[Band, ...]:
        checked, where = checked_prob(prob, "prob"), np.concatenate(self.lines_at_grid())
        ends = self._mixture(where, noisy=noisy).quantiles(band_probs(checked))
        parts = np.split(ends, self.design.num_groups, axis=1)
        return tuple(Band(self._grid, low, middle, high, checked) for low, middle, high in parts)

    def prediction(self, x: float, group: int = 0, prob: float = 0.9, covariates: ArrayLike | None = None) -> Density:
        """Return the density of a new observation.

        Parameters
        ----------
        x
            Value of the predictor, finite.
        group
            0 or 1; 0 without a group.
        prob
            Probability between the quantiles that come with it, in (0, 1).
        covariates
            Values of the covariates, one each, finite, 0 or 1 for those of two values; their means if None.

        Raises
        ------
        ValueError
            If x or a covariate is not finite, or there is no such group.
        """
        design = self.design
        at = self._covariate_means if covariates is None else np.asarray(covariates, np.float64)
        if not math.isfinite(x):
            raise ValueError(f"x must be finite, got {x!r}")
        if at.shape != (design.num_covariates,) or not np.isfinite(at).all():
            raise ValueError(f"covariates must be {design.num_covariates} finite numbers, got {covariates!r}")
        if group not in range(design.num_groups):
            raise ValueError(f"group must be {'0 or 1' if design.grouped else '0'}, got {group!r}")
        point = design.features(np.array([x], np.float64), float(group), at)
        mixture = self._mixture(_with_bias(point), noisy=True)
        return densities(mixture, checked_prob(prob, "prob"))[0]

    def log_joint(self, weight: ArrayLike, bias: ArrayLike, sigma: ArrayLike) -> Array:
        """Return the log probability density of the targets and the latents together.

        Parameters
        ----------
        weight, bias, sigma
            Draws of the latents, shapes (num_draws, 1, number of features), (num_draws, 1) and (num_draws,).

        Returns
        -------
        array
            Shape (num_draws,), nats; -inf where sigma is outside its prior.

        Raises
        ------
        ValueError
            If a shape is another.
        """
        spread = np.asarray(sigma, np.float64)
        arrays = (np.asarray(weight, np.float64), np.asarray(bias, np.float64), spread)
        latents = _stacked(*arrays, self.design.num_features)
        coefficients = self.scale.coefficients(latents)
        rows, upper = self._rows, self._priors.sigma
        inside = (spread > 0) & (spread <= upper)
        scale = np.where(inside, spread, upper)
        prior = -0.5 * np.sum((coefficients / rows.scale) ** 2, axis=1)
        prior -= float(np.sum(np.log(rows.scale))) + 0.5 * len(rows.scale) * math.log(2 * math.pi) + math.log(upper)
        likelihood = -rows.count * (np.log(scale) + 0.5 * math.log(2 * math.pi))
        likelihood -= 0.5 * rows.squared_residuals(coefficients) / scale**2
        if not self.scale.is_identity:
            prior += self.scale.log_spreads  # the density of weights a unit of their features
        return np.where(inside, prior + likelihood, -np.inf)

    def answer(self, probs: Sequence[float], prob: float) -> RegressionAnswer:
        """Return all that is drawn of it.

        Parameters
        ----------
        probs
            Probabilities of the quantiles, each in (0, 1).
        prob
            Probability inside the bands and the intervals, in (0, 1).
        """
        return RegressionAnswer(
            log_evidence=self.log_evidence,
            quantiles=self.quantiles(probs),
            bands=self.bands(prob),
            slopes=self.slopes(prob),
            marginals=self.marginals(prob),
        )

    def _curves(self, prob: float) -> tuple[Density, ...]:
        """Densities of all that is drawn; the last ones are kept, because a weight and a slope can be the same."""
        checked = checked_prob(prob, "prob")
        if checked not in self._drawn:
            self._drawn = {checked: densities(self._mixture(self._functionals), checked)}
        return self._drawn[checked]

    def _along_directions(self, sigma: Array) -> tuple[Array, Array]:
        """Mean and variance of each direction given sigma, shape (directions, len(sigma)) both."""
        rows, sigma2 = self._rows, sigma**2
        mean, variance = (np.full((len(rows.scale), len(sigma2)), start) for start in (0.0, 1.0))
        total = sigma2 + rows.stretch[:, None] ** 2
        mean[: rows.rank] = (rows.stretch * rows.scores)[:, None] / total
        variance[: rows.rank] = sigma2 / total
        return mean, variance

    def _mixture(self, functionals: Array, *, noisy: bool = False) -> Mixture:
        """Mixtures of linear functions of (weight, bias), a row each, with the noise of an observation or not."""
        directions, (mean, variance) = self._rows.directions(self.scale.functionals(functionals)), self._moments
        spread = directions**2 @ variance + (self._sigma.nodes**2 if noisy else 0.0)
        offset = (functionals @ self.scale.offset)[:, None]
        return Mixture(self._sigma.shares, directions @ mean + offset, np.sqrt(spread))


def _by_site(latents: Array, sigma: Array | float) -> dict[str, Array]:
    """Give (weight, bias) in the last axis, and sigma, which has all axes but that, the shapes of their sites."""
    weight = latents[..., None, :-1]
    return {WEIGHT: weight, BIAS: latents[..., -1:], SIGMA: np.asarray(sigma, np.float64)}


def curves_of(design: Design) -> Array:
    """Return what densities are drawn of, as functions of (weight, bias): each by itself, and the slope of group 1.

    The slope of group 0 is the weight of the predictor.
    """
    inside = design.slopes[1:]
    slopes = np.column_stack([inside, np.zeros(len(inside))])
    return np.concatenate([np.eye(design.num_features + 1), slopes])


def _with_bias(features: Array) -> Array:
    """Write the mean at features, shape (n, number of features), as functions of (weight, bias)."""
    return np.column_stack([features, np.ones(len(features))])


def _stacked(weight: Array, bias: Array, sigma: Array, num_features: int) -> Array:
    """Join draws to (weight, bias), or say which has another shape than it needs."""
    for name, value, shape in (("sigma", sigma, ()), ("weight", weight, (1, num_features)), ("bias", bias, (1,))):
        if value.ndim != len(shape) + 1 or value.shape != (len(sigma), *shape):
            raise ValueError(f"{name} must be of shape (num_draws, *{shape}), got {value.shape}")
    return np.column_stack([weight[:, 0], bias])


def _checked_grid(grid: ArrayLike) -> Array:
    """Return the grid as an array, or say what is wrong with it."""
    x = np.array(grid, np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all() or np.any(np.diff(x) <= 0):
        raise ValueError(f"grid must be a list of finite numbers that increase, got shape {x.shape}")
    return x


def _spread(values: Array) -> Array:
    """Spread points evenly over the values; over one unit where they are all equal."""
    low, high = float(values.min()), float(values.max())
    margin = 0.0 if high > low else 0.5
    return np.linspace(low - margin, high + margin, DEFAULT_POINTS)
