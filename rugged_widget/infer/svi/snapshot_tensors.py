"""Compute the tensors of a snapshot, by Pyro or, once captured, without it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from pyro import get_param_store

from rugged_widget.infer.compiled.captured_function import Picture
from rugged_widget.infer.compiled.captures import Captures
from rugged_widget.infer.compiled.program import UnsupportedError
from rugged_widget.infer.guides.gaussian import Affine, Site, affine_of
from rugged_widget.infer.guides.sampling import all_drawn, closed_quantiles, same_noise
from rugged_widget.infer.guides.setup import is_set_up, set_up


class GuideTensors(NamedTuple):
    """Draws and densities of a guide at its present parameters.

    Attributes
    ----------
    draws
        By site, on its support, shape (num_draws, *site shape).
    quantiles
        By site, shape (number of probs, *site shape); empty where the guide has no closed form of them.
    log_density
        Log density of each draw, on the latents' supports, shape (num_draws,); None for a point.
    normal
        The guide as one normal distribution of all unconstrained latents; None where it is something else or a point.
    """

    draws: dict[str, torch.Tensor]
    quantiles: dict[str, torch.Tensor]
    log_density: torch.Tensor | None
    normal: Affine | None


class Closed(NamedTuple):
    """What of a guide has a closed form; see `GuideTensors`."""

    quantiles: dict[str, torch.Tensor]
    normal: Affine | None


class SnapshotTensors:
    """Computes the tensors of a snapshot, by Pyro inside the fit's isolation, without gradients; captured anywhere.

    There are >= 2 draws; the probabilities of the quantiles are in (0, 1). What is captured is shared with the fits
    that have the same `captures`.
    """

    def __init__(self, guide: Callable[..., Any], num_draws: int, probs: Sequence[float], captures: Captures) -> None:
        self._guide, self._captures = guide, captures
        self._num_draws, self._probs = num_draws, probs
        self._whole: Picture | None
        self._closed: Picture | None
        self._names: tuple[list[str], list[str]]
        self._sites: list[Site] | None
        self.release()

    def __repr__(self) -> str:
        return f"SnapshotTensors({self._num_draws} draws, {'captured' if self._whole else 'by Pyro'})"

    def __call__(self) -> GuideTensors:
        """Compute everything for the present parameters; the same random numbers each time."""
        return self._by_pyro() if self._whole is None else self._named(self._whole())

    def closed(self) -> Closed | None:
        """Compute only what has a closed form, a tenth of the time; None where that is not captured, or not all of it.

        The guide is normal then: what is left of the tensors is `later`.
        """
        return None if self._closed is None else self._named_closed(self._closed())

    def later(self) -> Callable[[], GuideTensors]:
        """Return what computes everything for the parameters as they are now; only where `closed` has an answer."""
        assert self._whole is not None  # noqa: S101  # it was captured before what is closed
        now = self._whole.of_now()
        return lambda: self._named(now())

    @property
    def captured(self) -> bool:
        """True once it was tried to compute them without Pyro."""
        return self._tried

    def capture(self) -> bool:
        """Compute them without Pyro from now on, where that can be; nothing before the guide has its parameters.

        Returns
        -------
        bool
            Whether a second piece of this work is left, for another call.
        """
        if not is_set_up(self._guide):
            return False
        if self._whole is None:
            tensors = self._uncertain()
            self._names, self._dense = (list(tensors.draws), list(tensors.quantiles)), tensors.log_density is not None
            self._sites = None if tensors.normal is None else tensors.normal.sites
            self._whole = self._picture("whole", self._tensors)
            self._tried = self._whole is None or self._sites is None or not tensors.quantiles
        else:
            self._closed, self._tried = self._picture("closed", self._closed_tensors), True
        return not self._tried

    def _picture(self, kind: str, compute: Callable[[], list[torch.Tensor]]) -> Picture | None:
        """Return a computation captured, by an earlier fit or now; None where it stays with Pyro, which is slower."""
        params = [value for _, value in get_param_store().named_parameters()]
        key = kind, self._num_draws, tuple(self._probs)
        try:
            before = self._captures.pictures.get(key)
            picture = None if before is None else before.of(params, compute())
            self._captures.pictures[key] = picture or Picture(compute, params, same_noise)
        except UnsupportedError:
            return None
        return self._captures.pictures[key]

    def release(self) -> None:
        """Compute them by Pyro, until the computation is captured, possibly anew."""
        self._whole = self._closed = self._sites = None
        self._names = [], []
        self._tried = self._dense = False

    def _by_pyro(self) -> GuideTensors:
        return _certain(self._uncertain())

    def _uncertain(self) -> GuideTensors:
        """Compute everything without reading a value: the density of what is a point just now is infinite."""
        draws, log_density, _ = all_drawn(self._guide, self._num_draws)
        closed = self._closed_form()
        return GuideTensors(draws, closed.quantiles, log_density, closed.normal)

    def _closed_form(self) -> Closed:
        with set_up(self._guide) as ready:
            affine = affine_of(ready)
        normal = None if affine is None or not affine.factor.shape[1] else affine
        return Closed(closed_quantiles(self._guide, self._probs) or {}, normal)

    def _tensors(self) -> list[torch.Tensor]:
        tensors = self._uncertain()
        density = [] if tensors.log_density is None else [tensors.log_density]
        by_site = [*tensors.draws.values(), *tensors.quantiles.values()]
        return [*density, *by_site, *_normal_tensors(tensors.normal)]

    def _closed_tensors(self) -> list[torch.Tensor]:
        closed = self._closed_form()
        return [*closed.quantiles.values(), *_normal_tensors(closed.normal)]

    def _named(self, values: list[torch.Tensor]) -> GuideTensors:
        """Return tensors by their names, in the order of `_tensors`."""
        log_density, rest = (values[0], values[1:]) if self._dense else (None, values)
        sites = self._names[0]
        closed = self._named_closed(rest[len(sites) :])
        draws = dict(zip(sites, rest, strict=False))
        return _certain(GuideTensors(draws, closed.quantiles, log_density, closed.normal))

    def _named_closed(self, values: list[torch.Tensor]) -> Closed:
        """Return tensors by their names, in the order of `_closed_tensors`."""
        normal = None if self._sites is None else Affine(self._sites, *values[-2:])
        return Closed(dict(zip(self._names[1], values, strict=False)), normal)


def _normal_tensors(normal: Affine | None) -> list[torch.Tensor]:
    return [] if normal is None else [normal.loc, normal.factor]


def _certain(tensors: GuideTensors) -> GuideTensors:
    """Leave out the infinite density of a point."""
    if tensors.log_density is not None and bool(tensors.log_density.isposinf().all()):
        return tensors._replace(log_density=None)
    return tensors
