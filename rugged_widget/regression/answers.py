"""Tables, arrays and files of a fit, as methods of the widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from rugged_widget.regression.infer.exact.posterior import ExactPosterior
from rugged_widget.regression.infer.export.export import save_exported, save_torchscript
from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.infer.run_spec import recipe_of
from rugged_widget.regression.infer.tables import least_squares_of, predictions_of, summary_of
from rugged_widget.regression.script import write_script
from rugged_widget.snapshot.values import Approximation
from rugged_widget.training.event_loop import LoopThread

T = TypeVar("T")
Arrays = dict[str, np.ndarray[Any, Any]]


class Answers:
    """Tables, arrays and files of a fit; a base of RuggedWidget. Every call may come from any thread."""

    _home: LoopThread
    _fit: RegressionFit

    def _call(self, request: Callable[[RegressionFit], T]) -> T:
        return self._home.call(lambda: request(self._fit))

    def history(self) -> pd.DataFrame:
        """Return the run so far, a row a step: step (from 1), elbo (nats, total), learning_rate."""
        return self._call(lambda fit: fit.history())

    def param_store(self) -> Arrays:
        """Return copies of the guide's parameters by name, constrained, as arrays."""
        return self._call(lambda fit: fit.param_store())

    def quantiles(self, probs: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> Arrays:
        """Return quantiles of the guide by site, on the site's support, shape (num_probs, *site shape).

        Parameters
        ----------
        probs
            Probabilities, each in (0, 1).

        Raises
        ------
        ValueError
            Where a probability is not in (0, 1).
        """
        return self._call(lambda fit: fit.quantiles(probs))

    def slopes(self, num_samples: int = 800) -> pd.DataFrame:
        """Return draws of the slope d mean / d predictor from the guide, a column a group, a row a draw.

        Within a group whose indicator is 1 the slope is the predictor's weight plus the interaction's.

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        """
        return self._call(lambda fit: fit.slopes(num_samples))

    def summary(self, num_samples: int = 800, prob: float = 0.9) -> dict[str, pd.DataFrame]:
        """Summarise draws of the latents, of a new response (`obs`) and of its mean (`_RETURN`) for every row.

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        prob
            Probability between the two percentiles, in (0, 1).

        Returns
        -------
        dict
            By site, a row an element: mean, std, and the percentiles, 5% and 95% with the default prob. The p-th
            percentile is the k-th smallest draw, k = int(num_samples p).
        """
        return self._call(lambda fit: summary_of(fit, num_samples, prob))

    def predictions(self, num_samples: int = 800, prob: float = 0.9) -> pd.DataFrame:
        """Predict the response of every row of the data, with its mean and percentiles.

        Parameters
        ----------
        num_samples
            Number of draws, >= 2.
        prob
            Probability between the two percentiles, in (0, 1).

        Returns
        -------
        DataFrame
            A row a row of the data, named by the data's names: group, predictor, then mean and percentiles of the mean
            of the response (mu) and of a new response (y), then the response itself, all as the model sees them. For
            the bundled data: cont_africa, rugged, mu_mean, mu_perc_5, mu_perc_95, y_mean, y_perc_5, y_perc_95,
            true_gdp.
        """
        return self._call(lambda fit: predictions_of(fit, num_samples, prob))

    def least_squares(self, num_steps: int = 1500) -> pd.DataFrame:
        """Return the point estimate, without priors: exact, and as a linear layer learns it by Adam.

        Parameters
        ----------
        num_steps
            Steps of Adam at learning rate 0.05 on the summed squared error, >= 1.

        Returns
        -------
        DataFrame
            Columns exact and adam, a row a weight and the bias.
        """
        return self._call(lambda fit: least_squares_of(fit, num_steps))

    def exact(self) -> ExactPosterior:
        """Return the exact posterior of the model given the data, which no guide can better.

        It has ``log_evidence`` (nats), ``quantiles(probs)``, ``slopes()``, ``bands()`` and more.
        """
        return self._call(lambda fit: fit.comparison.exact)

    def approximation(self) -> Approximation:
        """Judge how good the guide is, as it is now: k-hat over repeats, and its widths beside the exact ones.

        Returns
        -------
        Approximation
            With ``quality``, "good", "borderline", "poor" or, of a guide without a density, "point"; ``k_hats``,
            ``sd_ratios``, ``gap`` and more.
        """
        return self._call(RegressionFit.approximation)

    def save_torchscript(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Save model and guide as they are now as TorchScript, for a process that has torch and nothing else.

        ``torch.jit.load(path)(features)`` is one draw there; `rugged_widget.load_torchscript` reads it here.

        Parameters
        ----------
        path
            The file, in a folder that exists.
        overwrite
            Whether a file that is there may be replaced.

        Raises
        ------
        FileExistsError
            Where there is one, and it may not.
        """
        return self._call(lambda fit: save_torchscript(fit, path, overwrite=overwrite))

    def save_exported(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Save a sampler of model and guide as a `torch.export` program, which `torch.export.load` reads.

        Parameters
        ----------
        path
            The file, in a folder that exists; its name ends in .pt2.
        overwrite
            Whether a file that is there may be replaced.

        Raises
        ------
        FileExistsError
            Where there is one, and it may not.
        """
        return self._call(lambda fit: save_exported(fit, path, overwrite=overwrite))

    def script(self) -> str:
        """Return a short Pyro script that reproduces the run so far: data, model, guide, seed and learning rates."""
        return write_script(self._call(recipe_of))
