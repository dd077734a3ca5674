"""Write optimizer, ELBO and automatic guide as Python expressions, where their options can be read off them."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pyro.infer
import pyro.optim
from pyro.infer import autoguide
from pyro.infer.autoguide import initialization
from pyro.optim import PyroOptim
from pyro.poutine.messenger import unwrap

from rugged_widget.infer.guides.loops import WithoutLoops
from rugged_widget.infer.guides.source import is_literal

WRITTEN_GUIDES = (
    autoguide.AutoDelta,
    autoguide.AutoDiagonalNormal,
    autoguide.AutoLaplaceApproximation,
    autoguide.AutoLowRankMultivariateNormal,
    autoguide.AutoMultivariateNormal,
    autoguide.AutoNormal,
)
"""Automatic guides that keep all options that they were made with."""


class Expression(NamedTuple):
    """A Python expression, the names that it takes from modules, and a definition that it needs; empty for none."""

    code: str
    imported: Mapping[str, tuple[str, ...]]
    helper: str = ""


LOOPS = f"""class {WithoutLoops.__name__}(Messenger):
    def _pyro_sample(self, msg):
        msg["cond_indep_stack"] = tuple(frame for frame in msg["cond_indep_stack"] if frame.vectorized)
"""
"""Definition of what an automatic guide sees of a model with loops over plates."""


def optimizer_expression(optimizer: PyroOptim, rate: str | None) -> Expression | None:
    """Return the expression that makes an optimizer; None where its options are no literals.

    Parameters
    ----------
    optimizer
        One of pyro.optim that has taken no step.
    rate
        Expression that takes the place of its learning rate; None leaves the rate as it is.
    """
    name = getattr(optimizer.pt_optim_constructor, "__name__", "")
    options: Any = optimizer.pt_optim_args
    clip: Any = optimizer.pt_clip_args
    if type(optimizer) is not PyroOptim or not hasattr(pyro.optim, name) or not is_literal((options, clip)):
        return None
    items = [f"{key!r}: {rate if key == 'lr' and rate else repr(value)}" for key, value in options.items()]
    arguments = [f"{{{', '.join(items)}}}".replace("'", '"'), *([repr(clip).replace("'", '"')] if clip else [])]
    return Expression(f"{name}({', '.join(arguments)})", {"pyro.optim": (name,)})


def elbo_expression(elbo: object) -> Expression | None:
    """Return the expression that makes an ELBO; None where it is not one of Pyro's, or an option is no literal."""
    kind = type(elbo)
    if getattr(pyro.infer, kind.__name__, None) is not kind:
        return None
    values = {name: getattr(elbo, name) for name in _defaults(kind) if hasattr(elbo, name)}
    nesting = values.get("max_plate_nesting", math.inf)
    if values.get("vectorize_particles") and values["num_particles"] > 1 and nesting < math.inf:
        values["max_plate_nesting"] = nesting - 1  # Pyro has added the particles' own
    options = _differing(kind, values)
    return None if options is None else Expression(f"{kind.__name__}({options})", {"pyro.infer": (kind.__name__,)})


def guide_expression(guide: object, model: Callable[..., Any]) -> Expression | None:
    """Return the expression that makes an automatic guide of `model`; None where its options cannot be read off it."""
    kind = type(guide)
    if kind not in WRITTEN_GUIDES:
        return None
    [start, *others], given = wrappers(guide.model), wrappers(model)  # type: ignore[attr-defined]  # of all of these
    loops = bool(others) and isinstance(others[0], WithoutLoops)
    others = others[loops:]
    if unwrap(guide.model) is not unwrap(model) or [*map(id, others)] != [*map(id, given)]:  # type: ignore[attr-defined]
        return None
    values = {name: getattr(guide, name, getattr(guide, f"_{name}", None)) for name in _defaults(kind)}
    name = getattr(start.init_fn, "__name__", "")
    is_named = getattr(initialization, name, None) is start.init_fn
    is_usual = start.init_fn is _defaults(kind)["init_loc_fn"]
    values.pop("init_loc_fn")
    options = _differing(kind, values)
    if options is None or not (is_named or is_usual):
        return None
    seen = f"{WithoutLoops.__name__}()(model)" if loops else "model"
    arguments = [seen, *([] if is_usual else [f"init_loc_fn={name}"]), *([options] if options else [])]
    names = (kind.__name__, *(() if is_usual else (name,)))
    needed = {"pyro.poutine.messenger": ("Messenger",)} if loops else {}
    helper = LOOPS if loops else ""
    return Expression(f"{kind.__name__}({', '.join(arguments)})", {"pyro.infer.autoguide": names, **needed}, helper)


def wrappers(model: Callable[..., Any]) -> list[Any]:
    """Return the handlers of poutine that a model is wrapped in, the outermost first."""
    handlers = []
    while isinstance(model, partial):
        if len(model.args) >= 2:
            handlers.append(model.args[0])
            model = model.args[1]
        else:
            model = model.func
    return handlers


def _defaults(kind: type) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters.values()
    return {item.name: item.default for item in parameters if item.default is not item.empty}


def _differing(kind: type, values: Mapping[str, Any]) -> str | None:
    """Return the options that are not the default ones as they stand in a call; None where one is no literal."""
    defaults = _defaults(kind)
    options = {name: value for name, value in values.items() if value is not defaults[name] and value != defaults[name]}
    return ", ".join(f"{key}={value!r}" for key, value in options.items()) if is_literal(options) else None
