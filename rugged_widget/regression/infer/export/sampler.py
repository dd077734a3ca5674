"""The fitted regression as torch alone can run it: noise in, draws out, no distribution and no Pyro.

TorchScript reads these classes as source, and their annotations as types and not as texts: so this module does without
`from __future__ import annotations`, and its methods keep to what TorchScript knows.
"""

from typing import Any, NamedTuple

import torch
from pyro.distributions.transforms import AffineAutoregressive
from pyro.infer.autoguide import AutoGuide, AutoNormalizingFlow
from torch import Tensor, nn

from rugged_widget.infer.guides.gaussian import affine_of
from rugged_widget.infer.guides.setup import set_up
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.regression.infer.scale import IDENTITY, Scale


class Draw(NamedTuple):
    """One draw of everything, or several at once, each then with a first dimension more.

    The weight, shape (1, number of features), has an entry a feature, such as group, predictor and group x predictor,
    the bias (1,); sigma > 0, shape (), is the standard deviation of a row around its mean, obs (n,) the response at the
    features that were given.
    """

    weight: Tensor
    bias: Tensor
    sigma: Tensor
    obs: Tensor


class Affine(nn.Module):
    """Noise stretched and moved: every guide that is normal before it is constrained, and a point, with no noise.

    `loc` is of shape (latent_dim,), `factor` (latent_dim, num_noise): times its transpose it is the covariance.
    """

    loc: Tensor
    factor: Tensor

    def __init__(self, loc: Tensor, factor: Tensor) -> None:
        super().__init__()
        self.register_buffer("loc", loc.detach().clone())
        self.register_buffer("factor", factor.detach().clone())
        self.num_noise = factor.shape[1]

    def forward(self, num_samples: int) -> Tensor:
        """Draw values that are not constrained yet, shape (num_samples, latent_dim)."""
        noise = torch.randn([num_samples, self.num_noise], dtype=self.loc.dtype)
        return self.loc + noise @ self.factor.t()


class Autoregression(nn.Module):
    """One step of an inverse autoregressive flow: each value stretched and moved as those before it say.

    TypeError is raised for another transform than Pyro's in its usual form, or one with options that are not copied
    here.
    """

    def __init__(self, transform: AffineAutoregressive) -> None:
        super().__init__()
        usual = isinstance(transform, AffineAutoregressive) and not transform.stable
        if not (usual and transform.arn.skip_layer is None and isinstance(transform.arn.f, nn.ReLU)):
            raise TypeError(f"a flow is served with plain affine autoregressive steps, got {transform!r}")
        layers: list[nn.Module] = []
        for masked in transform.arn.layers:
            weight = (masked.weight * masked.mask).detach().clone()
            linear = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=weight.dtype)
            bias = masked.bias.detach().clone()
            linear.weight, linear.bias = (nn.Parameter(value, requires_grad=False) for value in (weight, bias))
            layers += [linear, nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        self.low, self.high = float(transform.log_scale_min_clip), float(transform.log_scale_max_clip)

    def forward(self, values: Tensor) -> Tensor:
        """Move values, shape (num_samples, latent_dim)."""
        moved: Tensor = self.network(values)
        mean, log_scale = moved.chunk(2, dim=-1)
        return torch.exp(torch.clamp(log_scale, self.low, self.high)) * values + mean


class Flow(nn.Module):
    """Standard normal noise of `latent_dim` numbers, moved step by step."""

    def __init__(self, steps: list[Autoregression], latent_dim: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.latent_dim = latent_dim
        self.register_buffer("like", torch.zeros(0, dtype=next(steps[0].parameters()).dtype))

    like: Tensor

    def forward(self, num_samples: int) -> Tensor:
        """Draw values that are not constrained yet, shape (num_samples, latent_dim)."""
        values = torch.randn([num_samples, self.latent_dim], dtype=self.like.dtype)
        for step in self.steps:
            values = step(values)
        return values


class Sampler(nn.Module):
    """Draws of the latents and of responses; random numbers come from torch's generator where it runs.

    `latent` draws values that are not constrained, sigma, weight and bias side by side; sigma's support is (low, high).
    `scale` is the one that they are trained on. Features and draws are in the units of the table; where those are
    others, draws are in double precision.
    """

    centers: list[float]
    spreads: list[float]

    def __init__(self, latent: nn.Module, low: float, high: float, dtype: torch.dtype, scale: Scale = IDENTITY) -> None:
        super().__init__()
        self.standardized = not scale.is_identity
        self.x_center, self.x_spread = scale.x_center, scale.x_spread
        self.y_center, self.y_spread = scale.y_center, scale.y_spread
        self.grouped, self.first = scale.design.grouped, scale.design.first_covariate
        self.num_features = scale.design.num_features
        self.centers, self.spreads = list(scale.covariate_centers), list(scale.covariate_spreads)
        self.latent = latent
        self.low, self.width = low, high - low
        numbers = torch.finfo(dtype)  # sigma stays inside its support where rounding would put it on the edge
        self.least, self.most = float(numbers.tiny), 1.0 - float(numbers.eps)

    def forward(self, features: Tensor) -> Draw:
        """Draw once, for features (n, number of features), any n >= 0, such as group, predictor, group x predictor."""
        drawn = self.draws(1, features)
        return Draw(drawn.weight[0], drawn.bias[0], drawn.sigma[0], drawn.obs[0])

    @torch.jit.export
    def draws(self, num_samples: int, features: Tensor) -> Draw:
        """Draw several times at once: as `forward` does, each with a first dimension of num_samples >= 0."""
        latent = self.latent(num_samples)
        sigma = self.low + self.width * torch.clamp(torch.sigmoid(latent[:, 0]), self.least, self.most)
        weight, bias = latent[:, 1 : self.num_features + 1], latent[:, self.num_features + 1 :]
        if self.standardized:
            features = self.scaled(features.to(torch.float64)).to(latent.dtype)
        mean = weight @ features.t() + bias
        obs = mean + sigma.unsqueeze(-1) * torch.randn_like(mean)
        if self.standardized:
            return self.mapped(weight.to(torch.float64), bias.to(torch.float64), sigma, obs)
        return Draw(weight.unsqueeze(1), bias, sigma, obs)

    def scaled(self, features: Tensor) -> Tensor:
        """Return features (n, number of features) as the guide was trained on them."""
        columns: list[Tensor] = []
        if self.grouped:
            group, predictor = features[:, 0], (features[:, 1] - self.x_center) / self.x_spread
            columns += [group, predictor, group * predictor]
        else:
            columns.append((features[:, 0] - self.x_center) / self.x_spread)
        for place in range(len(self.centers)):
            columns.append((features[:, self.first + place] - self.centers[place]) / self.spreads[place])
        return torch.stack(columns, 1)

    def mapped(self, weight: Tensor, bias: Tensor, sigma: Tensor, obs: Tensor) -> Draw:
        """Return draws in the units of the table; shapes (k, number of features), (k, 1), (k,) and (k, n)."""
        weight, bias = weight * self.y_spread, bias * self.y_spread
        columns: list[Tensor] = []
        if self.grouped:
            predictor, product = weight[:, 1:2] / self.x_spread, weight[:, 2:3] / self.x_spread
            columns += [weight[:, :1] - product * self.x_center, predictor, product]
        else:
            predictor = weight[:, :1] / self.x_spread
            columns.append(predictor)
        bias = self.y_center + bias - predictor * self.x_center
        for place in range(len(self.centers)):
            column = weight[:, self.first + place : self.first + place + 1] / self.spreads[place]
            columns.append(column)
            bias = bias - column * self.centers[place]
        weight = torch.cat(columns, 1)
        sigma, obs = sigma.to(torch.float64) * self.y_spread, obs.to(torch.float64) * self.y_spread + self.y_center
        return Draw(weight.unsqueeze(1), bias, sigma, obs)


def make_sampler(guide: AutoGuide, scale: Scale = IDENTITY) -> Sampler:
    """Copy what a guide of `BayesianRegression` has learnt; no tensor is shared. Call it in `Fit.inspecting`.

    `scale` is the one that it is trained on.

    The guide is any of the families of `make_guide`, set up; TypeError is raised where it is of another kind or model.
    """
    with set_up(guide) as ready:
        prototype: Any = ready.prototype_trace
        sites = dict(prototype.iter_stochastic_nodes())
        if list(sites) != [SIGMA, WEIGHT, BIAS]:
            raise TypeError(f"what is served is the regression of sigma, weight and bias, got the sites {list(sites)}")
        support = sites[SIGMA]["fn"].support
        latent = _latent(ready)
    dtype = next(iter(latent.state_dict().values())).dtype
    return Sampler(latent, float(support.lower_bound), float(support.upper_bound), dtype, scale).eval()


def _latent(guide: AutoGuide) -> nn.Module:
    if isinstance(guide, AutoNormalizingFlow):
        flow: Any = guide.transform
        return Flow([Autoregression(part) for part in flow.parts], guide.latent_dim)
    affine = affine_of(guide)
    if affine is None:
        kind = type(guide).__name__
        raise TypeError(f"guides that can be served are normal, autoregressive flows or points, got {kind}")
    rows = torch.arange(len(affine.loc)).split([site.shape.numel() for site in affine.sites])
    place = dict(zip((site.name for site in affine.sites), rows, strict=True))
    order = torch.cat([place[name] for name in (SIGMA, WEIGHT, BIAS)])
    return Affine(affine.loc[order], affine.factor[order])


class Program(nn.Module):
    """The sampler with a signature that `torch.export` takes: the number of draws as a tensor.

    As an int it would be bound to be 2 or more: 0 and 1 are constants to torch.export, but not where the number is read
    from a tensor.
    """

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self.sampler = sampler

    def forward(self, features: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw several times, for features (n, k), n >= 0, and num_samples, shape (), int64, >= 0.

        The tuple is weight (num_samples, 1, k), bias (num_samples, 1), sigma (num_samples,) and obs (num_samples, n).
        """
        count: Any = num_samples.item()  # while it is exported a symbol, which int() would try to read
        torch._check(count >= 0)  # noqa: SLF001 what torch.export has for a number it cannot see
        drawn = self.sampler.draws(count, features)
        return drawn.weight, drawn.bias, drawn.sigma, drawn.obs
