"""The optimizer of one fit: made of the user's, which is never changed, with rates that can be scaled."""

import copy
import inspect
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Self

import torch
from pyro import get_param_store, optim
from pyro.optim import PyroLRScheduler, PyroOptim
from pyro.optim.optim import _load_state_dict

from rugged_widget.infer.step.optimizer_state import (
    KeptState,
    copied,
    forget,
    load_states,
    meet,
    rate_name,
    rate_of,
    states_by_name,
    torch_optimizer,
)
from rugged_widget.validation import checked_count, checked_learning_rate

OPTIM: Any = optim  # Pyro makes Adam at import


@dataclass(frozen=True, eq=False)
class OptimizerStart:
    """An optimizer of the user's as it was at one moment; every fit makes one of its own from it.

    What happens to the user's object later does not reach it, so that a fit that is made again begins with the same.

    Attributes
    ----------
    optim
        Same type, options and clipping as the user's; it takes no step.
    states
        State of the user's by names of parameters, as `PyroOptim.get_state` gives it: that of parameters in the user's
        store, and what was loaded for others.
    """

    optim: PyroOptim
    states: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: PyroOptim) -> Self:
        """Take an optimizer over as it is now; to be called where its parameters are in Pyro's store."""
        return cls(_unused(given), states_by_name(given))

    def make(self) -> PyroOptim:
        """Make an optimizer that has taken no step here, with the state that the user's had."""
        made = _unused(self.optim)
        made.set_state(copied(dict(self.states)))
        return made

    def take_back(self, given: PyroOptim, names: Collection[str]) -> None:
        """Put the state that the user's optimizer had back into it, while the present store has the parameters.

        What fits have given it for parameters of these names is forgotten where it had none for them.
        """
        store = get_param_store()
        for name in [name for name in names if name not in self.states]:
            given._state_waiting_to_be_consumed.pop(name, None)
            if name in store:
                forget(given, store._params[name])
        load_states(given, self.states)


def _unused(given: PyroOptim) -> PyroOptim:
    """Copy an optimizer without its state, whatever type of the user's it is."""
    made = copy.copy(given)
    made.optim_objs, made.grad_clip, made._state_waiting_to_be_consumed = {}, {}, {}
    made.pt_optim_args = _own_options(given.pt_optim_args)
    made.pt_clip_args = _own_options(given.pt_clip_args)
    if isinstance(made, PyroLRScheduler):
        made.kwargs = copied(made.kwargs)
    return made


def _own_options(options: Any) -> Any:
    return copied(options) if isinstance(options, dict) else options


def checked_optimizer(given: object, name: str = "optimizer") -> PyroOptim:
    """Return one of Pyro's optimizers; TypeError says what was given instead, and what is needed."""
    if isinstance(given, PyroOptim):
        return given
    needed = 'one of Pyro\'s, such as pyro.optim.Adam({"lr": 0.01})'
    if isinstance(given, torch.optim.Optimizer):
        raise TypeError(
            f"{name} must be {needed}, got torch's {type(given).__name__}: Pyro makes one of it for each parameter"
        )
    if isinstance(given, (torch.optim.lr_scheduler.LRScheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)):
        raise TypeError(f"{name} must be {needed}, got torch's scheduler {type(given).__name__}: use pyro.optim's")
    if isinstance(given, type) and issubclass(given, torch.optim.Optimizer):
        raise TypeError(f"{name} must be {needed}, got torch's class {given.__name__}")
    if isinstance(given, optim.multi.MultiOptimizer):
        raise TypeError(f"{name} must be {needed}; {type(given).__name__} is for loops of one's own, not for SVI")
    if isinstance(given, FunctionType):
        raise TypeError(f"{name} must be {needed}, got the function {given.__name__}: call it with its options")
    raise TypeError(f"{name} must be {needed}, got {given!r} of type {type(given).__name__}")


def start_of(given: object, learning_rate: float | None) -> OptimizerStart | None:
    """Return what a fit makes its optimizer of: the user's as it is now, or None for Adam at a learning rate.

    TypeError and ValueError say what was given instead, also where an optimizer comes with a learning rate.
    """
    if given is None:
        checked_learning_rate(learning_rate)  # type: ignore[arg-type] # None is refused as everything else
        return None
    start = given if isinstance(given, OptimizerStart) else OptimizerStart.of(checked_optimizer(given))
    if learning_rate is not None:
        raise ValueError(
            "learning_rate must be None where optimizer is an object, which has rates of its own, "
            f"got {learning_rate!r}: set it there, or scale all rates by rate_factor"
        )
    return start


class Optimizer:
    """Moves the parameters of one fit, given their gradients; always inside the fit's isolation.

    Every rate is that of Pyro's optimizer, or of its scheduler, times `rate_factor`. A scheduler is stepped after every
    `schedule_every` steps; one that wants a value to watch, such as ReduceLROnPlateau, is given the mean loss of these.

    Parameters
    ----------
    given
        A start to make it from, with its own options; Adam where it is None.
    learning_rate
        Of Adam, finite, > 0; None where `given` is a start, which has rates of its own.
    betas
        Of Adam; torch's where None.
    """

    def __init__(
        self,
        given: OptimizerStart | None,
        learning_rate: float | None,
        schedule_every: int = 1,
        betas: tuple[float, float] | None = None,
    ) -> None:
        self._one_rate = given is None
        options = {"lr": learning_rate} | ({} if betas is None else {"betas": betas})
        self.optim: PyroOptim = OPTIM.Adam(options) if given is None else given.make()
        self.rate_factor = 1.0
        self._touched = 0  # how often the user has set the one rate
        self.schedule_every = checked_count(schedule_every, "schedule_every")
        self._losses: list[float] = []  # since the scheduler's last step
        self._watches: bool | None = None  # whether the scheduler wants a value; None until there is one
        self._first: torch.Tensor | None = None  # parameter whose rate is told
        self.meet(param for _, param in get_param_store().named_parameters() if self._is_waited_for(param))
        self._initial_rate = self._find_initial_rate()
        self.last_rate = self.learning_rate

    def __repr__(self) -> str:
        return f"Optimizer({self.name}, {len(self.optim.optim_objs)} parameters, rate {self.learning_rate:g})"

    @property
    def name(self) -> str:
        """Name of torch's class, of the scheduler where there is one."""
        kind: Any = getattr(self.optim, "pt_scheduler_constructor", self.optim.pt_optim_constructor)
        return str(getattr(kind, "__name__", type(self.optim).__name__))

    @property
    def scheduled(self) -> bool:
        """True if a scheduler changes the rates."""
        return isinstance(self.optim, PyroLRScheduler)

    def __call__(self, params: Iterable[torch.Tensor]) -> None:
        """Take a step of each parameter, as `SVI.step` asks for it."""
        if self.rate_factor == 1.0:
            self.optim(params)  # type: ignore[arg-type] # any iterable of parameters will do
        else:
            params = list(params)
            self.meet(params)
            self._step_scaled(params)

    def end_step(self, loss: float) -> None:
        """Note the rate of the step that was taken, and step the scheduler where it is due."""
        if self._first not in self.optim.optim_objs:
            self._first = self._find_first()
            if math.isnan(self._initial_rate):
                self._initial_rate = self._find_initial_rate()  # the parameters are there now
        self.last_rate = self.learning_rate
        if not self.scheduled:
            return
        self._losses.append(loss)
        if len(self._losses) >= self.schedule_every:
            mean = math.fsum(self._losses) / len(self._losses)
            self._losses.clear()
            if self._watches is None and self.optim.optim_objs:
                self._watches = wants_a_value(next(iter(self.optim.optim_objs.values())))
            scheduler: Any = self.optim
            scheduler.step(*[mean] * bool(self._watches))

    @property
    def steps_into_epoch(self) -> int:
        """Steps since the scheduler was stepped, in [0, `schedule_every`)."""
        return len(self._losses)

    @steps_into_epoch.setter
    def steps_into_epoch(self, value: int) -> None:
        self._losses = [*self._losses[:value], *[math.nan] * (value - len(self._losses))]

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step of the first parameter, with the factor in it.

        It is nan before the first step where it depends on a parameter that the step has yet to make.
        """
        kept = self.optim.optim_objs.get(self._first)
        if kept is None:
            return self._initial_rate * self.rate_factor
        return self.rate_factor * rate_of(kept)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        """Let all parameters have this rate, where they had one rate; else scale all, so that the first has it."""
        if self._one_rate:
            self._touched += 1
            self._set_all(value / self.rate_factor)
        elif self.learning_rate > 0:
            self.rate_factor *= value / self.learning_rate
        else:
            raise ValueError(
                f"the learning rate of the first parameter is {self.learning_rate:g}, which cannot be scaled to "
                f"{value!r}: set rate_factor, which scales the rates of all"
            )

    def follow(self, learning_rate: float) -> None:
        """Let the rates go where steps lead that were taken elsewhere, so that the first parameter has this one.

        A scheduler sets them by itself.
        """
        now = self.learning_rate
        if learning_rate == now or self.scheduled:
            return
        if self._one_rate:
            self._touched += 1
            self._set_all(learning_rate / self.rate_factor)
        else:
            for group in self._groups():
                name = rate_name(group)
                if name is not None:
                    group[name] = group[name] * (learning_rate / now)

    def checkpoint(self, params: Iterable[torch.Tensor]) -> "OptimizerCheckpoint":
        """Copy everything that steps change in the optimizer."""
        kept = self.optim.optim_objs
        states = {param: KeptState.of(kept[param], param) for param in params if param in kept}
        return OptimizerCheckpoint(
            states, copied(self.optim._state_waiting_to_be_consumed), tuple(self._losses), self._touched
        )

    def restore(self, checkpoint: "OptimizerCheckpoint") -> None:
        """Go back to a checkpoint; rates that the user has set since, and the factor, stay."""
        for param in list(self.optim.optim_objs):
            if param not in checkpoint.states:
                forget(self.optim, param)
        for param, state in checkpoint.states.items():
            state.put(self.optim.optim_objs[param], param, rates=self._touched == checkpoint.touched)
        self.optim._state_waiting_to_be_consumed = copied(checkpoint.waiting)
        self._losses = list(checkpoint.losses)
        self._first = self._find_first()

    def states(self) -> dict[str, Any]:
        """Copy the state by names of parameters, as `PyroOptim.set_state` takes it; the factor is no part of it."""
        return states_by_name(self.optim)

    def meet(self, params: Iterable[torch.Tensor]) -> None:
        """Make what Pyro makes for parameters in their first step."""
        for param in params:
            if param not in self.optim.optim_objs:
                kept = meet(self.optim, param)
                state = self.optim._state_waiting_to_be_consumed.pop(get_param_store().param_name(param), None)
                if state is not None:
                    _load_state_dict(kept, state)
        if self._first not in self.optim.optim_objs:
            self._first = self._find_first()

    def _is_waited_for(self, param: torch.Tensor) -> bool:
        return get_param_store().param_name(param) in self.optim._state_waiting_to_be_consumed

    def _step_scaled(self, params: list[torch.Tensor]) -> None:
        groups = [
            (group, name)
            for param in params
            for group in torch_optimizer(self.optim.optim_objs[param]).param_groups
            if (name := rate_name(group)) is not None
        ]
        before = [(group, name, group[name], group[name] * self.rate_factor) for group, name in groups]
        for group, name, _, scaled in before:
            group[name] = scaled
        try:
            self.optim(params)
        finally:
            for group, name, rate, scaled in before:
                # Some optimizers lower the rate in a step.
                group[name] = rate if group[name] == scaled else rate * (group[name] / scaled)

    def _set_all(self, rate: float) -> None:
        self._initial_rate = rate
        for group in (self.optim.pt_optim_args, *self._groups()):  # of parameters yet to come, and of those met
            group["lr"] = rate  # type: ignore[index] # the options of Adam are a dictionary

    def _groups(self) -> Iterable[dict[str, Any]]:
        return (group for kept in self.optim.optim_objs.values() for group in torch_optimizer(kept).param_groups)

    def _find_first(self) -> torch.Tensor | None:
        """Return the first parameter of the store that has been met: Pyro meets them in random order."""
        params = (param for _, param in get_param_store().named_parameters())
        return next((param for param in params if param in self.optim.optim_objs), None)

    def _find_initial_rate(self) -> float:
        """Return the rate of the first parameter before its first step; nan where it cannot be told."""
        options = self.optim.pt_optim_args
        if isinstance(options, dict) and not self.scheduled and (name := rate_name(options)) is not None:
            return float(options[name])
        params = [param for _, param in get_param_store().named_parameters()]
        try:
            kept = self.optim._get_optim(params[0] if params else torch.zeros(1, 1, requires_grad=True))
            group = torch_optimizer(kept).param_groups[0]
            return float(group[rate_name(group)])  # type: ignore[index] # KeyError is caught too
        except Exception:  # the user's own options or torch's checks: the first step raises it again
            return math.nan


@dataclass(frozen=True, eq=False)
class OptimizerCheckpoint:
    """Everything that steps change in the optimizer of a fit.

    Attributes
    ----------
    states
        State of each parameter that has been stepped.
    waiting
        State for parameters that have not been met yet, by name.
    losses
        Losses since the scheduler's last step.
    touched
        How often the user had set the learning rate.
    """

    states: Mapping[torch.Tensor, KeptState]
    waiting: dict[str, Any]
    losses: tuple[float, ...]
    touched: int


def give_back(states: Mapping[str, Any], given: PyroOptim, name: str) -> None:
    """Put the state of a fit's optimizer into one of the user's, whose parameters are in the present store.

    TypeError is raised where it is of another kind than `name`.
    """
    checked_optimizer(given, "optim")
    kind: Any = getattr(given, "pt_scheduler_constructor", given.pt_optim_constructor)
    if getattr(kind, "__name__", name) != name and states:
        raise TypeError(f"optim must be of the kind that the fit was made with, {name}, got {kind.__name__}")
    load_states(given, states)


def wants_a_value(scheduler: Any) -> bool:
    """Return True if the step of a scheduler needs an argument, the value that it watches."""
    params = inspect.signature(scheduler.step).parameters.values()
    positional = [param for param in params if param.kind in {param.POSITIONAL_ONLY, param.POSITIONAL_OR_KEYWORD}]
    return any(param.default is param.empty for param in positional)
