"""The learning rates that a scheduler will set, known ahead of the steps that are taken elsewhere."""

import types
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rugged_widget.infer.compiled.optimizer.per_parameter import PerParameter
from rugged_widget.infer.compiled.optimizer.update_rules import Array, Rule
from rugged_widget.infer.compiled.program import UnsupportedError, message_of
from rugged_widget.infer.step.optimizer import Optimizer, wants_a_value
from rugged_widget.infer.step.optimizer_state import KeptState, rate_name, rate_of, torch_optimizer

NO_PARAMETER = torch.empty(0)
"""Stands for a parameter without moments, where only a schedule is copied."""


class Schedule:
    """Follows the schedulers of an optimizer, all of one schedule, while its steps are taken elsewhere.

    Between `load` and `store` it is known by the count of steps alone, so that going back needs nothing. The schedule
    is looked ahead on a scheduler of its own. UnsupportedError is raised where rates cannot be known ahead.

    Parameters
    ----------
    optimizer, params
        The optimizer of a fit, and all the parameters that it moves.
    rule
        Its rule.
    """

    def __init__(self, optimizer: Optimizer, params: Sequence[torch.Tensor], rule: Rule) -> None:
        self._optimizer, self._params = optimizer, list(params)
        self._refuse_rates_of_their_own(rule)
        self.load(0)
        self._refuse_what_is_unknown()

    def __repr__(self) -> str:
        return f"Schedule({self._optimizer.name}, {len(self._rates)} rates known)"

    def load(self, count: int) -> None:
        """Take the schedule over from Pyro's optimizer, which has taken so many steps."""
        kept = self._optimizer.optim.optim_objs.get(self._params[0])
        self._base = None if kept is None else KeptState.of(kept, NO_PARAMETER)
        self._base_count, self._base_into = count, self._optimizer.steps_into_epoch
        self._ahead, self._present, self._present_epoch = self._scheduler(), self._scheduler(), 0
        self._rates = array("d", [rate_of(self._ahead)])

    def rates(self, count: int, num_steps: int) -> Array:
        """Return the learning rates, the factor in them, of the steps after `count` steps, shape (num_steps,).

        RuntimeError is raised where the schedule ends before.
        """
        epochs = self._epoch(count + np.arange(num_steps + 1))
        try:
            while len(self._rates) <= epochs[-1]:
                self._ahead.step()
                self._rates.append(rate_of(self._ahead))
        except Exception as error:  # what is wrong with a schedule is its own to say
            raise RuntimeError(f"the schedule cannot go on: {message_of(error)}") from error
        rates: Array = np.asarray(self._rates)[epochs[:-1]] * self._optimizer.rate_factor
        return rates

    def store(self, count: int) -> None:
        """Bring Pyro's schedulers to where so many steps have led."""
        if self._base is None and count == self._base_count:
            return
        epoch = int(self._epoch(np.array([count]))[0])
        if epoch < self._present_epoch:
            self._present, self._present_epoch = self._scheduler(), 0
        while self._present_epoch < epoch:
            self._present.step()
            self._present_epoch += 1
        state = KeptState.of(self._present, NO_PARAMETER)
        self._optimizer.meet(self._params)
        for param in self._params:
            state.put_options(self._optimizer.optim.optim_objs[param], rates=True)
        self._optimizer.steps_into_epoch = (self._base_into + count - self._base_count) % self._optimizer.schedule_every

    def _epoch(self, counts: Any) -> Any:
        """Return how often the schedule has been stepped since `load`, after so many steps."""
        return (self._base_into + counts - self._base_count) // self._optimizer.schedule_every

    def _scheduler(self) -> Any:
        """Make a scheduler that is where Pyro's were at `load`."""
        made = self._optimizer.optim._get_optim(self._params[0])
        torch_optimizer(made)._opt_called = True  # type: ignore[attr-defined] # or the scheduler warns that it is not
        if self._base is not None:
            self._base.put_options(made, rates=True)
        return made

    def _refuse_rates_of_their_own(self, rule: Rule) -> None:
        different = isinstance(rule, PerParameter) and any(part.ratio != 1.0 for part in rule.parts)
        kept = [self._optimizer.optim.optim_objs.get(param) for param in self._params]
        places = {repr([getattr(each, name, None) for name in ("_last_lr", "last_epoch")]) for each in kept}
        if different or len(places) > 1:
            raise UnsupportedError("the scheduler gives each parameter a learning rate of its own")
        if float(rule.decayed(1.0, 1)[0]) != 1.0:
            raise UnsupportedError("a scheduler and the optimizer itself both lower the learning rate")

    def _refuse_what_is_unknown(self) -> None:
        trial, name = self._scheduler(), self._optimizer.name
        if wants_a_value(trial):
            raise UnsupportedError(f"{name} watches the loss, so that no learning rate is known ahead")
        functions = [value for value in getattr(trial, "lr_lambdas", []) if not isinstance(value, types.FunctionType)]
        if functions:
            raise UnsupportedError(f"{name} asks an object of one's own, which may change")
        before = _other_options(trial)
        try:
            trial.step()
        except Exception as error:  # the user's own: the first step raises it again
            raise UnsupportedError(f"{name} cannot be stepped: {message_of(error)}") from error
        if _other_options(trial) != before:
            raise UnsupportedError(f"{name} changes more than the learning rate")


def _other_options(scheduler: Any) -> dict[str, Any]:
    group = torch_optimizer(scheduler).param_groups[0]
    return {key: value for key, value in group.items() if key not in {"params", rate_name(group)}}
