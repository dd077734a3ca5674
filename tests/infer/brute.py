"""The posterior the long way round: a covariance matrix of all rows at each of very many values of sigma."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from rugged_widget.regression.priors import Priors


class Brute(NamedTuple):
    log_evidence: float
    sigma: np.ndarray
    """Midpoints, shape (k,), increasing."""
    mass: np.ndarray
    """Posterior mass of each, shape (k,)."""
    mean: np.ndarray
    """Of (weight, bias) given sigma, shape (k, 4)."""
    covariance: np.ndarray
    """Shape (k, 4, 4)."""

    def cdf(self, functional: np.ndarray, x: float, *, noisy: bool = False) -> float:
        """Posterior probability that a linear function of (weight, bias), or an observation of it, is below x."""
        variance = np.einsum("i,kij,j->k", functional, self.covariance, functional) + noisy * self.sigma**2
        away = (x - self.mean @ functional) / np.sqrt(variance)
        return float(torch.special.ndtr(torch.from_numpy(away)).numpy() @ self.mass)


def brute(features: np.ndarray, targets: np.ndarray, priors: Priors, log_sigma: np.ndarray) -> Brute:
    """Integrate by the midpoint rule from 0 over the first of given values of log(sigma) on to the last."""
    design = np.column_stack([features, np.ones(len(targets))])
    prior = np.diag(np.array([priors.weight] * 3 + [priors.bias]) ** 2)
    edges = np.concatenate([[0.0], np.exp(log_sigma)])
    sigma = 0.5 * (edges[1:] + edges[:-1])
    covariance = sigma[:, None, None] ** 2 * np.eye(len(targets)) + design @ prior @ design.T
    lower = np.linalg.cholesky(covariance)
    white = np.linalg.solve(lower, np.broadcast_to(targets[:, None], (len(sigma), len(targets), 1)))[..., 0]
    log_likelihood = -0.5 * (white**2).sum(1) - np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(1)
    log_likelihood -= 0.5 * len(targets) * np.log(2 * np.pi)
    log_mass = log_likelihood + np.log(np.diff(edges) / priors.sigma)
    log_evidence = float(np.logaddexp.reduce(log_mass))
    spread = np.linalg.inv(np.linalg.inv(prior) + design.T @ design / sigma[:, None, None] ** 2)
    mean = spread @ (design.T @ targets) / sigma[:, None] ** 2
    return Brute(log_evidence, sigma, np.exp(log_mass - log_evidence), mean, spread)
