"""A sampler loaded from a file."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rugged_widget.defaults import NUM_DRAWS
from rugged_widget.infer.guides.sampling import as_float64, same_noise
from rugged_widget.infer.step.torch_random import seeded_torch
from rugged_widget.regression.data.design import Design
from rugged_widget.regression.infer.export.file_format import About
from rugged_widget.regression.infer.export.sampler import Draw
from rugged_widget.regression.infer.model import BIAS, SIGMA, WEIGHT
from rugged_widget.validation import checked_count, checked_seed

OBS = "obs"
"""Site of the response."""


class LoadedSampler:
    """A sampler that was loaded: draws as the fit's own guide would give them.

    Parameters
    ----------
    module
        The loaded module.
    about
        What its file says of it.

    Attributes
    ----------
    guide
        Name of the guide's family, a key of `GUIDE_LABELS`.
    feature_names
        Names of the features, in order.
    group_labels
        What groups 0 and 1 are called; empty without a group.
    step
        Steps of training behind it, >= 0.
    seed
        Seed of the training, in [0, 2**32); None where the file does not say.
    """

    def __init__(self, module: torch.jit.ScriptModule, about: About) -> None:
        self._module = module
        dtype = next(iter(module.state_dict().values())).dtype
        self._dtype = torch.float64 if getattr(module, "standardized", False) else dtype
        self.guide, self.step, self.seed = about.guide, about.step, about.seed
        self.feature_names, self.group_labels = about.feature_names, about.group_labels
        first = Design(bool(self.group_labels)).first_covariate
        self._design = Design(bool(self.group_labels), (False,) * (len(self.feature_names) - first))

    def __repr__(self) -> str:
        return f"LoadedSampler({self.guide} guide after {self.step} steps, features {', '.join(self.feature_names)})"

    def draw(self, features: ArrayLike | None = None, *, seed: int | None = None) -> dict[str, NDArray[np.float64]]:
        """Draw once, as the tutorial does.

        Parameters
        ----------
        features
            Shape (n, number of features), finite, in the order of `feature_names`; without them there is no response.
        seed
            Seed of torch's generator for this draw alone, in [0, 2**32), and the generator goes on where it was; where
            it is None the draw takes its numbers from the generator.

        Returns
        -------
        dict
            By site: linear.weight (1, number of features), linear.bias (1,), sigma () and, with features, obs (n,).
        """
        rows = self._rows(features)
        with _seeded(seed), torch.no_grad():
            draw = self._module(rows)
        return _by_site(draw, with_obs=features is not None)

    def draws(
        self, num_samples: int = NUM_DRAWS, features: ArrayLike | None = None, *, seed: int | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Draw several times in one call.

        Parameters
        ----------
        num_samples
            How many, >= 1.
        features, seed
            As for `draw`.

        Returns
        -------
        dict
            By site, as `draw` returns it, each with a first dimension of num_samples.
        """
        count, rows = checked_count(num_samples, "num_samples"), self._rows(features)
        with _seeded(seed), torch.no_grad():
            draw = self._module.draws(count, rows)
        return _by_site(draw, with_obs=features is not None)

    def slopes(
        self, num_samples: int = NUM_DRAWS, *, one_by_one: bool = False, seed: int | None = None
    ) -> tuple[NDArray[np.float64], ...]:
        """Draw the slope d response / d predictor.

        Parameters
        ----------
        num_samples
            How many, >= 1.
        one_by_one
            Call the module once a draw, as the tutorial does: 800 take some 0.3 s, and 5 ms in one call.
        seed
            As for `draw`.

        Returns
        -------
        tuple of arrays
            Slopes of group 0 and of group 1, or of the only line, shape (num_samples,) each.
        """
        count, rows = checked_count(num_samples, "num_samples"), self._rows(None)
        with _seeded(seed), torch.no_grad():
            if one_by_one:
                weight = torch.stack([self._module(rows).weight for _ in range(count)])
            else:
                weight = self._module.draws(count, rows).weight
        return self._design.slope_draws(as_float64(weight))

    def _rows(self, features: ArrayLike | None) -> torch.Tensor:
        size = len(self.feature_names)
        rows = np.zeros((0, size)) if features is None else np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != size:
            raise ValueError(f"features must have the shape (n, {size}), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("features must be finite")
        return torch.tensor(rows, dtype=self._dtype)


def _by_site(draw: Any, *, with_obs: bool) -> dict[str, NDArray[np.float64]]:
    values = Draw(*draw)._asdict()
    names = {"weight": WEIGHT, "bias": BIAS, "sigma": SIGMA, **({"obs": OBS} if with_obs else {})}
    return {site: as_float64(values[name]) for name, site in names.items()}


def _seeded(seed: int | None) -> AbstractContextManager[None]:
    """Draw from a generator with that seed; torch's own goes on where it was."""
    return nullcontext() if seed is None else same_noise(seeded_torch(checked_seed(seed)))
