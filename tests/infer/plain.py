"""Pyro used directly, as a user would: what the fits are held against, and what must stay as it was."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro import optim
from pyro.infer import SVI, Trace_ELBO, autoguide
from pyro.poutine.runtime import _DIM_ALLOCATOR, _PYRO_STACK
from torch.overrides import _get_current_function_mode_stack

from rugged_widget.regression.data.regression_data import RegressionData
from rugged_widget.regression.infer.model import BayesianRegression

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILIES: dict[str, Callable[[Any], Any]] = {
    "diagonal": autoguide.AutoDiagonalNormal,
    "multivariate": autoguide.AutoMultivariateNormal,
    "low_rank": autoguide.AutoLowRankMultivariateNormal,
    "iaf": autoguide.AutoIAFNormal,
    "delta": autoguide.AutoDelta,
}

RUGGED = RegressionData.rugged()


def tensors(data: RegressionData = RUGGED) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(data.features, dtype=torch.float32), torch.tensor(data.targets, dtype=torch.float32)


class PlainLoop:
    """The loop of the tutorial, with a store and generators that nobody else may touch while it exists."""

    def __init__(
        self, make_guide: Callable[[Any], Any], model: Any = None, seed: int = 1, learning_rate: float = 0.03
    ) -> None:
        model = model or BayesianRegression()
        pyro.set_rng_seed(seed)
        pyro.clear_param_store()
        self.guide = make_guide(model)
        adam: Any = optim.Adam({"lr": learning_rate})  # type: ignore[attr-defined] # Pyro makes it at import
        self._svi = SVI(model, self.guide, adam, Trace_ELBO())
        self.losses: list[float] = []

    def step(self, count: int = 1) -> list[float]:
        self.losses += [self._svi.step(*tensors()) for _ in range(count)]
        return self.losses


def global_state() -> dict[str, Any]:
    """Everything of the user's that a fit might disturb, in a form that can be compared."""
    store = pyro.get_param_store()
    numpy: Any = np.random.get_state(legacy=False)
    return {
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": repr(numpy | {"state": {key: str(np.asarray(v).tolist()) for key, v in numpy["state"].items()}}),
        "bits": id(np.random.mtrand.get_bit_generator()),
        "params": {name: (id(value), value.tolist()) for name, value in store.named_parameters()},
        "names": {id(value): name for value, name in store._param_to_name.items()},
        "constraints": dict(store._constraints),
        "settings": pyro.settings.get(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")),
        "handlers": list(_PYRO_STACK),
        "plates": list(_DIM_ALLOCATOR._stack),
        "device": (torch.get_default_device(), torch.empty(0).device),
        "modes": list(map(id, _get_current_function_mode_stack())),
        "numpy errors": np.geterr(),
    }


def normal_model(data: torch.Tensor) -> None:
    mean = pyro.sample("mean", dist.Normal(0.0, 1.0))
    spread = pyro.sample("spread", dist.LogNormal(0.0, 1.0))
    with pyro.plate("rows", len(data)):
        pyro.sample("seen", dist.Normal(mean, spread), obs=data)
