"""The problems that ways to step are compared on, and the loops of others that they are compared with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro import optim
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDiagonalNormal

from rugged_widget import RegressionData
from rugged_widget.infer.svi.fit import Fit
from rugged_widget.regression.infer.model import BayesianRegression

CHUNK = 1000  # steps of numpyro's scan that are compiled into one call


@dataclass(frozen=True)
class Problem:
    """A model with its data, for a diagonal guide and Adam."""

    model: Callable[..., Any]
    args: tuple[torch.Tensor, ...]
    learning_rate: float

    def fit(self, engine: str) -> Fit:
        """Return a fit that has taken its first steps, by the engine that was asked for."""
        fit = Fit(self.model, AutoDiagonalNormal, self.args, learning_rate=self.learning_rate, seed=1, engine=engine)
        fit.advance(50)
        fit.wait_for_engine(120)
        fit.advance(50)
        assert fit.engine.name == engine, fit.engine
        return fit

    def bare(self) -> Callable[[], Any]:
        """Return a step of Pyro's own loop, after its first ones."""
        pyro.clear_param_store()
        pyro.set_rng_seed(1)
        adam: Any = optim.Adam({"lr": self.learning_rate})  # type: ignore[attr-defined] # Pyro makes it at import
        svi: Any = SVI(self.model, AutoDiagonalNormal(self.model), adam, Trace_ELBO())
        for _ in range(10):
            svi.step(*self.args)
        return lambda: svi.step(*self.args)


def tutorial() -> Problem:
    """Return the lesson's model and data."""
    data = RegressionData.rugged()
    features, targets = (torch.tensor(array, dtype=torch.float32) for array in (data.features, data.targets))
    return Problem(BayesianRegression(), (features, targets), 0.03)


def linear(num_rows: int, num_columns: int, batch_size: int | None = None) -> Problem:
    """Return a linear regression on random data, of all rows or in batches."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(num_rows, num_columns, generator=random)
    y = x[:, 0] + torch.randn(num_rows, generator=random)

    def model(x: torch.Tensor, y: torch.Tensor) -> None:
        weight = pyro.sample("weight", dist.Normal(0.0, 1.0).expand([num_columns]).to_event(1))
        sigma = pyro.sample("sigma", dist.LogNormal(0.0, 1.0))
        with pyro.plate("rows", num_rows, subsample_size=batch_size) as picked:
            rows, seen = (x, y) if batch_size is None else (x[picked], y[picked])
            pyro.sample("obs", dist.Normal(rows @ weight, sigma), obs=seen)

    return Problem(model, (x, y), 0.01)


def numpyro_chunk() -> Callable[[], list[float]]:
    """Return numpyro's own compiled scan over the lesson's model: takes CHUNK steps and returns their losses."""
    import jax
    import numpyro
    from numpyro import distributions as ndist
    from numpyro.infer import SVI as NumpyroSVI  # noqa: N811 as above
    from numpyro.infer import Trace_ELBO as NumpyroELBO
    from numpyro.infer.autoguide import AutoDiagonalNormal as NumpyroGuide

    data = RegressionData.rugged()

    def model(x: Any, y: Any) -> None:
        weight = numpyro.sample("weight", ndist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
        bias = numpyro.sample("bias", ndist.Normal(0.0, 10.0).expand([1]).to_event(1))
        sigma = numpyro.sample("sigma", ndist.Uniform(0.0, 10.0))
        mean = (x @ weight.T + bias).squeeze(-1)
        with numpyro.plate("data", len(y)):
            numpyro.sample("obs", ndist.Normal(mean, sigma), obs=y)

    svi = NumpyroSVI(model, NumpyroGuide(model), numpyro.optim.Adam(0.03), NumpyroELBO())
    x, y = (np.asarray(array, dtype=np.float32) for array in (data.features, data.targets))
    state = [svi.init(jax.random.PRNGKey(1), x, y)]
    scan = jax.jit(lambda s: jax.lax.scan(lambda t, _: svi.update(t, x, y), s, None, length=CHUNK))

    def chunk() -> list[float]:
        state[0], losses = scan(state[0])
        return np.asarray(losses).tolist()  # type: ignore[no-any-return]

    chunk()
    return chunk


def rate(take: Callable[[], int], seconds: float) -> float:
    """Return steps a second of what takes steps and says how many, over so long."""
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        steps += take()
    return steps / (time.perf_counter() - began)
