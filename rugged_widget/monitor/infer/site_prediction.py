"""Predict the values of a site: call the model with other arguments at draws of the guide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.distributions import Delta
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample

from rugged_widget.infer.guides.predictive import evenly_below
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss_arguments import names_in_order
from rugged_widget.infer.step.module_state import behind, untouched
from rugged_widget.infer.step.transfer import Later, Transfer
from rugged_widget.monitor.infer.grid import as_array
from rugged_widget.monitor.infer.predict_form import (
    Curves,
    FormError,
    SitePrediction,
    column_of,
    grid_argument,
    shape_text,
)
from rugged_widget.snapshot.model_values import INDEX
from rugged_widget.snapshot.values import Array

TRIAL_DRAWS: Final = 3
"""Draws at which running the model for all at once is compared with one run for each."""


class SitePredictor:
    """The values of a site at draws of the guide, over the grid that the model is called with.

    A site that the guide draws, or that is deterministic, has its value; any other one the mean of its distribution and
    a new observation. The model runs once for all draws where that gives the same, and once for each elsewhere.

    Parameters
    ----------
    form
        The site and the arguments.
    model
        A Pyro model.
    example
        What it is trained with, where the site's observed values are taken from; None where there are none to show.
    """

    def __init__(self, form: SitePrediction, model: Callable[..., Any], example: Call | None) -> None:
        self._form, self._model, self._example = form, model, example
        self._holders = behind(model)
        self._together: bool | None = None
        self._data: Any = None
        self._grid: tuple[int | str | None, Array] | None = None
        self._points: tuple[Array, Array] | None = None

    def __repr__(self) -> str:
        return f"SitePredictor({self._form.site!r})"

    def ask(self, draws: Mapping[str, torch.Tensor], num_draws: int, transfer: Transfer) -> Later[dict[str, Curves]]:
        """Ask for the curves under the name of the site; call it inside `Fit.inspecting`.

        `draws` are of shape (num_draws, *site shape); empty where the guide draws nothing. Arguments and observed
        points cross by themselves, the first time.

        Raises
        ------
        FormError
            If the model has no such site, or its value is not one number for each point.
        """
        device = next((value.device for value in draws.values()), None)
        probs = torch.as_tensor(evenly_below(num_draws), dtype=torch.get_default_dtype(), device=device)
        inputs = {**draws, _PROB: probs}
        if self._together is None:
            self._together = self._agrees(inputs)
        with pyro.validation_enabled(False):
            values, observations = self._at_once(inputs) if self._together else self._one_by_one(inputs)
        if self._grid is None or len(self._grid[1]) != values.shape[1]:
            self._grid = self._found_grid(values.shape[1])
            self._points = self._observed(draws, self._grid[0])
        curves, new = transfer.array(values), None if observations is None else transfer.array(observations)
        (place, x), points = self._grid, self._points
        label = INDEX if place is None else self._name(place)
        return lambda: {self._form.site: Curves(x, curves(), None if new is None else new(), points, label)}

    def _found_grid(self, num_points: int) -> tuple[int | str | None, Array]:
        """Return place or name, and values, of the argument that the curves are drawn over; None with indices."""
        found = grid_argument(self._form.args, self._form.kwargs, num_points, self._data)
        return (None, np.arange(num_points, dtype=np.float64)) if found is None else found

    def _agrees(self, inputs: Mapping[str, torch.Tensor]) -> bool:
        few = {name: value[:TRIAL_DRAWS] for name, value in inputs.items()}
        with pyro.validation_enabled(False):
            single = self._one_by_one(few)[0]  # what it raises is for the user
            try:
                many = self._at_once(few)[0]
            except Exception:  # whatever a model raises where values are not numbers
                return False
        return torch.allclose(single, many, rtol=1e-4, atol=1e-5, equal_nan=True)

    def _at_once(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        with untouched(self._holders):  # a module may keep what it was called with, which only vmap may read
            values, new = torch.func.vmap(self._of_one, randomness="different")(dict(inputs))
        return values, new if new.shape[1] else None

    def _one_by_one(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        count = len(inputs[_PROB])
        runs = [self._of_one({name: value[number] for name, value in inputs.items()}) for number in range(count)]
        values, new = (torch.stack(parts) for parts in zip(*runs, strict=True))
        return values, new if new.shape[1] else None

    def _of_one(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the value, or the mean, and a new observation at each point, which is empty where there is none."""
        form = self._form
        draw = {name: value for name, value in inputs.items() if name != _PROB}
        with poutine.trace() as recorded, _MeanOf(form.site):
            poutine.condition(self._model, data=draw)(*form.args, **form.kwargs)
        sites = {name: site for name, site in recorded.trace.nodes.items() if _is_sample(site)}
        if form.site not in sites:
            names = ", ".join(map(repr, sites)) or "none"
            raise FormError(f"predict: the model has no site {form.site!r} with these arguments; its sites are {names}")
        site: Any = sites[form.site]
        if form.site in draw or _is_deterministic(site):
            value = self._column(site["value"])
            return value, value[:0]
        if site["is_observed"]:  # what it is drawn over is none of its own values
            self._data = site["value"]
        prob = inputs[_PROB].to(site["value"].device)  # that of the draws is not known where there are none
        mean, new = _mean(site["fn"]), self._column(_quantile(site["fn"], prob))
        return (new, new[:0]) if mean is None else (self._column(mean), new)

    def _column(self, value: Any) -> torch.Tensor:
        """Return the value of the site as numbers, shape (num_points,)."""
        column = torch.as_tensor(value).squeeze()
        if column.ndim != 1:
            shape = shape_text(tuple(torch.as_tensor(value).shape))
            raise FormError(
                f"predict: the site {self._form.site!r} has the shape {shape} with these arguments, and one number for "
                "each of 2 points or more is needed; give a function of the draws to draw a part of it"
            )
        return column.to(torch.get_default_dtype())

    def _observed(self, draws: Mapping[str, torch.Tensor], place: int | str | None) -> tuple[Array, Array] | None:
        """Return what the site was observed at in training, and its values; None where that is not known."""
        if self._example is None:
            return None
        first = {name: value[0] for name, value in draws.items()}
        try:
            conditioned = poutine.condition(self._model, data=first)
            trace: Any = poutine.trace(conditioned).get_trace(*self._example.args, **self._example.kwargs)
        except Exception:  # the steps will tell what is wrong
            return None
        site = trace.nodes.get(self._form.site)
        if site is None or not site["is_observed"] or self._form.site in draws or _is_deterministic(site):
            return None
        y = as_array(site["value"]).squeeze()
        if y.ndim != 1:
            return None
        x = np.arange(len(y), dtype=np.float64) if place is None else self._trained_at(place)
        return (x, y) if x is not None and x.shape == y.shape else None

    def _trained_at(self, place: int | str) -> Array | None:
        example = self._example
        if example is None:
            return None
        if isinstance(place, str):
            name, names = place, names_in_order(self._model)
            if name in example.kwargs:
                return column_of(example.kwargs[name])
            place = names.index(name) if name in names else len(example.args)
        return column_of(example.args[place]) if place < len(example.args) else None

    def _name(self, place: int | str) -> str:
        if isinstance(place, str):
            return place
        names = names_in_order(self._model)
        return names[place] if place < len(names) else ""


_PROB: Final = "_probability_below"
_WITHOUT_MEAN = frozenset({"Categorical", "Cauchy", "HalfCauchy"})


class _MeanOf(Messenger):
    """Gives a site the mean of its distribution where it awaits a value, and those after it too.

    No random numbers are needed for them, which vmap often refuses.
    """

    def __init__(self, site: str) -> None:
        super().__init__()
        self._site, self._reached = site, False

    def _pyro_sample(self, msg: Any) -> None:
        if msg["name"] == self._site:
            self._reached = True
        if not self._reached or msg["value"] is not None or site_is_subsample(msg):
            return
        mean = _mean(msg["fn"])
        if mean is not None:
            msg["value"], msg["done"] = mean, True


def _is_sample(site: Any) -> bool:
    return site["type"] == "sample" and not site_is_subsample(site)


def _is_deterministic(site: Mapping[str, Any]) -> bool:
    return bool(site["infer"].get("_deterministic")) or isinstance(site["fn"], Delta)


def _mean(distribution: Any) -> torch.Tensor | None:
    """Return the mean; None where there is none."""
    if type(_base(distribution)[0]).__name__ in _WITHOUT_MEAN:
        return None
    try:
        mean: torch.Tensor = distribution.mean
    except (NotImplementedError, AttributeError):
        return None
    return mean


def _base(distribution: Any) -> tuple[Any, bool]:
    """Return what is inside of independent and masked distributions, and if it is there as independent numbers."""
    independent = not len(distribution.event_shape)
    while type(distribution).__name__ in {"Independent", "MaskedDistribution"}:
        independent |= type(distribution).__name__ == "Independent" and not len(distribution.base_dist.event_shape)
        distribution = distribution.base_dist
    return distribution, independent


def _quantile(distribution: Any, prob: torch.Tensor) -> torch.Tensor:
    """Return a draw of each number, where there is a formula the one with so much probability below it."""
    base, independent = _base(distribution)
    if independent:
        try:
            quantile: torch.Tensor = base.icdf(prob)
        except NotImplementedError:
            pass
        else:
            return quantile.expand(distribution.shape())
    draw: torch.Tensor = distribution()
    return draw
