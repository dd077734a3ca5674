"""What the model says of the response at draws of its latents, in the units of the table."""

from collections.abc import Mapping
from functools import lru_cache

from rugged_widget.infer.guides.predictive import evenly_below
from rugged_widget.regression.infer.exact.normal_mixture import normal_score
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.snapshot.values import Array


def mean_response(draws: Mapping[str, Array], features: Array) -> Array:
    """Return the mean of the response at points, shape (num_draws, num_points).

    Parameters
    ----------
    draws
        Draws of the latents by site, shape (num_draws, *site shape).
    features
        Features of the points, shape (num_points, num_features).
    """
    return _response(draws, features, draws[BIAS][:, 0])


def observed_response(draws: Mapping[str, Array], features: Array) -> Array:
    """Return a new observation of the response at points, with the parameters and the shape of `mean_response`.

    A draw's observation has the same probability below it at every point, the same each time: a quantile over the draws
    is as smooth along the points as the line is.
    """
    return _response(draws, features, draws[BIAS][:, 0] + draws[SIGMA] * _scores(len(draws[SIGMA])))


def _response(draws: Mapping[str, Array], features: Array, height: Array) -> Array:
    # One array, for new memory is what takes the time here; the draws of a point side by side, as sorting needs them.
    values: Array = features @ draws[WEIGHT][:, 0].T
    values += height
    return values.T


@lru_cache(maxsize=4)
def _scores(num_draws: int) -> Array:
    scores = normal_score(evenly_below(num_draws))
    scores.setflags(write=False)
    return scores
