"""Read the parameters and moments of Pyro's optimizer into flat vectors, and write them back."""

from collections.abc import Sequence
from typing import Any

import torch
from pyro.optim import PyroOptim

from rugged_widget.infer.compiled.lasting import Lasting
from rugged_widget.infer.compiled.optimizer.per_parameter import Part, rule_of_parts
from rugged_widget.infer.compiled.optimizer.update_rules import rule_of
from rugged_widget.infer.compiled.program import State, UnsupportedError
from rugged_widget.infer.step.optimizer_state import forget, meet, rate_name, torch_optimizer


class Link:
    """Reads and writes what steps change: parameters, moments, how many steps there were, and `lasting` tensors.

    The parameters are unconstrained leaves; Pyro's optimizer keeps one of torch's for each. `others` are leaves that
    the steps call too and do not depend on. UnsupportedError is raised where the optimizer is not known, the parameters
    are not of one kind, or steps of Pyro's own would move the others too.
    """

    def __init__(
        self,
        optim: PyroOptim,
        params: Sequence[torch.Tensor],
        others: Sequence[torch.Tensor] = (),
        lasting: Lasting | None = None,
    ) -> None:
        self.params, self._others = list(params), list(others)
        self.lasting = lasting or Lasting()
        self._optim = optim
        kinds = {(param.dtype, param.device) for param in params}
        if len(kinds) != 1:
            raise UnsupportedError(
                "the parameters are not all of one dtype on one device" if kinds else "nothing to fit"
            )
        ((self._dtype, device),) = kinds
        if device.type != "cpu" or not self._dtype.is_floating_point:
            raise UnsupportedError(f"parameters are of {self._dtype} on {device}, not real numbers on the CPU")
        self.rule = rule_of_parts(self._parts())
        self._sizes = [param.numel() for param in params]
        self._versions: list[int] = []
        self.read()  # refuses what is not in step

    def __repr__(self) -> str:
        return f"Link({len(self.params)} parameters, {sum(self._sizes)} numbers)"

    def _optimizer(self, param: torch.Tensor) -> torch.optim.Optimizer:
        """Return the optimizer of a parameter, as the first step would make it, without making it."""
        kept: Any = self._optim.optim_objs.get(param)
        return torch_optimizer(self._optim._get_optim(param) if kept is None else kept)

    def _parts(self) -> list[Part]:
        """Return how each parameter is stepped."""
        optimizers = [self._optimizer(param) for param in self.params]
        groups = [optimizer.param_groups[0] for optimizer in optimizers]
        rates = [float(group[name]) if (name := rate_name(group)) else 1.0 for group in groups]
        if rates[0] == 0 and any(rates):
            raise UnsupportedError("the learning rate of the first parameter is 0")
        ratios = [float(f"{rate / rates[0] if rates[0] else 1.0:.12g}") for rate in rates]  # without rounding's traces
        clips = [self._optim._get_grad_clip_args(param) for param in self.params]  # type: ignore[arg-type]
        return [
            Part(rule_of(optimizer), param.numel(), ratio, clip.get("clip_norm"), clip.get("clip_value"))
            for optimizer, param, ratio, clip in zip(optimizers, self.params, ratios, clips, strict=True)
        ]

    def read(self) -> tuple[State, int]:
        """Return the state, of new memory, and the number of steps that the optimizer has taken.

        The state is the parameters, flat, then the moments, and then the lasting tensors.
        """
        if any(param.grad is not None for param in self._others):  # it is one of zeros, of a step that depended on it
            raise UnsupportedError("moments of earlier steps move a parameter that the loss does not depend on now")
        states = [self._optimizer(param).state.get(param, {}) for param in self.params]
        counts = {int(state.get("step", bool(state))) for state in states}  # SGD has a buffer and does not count
        if len(counts) != 1:
            raise UnsupportedError("some parameters have been stepped more often than others")
        vectors = [torch.cat([param.detach().reshape(-1) for param in self.params])]
        for name in self.rule.moments:
            parts = [
                torch.zeros_like(param).reshape(-1) if state.get(name) is None else state[name].reshape(-1)
                for param, state in zip(self.params, states, strict=True)
            ]
            vectors.append(torch.cat(parts))
        self._versions = self._current_versions()
        return (*vectors, *self.lasting.read()), counts.pop()

    @torch.no_grad()
    def write(self, state: State, num_steps: int) -> None:
        """Put a state into the parameters and, after the first step, into the optimizer; before, it has none."""
        num_vectors = 1 + len(self.rule.moments)
        self.lasting.write(state[num_vectors:])
        vectors = state[: num_vectors if num_steps else 1]
        if not num_steps and self.rule.moments:  # without moments there is nothing to forget, and nothing counts
            for param in self.params:
                forget(self._optim, param)
        targets = [list(self.params), *[[] for _ in vectors[1:]]]
        if num_steps:
            for param in self.params:
                objects = self._optim.optim_objs
                made = objects[param] if param in objects else meet(self._optim, param)
                kept = torch_optimizer(made).state[param]
                for name, target in zip(self.rule.moments, targets[1:], strict=True):
                    if kept.get(name) is None:
                        kept[name] = torch.zeros_like(param)
                    target.append(kept[name])
                self._count(kept, num_steps)
        for param in self.params:
            param.grad = None  # of a step that was broken off, which the next one would add to; see `zero_gradients`
        for vector, tensors in zip(vectors, targets, strict=True):
            for tensor, part in zip(tensors, self.by_parameter(vector), strict=True):
                tensor.copy_(part.view(tensor.shape))
        self._versions = self._current_versions()

    def zero_gradients(self) -> None:
        """Leave gradients as Pyro's own steps do: a step that does not depend on a parameter moves it all the same."""
        for param in self.params:
            param.grad = torch.zeros_like(param)

    def _count(self, kept: dict[str, Any], num_steps: int) -> None:
        """Set the count of steps: torch's optimizers have a tensor for it, Pyro's a number, torch's SGD none."""
        if isinstance(self._optimizer(self.params[0]), torch.optim.SGD):
            return
        if isinstance(kept.get("step"), torch.Tensor):
            kept["step"].fill_(num_steps)
        else:
            like_torch = type(self._optimizer(self.params[0])).__module__.startswith("torch.")
            kept["step"] = torch.tensor(float(num_steps)) if like_torch else num_steps

    def by_parameter(self, vector: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the parts of a flat vector that belong to each parameter."""
        return torch.split(vector, self._sizes)

    @property
    def touched(self) -> bool:
        """True if somebody has written into what steps change since it was read or written here, moments aside."""
        return self._versions != self._current_versions()

    def _current_versions(self) -> list[int]:
        return [tensor._version for tensor in (*self.params, *self.lasting.tensors)]
