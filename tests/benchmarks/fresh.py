"""What is measured from the start of a process: time to the end of 1,500 steps, and setting up an engine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.benchmarks.figures import Figure

ROUNDS = 3

OURS = """
from rugged_widget import RuggedWidget
import asyncio
widget = RuggedWidget(num_steps=1500, speed="max")
asyncio.run(widget.fit())
assert widget.step == 1500
"""

BARE = """
import torch
from tests.benchmarks.problems import tutorial
step = tutorial().bare()
for _ in range(1490):
    step()
"""

NUMPYRO = """
import numpy as np, jax, numpyro
from numpyro import distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal
from rugged_widget.regression.data.regression_data import RegressionData
data = RegressionData.rugged()
def model(x, y):
    weight = numpyro.sample("weight", dist.Normal(0., 1.).expand([1, 3]).to_event(2))
    bias = numpyro.sample("bias", dist.Normal(0., 10.).expand([1]).to_event(1))
    sigma = numpyro.sample("sigma", dist.Uniform(0., 10.))
    with numpyro.plate("data", len(y)):
        numpyro.sample("obs", dist.Normal((x @ weight.T + bias).squeeze(-1), sigma), obs=y)
svi = SVI(model, AutoDiagonalNormal(model), numpyro.optim.Adam(0.03), Trace_ELBO())
x, y = data.features.astype(np.float32), data.targets.astype(np.float32)
svi.run(jax.random.PRNGKey(1), 1500, x, y, progress_bar=False)
"""

PYMC = """
import pymc as pm
from rugged_widget.regression.data.regression_data import RegressionData
data = RegressionData.rugged()
with pm.Model():
    weight = pm.Normal("weight", 0., 1., shape=3)
    bias = pm.Normal("bias", 0., 10.)
    sigma = pm.Uniform("sigma", 0., 10.)
    pm.Normal("obs", data.features @ weight + bias, sigma, observed=data.targets)
    pm.fit(1500, method="advi", random_seed=1, progressbar=False)
"""

SET_UP = """
import time
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.infer.svi.preload import PRELOAD
from rugged_widget.regression.data.regression_data import RegressionData
PRELOAD.begin(lambda: None)
PRELOAD.wait()
fit = RegressionFit(RegressionData.rugged())
began = time.perf_counter()
while fit.engine.reason.startswith("the step is captured"):
    fit.prepare()
print(time.perf_counter() - began)
"""


def measure() -> list[Figure]:
    """Measure with everything that the extra `bench` installs."""
    scripts = {"default": OURS, "bare loop": BARE, "numpyro svi.run": NUMPYRO, "PyMC ADVI": PYMC}
    seconds: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(ROUNDS):
        for name, script in scripts.items():
            began = time.perf_counter()
            _run(script)
            seconds[name].append(time.perf_counter() - began)
    typical = {name: statistics.median(values) for name, values in seconds.items()}
    ours = typical.pop("default")
    detail = ", ".join(f"{name} {value:.1f} s" for name, value in typical.items())
    set_up = [float(_run(SET_UP)) for _ in range(ROUNDS)]
    return [
        Figure("fresh process to 1500 steps done, default engine", ours, min(typical.values()), "s", detail=detail),
        Figure("setting up graph after imports", statistics.median(set_up), 0.5, "s", detail=f"median of {ROUNDS}"),
    ]


def _run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
