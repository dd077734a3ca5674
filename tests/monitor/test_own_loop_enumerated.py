"""A loop of one's own whose model and guide only an enumerating ELBO can call is looked at like any other."""

from __future__ import annotations

import pytest
from pyro.infer import SVI

from rugged_widget.monitor.infer.loop_view import LoopView
from tests.models import enumerated
from tests.models.case import Case


@pytest.mark.parametrize("case", enumerated.CASES, ids=str)
def test_its_latents_are_drawn_and_its_model_is_known(case: Case) -> None:
    setup = case.make()
    svi = SVI(setup.model, setup.guide, setup.optimizer, loss=setup.loss)
    view = LoopView(setup.model, setup.guide, setup.loss)
    view.add([svi.step(*setup.args)])
    view.meet(setup.args, {})
    assert view.problem == ""
    snapshot = view.snapshot()
    assert {*snapshot.quantiles} == case.drawn
    assert view.structure.error == ""
    assert {site.name for site in view.structure.sites if site.role == "latent"} == case.drawn


def test_a_guide_that_nothing_can_call_is_a_problem_of_what_update_was_given() -> None:
    case = enumerated.CASES[0]
    setup = case.make()
    view = LoopView(setup.model, setup.guide, setup.loss)
    view.meet((), {})
    assert "Give update() what svi.step() was given" in view.problem
