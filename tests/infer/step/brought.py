"""Models and guides as users bring them: networks, trained guides, a store with parameters in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyro
import pyro.distributions as dist
import torch
from pyro import optim, poutine
from pyro.infer import SVI, Trace_ELBO, autoguide
from pyro.nn import PyroModule, PyroParam, PyroSample
from torch import nn

from rugged_widget.infer.step.ownership import Ownership
from rugged_widget.infer.svi.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 0.02
SEED = 5
POSITIVE = dist.constraints.positive
ROWS = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
TARGETS = ROWS @ torch.tensor([1.0, -2.0, 0.5])


class Encoder(nn.Module):
    """A network with statistics of its own and dropout, where asked for."""

    def __init__(self, *, moving: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.norm: nn.Module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.3)) if moving else nn.Identity()
        self.outer = nn.Linear(4, 4)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loc, log_scale = self.outer(self.norm(torch.tanh(self.inner(rows)))).chunk(2, -1)
        return loc, log_scale.exp()


class VAE(nn.Module):
    """An autoencoder of two networks."""

    noise = 1.0

    def __init__(self, *, moving: bool = False) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(moving=moving), nn.Linear(2, 3)
        self.noise = 1.0

    def model(self, rows: torch.Tensor) -> None:
        pyro.module("decoder", self.decoder)
        with pyro.plate("rows", len(rows)):
            code = pyro.sample("code", dist.Normal(torch.zeros(len(rows), 2), 1.0).to_event(1))
            pyro.sample("row", dist.Normal(self.decoder(code), self.noise).to_event(1), obs=rows)

    def guide(self, rows: torch.Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("rows", len(rows)):
            pyro.sample("code", dist.Normal(*self.encoder(rows)).to_event(1))


class BNN(PyroModule):  # type: ignore[misc] # Pyro's is not annotated
    """A network with a prior over some weights, others that are learned, and a noise that is."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = PyroModule[nn.Linear](3, 4)
        self.inner.weight = PyroSample(dist.Normal(0.0, 1.0).expand([4, 3]).to_event(2))
        self.outer = PyroModule[nn.Linear](4, 1)
        self.noise = PyroParam(torch.tensor(0.5), constraint=POSITIVE)

    def forward(self, rows: torch.Tensor, targets: torch.Tensor | None = None) -> Any:
        mean = self.outer(torch.tanh(self.inner(rows))).squeeze(-1)
        with pyro.plate("rows", len(rows)):
            return pyro.sample("target", dist.Normal(mean, self.noise), obs=targets)


def line(rows: torch.Tensor, targets: torch.Tensor | None = None) -> Any:
    """Linear regression with a noise that is learned."""
    weight = pyro.sample("weight", dist.Normal(torch.zeros(3), 1.0).to_event(1))
    shift = pyro.sample("shift", dist.Normal(0.0, 1.0))
    noise = pyro.param("noise", torch.tensor(1.0), constraint=POSITIVE)
    with pyro.plate("rows", len(rows)):
        return pyro.sample("target", dist.Normal(rows @ weight + shift, noise), obs=targets)


class Brought(NamedTuple):
    """Model, guide and arguments, and whatever tensors of the user's are not in a module or the store."""

    model: Callable[..., Any]
    guide: Callable[..., Any]
    args: tuple[torch.Tensor, ...]
    module: nn.Module
    loose: torch.Tensor = torch.zeros(0)

    def state(self) -> dict[str, torch.Tensor]:
        """Copy everything of the user's that training changes."""
        store = {f"store {name}": value for name, value in pyro.get_param_store().items()}
        state = {**store, **self.module.state_dict(), "loose": self.loose}
        state |= self.guide.state_dict(prefix="guide ") if isinstance(self.guide, nn.Module) else {}
        return {name: value.detach().clone() for name, value in state.items()}

    def losses(self, count: int) -> list[float]:
        """Take Pyro's own steps."""
        svi = SVI(self.model, self.guide, adam(), Trace_ELBO())
        return [svi.step(*self.args) for _ in range(count)]

    def owned(self) -> Ownership:
        return Ownership(self.model, self.guide)

    def fit(self, ownership: Ownership, engine: str = "plain", seed: int = SEED) -> Fit:
        return Fit(
            self.model,
            lambda _: self.guide,
            self.args,
            learning_rate=RATE,
            seed=seed,
            engine=engine,
            ownership=ownership,
        )


def adam() -> Any:
    return optim.Adam({"lr": RATE})  # type: ignore[attr-defined] # Pyro makes it at import


def _vae(*, moving: bool) -> Brought:
    vae = VAE(moving=moving)
    return Brought(vae.model, vae.guide, (ROWS,), vae)


def _bnn() -> Brought:
    bnn = BNN()
    return Brought(bnn, autoguide.AutoNormal(bnn), (ROWS, TARGETS), bnn)


def _line(make: Callable[[Any], Any] = autoguide.AutoNormal) -> Brought:
    return Brought(line, make(line), (ROWS, TARGETS), nn.Module())


def _two_parts(model: Any) -> Any:
    guide = autoguide.AutoGuideList(model)
    guide.append(autoguide.AutoNormal(poutine.block(model, hide=["shift"])))
    guide.append(autoguide.AutoDelta(poutine.block(model, expose=["shift"])))
    return guide


def _warm() -> Brought:
    pyro.param("noise", torch.tensor(3.0), constraint=POSITIVE)
    pyro.param("of another model", torch.tensor(7.0))
    return _line()


def _trained() -> Brought:
    brought = _line()
    brought.losses(10)
    return brought


def _trained_and_cleared() -> Brought:
    brought = _trained()
    pyro.clear_param_store()
    return brought


def _recurrent() -> Brought:
    """Networks that closures hold, one of which holds its weights in a list too and one that changes when called."""
    network, head = nn.GRU(1, 4, batch_first=True), nn.utils.spectral_norm(nn.Linear(4, 2))
    first = torch.full((4,), 0.1)

    def model(rows: torch.Tensor) -> None:
        with pyro.plate("rows", len(rows)):
            code = pyro.sample("code", dist.Normal(torch.zeros(len(rows), 2), 1.0).to_event(1))
            pyro.sample("row", dist.Normal(code.sum(-1), 1.0), obs=rows[:, 0])

    def guide(rows: torch.Tensor) -> None:
        pyro.module("network", network)
        pyro.module("head", head)
        start = pyro.param("start", first).expand(1, len(rows), 4).contiguous()
        with pyro.plate("rows", len(rows)):
            loc = head(network(rows[..., None], start)[0][:, -1])
            pyro.sample("code", dist.Normal(loc, 0.1).to_event(1))

    return Brought(model, guide, (ROWS,), nn.ModuleList([network, head]), first)


CASES: dict[str, Callable[[], Brought]] = {
    "a VAE of two networks": lambda: _vae(moving=False),
    "a VAE with batch normalization and dropout": lambda: _vae(moving=True),
    "a Bayesian network as a PyroModule": _bnn,
    "an automatic guide that was never called": _line,
    "a flow that was never called": lambda: _line(autoguide.AutoIAFNormal),
    "a guide of two parts": lambda: _line(_two_parts),
    "a store with parameters": _warm,
    "a trained guide": _trained,
    "a trained guide and a store that was cleared": _trained_and_cleared,
    "recurrent networks in closures": _recurrent,
}


def bring(case: str) -> Brought:
    """Make what a user brings, the same each time; the store holds nothing else."""
    pyro.clear_param_store()
    pyro.set_rng_seed(2)
    brought = CASES[case]()
    pyro.set_rng_seed(SEED)
    return brought


def losses(fit: Fit) -> list[float]:
    return (-fit.history()["elbo"]).tolist()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], tolerance: float = 0.0) -> bool:
    return one.keys() == other.keys() and all(
        torch.allclose(value, other[name], rtol=0.0, atol=tolerance) for name, value in one.items()
    )


def look(fit: Fit, brought: Brought) -> None:
    with fit.inspecting():
        brought.guide(*brought.args)
        brought.model(*brought.args)
