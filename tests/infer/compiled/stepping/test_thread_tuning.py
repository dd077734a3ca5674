"""More threads are used only where they were measured to be worth it."""

from __future__ import annotations

import pytest

from rugged_widget.infer.compiled.stepping.thread_tuning import CROWDED, MEASURED, SMALL_SECONDS, WORTH, Threads


class Machine:
    """Steps that take so long with one thread, and so long with all."""

    def __init__(self, single: float, together: float, available: int = 4) -> None:
        self.single, self.together = single, together
        self.used: list[int] = []
        self.threads = Threads(available, self.used.append)

    def step(self, count: int = MEASURED) -> int:
        for _ in range(count):
            self.threads.took(self.single if self.threads.count == 1 else self.together)
        return self.threads.count


def test_it_starts_with_one() -> None:
    machine = Machine(1.0, 0.5)
    assert machine.threads.count == 1
    assert machine.step(MEASURED - 1) == 1
    assert machine.used == []


def test_a_small_step_keeps_one_for_good() -> None:
    machine = Machine(SMALL_SECONDS * 0.9, 0.0)
    machine.step()
    machine.single = 10.0
    assert machine.step(50) == 1
    assert machine.used == []


def test_all_are_used_where_they_are_worth_it() -> None:
    machine = Machine(0.01, 0.01 * WORTH * 0.99)
    assert machine.step() == 4
    assert machine.step(100) == 4
    assert machine.used == [4]


@pytest.mark.parametrize("share", [1.01, 1.5, 30.0])
def test_where_all_are_hardly_faster_or_slower_it_is_one_again_for_good(share: float) -> None:
    machine = Machine(0.01, 0.01 * WORTH * share)
    machine.step()
    assert machine.step() == 1
    machine.together = 0.0
    assert machine.step(100) == 1
    assert machine.used == [4, 1]


def test_the_first_steps_which_pay_for_what_is_new_do_not_count() -> None:
    machine = Machine(5.0, 0.001)
    for machine.single in (5.0, 5.0, 0.01, 0.01, *[SMALL_SECONDS / 2] * (MEASURED - 4)):
        machine.step(1)
    assert machine.step(100) == 1
    assert machine.used == []


def test_a_few_steps_that_were_held_up_do_not_count() -> None:
    machine = Machine(0.01, 0.005)
    machine.step()
    machine.together = 1.0
    machine.step(2)
    machine.together = 0.005
    assert machine.step(100) == 4


def test_when_somebody_else_needs_the_cores_it_is_one_again() -> None:
    machine = Machine(0.01, 0.005)
    machine.step()
    machine.step(100)
    machine.together = 0.01 * CROWDED * 1.1
    assert machine.step() == 1
    assert machine.used == [4, 1]


def test_where_there_is_but_one_nothing_is_measured() -> None:
    machine = Machine(1.0, 0.1, available=1)
    assert machine.step(100) == 1
    assert machine.used == []
