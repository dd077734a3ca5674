"""A run written down as a short Pyro script that takes the same steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LARGE = 10_000
"""Rows from which on the widget draws a batch in a way of its own; see `infer.subsample`."""

TABLE = "data.csv"
"""File that the script of a user's table reads."""


def learning_rate_changes(rates: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """Shorten the learning rates of all steps to the steps where they change.

    Parameters
    ----------
    rates
        Of the steps, in order.

    Returns
    -------
    tuple
        Of (step, rate): the step, from 1, that first had the rate; empty where there are no steps.
    """
    changes: list[tuple[int, float]] = []
    for step, rate in enumerate(rates, 1):
        if not changes or rate != changes[-1][1]:
            changes.append((step, float(rate)))
    return tuple(changes)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where the numbers of a table come from.

    Attributes
    ----------
    predictor, group, response
        Names of the columns.
    log_response
        Whether the model sees the natural logarithm of the response.
    group_values
        Texts of the two values of the group: that of group 0, that of group 1.
    bundled
        Whether the table is that of `load_rugged` and not one of the user.
    """

    predictor: str
    group: str
    response: str
    log_response: bool
    group_values: tuple[str, str]
    bundled: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run does.

    Attributes
    ----------
    columns
        Of the table; None for those of the lesson.
    num_rows
        Rows that are fitted to, >= 1.
    guide
        Name of the guide's class in `pyro.infer.autoguide`, such as "AutoDiagonalNormal".
    learning_rates
        As of `learning_rate_changes`: (1, rate of the first step), then (step, from 1, that first had it, rate). A run
        that has taken no step has the rate of the one to come.
    seed
        Of the run, in [0, 2**32).
    num_steps
        Steps taken, >= 0.
    batch_size
        Rows that a step looks at, >= 1; all where it is None or no less than their number.
    weight_scale, bias_scale, sigma_max
        Of the priors: standard deviations of each weight and of the bias, and the upper end of sigma.
    optimizer
        Name of the class in `pyro.optim`.
    dtype
        Name of torch's default type of numbers, "float32" or "float64".

    Raises
    ------
    ValueError
        If a value cannot be that of a run.
    """

    columns: Columns | None = None
    num_rows: int
    guide: str
    learning_rates: tuple[tuple[int, float], ...]
    seed: int
    num_steps: int
    batch_size: int | None = None
    weight_scale: float = 1.0
    bias_scale: float = 10.0
    sigma_max: float = 10.0
    optimizer: str = "Adam"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("guide", "optimizer"):
            if not getattr(self, name).isidentifier():
                raise ValueError(f"{name} must be the name of a class, got {getattr(self, name)!r}")
        steps = [step for step, _ in self.learning_rates]
        if steps[:1] != [1] or any(a >= b for a, b in pairwise(steps)):
            raise ValueError(f"learning_rates must begin with step 1 and go on with later ones, got steps {steps}")
        numbers = [rate for _, rate in self.learning_rates] + [self.weight_scale, self.bias_scale, self.sigma_max]
        if not all(math.isfinite(number) and number > 0 for number in numbers):
            raise ValueError(f"learning rates and scales of priors must be finite and > 0, got {numbers}")
        if self.seed < 0 or self.num_steps < 0 or self.num_rows < 1 or (self.batch_size or 1) < 1:
            raise ValueError("seed and num_steps must be >= 0, num_rows and batch_size >= 1")
        if self.dtype not in {"float32", "float64"}:
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")


def write_script(recipe: Recipe) -> str:
    """Write the script of a run.

    It takes the very steps of the widget's engine "plain", and those of its other engines but for rounding. Texts of
    the user stand in it as literals, whatever is in them.

    Parameters
    ----------
    recipe
        The run.

    Returns
    -------
    str
        A Python program for NumPy, pandas, torch and Pyro; for the bundled table also this package. It prints the
        parameter store at its end.
    """
    parts = [_head(recipe), _constants(recipe), _bundled() if recipe.columns is None else _table(recipe.columns)]
    return "\n".join([*parts, _TENSORS, _model(recipe), _training(recipe)])


def _head(recipe: Recipe) -> str:
    is_bundled = recipe.columns is None or recipe.columns.bundled
    bundled = "\nfrom rugged_widget import load_rugged\n" if is_bundled else ""
    pandas = "" if is_bundled else "import pandas as pd\n"
    return f'''"""Bayesian regression with two groups, fitted by stochastic variational inference."""

import numpy as np
{pandas}import pyro
import pyro.distributions as dist
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import {recipe.guide}
from pyro.nn import PyroModule, PyroSample
from pyro.optim import {recipe.optimizer}
from torch import nn
{bundled}'''


def _constants(recipe: Recipe) -> str:
    lines = [f"SEED = {recipe.seed!r}", f"NUM_STEPS = {recipe.num_steps!r}", *_rates(recipe.learning_rates)]
    if _batched(recipe):
        lines += [f"BATCH_SIZE = {recipe.batch_size!r}  # rows that a step looks at"]
    if _batched(recipe) and recipe.num_rows >= LARGE:
        lines += [
            f"# Of {LARGE:,} rows and more the widget draws a batch in a quicker way than Pyro, so it looked at other",
            "# rows: its parameters are near those found here, not the same.",
        ]
    if recipe.dtype != "float32":
        lines += ["", f"torch.set_default_dtype(torch.{recipe.dtype})"]
    return "\n".join([*lines, ""])


def _rates(changes: tuple[tuple[int, float], ...]) -> list[str]:
    if len(changes) == 1:
        return [f"LEARNING_RATE = {changes[0][1]!r}"]
    lines = [f"    {step}: {rate!r}," for step, rate in changes]
    return ["LEARNING_RATES = {  # by the step, from 1, that they begin at", *lines, "}"]


def _batched(recipe: Recipe) -> bool:
    return recipe.batch_size is not None and recipe.batch_size < recipe.num_rows


def _bundled() -> str:
    return """# Data: log GDP per person on ruggedness, of the countries whose GDP is known.
table = load_rugged()
x = table["rugged"].to_numpy(float)
group = table["cont_africa"].to_numpy(float)
y = np.log(table["rgdppc_2000"].to_numpy(float))
"""


def _table(columns: Columns) -> str:
    numeric = _numbers(columns.group_values)
    zero, one = (repr(value) for value in (numeric or columns.group_values))
    if numeric:  # the texts are rounded to six digits
        coding = f"""value = table[GROUP].to_numpy(float)
group = np.where(np.isfinite(value), abs(value - {one}) < abs(value - {zero}), np.nan)  # {zero} is 0, {one} is 1"""
    else:
        coding = f"group = table[GROUP].map({{{zero}: 0.0, {one}: 1.0}}).to_numpy(float)"
    response = "table[RESPONSE].to_numpy(float)"
    if columns.log_response:
        response = f"{response}\ny = np.log(np.where(y > 0, y, np.nan))"
    reading = _LOADING if columns.bundled else _reading(numeric is not None)
    return f"""PREDICTOR, GROUP, RESPONSE = {columns.predictor!r}, {columns.group!r}, {columns.response!r}

{reading}
x = table[PREDICTOR].to_numpy(float)
{coding}
y = {response}
"""


_LOADING = """# Data: the table of the lesson.
table = load_rugged()"""


def _reading(numeric: bool) -> str:  # noqa: FBT001 private
    numbers = "[PREDICTOR, GROUP, RESPONSE]" if numeric else "[PREDICTOR, RESPONSE]"
    as_text = "" if numeric else "\n    dtype={GROUP: str},"
    return f"""# Data: write the table that the widget was given by df.to_csv("{TABLE}"), beside this script.
table = pd.read_csv(
    "{TABLE}",{as_text}
    keep_default_na=False,
    na_values=dict.fromkeys({numbers}, [""]),
)"""


def _numbers(texts: tuple[str, str]) -> tuple[float, float] | None:
    """Read two texts as two different numbers, or return None where they are not."""
    try:
        one, two = (float(text) for text in texts)
    except ValueError:
        return None
    return (one, two) if math.isfinite(one) and math.isfinite(two) and one != two else None


_TENSORS = """keep = np.isfinite(x) & np.isfinite(group) & np.isfinite(y)
features = torch.tensor(np.column_stack([group, x, group * x])[keep], dtype=torch.get_default_dtype())
targets = torch.tensor(y[keep], dtype=torch.get_default_dtype())

"""


def _model(recipe: Recipe) -> str:
    batched = _batched(recipe)
    size = ", subsample_size=BATCH_SIZE" if batched else ""
    picking = "\n        x, y = x[plate.indices], y[plate.indices]" if batched else ""
    return f'''class Regression(PyroModule):
    """y ~ Normal(x weight + bias, sigma)."""

    def __init__(self):
        super().__init__()
        self.linear = PyroModule[nn.Linear](3, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, {recipe.weight_scale!r}).expand([1, 3]).to_event(2))
        self.linear.bias = PyroSample(dist.Normal(0.0, {recipe.bias_scale!r}).expand([1]).to_event(1))

    def forward(self, x, y):
        sigma = pyro.sample("sigma", dist.Uniform(0.0, {recipe.sigma_max!r}))
        plate = pyro.plate("data", len(x){size}){picking}
        mean = self.linear(x).squeeze(-1)  # before the plate: all rows share the weights
        with plate:
            pyro.sample("obs", dist.Normal(mean, sigma), obs=y)
'''


def _training(recipe: Recipe) -> str:
    # A guide makes its parameters in the first step, so a run without steps has to ask it for them.
    setting_up = "" if recipe.num_steps else "\nguide(features, targets)  # makes its parameters"
    changing = _CHANGING if len(recipe.learning_rates) > 1 else ""
    return f"""
model = Regression()
pyro.set_rng_seed(SEED)  # after the model, which draws weights that the priors then replace
pyro.clear_param_store()
guide = {recipe.guide}(model)
optimizer = {recipe.optimizer}({{"lr": {"LEARNING_RATES[1]" if changing else "LEARNING_RATE"}}})
svi = SVI(model, guide, optimizer, Trace_ELBO()){setting_up}

for step in range(1, NUM_STEPS + 1):{changing}
    svi.step(features, targets)

for name, value in pyro.get_param_store().items():
    print(name, value.detach().numpy(), sep="\\n")
"""


_CHANGING = """
    if step in LEARNING_RATES:
        for inner in optimizer.optim_objs.values():  # one for each parameter
            inner.param_groups[0]["lr"] = LEARNING_RATES[step]"""
