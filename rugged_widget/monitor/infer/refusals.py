"""Say what is wrong with what `watch` was given in place of a model, and what to give."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NEEDED: Final = "watch takes a Pyro model, a function or a PyroModule, or a pyro.infer.SVI"

_SAMPLERS: Final = frozenset({"SVGD", "MCMC", "HMC", "NUTS", "SMCFilter"})
_DRAWERS: Final = frozenset({"Predictive", "Importance", "EmpiricalMarginal"})
_TRAINERS: Final = {
    "CSIS": "it trains its guide on data that the model draws, by a loss that is no ELBO of the model",
    "Forecaster": "it trains as it is made; give the ForecastingModel and its guide, with data and covariates",
    "CompartmentalModel": "it trains by its own fit_svi, on a model that it makes for that",
}


def refuse_no_model(given: Any) -> None:
    """Raise TypeError for what is no model; the text says what it is and what to give."""
    kind = given if isinstance(given, type) else type(given)
    names = {base.__name__ for base in kind.__mro__}
    advice = ""
    if trainers := names & _TRAINERS.keys():
        advice = _TRAINERS[min(trainers)]
    elif names & _SAMPLERS:
        advice = "it draws or moves samples and has no guide to train"
    elif "LightningModule" in names:
        advice = "give the model and the guide in it"
    elif names & _DRAWERS:
        advice = "it draws from what is trained; give its model and its guide"
    elif "ELBOModule" in names:
        advice = "give its model and its guide, and the ELBO as loss="
    elif isinstance(given, type):
        call = "SVI(model, guide, optim, loss)" if "SVI" in names else f"{kind.__name__}(...)"
        advice = f"make an object of it first, {call}"
    elif _has_methods(given, names):
        advice = "model and guide are methods of it; give these, watch(x.model, x.guide, ...) where it is x"
    elif callable(given):
        return
    raise TypeError(f"{NEEDED}; got {called(given)}{advice and ': '}{advice}")


def refuse_no_guide(given: Any) -> None:
    """Raise TypeError where something stands behind the model that can be no guide, as if it had been forgotten."""
    if given is not None and not isinstance(given, str) and not callable(given):
        raise TypeError(
            f"the guide stands behind the model, and there is {called(given)}: write watch(model, None, ...) to have "
            "one chosen"
        )


def refuse_misspelt(names: Iterable[str], known: Collection[str], taken: Collection[str] | None) -> None:
    """Raise TypeError where an argument has nearly the name of a setting, and the model takes none of that name.

    Parameters
    ----------
    names
        Names of the arguments that are no settings.
    known
        Names of the settings.
    taken
        Names of the arguments of the model; None where it takes any.
    """
    if taken is None:
        return
    for name in names:
        near = get_close_matches(name, known, 1, cutoff=0.8)
        if near and name not in taken:
            raise TypeError(f"neither watch nor the model takes {name}=: is {near[0]}= meant?")


def called(given: Any) -> str:
    """Return what to call something in a sentence, however large it is."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    if isinstance(given, torch.Tensor):
        return f"a tensor of shape {tuple(given.shape)}"
    if isinstance(given, (str, int, float, bool, type(None))):
        return repr(given)
    return f"an object of type {type(given).__name__}"


def _has_methods(given: Any, names: set[str]) -> bool:
    """Return whether model and guide are methods of something that is not the model itself."""
    both = all(callable(getattr(given, name, None)) for name in ("model", "guide"))
    is_called = callable(given) and not (isinstance(given, nn.Module) and type(given).forward is nn.Module.forward)
    return both and ("GPModel" in names or not is_called)
