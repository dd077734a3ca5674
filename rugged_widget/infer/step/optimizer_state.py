"""Copy the state of the optimizers that Pyro keeps for each parameter, and put it back."""

import copy
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from pyro import get_param_store
from pyro.optim import PyroOptim
from pyro.optim.optim import _get_state_dict, _load_state_dict, is_scheduler
from torch.utils.weak import WeakTensorKeyDictionary

RATES = ("lr", "eta")
"""Options that hold a learning rate; Pyro's AdagradRMSProp calls it eta."""

_MET = WeakTensorKeyDictionary()
"""Parameters that optimizers of the user's have met because a fit gave their states back."""

_ATOMS = frozenset({bool, int, float, str, type(None)})


def torch_optimizer(kept: Any) -> torch.optim.Optimizer:
    """Return torch's optimizer of what Pyro keeps for a parameter: it, or a scheduler of it."""
    return kept.optimizer if is_scheduler(kept) else kept  # type: ignore[no-any-return]


def rate_name(group: Mapping[str, Any]) -> str | None:
    """Name the option of a parameter group that holds its learning rate; None where it has none."""
    return next((name for name in RATES if name in group), None)


def rate_of(kept: Any) -> float:
    """Return the learning rate of what Pyro keeps for a parameter; 1 where its optimizer has none."""
    group = torch_optimizer(kept).param_groups[0]
    name = rate_name(group)
    return 1.0 if name is None else float(group[name])


def copied(value: Any) -> Any:
    """Copy a value with all tensors and containers in it; whatever else it holds stays the same object."""
    kind = type(value)
    if kind in _ATOMS:  # first, because most are: a checkpoint is taken every few steps
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, MutableMapping):
        result = {} if kind is dict else copy.copy(value)
        for key, item in value.items():
            result[key] = copied(item)
        return result
    return kind(map(copied, value)) if kind in {list, tuple} else value


@dataclass(frozen=True, eq=False)
class KeptState:
    """A copy of everything that steps change in what Pyro keeps for a parameter.

    Attributes
    ----------
    moments
        State of torch's optimizer for the parameter.
    groups
        Options of its parameter groups, the parameters aside.
    schedule
        Attributes of the scheduler, its optimizer aside; None where there is no scheduler.
    """

    moments: Mapping[str, Any]
    groups: tuple[Mapping[str, Any], ...]
    schedule: Mapping[str, Any] | None

    @classmethod
    def of(cls, kept: Any, param: torch.Tensor) -> Self:
        """Copy the state of what Pyro keeps for a parameter."""
        optimizer = torch_optimizer(kept)
        groups = tuple({key: copied(value) for key, value in _options(group)} for group in optimizer.param_groups)
        schedule = None if kept is optimizer else {key: copied(value) for key, value in _attributes(kept)}
        return cls(copied(dict(optimizer.state.get(param) or {})), groups, schedule)

    def put(self, kept: Any, param: torch.Tensor, *, rates: bool) -> None:
        """Put the copied state back; learning rates only where asked for, because the user may have set others."""
        moments = torch_optimizer(kept).state[param]
        moments.clear()
        moments.update(copied(self.moments))
        self.put_options(kept, rates=rates)

    def put_options(self, kept: Any, *, rates: bool) -> None:
        """Put the options and the schedule back, without the moments."""
        optimizer = torch_optimizer(kept)
        for group, options in zip(optimizer.param_groups, self.groups, strict=True):
            group.update((key, copied(value)) for key, value in options.items() if rates or key not in RATES)
        if self.schedule is not None:
            vars(kept).update(copied(self.schedule))


def _options(group: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in group.items() if key != "params")


def _attributes(scheduler: Any) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in vars(scheduler).items() if key != "optimizer")


def states_by_name(optim: PyroOptim) -> dict[str, Any]:
    """Copy the state of an optimizer by the names that its parameters have in the present store.

    What it was given for parameters that it has not met yet is included; parameters that the store does not know any
    more are left out.
    """
    store = get_param_store()
    states = {name: copied(state) for name, state in optim._state_waiting_to_be_consumed.items()}
    for param, kept in optim.optim_objs.items():
        name = store.param_name(param)
        if name is not None:
            states[name] = copied(_get_state_dict(kept))
    return states


def load_states(optim: PyroOptim, states: Mapping[str, Any]) -> None:
    """Put states by names of parameters into an optimizer, as if it had stepped the parameters of the present store.

    It meets those that it does not know, so that their states belong to these tensors: parameters of the same names
    that are made after the store was cleared begin without a state. States of parameters that the store does not have
    wait by name.
    """
    store = get_param_store()
    params = dict(store.named_parameters())
    for param in [param for param in optim.optim_objs if param in _MET and store.param_name(param) is None]:
        forget(optim, param)  # those of a fit before this one, whose parameters nobody has any more
    for name, state in states.items():
        if name not in params:
            optim._state_waiting_to_be_consumed[name] = copied(state)
            continue
        if params[name] not in optim.optim_objs:
            meet(optim, params[name])
            _MET[params[name]] = True
        _load_state_dict(optim.optim_objs[params[name]], copied(state))


def meet(optim: PyroOptim, param: torch.Tensor) -> Any:
    """Make what an optimizer makes for a parameter of the present store in its first step, and return it."""
    optim.optim_objs[param] = kept = optim._get_optim(param)
    optim.grad_clip[param] = optim._get_grad_clip(param)  # type: ignore[arg-type]
    return kept


def forget(optim: PyroOptim, param: torch.Tensor) -> None:
    """Drop what an optimizer keeps for a parameter."""
    optim.optim_objs.pop(param, None)
    optim.grad_clip.pop(param, None)
