"""One step of the optimizer, as the fit takes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from pyro import get_param_store, optim
from pyro.infer import SVI, Trace_ELBO

from rugged_widget.infer.failure import NonFiniteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyro.poutine.trace_struct import Trace


class Step(Protocol):
    """What the fit asks of a way to step; always called inside the fit's isolation.

    Attributes
    ----------
    learning_rate
        Of the next step, finite, > 0.
    """

    learning_rate: float

    def __call__(self) -> float:
        """Take one step and return its loss in nats, or raise NonFiniteError where loss or parameters run away."""
        ...

    def checkpoint(self) -> Any:  # noqa: ANN401 each way to step knows its own
        """Copy everything that steps change, random numbers excepted."""
        ...

    def restore(self, checkpoint: Any) -> None:  # noqa: ANN401 as above
        """Go back to a checkpoint, which can be used again. The learning rate stays."""
        ...


@dataclass(frozen=True)
class _Param:
    """An unconstrained parameter: the tensor itself, a copy of its value, a copy of the optimizer's state of it."""

    tensor: torch.Tensor
    value: torch.Tensor
    moments: Mapping[str, torch.Tensor] | None


class PlainStep:
    """Pyro's own `SVI.step`.

    Parameters
    ----------
    model, guide
        A Pyro model and its guide.
    args, kwargs
        What both are called with.
    learning_rate
        Of Adam, finite, > 0.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        guide: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        learning_rate: float,
    ) -> None:
        self._args, self._kwargs = args, kwargs
        self._settings = {"lr": learning_rate}
        self._optim: optim.PyroOptim = optim.Adam(self._settings)  # type: ignore[attr-defined] # Pyro makes it at import
        self._svi = SVI(model, guide, self._optim, loss=_CheckedElbo())  # type: ignore[no-untyped-call]

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return self._settings["lr"]

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._settings["lr"] = value  # of parameters yet to come
        for optimizer in self._optim.optim_objs.values():
            for group in optimizer.param_groups:
                group["lr"] = value

    def __call__(self) -> float:
        """Take one step.

        Returns
        -------
        float
            The loss in nats, before the parameters moved.

        Raises
        ------
        NonFiniteError
            If the loss or a parameter is not finite, or a parameter is so far out that it cannot be used.
        """
        try:
            loss = float(self._svi.step(*self._args, **self._kwargs))
        except (ValueError, RuntimeError) as error:  # what distributions raise for arguments outside their range
            if name := _outside_its_range():
                raise NonFiniteError(name, "the parameter {site} has left its range") from error
            raise
        for name, value in get_param_store().named_parameters():
            if not torch.isfinite(value).all():
                raise NonFiniteError(name, "the parameter {site} is not finite")
        return loss

    def checkpoint(self) -> dict[str, _Param]:
        """Copy the parameters and the optimizer's moments."""
        return {
            name: _Param(value, value.detach().clone(), self._moments(value))
            for name, value in get_param_store().named_parameters()
        }

    def restore(self, checkpoint: dict[str, _Param]) -> None:
        """Go back to a checkpoint; parameters that were not there yet are forgotten."""
        store = get_param_store()
        for name, value in list(store.named_parameters()):
            if name not in checkpoint:
                self._forget(value)
                del store[name]
        for param in checkpoint.values():
            with torch.no_grad():
                param.tensor.copy_(param.value)
            # A step that was broken off may have left a gradient, which the next one would add to.
            param.tensor.grad = None
            if param.moments is None:
                self._forget(param.tensor)
            else:
                self._optim.optim_objs[param.tensor].state[param.tensor].update(
                    {key: value.clone() for key, value in param.moments.items()}
                )

    def _moments(self, value: torch.Tensor) -> dict[str, torch.Tensor] | None:
        optimizer = self._optim.optim_objs.get(value)
        return optimizer and {key: moment.clone() for key, moment in optimizer.state[value].items()}

    def _forget(self, value: torch.Tensor) -> None:
        self._optim.optim_objs.pop(value, None)
        self._optim.grad_clip.pop(value, None)


class _CheckedElbo(Trace_ELBO):
    """Trace_ELBO which stops before the gradients where a log probability is not finite, and says at which site."""

    def _differentiable_loss_particle(self, model_trace: Trace, guide_trace: Trace) -> tuple[Any, Any]:
        loss, surrogate = super()._differentiable_loss_particle(model_trace, guide_trace)  # type: ignore[no-untyped-call]
        if not math.isfinite(loss):
            raise _first_not_finite(guide_trace, model_trace, loss)
        return loss, surrogate


@torch.no_grad()
def _outside_its_range() -> str | None:
    """Name a parameter whose value rounding has pushed to the edge of its range, such as a scale that became 0."""
    store = get_param_store()
    for name, constraint in store._constraints.items():  # noqa: SLF001 no public way to ask for it
        if name in store and not constraint.check(store[name]).all():  # type: ignore[no-untyped-call]
            return str(name)
    return None


def _first_not_finite(guide_trace: Trace, model_trace: Trace, loss: float) -> NonFiniteError:
    """Name the first site, in the order of execution, whose value or log probability is not finite."""
    for trace in (guide_trace, model_trace):
        for name, site in trace.nodes.items():
            if site["type"] != "sample":
                continue
            if not torch.isfinite(torch.as_tensor(site["value"])).all():
                return NonFiniteError(name, "the value drawn at site {site} is not finite")
            log_prob = torch.as_tensor(site["log_prob_sum"]).item()
            if not math.isfinite(log_prob):
                return NonFiniteError(name, f"the log probability of site {{site}} is {log_prob}")
    return NonFiniteError(None, f"the loss is {loss}")
