"""Write a run as a short Pyro script that takes the same steps."""

from typing import Final

from rugged_widget.regression.script.run_spec import Recipe
from rugged_widget.regression.script.table import reading, tensors
from rugged_widget.script.loop import AVERAGING, CHANGING, MEANS, mean_constants, rate_constants
from rugged_widget.script.run_spec import OwnGuide

LARGE = 10_000  # rows from which on the widget draws a batch in a way of its own; see `QuickSubsample`
PARTS: Final = "AutoGuideList"
_OF_PARTS: Final = ("AutoDiagonalNormal", "AutoGuideList", "AutoMultivariateNormal")
LAPLACE: Final = "AutoLaplaceApproximation"


def write_script(recipe: Recipe) -> str:
    """Write the script of a run: a Python program for NumPy, pandas, torch and Pyro.

    For the bundled table it needs this package too. It takes the very steps of the widget's engine "plain", and those
    of its other engines but for rounding, and prints the parameter store at its end. Texts of the user stand in it as
    literals, whatever is in them.
    """
    parts = [_head(recipe), _constants(recipe), reading(recipe), tensors(recipe), _model(recipe)]
    return "\n".join([*parts, *_own_guide(recipe.own), _training(recipe)])


def _head(recipe: Recipe) -> str:
    is_bundled = recipe.columns is None or recipe.columns.bundled
    bundled = "\nfrom rugged_widget import load_rugged\n" if is_bundled else ""
    pandas = "" if is_bundled else "import pandas as pd\n"
    handlers = "from pyro import poutine\n" if _in_parts(recipe) else ""
    groups = " with two groups" if recipe.has_group else ""
    return f'''"""Bayesian regression{groups}, fitted by stochastic variational inference."""

import numpy as np
{pandas}import pyro
import pyro.distributions as dist
import torch
{handlers}from pyro.infer import SVI, Trace_ELBO
{_guides(recipe)}from pyro.nn import PyroModule, PyroSample
from pyro.optim import {recipe.optimizer}
from torch import nn
{bundled}'''


def _in_parts(recipe: Recipe) -> bool:
    return recipe.own is None and recipe.guide == PARTS


def _guides(recipe: Recipe) -> str:
    """Import the classes that the guide is made of."""
    names = recipe.own.imported if recipe.own else (*_OF_PARTS,) if _in_parts(recipe) else (recipe.guide,)
    return f"from pyro.infer.autoguide import {', '.join(names)}\n" if names else ""


def _constants(recipe: Recipe) -> str:
    lines = [f"SEED = {recipe.seed!r}", f"NUM_STEPS = {recipe.num_steps!r}", *rate_constants(recipe.learning_rates)]
    if _batched(recipe):
        lines += [f"BATCH_SIZE = {recipe.batch_size!r}  # rows that a step looks at"]
    if _batched(recipe) and recipe.num_rows >= LARGE:
        lines += [
            f"# Of {LARGE:,} rows and more the widget draws a batch in a quicker way than Pyro, so it looked at other",
            "# rows: its parameters are near those found here, not the same.",
        ]
    lines += mean_constants(recipe.averages)
    return "\n".join([*lines, ""])


def _batched(recipe: Recipe) -> bool:
    return recipe.batch_size is not None and recipe.batch_size < recipe.num_rows


def _model(recipe: Recipe) -> str:
    batched, count = _batched(recipe), recipe.num_features
    size = ", subsample_size=BATCH_SIZE" if batched else ""
    picking = "\n        x, y = x[plate.indices], y[plate.indices]" if batched else ""
    return f'''class Regression(PyroModule):
    """y ~ Normal(x weight + bias, sigma)."""

    def __init__(self):
        super().__init__()
        self.linear = PyroModule[nn.Linear]({count}, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, {recipe.weight_scale!r}).expand([1, {count}]).to_event(2))
        self.linear.bias = PyroSample(dist.Normal(0.0, {recipe.bias_scale!r}).expand([1]).to_event(1))

    def forward(self, x, y):
        sigma = pyro.sample("sigma", dist.Uniform(0.0, {recipe.sigma_max!r}))
        plate = pyro.plate("data", len(x){size}){picking}
        mean = self.linear(x).squeeze(-1)  # before the plate: all rows share the weights
        with plate:
            pyro.sample("obs", dist.Normal(mean, sigma), obs=y)
'''


def _own_guide(own: OwnGuide | None) -> list[str]:
    """Define the guide that the user wrote, or say that it has to be."""
    if own is None or (own.source is None and own.imported):
        return []
    if own.source is None:
        return [f"\n# The guide was written by hand, and its source is not to be found. Define it here: {own.making}\n"]
    heading = "# The guide as it was written by hand; what it uses from elsewhere has to be put before it."
    return [f"\n{heading}\n{own.source.strip()}\n"]


def _guide(recipe: Recipe) -> str:
    if recipe.own is not None:
        return f"guide = {recipe.own.making}"
    return _PARTS_MADE if _in_parts(recipe) else f"guide = {recipe.guide}(model)"


def _training(recipe: Recipe) -> str:
    # A guide makes its parameters in the first step, so a run without steps has to ask it for them.
    setting_up = "" if recipe.num_steps else "\nguide(features, targets)  # makes its parameters"
    changing = CHANGING if len(recipe.learning_rates) > 1 else ""
    betas = "" if recipe.betas is None else f', "betas": {recipe.betas!r}'
    means, averaging = (MEANS, AVERAGING) if recipe.averages else ("", "")
    curved = recipe.own is None and recipe.guide == LAPLACE and recipe.num_steps and not _batched(recipe)
    return f"""
model = Regression()
pyro.set_rng_seed(SEED)  # after the model, which draws weights that the priors then replace
pyro.clear_param_store()
{_guide(recipe)}
optimizer = {recipe.optimizer}({{"lr": {"LEARNING_RATES[1]" if changing else "LEARNING_RATE"}{betas}}})
svi = SVI(model, guide, optimizer, Trace_ELBO()){setting_up}
{means}
for step in range(1, NUM_STEPS + 1):{changing}
    svi.step(features, targets){averaging}

for name, value in pyro.get_param_store().items():
    print(name, value.detach().numpy(), sep="\\n")
{_LAPLACE if curved else ""}{_mapped(recipe, curved=bool(curved))}"""


_LAPLACE = """
try:  # the normal distribution of the curvature at that point, where it is a maximum
    normal = guide.laplace_approximation(features, targets).get_posterior()
    print("standard deviations", normal.variance.sqrt().numpy(), sep="\\n")
except torch.linalg.LinAlgError:
    print("Training has not come to a maximum yet.")
"""


def _mapped(recipe: Recipe, *, curved: bool) -> str:
    """Draw from the guide and write what is drawn in the units of the table."""
    if not recipe.standardized:
        return ""
    drawing = _DRAWN_BY_LAPLACE.format(sigma_max=recipe.sigma_max) if curved else _DRAWN
    return f"""
# The parameters are of the standardized scale; draws of the guide, in the units of the table:
latents = ("linear.weight", "linear.bias", "sigma")
{drawing}
for name, value in zip(latents, in_units_of_the_table(*drawn), strict=True):
    print(name, "mean", value.mean(0).numpy(), "standard deviation", value.std(0).numpy())
"""


_DRAWN = """with torch.no_grad():
    draws = [pyro.poutine.trace(guide).get_trace(features, targets) for _ in range(400)]
drawn = [torch.stack([draw.nodes[name]["value"].detach() for draw in draws]) for name in latents]"""

_DRAWN_BY_LAPLACE = """try:
    values = guide.laplace_approximation(features, targets).get_posterior().sample((400,))
except torch.linalg.LinAlgError:
    values = guide.loc.detach().expand(400, -1)
drawn = values[:, None, 1:-1], values[:, -1:], {sigma_max!r} * values[:, 0].sigmoid()"""

_PARTS_MADE = """guide = AutoGuideList(model)
together = ["linear.weight", "linear.bias"]
guide.append(AutoMultivariateNormal(poutine.block(model, expose=together)))
guide.append(AutoDiagonalNormal(poutine.block(model, expose=["sigma"])))"""
