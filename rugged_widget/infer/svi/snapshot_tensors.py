"""Compute the tensors of a snapshot, by Pyro or, once captured, without it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from pyro import get_param_store

from rugged_widget.infer.compiled.captured_function import Picture
from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.guides.gaussian import Affine, Site, affine_of
from rugged_widget.infer.guides.predictive import predict
from rugged_widget.infer.guides.sampling import all_drawn, closed_quantiles, same_noise
from rugged_widget.infer.guides.setup import is_set_up, set_up


class GuideTensors(NamedTuple):
    """Draws, densities and predictions of a guide at its present parameters.

    Attributes
    ----------
    mean, observation
        Mean of the response and a new observation of it, shape (num_draws, num_points).
    draws
        By site, on its support, shape (num_draws, *site shape).
    quantiles
        By site, shape (number of probs, *site shape); empty where the guide has no closed form of them.
    log_density
        Log density of each draw, on the latents' supports, shape (num_draws,); None for a point.
    normal
        The guide as one normal distribution of all unconstrained latents; None where it is something else or a point.
    """

    mean: torch.Tensor
    observation: torch.Tensor
    draws: dict[str, torch.Tensor]
    quantiles: dict[str, torch.Tensor]
    log_density: torch.Tensor | None
    normal: Affine | None


class SnapshotTensors:
    """Computes the tensors of a snapshot; always called inside the fit's isolation and without gradients.

    The Pyro model draws the response when it is called with features alone: those of the points to predict at, shape
    (num_points, num_features). There are >= 2 draws; the probabilities of the quantiles are in (0, 1). What is captured
    is shared with the fits that have the same `captures`.
    """

    def __init__(
        self,
        model: Callable[[torch.Tensor], Any],
        guide: Callable[..., Any],
        features: torch.Tensor,
        num_draws: int,
        probs: Sequence[float],
        captures: Captures,
    ) -> None:
        self._model, self._guide, self._features, self._captures = model, guide, features, captures
        self._num_draws, self._probs = num_draws, probs
        self._picture: Picture | None = None
        self._names: tuple[list[str], list[str]] = [], []
        self._sites: list[Site] | None = None
        self._dense = False

    def __repr__(self) -> str:
        return f"SnapshotTensors({self._num_draws} draws, {'captured' if self._picture else 'by Pyro'})"

    def __call__(self) -> GuideTensors:
        """Compute everything for the present parameters; the same random numbers each time."""
        if self._picture is None:
            return self._by_pyro()
        values = self._picture()
        normal = None
        if self._sites is not None:
            *values, loc, factor = values
            normal = Affine(self._sites, loc, factor)
        mean, observation, log_density = values[0], values[1], values.pop(2) if self._dense else None
        sites, closed = self._names
        draws = dict(zip(sites, values[2:], strict=False))
        closed_values = dict(zip(closed, values[2 + len(sites) :], strict=True))
        return _certain(GuideTensors(mean, observation, draws, closed_values, log_density, normal))

    @property
    def captured(self) -> bool:
        """True once it was tried to compute them without Pyro."""
        return bool(self._names[0])

    def capture(self) -> None:
        """Compute them without Pyro from now on, where that can be; nothing before the guide has its parameters."""
        if not is_set_up(self._guide):
            return
        tensors = self._uncertain()
        self._names, self._dense = (list(tensors.draws), list(tensors.quantiles)), tensors.log_density is not None
        self._sites = None if tensors.normal is None else tensors.normal.sites
        params = [value for _, value in get_param_store().named_parameters()]
        key = self._num_draws, tuple(self._probs), tuple(self._features.flatten().tolist())
        try:
            before = self._captures.pictures.get(key)
            picture = None if before is None else before.of(params, self._tensors())
            self._picture = picture or Picture(self._tensors, params, same_noise)
            self._captures.pictures[key] = self._picture
        except UnsupportedError:  # it stays with Pyro, which is slower and nothing else
            self._picture = None

    def release(self) -> None:
        """Compute them by Pyro again, until the computation is captured anew."""
        self._picture, self._names = None, ([], [])

    def _by_pyro(self) -> GuideTensors:
        return _certain(self._uncertain())

    def _uncertain(self) -> GuideTensors:
        """Compute everything without reading a value: the density of what is a point just now is infinite."""
        draws, log_density, _ = all_drawn(self._guide, self._num_draws)
        mean, observation = predict(self._model, draws, self._features)
        closed = closed_quantiles(self._guide, self._probs) or {}
        with set_up(self._guide) as ready:
            affine = affine_of(ready)
        normal = None if affine is None or not affine.factor.shape[1] else affine
        return GuideTensors(mean, observation, draws, closed, log_density, normal)

    def _tensors(self) -> list[torch.Tensor]:
        tensors = self._uncertain()
        density = [] if tensors.log_density is None else [tensors.log_density]
        normal = [] if tensors.normal is None else [tensors.normal.loc, tensors.normal.factor]
        by_site = [*tensors.draws.values(), *tensors.quantiles.values()]
        return [tensors.mean, tensors.observation, *density, *by_site, *normal]


def _certain(tensors: GuideTensors) -> GuideTensors:
    """Leave out the infinite density of a point."""
    if tensors.log_density is not None and bool(tensors.log_density.isposinf().all()):
        return tensors._replace(log_density=None)
    return tensors
