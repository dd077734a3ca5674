"""Frozen values that say what any model is made of and where its ELBO comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rugged_widget.snapshot.values import Array, Value

SiteKind: TypeAlias = Literal["real", "positive", "interval", "simplex", "matrix", "discrete", "other"]
"""Support of a site: the whole line, above a bound, between two bounds, a simplex (its last dimension sums to 1), a
matrix under a constraint (a Cholesky factor, a correlation), whole numbers of a finite set, or anything else."""

SiteRole: TypeAlias = Literal["latent", "enumerated", "observed", "deterministic", "parameter"]
"""Part of a site: drawn by the guide, summed over by the model, data, computed from others, or trained in the model."""

TermRole: TypeAlias = SiteRole | Literal["guide"]
"""Part of what stands behind a term of the ELBO: as of `SiteRole`, or a density that the guide has of several latents
together."""

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
    """

    sites: tuple[ModelSite, ...]
    plates: tuple[ModelPlate, ...] = ()
    error: str = ""

    def site(self, name: str) -> ModelSite | None:
        """Return the site of that name; None where there is none."""
        return next((site for site in self.sites if site.name == name), None)


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
