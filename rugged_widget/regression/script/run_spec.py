"""Everything that decides what a run does, as plain values."""

import math
from dataclasses import dataclass
from itertools import pairwise

from rugged_widget.script.run_spec import OwnGuide
from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.values import Averaged


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns of a table that the numbers come from.

    Attributes
    ----------
    predictor, group, response
        Names of the columns; the group is None where there is none.
    log_response
        Whether the model sees the natural logarithm of the response.
    group_values
        Texts of the two values of the group: that of group 0, that of group 1; empty without a group.
    others
        Whether the group has other values too, whose rows are left out.
    covariates
        Pairs of a column and the texts of its two values, that of 0 and that of 1; no texts for a column of numbers.
    bundled
        Whether the table is that of `load_rugged` and not one of the user.
    dates
        The map to dates where the predictor is one.
    """

    predictor: str
    group: str | None = None
    response: str
    log_response: bool
    group_values: tuple[str, ...] = ()
    others: bool = False
    covariates: tuple[tuple[str, tuple[str, ...]], ...] = ()
    bundled: bool = False
    dates: Dates | None = None

    @property
    def num_features(self) -> int:
        """Number of features, and of weights."""
        return (1 if self.group is None else 3) + len(self.covariates)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a run does.

    Attributes
    ----------
    columns
        Columns of the table; None for those of the lesson.
    num_rows
        Rows that are fitted to, >= 1.
    guide
        Name of the guide's class in `pyro.infer.autoguide`, such as "AutoDiagonalNormal"; of a guide that the user
        wrote any name.
    learning_rates
        As of `learning_rate_changes`: (1, rate of the first step), then (step, from 1, that first had it, rate). A run
        that has taken no step has the rate of the one to come.
    seed
        Seed of the run, in [0, 2**32).
    num_steps
        Steps taken, >= 0.
    batch_size
        Rows that a step looks at, >= 1; all where it is None or no less than their number.
    weight_scale, bias_scale, sigma_max
        Scales of the priors: standard deviations of each weight and of the bias, and the upper end of sigma.
    optimizer, betas
        Name of the class in `pyro.optim`, and its betas where they are given.
    own
        The guide where the user wrote it.
    standardized
        Whether predictor and response are centered and scaled for training; the priors are of that scale then.
    averages
        Pairs (step, iterates): after that step the mean of those iterates took the place of the parameters.

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
    betas: tuple[float, float] | None = None
    own: OwnGuide | None = None
    standardized: bool = False
    averages: tuple[tuple[int, Averaged], ...] = ()

    @property
    def num_features(self) -> int:
        """Number of features, and of weights."""
        return 3 if self.columns is None else self.columns.num_features

    @property
    def has_group(self) -> bool:
        """Whether the rows have a group."""
        return self.columns is None or self.columns.group is not None

    @property
    def covariates(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The covariates, as of `Columns`."""
        return () if self.columns is None else self.columns.covariates

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
        for step, averaged in self.averages:
            if not averaged.last <= step <= self.num_steps:
                raise ValueError(f"averages must be of steps that were taken, got {averaged} at step {step}")
