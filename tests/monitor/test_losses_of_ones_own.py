"""A loss may have arguments of its own: the model gets the others, and the page shows the terms of the plain ELBO."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.optim import Adam

from rugged_widget import ModelWidget, watch
from tests.monitor.level import DATA, model
from tests.monitor.watched import losses


def tempered(model: Any, guide: Any, data: torch.Tensor, weight: float = 1.0) -> Any:
    guide_trace = poutine.trace(guide).get_trace(data)
    model_trace = poutine.trace(poutine.replay(model, guide_trace)).get_trace(data)
    return weight * guide_trace.log_prob_sum() - model_trace.log_prob_sum()


def weight_first(model: Any, guide: Any, weight: float, data: torch.Tensor) -> Any:
    return tempered(model, guide, data, weight)


class Tempered(Trace_ELBO):
    """An ELBO with an argument of its own."""

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, weight: float = 1.0, **kwargs: Any) -> float:
        return weight * super().loss_and_grads(model, guide, *args, **kwargs)


CALLS = [
    pytest.param(tempered, (DATA,), {}, "tempered", id="none"),
    pytest.param(tempered, (DATA,), {"weight": 0.5}, "tempered", id="by name"),
    pytest.param(tempered, (DATA, 0.5), {}, "tempered", id="behind"),
    pytest.param(weight_first, (0.5, DATA), {}, "weight_first", id="in front"),
    pytest.param(partial(tempered, weight=0.5), (DATA,), {}, "tempered", id="partial"),
    pytest.param(Tempered(), (DATA,), {"weight": 0.5}, "Tempered", id="of an ELBO"),
]


def looped(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[float]:
    guide = AutoNormal(model)
    guide(DATA)
    svi = SVI(model, guide, Adam({"lr": 0.01}), loss=loss)
    pyro.set_rng_seed(1)
    return [float(svi.step(*args, **kwargs)) for _ in range(4)]


def opened(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any], guide: Any = None) -> ModelWidget:
    return watch(model, guide, *args, kwargs=kwargs, loss=loss, engine="plain", num_steps=10, seed=1)


@pytest.mark.parametrize(("loss", "args", "kwargs", "name"), CALLS)
def test_the_terms_are_those_of_the_plain_elbo_and_the_page_says_so(
    loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> None:
    with closing(opened(loss, args, kwargs)) as monitor:
        monitor.advance(4)
        snapshot = monitor.snapshot
        assert [term.site for term in snapshot.elbo_terms] == ["x", "level"]
        assert (snapshot.elbo_terms_note.kind, snapshot.elbo_terms_note.detail) == ("other_loss", name)
        assert (monitor.error, snapshot.unjudged) == ("", "")
        assert snapshot.quantiles.keys() == {"level"}
        page = " ".join(str(getattr(target, "value", "")) for target in monitor._dashboard._tabs.visible.targets)
        assert f"the loss, {name}, is not their sum" in page


@pytest.mark.parametrize(("loss", "args", "kwargs", "name"), CALLS)
def test_it_trains_as_a_loop_does(loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> None:
    wanted = looped(loss, args, kwargs)
    pyro.clear_param_store()
    guide = AutoNormal(model)
    guide(DATA)
    with closing(opened(loss, args, kwargs, guide)) as monitor:
        monitor.advance(4)
        assert losses(monitor) == wanted, name
