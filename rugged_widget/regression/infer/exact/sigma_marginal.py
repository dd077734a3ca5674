"""The exact marginal posterior of sigma, by quadrature: weight and bias are normal given it."""

import math
from collections.abc import Sequence

import numpy as np

from rugged_widget.infer.guides.predictive import band_probs
from rugged_widget.regression.infer.exact.normal_mixture import CLOSE, KNOT_PROBS, curve_points
from rugged_widget.regression.infer.exact.sufficient_statistics import Rows
from rugged_widget.snapshot.values import Array, Density

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
NODES, WEIGHTS = 0.5 * (NODES + 1), 0.5 * WEIGHTS  # on (0, 1)
TOLERANCE = 1e-10
"""Largest error of a panel, as a share of the whole."""
NEGLIGIBLE = 1e-12
"""Nodes with less of the mass are left out."""
MAX_SPLITS = 70
MAX_STEPS = 100


class SigmaPosterior:
    """The posterior of sigma on (0, upper], by quadrature over v = log(upper / sigma) >= 0.

    In v the posterior is smooth on the scale of 1 whatever the units, sigma may span many orders of magnitude, and what
    lies in a sliver below the upper bound is near v = 0, where float64 is finest. Everything is taken relative to
    v = 0, so that no digits are lost where the log likelihood itself is huge.
    """

    def __init__(self, rows: Rows, upper: float) -> None:
        self._rows, self._upper = rows, upper
        self._variance = upper**2 + rows.stretch**2
        panels = self._panels()
        low, width = panels[:, 0], panels[:, 1] - panels[:, 0]
        v = low[:, None] + width[:, None] * NODES
        logs = self._log_integrand(v)
        self._peak = float(logs.max())
        mass = np.exp(logs - self._peak) * (width[:, None] * WEIGHTS)
        by_panel = mass.sum(1)
        total = float(by_panel.sum())
        self._panel_low, self._panel_high = low, panels[:, 1]
        self._table = np.cumsum(mass / total) - 0.5 * (mass / total).ravel(), v.ravel()
        self._before = np.concatenate([[0.0], np.cumsum(by_panel / total)])
        self._log_total = math.log(total) + self._peak
        keep = mass > NEGLIGIBLE * total
        self.shares: Array = mass[keep] / mass[keep].sum()
        """Mass at each node, shape (num_nodes,), > 0, summing to 1."""
        self.nodes: Array = upper * np.exp(-v[keep])
        """Values of sigma that stand for the posterior, shape (num_nodes,)."""
        self.log_evidence: float = self._log_at_upper() + self._log_total
        """Natural logarithm of the probability of the targets."""

    @property
    def upper(self) -> float:
        """Upper end of the prior."""
        return self._upper

    def mean(self) -> float:
        """Return the posterior mean."""
        return float(self.shares @ self.nodes)

    def sd(self) -> float:
        """Return the posterior standard deviation."""
        return float(np.sqrt(self.shares @ (self.nodes - self.mean()) ** 2))

    def quantiles(self, probs: Sequence[float]) -> Array:
        """Return quantiles, shape (len(probs),), for probs in (0, 1)."""
        return np.asarray(self._upper * np.exp(-self._places(np.asarray(probs, np.float64))))

    def density(self, prob: float) -> Density:
        """Draw the density, at 128 points, with the quantiles around `prob`."""
        ends = band_probs(prob)
        quantiles = self.quantiles([*ends, *KNOT_PROBS])
        x = curve_points(quantiles[len(ends) :])
        x -= max(float(x[-1]) - self._upper, 0.0)
        height = self.density_at(x)
        lower, median, upper = map(float, quantiles[: len(ends)])
        return Density(x, height, 1.0, lower, median, upper, prob)

    def density_at(self, x: Array) -> Array:
        """Return the density at x, shape (k,), each in (0, upper] but for rounding."""
        v = np.maximum(-np.log(x / self._upper), 0.0)
        return np.asarray(np.exp(self._log_integrand(v) + v - self._log_total) / self._upper)

    def _log_at_upper(self) -> float:
        """Log probability of the targets given sigma = upper."""
        rows, spread = self._rows, math.log(self._upper)
        fixed = rows.count * math.log(2 * math.pi) + 2 * (rows.count - rows.rank) * spread
        return -0.5 * float(
            fixed + rows.excess / self._upper**2 + np.sum(np.log(self._variance) + rows.scores**2 / self._variance)
        )

    def _log_integrand(self, v: Array) -> Array:
        """Log of p(targets | sigma) dsigma/dv / upper, less log p(targets | upper); same shape as v."""
        rows = self._rows
        result = (rows.count - rows.rank - 1.0) * v
        with np.errstate(over="ignore"):
            result -= 0.5 * (rows.excess / self._upper**2) * np.expm1(2 * v) if rows.excess else 0.0
        part = (slice(None), *(None,) * v.ndim)
        squares, scores, variance = (value[part] for value in (rows.stretch**2, rows.scores**2, self._variance))
        # less = upper^2 - sigma^2, to all its digits
        less, sigma2 = -(self._upper**2) * np.expm1(-2 * v), self._upper**2 * np.exp(-2 * v)
        now = sigma2 + squares
        result -= 0.5 * np.sum(np.log(now / variance) + scores / variance * (less / now), axis=0)
        return result

    def _panels(self) -> Array:
        """Cut the line of v, where there is mass, into panels that are integrated exactly; shape (num_panels, 2)."""
        waiting = self._first_panels()
        whole = self._log_integral(waiting)
        done, logs = np.empty((0, 2)), np.empty(0)
        for _ in range(MAX_SPLITS):
            middle = waiting.mean(1)
            halves = np.stack([waiting[:, 0], middle, middle, waiting[:, 1]], 1).reshape(-1, 2)
            half = self._log_integral(halves)
            best = np.logaddexp(half[::2], half[1::2])
            total = np.logaddexp.reduce(np.concatenate([best, logs]))
            with np.errstate(divide="ignore"):
                error = best + np.log(np.abs(np.expm1(whole - best)))
            # A peak between two nodes is higher than they show, by at most its curvature of about 2 n over their gap.
            hidden = self._rows.count * (0.1 * (waiting[:, 1] - waiting[:, 0])) ** 2
            split = (error + hidden > math.log(TOLERANCE) + total) & (middle > waiting[:, 0])
            done, logs = np.concatenate([done, waiting[~split]]), np.concatenate([logs, best[~split]])
            if not split.any():
                break
            both = np.repeat(split, 2)
            waiting, whole = halves[both], half[both]
        kept = done[logs > np.logaddexp.reduce(logs) + math.log(NEGLIGIBLE)]
        return np.asarray(kept[np.argsort(kept[:, 0])])

    def _first_panels(self) -> Array:
        """Cut at whole numbers as far as there can be mass, and finer at 0 where it falls off steeply from there."""
        rows, upper = self._rows, self._upper
        if rows.excess:
            # Below sqrt(excess / n) the likelihood falls, by more than 60 nats within a factor of 12.
            lowest = math.sqrt(rows.excess / rows.count) / 12
        else:
            lowest = min(float(rows.stretch.min(initial=upper)), upper) * math.exp(-30.0)
        end = max(math.log(upper / lowest), 1.0)
        slope = rows.count - rows.rank - 1.0 - rows.excess / upper**2
        slope += float(np.sum(upper**2 / self._variance * (1 - rows.scores**2 / self._variance)))
        cuts = np.arange(math.ceil(end) + 1, dtype=np.float64)
        if slope < -8:
            fine = 8 / -slope * 2.0 ** np.arange(math.ceil(math.log2(-slope / 8)))
            cuts = np.concatenate([[0.0], fine, cuts[1:]])
        return np.column_stack([cuts[:-1], cuts[1:]])

    def _log_integral(self, panels: Array) -> Array:
        """Log of the integral over each panel, shape (num_panels,), relative to v = 0."""
        width = (panels[:, 1] - panels[:, 0])[:, None]
        logs = self._log_integrand(panels[:, :1] + width * NODES)
        top = logs.max(1, keepdims=True)
        return np.asarray(np.log(np.sum(np.exp(logs - top) * (width * WEIGHTS), axis=1)) + top[:, 0])

    def _places(self, probs: Array) -> Array:
        """Solve for the v whose sigma has `probs` below it: Newton's method inside the panel where it lies."""
        above = 1 - probs  # a large sigma is a small v
        panel = np.clip(np.searchsorted(self._before, above, side="right") - 1, 0, len(self._panel_low) - 1)
        start, low, high = self._panel_low[panel], self._panel_low[panel].copy(), self._panel_high[panel].copy()
        v = np.clip(np.interp(above, *self._table), low, high)
        for _ in range(MAX_STEPS):
            width = (v - start)[:, None]
            logs = self._log_integrand(np.column_stack([start[:, None] + width * NODES, v])) - self._log_total
            reached = self._before[panel] + np.sum(np.exp(logs[:, :-1]) * (width * WEIGHTS), axis=1)
            low, high = np.where(reached <= above, v, low), np.where(reached >= above, v, high)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = v + (above - reached) / np.exp(logs[:, -1])
            near = np.abs(reached - above) <= CLOSE * np.minimum(probs, above)
            v = np.where((step >= low) & (step <= high), step, np.where(near, v, 0.5 * (low + high)))
            if np.all(near):
                break
        return v
