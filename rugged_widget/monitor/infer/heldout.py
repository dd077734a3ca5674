"""Held-out data of a model: its size beside that of the training data, and whether its ELBO can be computed."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pyro import poutine

from rugged_widget.infer.diagnostics.heldout import HeldoutLook, HeldoutPart, in_a_line
from rugged_widget.infer.diagnostics.structure import structure_of
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss import name_of, tells_loss
from rugged_widget.snapshot.model_values import ModelSite, ModelStructure

NUMERICAL = (ArithmeticError, torch.linalg.LinAlgError)  # type: ignore[attr-defined]  # public by its documentation
"""What may be raised of numbers that training will change."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What a model has with some arguments.

    Attributes
    ----------
    structure
        Its sites and plates.
    sizes
        Elements of each plate, whatever part of them is looked at.
    """

    structure: ModelStructure
    sizes: Mapping[str, int]


def shape_of(model: Callable[..., Any], guide: Any, call: Call) -> Shape:
    """Return the shape of a model with a call, by values of its own or else of its guide; inside a fit's world.

    Values of the guide come second: a guide that has some for each row of the training data would bring their number.
    """
    structure = structure_of(model, None, call.args, call.kwargs)
    if not structure.sites and guide is not None:
        structure = structure_of(model, guide, call.args, call.kwargs)
    sizes = {plate.name: plate.size for plate in structure.plates}
    try:
        trace = poutine.trace(model).get_trace(*call.args, **call.kwargs)
    except Exception:  # its own values do not do
        return Shape(structure, sizes)
    return Shape(
        structure, {**sizes, **{frame.name: frame.full_size for _, frame in _frames(trace) if frame.full_size}}
    )


def heldout_part(call: Call, here: Shape, training: ModelStructure) -> HeldoutPart:
    """Return held-out data with what brings its ELBO to the scale of training, by the shape of both.

    A plate counts for as many elements as it has in training. An observed site that is in no plate counts for as many
    numbers as the site of its name has in training; where the names are others, as those of a loop over the rows, for
    as many as all such sites have together.
    """
    plates = {
        plate.name: plate.size / here.sizes[plate.name] for plate in training.plates if here.sizes.get(plate.name)
    }
    counts = {plate.name: plate.subsample_size for plate in here.structure.plates}
    observed = [site for site in here.structure.sites if site.role == "observed"]
    num_rows = sum(math.prod(counts.get(plate, 1) for plate in site.plates) for site in observed)
    bare, bare_training = (_outside_plates(structure) for structure in (here.structure, training))
    if bare.keys() == bare_training.keys():
        sites = {name: bare_training[name] / bare[name] for name in bare if bare[name]}
    else:
        sites = dict.fromkeys(bare, sum(bare_training.values()) / max(sum(bare.values()), 1))
    return HeldoutPart(call, max(num_rows, 1), _changed(plates), _changed(sites))


def check_heldout(look: HeldoutLook, guide: Callable[..., Any], loss: Any, call: Call, here: Shape) -> None:
    """Compute the ELBO of held-out data once, before the first step, inside a fit's world.

    Raises
    ------
    ValueError
        Where that does not work; the text says what was given and what is needed.
    """
    if not tells_loss(loss):
        raise ValueError(f"{name_of(loss)} tells no loss, so that heldout= has nothing to show: leave it out")
    error = here.structure.error
    if not here.structure.sites and error:
        raise ValueError(f"the model does not run with heldout=: {error}. It takes what the model is trained with")
    _refuse_other_sizes(guide, call, here)
    try:
        look.draw(0)
    except NUMERICAL:
        return
    except Exception as error:
        raise ValueError(
            f"the loss of heldout= cannot be computed: {in_a_line(error)}. It takes what the model is trained with"
        ) from error


def _refuse_other_sizes(guide: Callable[..., Any], call: Call, here: Shape) -> None:
    """Raise ValueError where the guide has values of its own for each row of the training data."""
    try:
        trace = poutine.trace(guide).get_trace(*call.args, **call.kwargs)
    except Exception:  # the loss says it
        return
    for name, frame in _frames(trace):
        size = int(frame.full_size or frame.size)
        if size != here.sizes.get(frame.name, size):
            raise ValueError(
                f"the guide draws {name!r} for the {size} elements that the plate {frame.name!r} has in training, and "
                f"heldout= has {here.sizes[frame.name]} others: only a guide that computes {name!r} from its arguments "
                "could draw it for them"
            )


def _frames(trace: Any) -> Iterator[tuple[str, Any]]:
    for name in (*trace.observation_nodes, *trace.stochastic_nodes):
        for frame in trace.nodes[name]["cond_indep_stack"]:
            yield name, frame


def _outside_plates(structure: ModelStructure) -> dict[str, int]:
    """Return how many numbers the observed sites have that are in no plate, by name."""

    def is_bare(site: ModelSite) -> bool:
        return site.role == "observed" and not site.plates

    return {site.name: math.prod(site.shape) for site in structure.sites if is_bare(site)}


def _changed(factors: dict[str, float]) -> dict[str, float]:
    return {name: factor for name, factor in factors.items() if factor != 1.0}
