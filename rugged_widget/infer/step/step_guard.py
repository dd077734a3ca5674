"""Check the loss, the gradients and the parameters of Pyro's `SVI.step` while it is taken."""

import cmath
import math
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from pyro import get_param_store, poutine
from pyro.infer import SVI
from pyro.infer.util import torch_item

from rugged_widget.infer.step.first_fault import NonFiniteError, first_fault, numbers_in
from rugged_widget.infer.step.first_step import FirstStep, first_step
from rugged_widget.infer.step.isolation import random_numbers_kept
from rugged_widget.infer.step.site_record import SiteRecord
from rugged_widget.infer.step.torch_random import TorchRandom, current_torch, install_torch
from rugged_widget.infer.step.traceback_reading import frames_of, site_of

_NOT_TWICE = ("ignore", re.compile("Encountered NaN"), UserWarning, None, 0)


class StepGuard:
    """Looks at a step of `SVI`: nothing is computed twice, and it costs a few microseconds.

    Parameters
    ----------
    svi
        Its loss and its optimizer are wrapped.
    keep
        Copies what the optimizer is going to change, and returns a function that puts it back. It is called before
        each update, and gradients are checked before it, so that a step which is not finite changes nothing at all.
        None where the caller goes back further after a failure: then gradients are looked at only once a parameter is
        not finite.
    tells_loss
        False for an ELBO that computes gradients only, and returns something else for the loss.

    Attributes
    ----------
    first
        Facts of the first step that was taken; None before it.
    """

    def __init__(
        self, svi: SVI, keep: Callable[[], Callable[[], None]] | None = None, *, tells_loss: bool = True
    ) -> None:
        self._keep, self._tells_loss = keep, tells_loss
        self._loss_and_grads, self._optim = svi.loss_and_grads, svi.optim
        svi.loss_and_grads, svi.optim = self._checked_loss, self._update
        self._functions = svi.model, svi.guide
        self._record = SiteRecord()
        self._gradients: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        self._put_back: Callable[[], None] | None = None
        self._generator: TorchRandom | None = None
        self._infinite: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.first: FirstStep | None = None

    def __repr__(self) -> str:
        return f"StepGuard({'before updates' if self._keep else 'after updates'})"

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the step that is taken inside; NonFiniteError is raised where it is not finite.

        What else is raised passes, unless it is because a parameter has left its range.
        """
        self._generator = current_torch()
        warnings.filters.insert(0, _NOT_TWICE)  # type: ignore[attr-defined] # without forgetting which were shown
        try:
            with self._record:
                yield
            self._check_parameters()
        except NonFiniteError:
            self._undo()
            raise
        except (ValueError, RuntimeError) as error:  # what distributions raise for arguments outside their range
            fault = _outside_its_range(self._record.params) or (None if self._keep is None else _refused(error))
            if fault is None:
                raise
            self._undo()
            raise fault from error
        finally:
            with suppress(ValueError):  # a model may have reset all filters
                warnings.filters.remove(_NOT_TWICE)  # type: ignore[attr-defined]
            self._record.clear()
            self._gradients, self._put_back = [], None

    def _checked_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = self._loss_and_grads(*args, **kwargs)
        for value in map(torch_item, loss if isinstance(loss, tuple) else (loss,)):
            if self._tells_loss and not math.isfinite(value):
                raise self._fault(float(value), *args, **kwargs)
        return loss

    def _fault(self, loss: float, model: Any, guide: Any, *args: Any, **kwargs: Any) -> NonFiniteError:
        """Explain a loss that is not finite by what the step has recorded, else by a trace of it."""
        fault = first_fault(self._record.sites)
        if self._generator is not None and not any(site["type"] == "sample" for site in self._record.sites):
            fault = fault or first_fault(_traced(self._generator, model, guide, args, kwargs))
        return fault or NonFiniteError(None, f"the loss is {loss}")

    def _update(self, params: Any, *args: Any, **kwargs: Any) -> None:
        # SVI.step makes new gradients of zeros later, so these stay as they are.
        self._gradients = [(param, param.grad) for param in params]
        if self.first is None:
            self.first = self._first_step()
            self._infinite = [(param, torch.isinf(param)) for param in params if not _is_finite(param)]
        if self._keep is not None:
            if fault := self._gradient_fault():
                raise fault
            self._put_back = self._keep()
        self._optim(params, *args, **kwargs)

    def _first_step(self) -> FirstStep:
        try:
            return first_step(self._record.sites, self._gradients, self._functions)
        except Exception:  # a hint less is no reason for a training to fail
            return FirstStep((), (), ())

    def _check_parameters(self) -> None:
        if _are_finite_elsewhere([param for param, _ in self._gradients]):
            return
        bad = [param for param, _ in self._gradients if not (_is_finite(param) or self._began_infinite(param))]
        if bad:
            named = get_param_store().named_parameters()
            name = next((name for name, value in named if any(value is param for param in bad)), None)
            fault = NonFiniteError(name, "the parameter {site} is not finite", kind="parameter")
            raise self._gradient_fault() or fault

    def _began_infinite(self, param: torch.Tensor) -> bool:
        """Return whether what is infinite was so before the first step, as behind a probability of 0 it is."""
        return any(
            begun is param and bool((torch.isfinite(param) | (infinite & torch.isinf(param))).all())
            for begun, infinite in self._infinite
        )

    def _gradient_fault(self) -> NonFiniteError | None:
        """Return the first parameter whose gradient is not finite, in the order of the parameter store."""
        gradients = dict(self._gradients)
        for name, value in get_param_store().named_parameters():
            gradient = gradients.get(value)
            if gradient is not None and not torch.isfinite(_dense(gradient)).all():
                what = "the gradient of the parameter {site} is not finite"
                detail = f"Its gradient: {numbers_in(_dense(gradient))}."
                return NonFiniteError(name, what, kind="gradient", detail=detail)
        return None

    def _undo(self) -> None:
        """Leave nothing of the step behind, where a step may be skipped."""
        if self._keep is None:
            return
        if self._put_back is not None:
            self._put_back()
        for _, value in get_param_store().named_parameters():
            value.grad = None


def _is_finite(value: torch.Tensor) -> bool:
    """Return whether all elements are finite: their sum is, as a rule, which is quicker to compute."""
    return cmath.isfinite(value.detach().sum().item()) or bool(torch.isfinite(value).all())


def _are_finite_elsewhere(values: Sequence[torch.Tensor]) -> bool:
    """Return True where all elements are finite, which is asked of a device once; False where one has to look closer.

    That is so of what is on the CPU, where looking at one after another is quicker.
    """
    if not values or values[0].device.type == "cpu" or any(value.device != values[0].device for value in values):
        return False
    sums = [value.detach().sum() for value in values]
    return not any(one.is_complex() for one in sums) and math.isfinite(torch.stack([one.float() for one in sums]).sum())


def _dense(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.coalesce().values() if gradient.is_sparse else gradient


@torch.no_grad()
def _traced(generator: TorchRandom, model: Any, guide: Any, args: Any, kwargs: Any) -> list[Any]:
    """Run guide and model once more from torch's random numbers at the start of the step, and return their sites."""
    record = SiteRecord()
    # The loss is not finite, whatever else there is.
    with random_numbers_kept(), suppress(Exception), poutine.block(), record:
        install_torch(generator)
        guide_trace = poutine.trace(guide).get_trace(*args, **kwargs)
        poutine.replay(model, trace=guide_trace)(*args, **kwargs)
    return list(record.sites)


def _refused(error: Exception) -> NonFiniteError | None:
    """Return that a distribution has refused a number that is not finite, as it does while arguments are validated."""
    for frame, _ in reversed(frames_of(error)):
        if frame.f_code.co_filename == torch.distributions.distribution.__file__:
            value = frame.f_locals.get("value")
            if isinstance(value, torch.Tensor) and not torch.isfinite(value).all():
                return NonFiniteError(site_of(error), "a distribution was given what is not finite", kind="value")
    return None


@torch.no_grad()
def _outside_its_range(asked_for: Collection[str]) -> NonFiniteError | None:
    """Return the parameter whose value rounding has pushed to the edge of its range, such as a scale that became 0.

    It is one that was asked for in the step, where that is known.
    """
    store = get_param_store()
    for name, constraint in store._constraints.items():
        if name in store and (name in asked_for or not asked_for) and not constraint.check(store[name]).all():
            detail = f"Its value: {numbers_in(store[name])}."
            return NonFiniteError(str(name), "the parameter {site} has left its range", kind="range", detail=detail)
    return None
