"""Write a run as a short Pyro script that takes the same steps."""

import math
from typing import Final

from rugged_widget.regression.script.run_spec import Columns, OwnGuide, Recipe
from rugged_widget.snapshot.dates import MICROSECONDS, Dates
from rugged_widget.snapshot.values import Averaged

TABLE = "data.csv"  # file that the script of a user's table reads
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
    data = _BUNDLED if recipe.columns is None else _read_table(recipe.columns)
    parts = [_head(recipe), _constants(recipe), data, _tensors(recipe), _model(recipe)]
    return "\n".join([*parts, *_own_guide(recipe.own), _training(recipe)])


def _head(recipe: Recipe) -> str:
    is_bundled = recipe.columns is None or recipe.columns.bundled
    bundled = "\nfrom rugged_widget import load_rugged\n" if is_bundled else ""
    pandas = "" if is_bundled else "import pandas as pd\n"
    handlers = "from pyro import poutine\n" if _in_parts(recipe) else ""
    return f'''"""Bayesian regression with two groups, fitted by stochastic variational inference."""

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
    lines = [f"SEED = {recipe.seed!r}", f"NUM_STEPS = {recipe.num_steps!r}", *_rates(recipe.learning_rates)]
    if _batched(recipe):
        lines += [f"BATCH_SIZE = {recipe.batch_size!r}  # rows that a step looks at"]
    if _batched(recipe) and recipe.num_rows >= LARGE:
        lines += [
            f"# Of {LARGE:,} rows and more the widget draws a batch in a quicker way than Pyro, so it looked at other",
            "# rows: its parameters are near those found here, not the same.",
        ]
    lines += _means(recipe.averages)
    return "\n".join([*lines, ""])


def _rates(changes: tuple[tuple[int, float], ...]) -> list[str]:
    if len(changes) == 1:
        return [f"LEARNING_RATE = {changes[0][1]!r}"]
    lines = [f"    {step}: {rate!r}," for step, rate in changes]
    return ["LEARNING_RATES = {  # by the step, from 1, that they begin at", *lines, "}"]


def _means(averages: tuple[tuple[int, Averaged], ...]) -> list[str]:
    if not averages:
        return []
    lines = [f"    {at}: range({mean.first}, {mean.last + 1}, {mean.stride})," for at, mean in averages]
    return ["AVERAGED = {  # by the step after which the mean of some iterates is put in place: of which", *lines, "}"]


def _batched(recipe: Recipe) -> bool:
    return recipe.batch_size is not None and recipe.batch_size < recipe.num_rows


def _tensors(recipe: Recipe) -> str:
    return _STANDARDIZED if recipe.standardized else _TENSORS


_TENSORS = """keep = np.isfinite(x) & np.isfinite(group) & np.isfinite(y)
features = torch.tensor(np.column_stack([group, x, group * x])[keep], dtype=torch.float32)
targets = torch.tensor(y[keep], dtype=torch.float32)

"""

_STANDARDIZED = """keep = np.isfinite(x) & np.isfinite(group) & np.isfinite(y)
x, group, y = x[keep], group[keep], y[keep]

# Predictor and response are standardized for training: the model and its priors are of that scale.
x_center, y_center = x.mean(), y.mean()
x_spread, y_spread = (spread if spread > 0 else 1.0 for spread in (x.std(ddof=1), y.std(ddof=1)))
z = (x - x_center) / x_spread
features = torch.tensor(np.column_stack([group, z, group * z]), dtype=torch.get_default_dtype())
targets = torch.tensor((y - y_center) / y_spread, dtype=torch.get_default_dtype())


def in_units_of_the_table(weight, bias, sigma):
    \"\"\"Map draws of the latents, shapes (n, 1, 3), (n, 1) and (n,), from the standardized scale.\"\"\"
    weight, bias = weight.double() * y_spread, bias.double() * y_spread
    group, predictor, product = weight[..., 0], weight[..., 1] / x_spread, weight[..., 2] / x_spread
    weight = torch.stack([group - product * x_center, predictor, product], -1)
    return weight, y_center + bias - predictor * x_center, sigma.double() * y_spread


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
    changing = _CHANGING if len(recipe.learning_rates) > 1 else ""
    means, averaging = (_MEANS, _AVERAGING) if recipe.averages else ("", "")
    curved = recipe.own is None and recipe.guide == LAPLACE and recipe.num_steps and not _batched(recipe)
    return f"""
model = Regression()
pyro.set_rng_seed(SEED)  # after the model, which draws weights that the priors then replace
pyro.clear_param_store()
{_guide(recipe)}
optimizer = {recipe.optimizer}({{"lr": {"LEARNING_RATES[1]" if changing else "LEARNING_RATE"}}})
svi = SVI(model, guide, optimizer, Trace_ELBO()){setting_up}
{means}
for step in range(1, NUM_STEPS + 1):{changing}
    svi.step(features, targets){averaging}

for name, value in pyro.get_param_store().items():
    print(name, value.detach().numpy(), sep="\\n")
{_LAPLACE if curved else ""}{_mapped(recipe, curved=bool(curved))}"""


_CHANGING = """
    if step in LEARNING_RATES:
        for inner in optimizer.optim_objs.values():  # one for each parameter
            inner.param_groups[0]["lr"] = LEARNING_RATES[step]"""

_MEANS = """
means = {at: {} for at in AVERAGED}  # of the parameters as the optimizer moves them, unconstrained
"""

_AVERAGING = """
    store = dict(pyro.get_param_store().named_parameters())
    for at, steps in AVERAGED.items():
        if step in steps:
            for name, value in store.items():
                means[at][name] = means[at].get(name, 0.0) + value.detach().double() / len(steps)
    if step in AVERAGED:
        with torch.no_grad():
            for name, value in store.items():
                value.copy_(means[step][name])"""

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
drawn = values[:, None, 1:4], values[:, 4:], {sigma_max!r} * values[:, 0].sigmoid()"""

_PARTS_MADE = """guide = AutoGuideList(model)
together = ["linear.weight", "linear.bias"]
guide.append(AutoMultivariateNormal(poutine.block(model, expose=together)))
guide.append(AutoDiagonalNormal(poutine.block(model, expose=["sigma"])))"""


_BUNDLED = """# Data: log GDP per person on ruggedness, of the countries whose GDP is known.
table = load_rugged()
x = table["rugged"].to_numpy(float)
group = table["cont_africa"].to_numpy(float)
y = np.log(table["rgdppc_2000"].to_numpy(float))
"""


def _read_table(columns: Columns) -> str:
    """Read other columns of it, or the table that the user gave."""
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
{_predictor(columns.dates)}
{coding}
y = {response}
"""


def _predictor(dates: Dates | None) -> str:
    if dates is None:
        return "x = table[PREDICTOR].to_numpy(float)"
    hours = f"{MICROSECONDS[dates.unit] / MICROSECONDS['hour']:.10g}"
    return f"""moment = pd.to_datetime(table[PREDICTOR], format="ISO8601").dt.tz_localize(None)
x = ((moment - pd.Timestamp("{dates.origin}")) / pd.Timedelta(hours={hours})).to_numpy(float)"""


_LOADING = """# Data: the table of the lesson.
table = load_rugged()"""


def _reading(numeric: bool) -> str:
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
