"""Frozen values that say what any model is made of and where its ELBO comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rugged_widget.snapshot.dates import Dates
from rugged_widget.snapshot.values import Array, Band, Value

SiteKind: TypeAlias = Literal["real", "positive", "interval", "simplex", "matrix", "discrete", "other"]
"""Support of a site: the whole line, above a bound, between two bounds, a simplex (its last dimension sums to 1), a
matrix under a constraint (a Cholesky factor, a correlation), whole numbers of a finite set, or anything else."""

SiteRole: TypeAlias = Literal["latent", "enumerated", "observed", "deterministic", "parameter"]
"""Part of a site: drawn by the guide, summed over by the model, data, computed from others, or trained in the model."""

TermRole: TypeAlias = SiteRole | Literal["guide"]
"""Part of what stands behind a term of the ELBO: as of `SiteRole`, or a density that the guide has of several latents
together."""

INDEX = "#"
"""Name of a grid that is the places 0, 1, ...: no argument has this name."""

GradientFlag: TypeAlias = Literal["zero", "not_finite", "small", "large"]


@dataclass(frozen=True, eq=False)
class ModelPlate(Value):
    """A plate of a model.

    Attributes
    ----------
    name
        Its name.
    size
        Number of its elements, >= 0.
    subsample_size
        Number of the elements that a step looks at, at most `size`.
    """

    name: str
    size: int
    subsample_size: int


@dataclass(frozen=True, eq=False)
class ModelSite(Value):
    """A site of a model.

    Attributes
    ----------
    name
        Its name.
    role
        Its part in the model.
    kind
        Its support.
    shape
        Shape of its value, batch and event dimensions.
    distribution
        Name of its distribution, such as Normal; empty where it has none.
    plates
        Names of the plates that it is in, outermost first.
    parents
        Names of the sites that its distribution depends on, in the order of the model.
    num_values
        Number of values of a discrete site; 0 elsewhere.
    """

    name: str
    role: SiteRole
    kind: SiteKind
    shape: tuple[int, ...]
    distribution: str = ""
    plates: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    num_values: int = 0


@dataclass(frozen=True, eq=False)
class ModelStructure(Value):
    """The sites and plates of a model as one run of it showed them.

    Attributes
    ----------
    sites
        The sites, in the order of the model.
    plates
        The plates, in the order of the model.
    error
        Why the dependencies are not known, in a few words; empty where they are.
    num_factors
        Number of factors, which add to the log density and are no sites.
    """

    sites: tuple[ModelSite, ...]
    plates: tuple[ModelPlate, ...] = ()
    error: str = ""
    num_factors: int = 0

    def site(self, name: str) -> ModelSite | None:
        """Return the site of that name; None where there is none."""
        return next((site for site in self.sites if site.name == name), None)


@dataclass(frozen=True, eq=False)
class GuideNote(Value):
    """A sentence about a guide: why it was chosen, or in what it does not agree with its model.

    Attributes
    ----------
    key
        Name of the sentence: the entry `guide_notes.<key>` of the catalogue.
    facts
        Values of its fields; those that are texts are the user's.
    """

    key: str
    facts: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ElboTerm(Value):
    """What one site adds to the ELBO: log p, less log q where the guide draws it.

    Attributes
    ----------
    site, role
        Name of the site, and its part in the model. Enumerated sites have one term together, named after all of them,
        or after the first ones where they are many. A density of several latents together, which can be divided among
        none of them, is a term of its own under the name of the guide's site, with the role guide.
    mean, sd
        Mean over draws of the guide and standard deviation of a single draw, nats; sd is nan of a single draw.
    num_draws
        Number of draws, >= 1.
    """

    site: str
    role: TermRole
    mean: float
    sd: float
    num_draws: int


@dataclass(frozen=True, eq=False)
class ElboTermsNote(Value):
    """Why there are no terms of the ELBO, or in what they differ from the loss that is trained.

    Attributes
    ----------
    kind
        "failed" where computing them raised; "other_loss" where the loss is no sum over sites, so that the terms are
        those of the plain ELBO.
    detail
        What was raised, in a line; the name of the loss.
    """

    kind: Literal["failed", "other_loss"]
    detail: str


@dataclass(frozen=True, eq=False)
class GradientNorms(Value):
    """Norms of the gradient by parameter, at the steps at which they were looked at.

    Attributes
    ----------
    names
        Names of the parameters, as in Pyro's parameter store.
    steps
        Steps, increasing, shape (num_points,); at most some hundred, thinned like the ELBO's.
    norms
        Euclidean norm of the gradient of the unconstrained parameter, shape (num_points, number of names); infinite
        where it is not finite, nan where the parameter was not there yet.
    flags
        Parameters whose latest gradient is exactly zero or not finite, or whose norm per element is far from that of
        the others.
    """

    names: tuple[str, ...]
    steps: Array
    norms: Array
    flags: Mapping[str, GradientFlag] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ParameterSummary(Value):
    """A parameter, or several alike ones that a loop made, in a few numbers, however large it is.

    Attributes
    ----------
    name, last_name
        Its name, as in Pyro's parameter store; of several the first one's and the last one's. `last_name` is empty of
        one.
    constraint
        Kind of the numbers that it can be.
    shape
        Shape of its constrained value; of several, of the first one.
    num_parameters
        Number of parameters, >= 1.
    num_elements
        Number of numbers in all of them.
    constrained, unconstrained
        Its numbers as the guide uses them and as the optimizer moves them, in C order; empty where they are many.
    low, median, high
        Of the constrained numbers that are finite; nan where none is. The median of very many is that of some of them.
    counts
        Histogram of the same numbers between low and high in bins of equal width, shape (num_bins,), >= 0.
    num_not_finite
        Numbers that are infinite or nan.
    """

    name: str
    constraint: SiteKind
    shape: tuple[int, ...]
    num_elements: int
    low: float
    median: float
    high: float
    counts: Array
    constrained: Array
    unconstrained: Array
    num_not_finite: int = 0
    num_parameters: int = 1
    last_name: str = ""


@dataclass(frozen=True, eq=False)
class ParameterTable(Value):
    """Summaries of the parameters of a fit.

    Attributes
    ----------
    rows
        The summaries, in the order of the parameter store; not all of them where they are hundreds.
    num_parameters, num_elements
        Number of all parameters, and of the numbers in them.
    """

    rows: tuple[ParameterSummary, ...]
    num_parameters: int
    num_elements: int


@dataclass(frozen=True, eq=False)
class Prediction(Value):
    """What a model predicts over a grid, by draws of the guide.

    Attributes
    ----------
    title
        What is predicted; plain text, empty where it has no name.
    x
        Grid, shape (num_points,), increasing.
    median
        Median at each point, shape (num_points,).
    bands
        Credible bands of the curve, or of the mean of a new observation, the wider one first.
    num_draws
        Number of draws that they are made of.
    observations
        Band of a new observation; None where it is not known.
    points
        Observed x and y, shape (num_rows,) each; None where there are none.
    x_label
        Name of what the grid is of; `INDEX` where it is the places 0, 1, ...; empty where that is not known.
    dates
        The map to dates where the grid, and x of the points, are numbers of dates; None elsewhere.
    problem
        Why there is no prediction, plain text; the arrays are empty then. Empty where there is one.
    """

    title: str
    x: Array
    median: Array
    bands: tuple[Band, ...]
    num_draws: int
    observations: Band | None = None
    points: tuple[Array, Array] | None = None
    x_label: str = ""
    dates: Dates | None = None
    problem: str = ""
