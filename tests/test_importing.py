"""Imports without collections of garbage."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from rugged_widget.importing import without_collections

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[True, False], ids=["on", "off"])
def collects(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Let collection be on or off at first; it is on after the test."""
    (gc.enable if request.param else gc.disable)()
    yield request.param
    gc.enable()


def test_collection_is_as_it_was_afterwards_also_where_an_import_fails(collects: bool) -> None:
    with without_collections():
        assert not gc.isenabled()
    assert gc.isenabled() == collects
    with pytest.raises(ImportError), without_collections():
        raise ImportError
    assert gc.isenabled() == collects


def test_what_is_made_inside_counts_as_old_and_can_be_collected() -> None:
    with without_collections():
        made: list[object] = [[] for _ in range(10)]
    assert any(made is thing for thing in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0


def test_what_the_user_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with without_collections():
            pass
        # To thaw leaves none of them; a few may be freed meanwhile, by whatever runs in other threads.
        assert gc.get_freeze_count() > frozen // 2 > 0
    finally:
        gc.unfreeze()
