"""A guide family of the lesson's model: weights and bias together, sigma apart."""

from collections.abc import Callable
from typing import Any

from pyro import poutine
from pyro.infer import autoguide

from rugged_widget.infer.guides.families import register_family
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT


def parts(model: Callable[..., Any]) -> autoguide.AutoGuideList:
    """Approximate weights and bias together, which the data correlate, and sigma by itself, which is nearly free."""
    guide: Any = autoguide.AutoGuideList(model)
    guide.append(autoguide.AutoMultivariateNormal(poutine.block(model, expose=[WEIGHT, BIAS])))
    guide.append(autoguide.AutoDiagonalNormal(poutine.block(model, expose=[SIGMA])))
    return guide  # type: ignore[no-any-return] # Pyro's, untyped


register_family("parts", "weights and bias together, sigma apart", parts, after="low_rank")
