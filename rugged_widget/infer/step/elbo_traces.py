"""Trace model and guide as an ELBO does, which may enumerate the values of discrete sites."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pyro.infer import Trace_ELBO, TraceEnum_ELBO, TraceTMC_ELBO
from pyro.infer.enum import get_importance_trace
from pyro.poutine.trace_struct import Trace

from rugged_widget.infer.step.transfer import Later, Transfer


def plate_dims(loss: object) -> int | None:
    """Return how many dimensions an ELBO that enumerates leaves to plates, one particle at a time.

    Enumerated values lie to the left of them. It is None where the ELBO does not enumerate, or finds the number out by
    calling model and guide without enumeration.
    """
    if not isinstance(loss, (TraceEnum_ELBO, TraceTMC_ELBO)):
        return None
    count = loss.max_plate_nesting - (loss.vectorize_particles and loss.num_particles > 1)
    return None if math.isinf(count) else int(count)


def traces_of(
    model: Callable[..., Any], guide: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], loss: object
) -> Iterator[tuple[Trace, Trace]]:
    """Yield the traces of model and guide that belong to one particle of a loss.

    It is one pair where the loss does not enumerate; else one for each combination of the values that are enumerated
    one after the other, with log probabilities.
    """
    if not isinstance(loss, (TraceEnum_ELBO, TraceTMC_ELBO)):
        yield get_importance_trace("flat", math.inf, model, guide, args, kwargs)
        return
    dims = plate_dims(loss)
    kind: Any = TraceTMC_ELBO if isinstance(loss, TraceTMC_ELBO) else TraceEnum_ELBO
    elbo = kind(max_plate_nesting=math.inf if dims is None else dims, strict_enumeration_warning=False)
    yield from elbo._get_traces(model, guide, args, kwargs)


def ask_loss(
    loss: Trace_ELBO,
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    transfer: Transfer,
) -> Later[float]:
    """Ask for what `Trace_ELBO.loss` returns, bit for bit; it reads two numbers a particle by itself."""
    asked = [
        (transfer.number(model_trace.log_prob_sum()), transfer.number(guide_trace.log_prob_sum()))
        for model_trace, guide_trace in loss._get_traces(model, guide, args, kwargs)
    ]
    return lambda: -sum((of_model() - of_guide()) / loss.num_particles for of_model, of_guide in asked)
