"""The lesson's Bayesian regression, and a guide family of its own."""

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.infer import autoguide
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn

from rugged_widget.infer.guides.families import register_family
from rugged_widget.regression.priors import Priors

WEIGHT = "linear.weight"
"""Site of the weights, shape (1, number of features), such as group, predictor, group x predictor; see `Design`."""
BIAS = "linear.bias"
"""Site of the bias, shape (1,)."""
SIGMA = "sigma"
"""Site of the standard deviation of the response around its mean, shape ()."""


class BayesianRegression(PyroModule):
    """Linear regression of one response on some features, three as a rule, with priors on everything.

    weight ~ Normal(0, 1) each, bias ~ Normal(0, 10), sigma ~ Uniform(0, 10), obs ~ Normal(mean, sigma) a row, or with
    other scales of the priors. Weight and bias are one event each (`to_event`), because only the rows are independent
    given the latents, and the plate says that of the rows. Sites: linear.weight (1, number of features), linear.bias
    (1,), sigma (), obs (n,).

    Parameters
    ----------
    batch_size
        Rows that a step looks at, picked anew each time, >= 1; obs is then (batch_size,), and the plate scales it, so
        that the ELBO is of all rows whatever their number. With None or no fewer than there are, all of them.
    priors
        Scales of the priors.
    num_features
        Number of features, >= 1.
    """

    def __init__(self, batch_size: int | None = None, priors: Priors = Priors(), num_features: int = 3) -> None:
        super().__init__()
        self._batch_size, self._priors, self._num_features = batch_size, priors, num_features
        linear: Any = PyroModule[nn.Linear]
        self.linear = linear(num_features, 1)
        normal: Any = dist.Normal
        self.linear.weight = PyroSample(normal(0.0, priors.weight).expand([1, num_features]).to_event(2))
        self.linear.bias = PyroSample(normal(0.0, priors.bias).expand([1]).to_event(1))

    def of_all_rows(self) -> "BayesianRegression":
        """Return the same model as it is when a step looks at all rows."""
        return BayesianRegression(None, self._priors, self._num_features)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Run the model once, and return the mean of the response at each row, shape (n,).

        Where a step looks at a part of the rows, it is of those picked. The features `x` are of shape (n, number of
        features); the targets `y` (n,) are drawn where None.
        """
        sigma = pyro.sample("sigma", dist.Uniform(0.0, self._priors.sigma))
        size = self._batch_size
        if y is None or size is None or size >= len(x):  # without targets nothing is learnt, and each row is asked for
            plate = pyro.plate("data", len(x))
        else:
            plate = pyro.plate("data", len(x), subsample_size=size)
            x, y = x[plate.indices], y[plate.indices]
        mean: Tensor = self.linear(x).squeeze(-1)
        with plate:
            pyro.sample("obs", dist.Normal(mean, sigma), obs=y)
        return mean


def parts(model: Callable[..., Any]) -> autoguide.AutoGuideList:
    """Approximate weights and bias together, which the data correlate, and sigma by itself, which is nearly free."""
    guide: Any = autoguide.AutoGuideList(model)
    guide.append(autoguide.AutoMultivariateNormal(poutine.block(model, expose=[WEIGHT, BIAS])))
    guide.append(autoguide.AutoDiagonalNormal(poutine.block(model, expose=[SIGMA])))
    return guide  # type: ignore[no-any-return] # Pyro's, untyped


register_family("parts", "weights and bias together, sigma apart", parts, after="low_rank")
