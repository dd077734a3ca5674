"""What the first page says of a guide: why it was chosen, and in what it does not agree with its model."""

from __future__ import annotations

import pickle
from functools import partial
from html import unescape

import pyro
import pyro.distributions as dist
import pytest
import torch

from rugged_widget import ModelWidget, watch
from tests.monitor.level import DATA, model


def misspelt(_data: torch.Tensor) -> None:
    loc = pyro.param("loc", lambda: torch.tensor(0.0))
    pyro.sample("levle", dist.Normal(loc, 1.0))


def said(monitor: ModelWidget) -> str:
    """Return everything that the page shows as text."""
    page = monitor._dashboard._tabs.visible
    return unescape(" ".join(str(getattr(target, "value", "")) for target in page.targets))


# Pyro warns of what the page says.
@pytest.mark.filterwarnings("ignore:Found:UserWarning")
@pytest.mark.parametrize(
    ("language", "why", "wrong"),
    [
        ("en", "No guide was given", "Is 'level' meant?"),
        ("ko", "가이드를 주지 않아", "'level' 사이트를 뜻한 것인가요?"),
    ],
)
def test_the_page_says_why_a_guide_was_chosen_and_what_is_wrong_with_one_that_was_given(
    language: str, why: str, wrong: str
) -> None:
    opened = partial(watch, model, engine="plain", language=language)
    chosen, given = opened(None, DATA), opened(misspelt, DATA)
    try:
        for _ in range(2):
            assert why in said(chosen)
            assert wrong in said(given)
            assert why not in said(given)
            chosen.advance(1)
            given.advance(1)
        given.guide = None
        assert why in said(given)
        assert wrong not in said(given)
    finally:
        chosen.close()
        given.close()


def test_a_snapshot_with_notes_survives_pickling() -> None:
    monitor = watch(model, misspelt, DATA, engine="plain")
    try:
        again = pickle.loads(pickle.dumps(monitor.snapshot))
    finally:
        monitor.close()
    assert [note.key for note in again.guide_warnings] == ["misspelt", "missing"]
    assert again.guide_warnings[0].facts["other"] == "'level'"
