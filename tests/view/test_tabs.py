"""Pages behind tabs: built when they are opened, updated while they are seen, and all of them current at rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rugged_widget.regression.infer.fit import RegressionFit
from rugged_widget.regression.snapshot import Point, RegressionRequest, RegressionSnapshot
from rugged_widget.snapshot.request import AT_REST, SnapshotRequest
from rugged_widget.view.i18n.catalogue import Catalogue
from rugged_widget.view.page import union
from rugged_widget.view.tabs import Tabs
from tests.view import drawn
from tests.view.references import reference_of
from tests.view.stage import DATA, PARAMETERS, FakePage, Stage


@pytest.fixture(scope="module")
def plain() -> RegressionSnapshot:
    return RegressionFit(DATA).snapshot()


def test_a_page_is_built_once_when_its_tab_is_first_opened(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    assert stage.tabs.titles == ("Train", "Numbers", "Point")
    stage.start()
    stage.frame()
    assert stage.pages == {}
    for title in ("Numbers", "Train", "Numbers"):
        stage.pick(title)
    assert list(stage.pages) == ["Numbers"]
    slots = stage.tabs.children
    assert slots[1].children == (stage.pages["Numbers"].box,)
    assert slots[2].children == ()


def test_a_picked_tab_only_asks_so_that_any_thread_may_pick_it(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.tabs.selected_index = 1
    assert stage.pages == {}
    assert len(stage.waiting) == 1
    stage.work()
    assert list(stage.pages) == ["Numbers"]


def test_a_hidden_page_is_not_updated_while_training_runs(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.pick("Numbers")
    numbers = stage.pages["Numbers"]
    stage.start()
    stage.frame()
    assert [snapshot.step for snapshot in numbers.seen][-1] == 1
    seen = len(numbers.seen)
    stage.pick("Train")
    stage.frame()
    stage.frame()
    assert len(numbers.seen) == seen
    stage.pick("Numbers")
    stage.frame()
    assert numbers.text.value == "at 4"


def test_at_rest_every_page_that_was_opened_is_current(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.pick("Numbers")
    stage.pick("Point")
    stage.start()
    stage.pick("Train")
    stage.frame()
    stage.rest("paused")
    assert {page.text.value for page in stage.pages.values()} == {"at 1"}


def test_while_it_runs_the_visible_pages_wishes_are_told_and_at_rest_those_of_all(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    assert stage.wishes == []
    stage.pick("Numbers")
    assert stage.wishes == [replace(AT_REST, parameters=True)]
    stage.pick("Train")  # at rest the page of numbers has to be kept current
    assert len(stage.wishes) == 1
    stage.start()
    assert stage.wishes[1:] == [SnapshotRequest()]
    stage.pick("Numbers")
    assert stage.wishes[2:] == [PARAMETERS]
    stage.pick("Train")
    assert stage.wishes[3:] == [SnapshotRequest()]
    stage.rest("paused")
    assert stage.wishes[4:] == [replace(AT_REST, parameters=True)]


def test_a_page_says_when_it_wants_something_else(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.pick("Point")
    point = stage.pages["Point"]
    point.wants = RegressionRequest(what_if=Point(2.5, 1))
    point.changed()
    assert stage.wishes == []  # it only asked
    stage.work()
    assert stage.wishes == [RegressionRequest(draws=True, approximation=True, what_if=Point(2.5, 1))]
    what_if = point.seen[-1].what_if
    assert what_if is not None
    assert what_if.point == Point(2.5, 1)


def test_no_page_gets_a_snapshot_without_what_it_wants(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, answers=False)
    stage.pick("Numbers")
    assert stage.pages["Numbers"].seen == []
    stage.rest("ready")
    assert len(stage.pages["Numbers"].seen) == 1


def test_targets_names_and_tooltips_only_grow(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stream = drawn.part(stage.root, "rw-stream")
    before, labels, hover = list(stream.targets), dict(stream.labels), len(stream.hover)
    stage.pick("Numbers")
    assert stream.targets == [*before, stage.pages["Numbers"].text]
    assert stream.labels == labels | {"rw-fake": "A fake"}
    assert len(stream.hover) == hover + 1
    stage.pick("Train")
    stage.pick("Numbers")
    assert len(stream.targets) == len(before) + 1


def test_a_page_is_current_before_it_is_put_behind_its_tab(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    slot = stage.tabs.children[1]
    said: list[str] = []
    slot.observe(lambda change: said.append(change["new"][0].children[0].value), "children")
    stage.step = 7
    stage.rest("paused")
    stage.pick("Numbers")
    assert said == ["at 7"]


def test_close_closes_the_pages_too_and_what_is_picked_afterwards_builds_nothing(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.pick("Numbers")
    stage.tabs.selected_index = 2
    stage.dashboard.close()
    stage.work()
    assert stage.pages["Numbers"].text.comm is None
    assert list(stage.pages) == ["Numbers"]


def test_no_selected_tab_leaves_the_page_that_was_open(plain: RegressionSnapshot) -> None:
    stage = Stage(plain)
    stage.pick("Point")
    stage.tabs.selected_index = None
    stage.work()
    stage.start()
    stage.frame()
    assert stage.pages["Point"].text.value == "at 1"  # a page that is not open would not have been drawn


def test_without_an_exact_answer_there_is_no_switch(plain: RegressionSnapshot) -> None:
    def switches(stage: Stage) -> list[object]:
        return drawn.parts(stage.root, "rw-exact-switch")

    assert switches(Stage(plain)) == []
    assert switches(Stage(plain, reference=reference_of(DATA, exact=False))) == []
    assert len(switches(Stage(plain, reference=reference_of(DATA)))) == 1


def test_the_switch_asks_and_shows_what_python_sets(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, reference=reference_of(DATA), show_exact=True)
    switch = drawn.part(stage.root, "rw-exact-switch")
    assert switch.value is True
    switch.value = False
    assert stage.picked == [("show_exact", False)]
    stage.dashboard.draw_exact(show=False)
    stage.dashboard.draw_exact(show=True)
    assert switch.value is True
    assert stage.picked == [("show_exact", False)]


def test_the_switch_means_the_same_on_every_page_and_on_those_opened_later(plain: RegressionSnapshot) -> None:
    stage = Stage(plain, reference=reference_of(DATA))
    stage.pick("Numbers")
    stage.dashboard.draw_exact(show=True)
    stage.pick("Point")
    assert (stage.pages["Numbers"].exact, stage.pages["Point"].exact) == ([False, True], [True])


def test_what_is_wanted_by_several_is_wanted_once() -> None:
    wishes = [
        PARAMETERS,
        RegressionRequest(what_if=Point(1.0, 0)),
        RegressionRequest(draws=True, what_if=Point(2.0, 1)),
    ]
    assert union(wishes) == RegressionRequest(parameters=True, draws=True, what_if=Point(1.0, 0))
    assert union([PARAMETERS, AT_REST]) == SnapshotRequest(parameters=True, draws=True, approximation=True)
    assert union([]) == SnapshotRequest()


def test_tabs_say_in_a_word_what_is_open() -> None:
    page = FakePage(lambda: None, SnapshotRequest())
    tabs = Tabs({"<b>One</b>": lambda: page}, lambda: None, text=Catalogue())
    assert repr(tabs) == "Tabs('<b>One</b>', built: ['<b>One</b>'])"
    assert tabs.visible is page
