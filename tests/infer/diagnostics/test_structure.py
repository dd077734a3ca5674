"""The structure of a model: sites, roles, plates and parents, from one run that leaves nothing behind."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta, AutoDiscreteParallel, AutoGuideList, AutoNormal
from pyro.nn import PyroModule, PyroParam, PyroSample
from torch import nn
from torch.distributions import constraints

from rugged_widget.infer.diagnostics.structure import Trained, structure_of
from rugged_widget.infer.diagnostics.supports import kind_of
from rugged_widget.infer.guides.enumerated_draws import draw_enumerated
from rugged_widget.infer.step.arguments import Call
from rugged_widget.infer.step.loss_arguments import call_of_model
from rugged_widget.snapshot.model_values import ModelSite, ModelStructure
from tests.models import CASES
from tests.models.case import Case

Y, SD = torch.tensor([28.0, 8.0, -3.0]), torch.tensor([15.0, 10.0, 16.0])


def schools(y: torch.Tensor, *, sd: torch.Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 10.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("schools", len(y)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        theta = pyro.deterministic("theta", mu + tau * eta)
        pyro.sample("obs", dist.Normal(theta, sd), obs=y)


def mixture(data: torch.Tensor) -> None:
    weights = pyro.sample("weights", dist.Dirichlet(torch.ones(3)))
    with pyro.plate("components", 3):
        locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
    with pyro.plate("data", len(data)):
        which = pyro.sample("which", dist.Categorical(weights), infer={"enumerate": "parallel"})
        pyro.sample("obs", dist.Normal(locs[which], 1.0), obs=data)


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.norm, self.out = nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 6)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.out(self.norm(self.hidden(z))))


def site(structure: ModelStructure, name: str) -> ModelSite:
    found = structure.site(name)
    assert found is not None
    return found


def parents(structure: ModelStructure) -> dict[str, tuple[str, ...]]:
    return {one.name: one.parents for one in structure.sites}


def test_a_hierarchical_model_called_with_keywords() -> None:
    structure = structure_of(schools, AutoNormal(schools), (Y,), {"sd": SD})
    assert structure.error == ""
    assert parents(structure) == {
        "mu": (),
        "tau": (),
        "eta": (),
        "theta": ("mu", "tau", "eta"),
        "obs": ("theta",),
    }
    assert [one.role for one in structure.sites] == ["latent", "latent", "latent", "deterministic", "observed"]
    assert [one.distribution for one in structure.sites] == ["Normal", "HalfCauchy", "Normal", "", "Normal"]
    assert site(structure, "tau").kind == "positive"
    assert (site(structure, "obs").shape, site(structure, "obs").plates) == ((3,), ("schools",))
    assert [(one.name, one.size, one.subsample_size) for one in structure.plates] == [("schools", 3, 3)]


def test_a_site_that_the_guide_leaves_to_the_model_is_enumerated_and_one_that_it_draws_is_latent() -> None:
    data, drawn = torch.randn(5), poutine.block(mixture, hide=["which"])
    guide = AutoDelta(drawn)
    guide(data)
    summed = site(structure_of(mixture, guide, (data,), {}), "which")
    assert (summed.role, summed.kind, summed.num_values, summed.parents) == ("enumerated", "discrete", 3, ("weights",))
    both = AutoGuideList(mixture)
    both.append(AutoDelta(drawn))
    both.append(AutoDiscreteParallel(poutine.block(mixture, expose=["which"])))
    both(data)
    assert site(structure_of(mixture, both, (data,), {}), "which").role == "latent"


def test_a_plate_with_a_subsample_and_one_in_a_loop() -> None:
    def model(data: torch.Tensor) -> None:
        with pyro.plate("rows", 100, subsample_size=10) as rows:
            pyro.sample("x", dist.Normal(torch.zeros(10), 1.0), obs=data[rows])
        for number in pyro.plate("loop", 3):
            pyro.sample(f"z_{number}", dist.Normal(0.0, 1.0))

    structure = structure_of(model, None, (torch.randn(100),), None)
    sizes = [(one.name, one.size, one.subsample_size) for one in structure.plates]
    assert sizes == [("rows", 100, 10), ("loop", 3, 3)]
    assert [(one.name, one.plates) for one in structure.sites[1:]] == [(f"z_{k}", ("loop",)) for k in range(3)]


def test_a_time_series_knows_the_site_before() -> None:
    def model(data: torch.Tensor) -> None:
        x = torch.tensor(0.0)
        for step, value in enumerate(data):
            x = pyro.sample(f"x_{step}", dist.Normal(x, 1.0))
            pyro.sample(f"y_{step}", dist.Normal(x, 1.0), obs=value)

    structure = structure_of(model, None, (torch.randn(50),), {})
    assert (site(structure, "x_49").parents, site(structure, "y_49").parents) == (("x_48",), ("x_49",))


def test_parameters_of_a_network_are_parents_of_what_it_computes() -> None:
    decoder = Decoder()

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", decoder)
        scale = pyro.param("scale", torch.tensor(1.0), constraint=constraints.positive)
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), scale).to_event(1))
            pyro.sample("x", dist.Bernoulli(decoder(z)).to_event(1), obs=x)

    structure = structure_of(model, None, (torch.ones(5, 6),), {})
    assert site(structure, "z").parents == ("scale",)
    layers = [f"decoder$$${layer}.{kind}" for layer in ("hidden", "norm", "out") for kind in ("weight", "bias")]
    assert site(structure, "x").parents == (*layers, "z")
    scale = site(structure, "scale")
    assert (scale.role, scale.kind, scale.distribution) == ("parameter", "positive", "")


def test_a_distribution_of_a_tracked_value_that_cannot_be_drawn() -> None:
    def model(y: torch.Tensor) -> None:
        width = pyro.sample("width", dist.HalfNormal(1.0))
        scale = pyro.sample("scale", dist.HalfCauchy(width))
        pyro.sample("y", dist.Normal(torch.zeros(3), scale).to_event(1), obs=y)

    structure = structure_of(model, None, (torch.zeros(3),), {})
    assert (structure.error, site(structure, "scale").parents) == ("", ("width",))


def test_what_is_written_into_a_part_of_a_tensor_is_a_parent() -> None:
    def model(y: torch.Tensor) -> None:
        noise = pyro.param("noise", torch.tensor(0.1), constraint=constraints.positive)
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        covariance = scale * torch.ones(3, 3)
        covariance.view(-1)[::4] += noise
        pyro.sample("y", dist.MultivariateNormal(torch.zeros(3), scale_tril=torch.linalg.cholesky(covariance)), obs=y)

    assert site(structure_of(model, None, (torch.zeros(3),), {}), "y").parents == ("noise", "scale")


def test_the_parameters_of_a_flow_are_parents_of_what_it_transforms() -> None:
    flow = dist.transforms.Spline(1, count_bins=4)

    def model(y: torch.Tensor) -> None:
        pyro.module("flow", flow)
        with pyro.plate("rows", len(y)):
            pyro.sample("y", dist.TransformedDistribution(dist.Normal(torch.zeros(1), 1.0).to_event(1), [flow]), obs=y)

    parents_of_y = site(structure_of(model, None, (torch.zeros(4, 1),), {}), "y").parents
    assert parents_of_y == tuple(f"flow$$${name}" for name, _ in flow.named_parameters())


def test_a_value_that_its_model_writes_to() -> None:
    def model(y: torch.Tensor) -> None:
        z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        z[0] = 1.0
        pyro.sample("y", dist.Normal(z, 1.0).to_event(1), obs=y)

    structure = structure_of(model, None, (torch.zeros(3),), {})
    assert (structure.error, site(structure, "y").parents) == ("", ("z",))


@pytest.mark.parametrize("made", CASES, ids=str)
def test_models_of_every_kind_are_run_with_all_their_dependencies(made: Case) -> None:
    pyro.set_rng_seed(0)  # one model draws how many sites it has
    setup = made.make()
    call = call_of_model(Call.fixed(setup.args, setup.kwargs), setup.model, setup.loss)
    trained = Trained(setup.guide, setup.loss)
    structure = structure_of(setup.model, setup.guide, call.args, call.kwargs, trained)
    assert structure.error == ""
    observed = [one for one in structure.sites if one.role == "observed"]
    assert any(one.parents for one in observed) or not observed
    assert not list(pyro.get_param_store())


def test_a_pyro_module_with_priors_on_its_weights() -> None:
    class Regression(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.linear = PyroModule[nn.Linear](2, 1)
            self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 2]).to_event(2))
            self.sigma = PyroParam(torch.tensor(1.0), constraints.positive)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean: torch.Tensor = self.linear(x).squeeze(-1)
            with pyro.plate("rows", len(x)):
                return pyro.sample("y", dist.Normal(mean, self.sigma), obs=torch.zeros(len(x)))

    structure = structure_of(Regression(), None, (torch.randn(4, 2),), {})
    assert structure.error == ""
    assert site(structure, "y").parents == ("linear.weight", "linear.bias", "sigma")


def test_factors_and_masked_observations_are_left_out_and_half_observed_sites_are_not() -> None:
    def model(y: torch.Tensor) -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        pyro.factor("penalty", -(mu**2))
        with poutine.mask(mask=False):
            pyro.sample("ignored", dist.Normal(mu, 1.0), obs=torch.tensor(0.0))
        with pyro.plate("rows", len(y)):
            pyro.sample("y", dist.Normal(mu, 1.0), obs=y, obs_mask=torch.tensor([True, False]))

    structure = structure_of(model, None, (torch.zeros(2),), {})
    assert [(one.name, one.role) for one in structure.sites] == [
        ("mu", "latent"),
        ("y_observed", "observed"),
        ("y_unobserved", "latent"),
        ("y", "deterministic"),
    ]


def test_a_model_that_refuses_tracked_values_is_shown_without_dependencies_and_says_why() -> None:
    def model(y: torch.Tensor) -> None:
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
        if type(mu) is not torch.Tensor:
            raise TypeError("only tensors")
        pyro.sample("y", dist.Normal(mu, 1.0), obs=y)

    structure = structure_of(model, None, (torch.tensor(0.0),), {})
    assert parents(structure) == {"mu": (), "y": ()}
    assert structure.error == "TypeError: only tensors"


def test_a_model_that_does_not_run_has_no_sites_and_says_why() -> None:
    def model() -> None:
        raise ValueError("no data " * 100)

    structure = structure_of(model, None, (), {})
    assert (structure.sites, structure.plates) == ((), ())
    assert structure.error.startswith("ValueError: no data")
    assert len(structure.error) < 200


def test_an_improper_prior_is_taken_from_the_guide() -> None:
    def model(y: torch.Tensor) -> None:
        mu = pyro.sample("mu", dist.ImproperUniform(constraints.real, (), ()))
        pyro.sample("y", dist.Normal(mu, 1.0), obs=y)

    def guide(_y: torch.Tensor) -> None:
        pyro.sample("mu", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0))

    structure = structure_of(model, guide, (torch.tensor(0.0),), {})
    assert (structure.error, site(structure, "y").parents) == ("", ("mu",))


def test_nothing_is_left_behind() -> None:
    decoder, guide = Decoder(), AutoNormal(schools)
    pyro.param("other", torch.tensor(1.0))

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", decoder)
        z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(2))
        pyro.sample("x", dist.Bernoulli(decoder(z)).to_event(2), obs=x)

    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    tensors = [*decoder.parameters(), *decoder.buffers()]
    torch.manual_seed(5)
    first = torch.randn(3)
    torch.manual_seed(5)
    structure_of(model, None, (torch.ones(5, 6),), {})
    structure_of(schools, guide, (Y,), {"sd": SD})
    assert torch.equal(torch.randn(3), first)
    assert list(pyro.get_param_store()) == ["other"]
    assert all(torch.equal(decoder.state_dict()[name], value) for name, value in before.items())
    assert all(one is other for one, other in zip(tensors, [*decoder.parameters(), *decoder.buffers()], strict=True))
    assert guide.prototype_trace is None
    assert not nn.modules.module._global_forward_hooks


@pytest.mark.parametrize(
    ("support", "kind"),
    [
        (constraints.real_vector, "real"),
        (constraints.greater_than(1.0), "positive"),
        (constraints.unit_interval, "interval"),
        (dist.constraints.softplus_positive, "positive"),
        (constraints.simplex, "simplex"),
        (constraints.corr_cholesky, "matrix"),
        (constraints.positive_definite, "matrix"),
        (dist.constraints.softplus_lower_cholesky, "matrix"),
        (constraints.boolean, "discrete"),
        (constraints.integer_interval(1, 3), "discrete"),
        (dist.constraints.ordered_vector, "other"),
        (constraints.independent(constraints.positive, 1), "positive"),
    ],
)
def test_kinds_of_supports(support: Any, kind: str) -> None:
    assert kind_of(support) == kind


def test_a_mask_a_scale_and_an_observation_that_are_computed_from_sites_depend_on_them() -> None:
    def model() -> None:
        exists = pyro.sample("exists", dist.Bernoulli(0.5))
        with poutine.mask(mask=exists.bool()):
            pyro.sample("place", dist.Normal(0.0, 1.0))
        weight = pyro.sample("weight", dist.Gamma(1.0, 1.0))
        with poutine.scale(scale=weight):
            pyro.sample("scaled", dist.Normal(0.0, 1.0))
        pyro.sample("seen", dist.Bernoulli(0.8), obs=1.0 - exists)

    assert parents(structure_of(model, None, (), {})) == {
        "exists": (),
        "place": ("exists",),
        "weight": (),
        "scaled": ("weight",),
        "seen": ("exists",),
    }


@pytest.mark.parametrize("guided", [False, True])
def test_a_model_that_only_enumeration_can_run_has_the_shapes_that_its_sites_have_without(guided: bool) -> None:
    case = next(case for case in CASES if case.name == "tracks of some objects")
    setup = case.make()
    assert structure_of(setup.model, None, setup.args, {}).sites == ()
    guide = partial(draw_enumerated, setup.guide, 2) if guided else None
    structure = structure_of(setup.model, guide, setup.args, {}, Trained(setup.guide, setup.loss))
    assert structure.error == ""
    assert {one.name: one.shape for one in structure.sites} == {
        "exists": (2,),
        "place": (2,),
        "owner": (3, 4),
        "is_real": (3, 4),
        "heard": (3, 4),
    }
    assert parents(structure)["heard"] == ("place", "owner")
    assert [one.role for one in structure.sites] == ["latent"] * 3 + ["observed"] * 2
    assert [(one.name, one.size) for one in structure.plates] == [("objects", 2), ("sounds", 4), ("times", 3)]
    assert not pyro.get_param_store().keys()


def test_a_site_that_only_the_model_enumerates_is_enumerated_also_where_it_cannot_run_otherwise() -> None:
    def model() -> None:
        value = pyro.sample("a", dist.Categorical(torch.ones(4)), infer={"enumerate": "parallel"})
        pyro.sample("x", dist.Normal(torch.arange(4.0)[value.reshape(4)], 1.0), obs=torch.zeros(()))

    def nothing() -> None:
        """Draw nothing."""

    structure = structure_of(model, None, (), {}, Trained(nothing, TraceEnum_ELBO(max_plate_nesting=0)))
    assert [(one.name, one.role, one.shape) for one in structure.sites] == [
        ("a", "enumerated", ()),
        ("x", "observed", ()),
    ]
