"""All tensors behind a snapshot, computed by Pyro or, once captured, without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from pyro import get_param_store

from rugged_widget.infer.compiled.picture import Picture
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.posterior import closed_quantiles, draw, same_noise
from rugged_widget.infer.predictive import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyro.infer.autoguide import AutoGuide


class Look(NamedTuple):
    """What the guide says at a moment.

    Attributes
    ----------
    mean, observation
        Of the response, shape (num_draws, num_points).
    draws
        By site, on its support, shape (num_draws, *site shape).
    quantiles
        By site, shape (number of probs, *site shape); empty where the guide has no closed form of them.
    """

    mean: torch.Tensor
    observation: torch.Tensor
    draws: dict[str, torch.Tensor]
    quantiles: dict[str, torch.Tensor]


class Looking:
    """Looks at a guide, always called inside the fit's isolation and without gradients.

    Parameters
    ----------
    model
        A Pyro model that draws the response when it is called with features alone.
    guide
        Its guide.
    features
        Of the points to predict at, shape (num_points, num_features).
    num_draws
        Draws, >= 2.
    probs
        Probabilities of the quantiles, in (0, 1).
    """

    def __init__(
        self,
        model: Callable[[torch.Tensor], Any],
        guide: AutoGuide,
        features: torch.Tensor,
        num_draws: int,
        probs: Sequence[float],
    ) -> None:
        self._model, self._guide, self._features = model, guide, features
        self._num_draws, self._probs = num_draws, probs
        self._picture: Picture | None = None
        self._names: tuple[list[str], list[str]] = [], []

    def __repr__(self) -> str:
        return f"Looking({self._num_draws} draws, {'captured' if self._picture else 'by Pyro'})"

    def __call__(self) -> Look:
        """Compute everything for the present parameters; the same random numbers each time."""
        if self._picture is None:
            return self._by_pyro()
        mean, observation, *rest = self._picture()
        sites, closed = self._names
        draws, quantiles = rest[: len(sites)], rest[len(sites) :]
        return Look(mean, observation, dict(zip(sites, draws, strict=True)), dict(zip(closed, quantiles, strict=True)))

    @property
    def captured(self) -> bool:
        """Whether it was tried to look without Pyro."""
        return bool(self._names[0])

    def capture(self) -> None:
        """Look without Pyro from now on, where that can be."""
        look = self._by_pyro()
        self._names = list(look.draws), list(look.quantiles)
        params = [value for _, value in get_param_store().named_parameters()]
        try:
            self._picture = Picture(self._tensors, params, same_noise)
        except UnsupportedError:  # it stays with Pyro, which is slower and nothing else
            self._picture = None

    def _by_pyro(self) -> Look:
        draws = draw(self._guide, self._num_draws)
        mean, observation = predict(self._model, draws, self._features)
        return Look(mean, observation, draws, closed_quantiles(self._guide, self._probs) or {})

    def _tensors(self) -> list[torch.Tensor]:
        look = self._by_pyro()
        return [look.mean, look.observation, *look.draws.values(), *look.quantiles.values()]
